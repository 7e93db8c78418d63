package diagfmt

import (
	"fmt"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Value is a value involved in a diagnostic, in words.
type Value struct {
	// Traversal is the reference: `var.env`.
	Traversal string `json:"traversal"`
	// Statement goes on with it: `is "qa"`.
	Statement string `json:"statement"`
}

// maxValue is how many characters of a string are shown.
const maxValue = 120

// statements returns the values that the diagnostic's expression refers to,
// each once, by name.
func statements(d *hcl.Diagnostic) []Value {
	if d.Expression == nil || d.EvalContext == nil {
		return nil
	}
	seen := map[string]bool{}
	var out []Value
	for _, t := range d.Expression.Variables() {
		for len(t) > 1 {
			name := traversalText(t)
			v, diags := t.TraverseAbs(d.EvalContext)
			if diags.HasErrors() {
				// What it comes from tells more than nothing.
				t = t[:len(t)-1]
				continue
			}
			if s := statement(v); s != "" && !seen[name] {
				seen[name] = true
				out = append(out, Value{name, s})
			}
			break
		}
		if len(t) == 1 && d.EvalContext.Parent() != nil {
			// A name of a for expression.
			name := t.RootName()
			v, diags := t.TraverseAbs(d.EvalContext)
			if _, own := d.EvalContext.Variables[name]; own && !diags.HasErrors() && !seen[name] {
				if s := statement(v); s != "" {
					seen[name] = true
					out = append(out, Value{name, s})
				}
			}
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Traversal < out[j].Traversal })
	return out
}

// statement puts a value into words; "" where there is nothing to say.
func statement(v cty.Value) string {
	switch {
	case v.IsMarked():
		return "has a sensitive value"
	case !v.IsKnown():
		return ""
	case v.IsNull():
		return "is null"
	}
	switch t := v.Type(); {
	case t == cty.Bool:
		return fmt.Sprintf("is %t", v.True())
	case t == cty.Number:
		return "is " + v.AsBigFloat().Text('g', 10)
	case t == cty.String:
		s := v.AsString()
		if r := []rune(s); len(r) > maxValue {
			return fmt.Sprintf("is %q… (%d characters)", string(r[:maxValue]), len(r))
		}
		return fmt.Sprintf("is %q", s)
	case t.IsCollectionType() || t.IsTupleType():
		n := v.LengthInt()
		switch n {
		case 0:
			return "is an empty " + t.FriendlyNameForConstraint()
		case 1:
			return "is " + t.FriendlyName() + " with 1 element"
		}
		return fmt.Sprintf("is %s with %d elements", t.FriendlyName(), n)
	case t.IsObjectType():
		n := len(t.AttributeTypes())
		switch n {
		case 0:
			return "is an object without attributes"
		case 1:
			return "is an object with 1 attribute"
		}
		return fmt.Sprintf("is an object with %d attributes", n)
	}
	return "is a " + v.Type().FriendlyName()
}

func traversalText(t hcl.Traversal) string {
	var b strings.Builder
	for _, st := range t {
		switch st := st.(type) {
		case hcl.TraverseRoot:
			b.WriteString(st.Name)
		case hcl.TraverseAttr:
			b.WriteString("." + st.Name)
		case hcl.TraverseIndex:
			switch {
			case st.Key.Type() == cty.String && st.Key.IsKnown() && !st.Key.IsMarked() && !st.Key.IsNull():
				fmt.Fprintf(&b, "[%q]", st.Key.AsString())
			case st.Key.Type() == cty.Number && st.Key.IsKnown() && !st.Key.IsMarked() && !st.Key.IsNull():
				fmt.Fprintf(&b, "[%s]", st.Key.AsBigFloat().Text('f', -1))
			default:
				b.WriteString("[…]")
			}
		}
	}
	return b.String()
}
