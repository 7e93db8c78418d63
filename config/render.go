package config

import (
	"math/big"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// oneLine is how wide a list may be to stand on one line.
const oneLine = 72

// FormatValue writes a value as it would be written in a file, over several
// lines where it is large. What is sensitive is not shown.
func FormatValue(v cty.Value) string {
	var b strings.Builder
	formatValue(&b, v, "")
	return b.String()
}

func formatValue(b *strings.Builder, v cty.Value, indent string) {
	switch {
	case v.IsMarked():
		b.WriteString("(sensitive)")
		return
	case !v.IsKnown():
		b.WriteString("(not known)")
		return
	case v.IsNull():
		b.WriteString("null")
		return
	}
	t := v.Type()
	switch {
	case t == cty.String:
		b.WriteString(quote(v.AsString()))
	case t == cty.Number:
		b.WriteString(numberText(v.AsBigFloat()))
	case t == cty.Bool:
		b.WriteString(map[bool]string{true: "true", false: "false"}[v.True()])
	case t.IsMapType() || t.IsObjectType():
		formatMembers(b, v, indent)
	case v.CanIterateElements():
		formatElements(b, v, indent)
	default:
		b.WriteString("(" + t.FriendlyName() + ")")
	}
}

func numberText(f *big.Float) string {
	if f.IsInt() {
		return f.Text('f', 0)
	}
	return f.Text('g', -1)
}

func formatElements(b *strings.Builder, v cty.Value, indent string) {
	var parts []string
	width := len(indent)
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		var inner strings.Builder
		formatValue(&inner, e, indent+"  ")
		parts = append(parts, inner.String())
		width += inner.Len() + 2
		if strings.Contains(inner.String(), "\n") {
			width = oneLine + 1
		}
	}
	if width <= oneLine {
		b.WriteString("[" + strings.Join(parts, ", ") + "]")
		return
	}
	b.WriteString("[\n")
	for _, p := range parts {
		b.WriteString(indent + "  " + p + ",\n")
	}
	b.WriteString(indent + "]")
}

func formatMembers(b *strings.Builder, v cty.Value, indent string) {
	if v.LengthInt() == 0 {
		b.WriteString("{}")
		return
	}
	widest := 0
	for it := v.ElementIterator(); it.Next(); {
		k, _ := it.Element()
		widest = max(widest, len(keyText(k.AsString())))
	}
	widest = min(widest, 40)
	b.WriteString("{\n")
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		key := keyText(k.AsString())
		b.WriteString(indent + "  " + key + strings.Repeat(" ", max(0, widest-len(key))) + " = ")
		formatValue(b, e, indent+"  ")
		b.WriteString("\n")
	}
	b.WriteString(indent + "}")
}

// keyText writes a key, quoted where it must be.
func keyText(key string) string {
	if hclsyntax.ValidIdentifier(key) {
		return key
	}
	return quote(key)
}
