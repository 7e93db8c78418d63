package config

import (
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/dssctl/dssctl/internal/secret"
)

// SecretName is the name in Estate.Secrets of what stands at the path inside
// the attribute: the block's address, then .NAME, then .KEY or [INDEX] for each
// step.
func SecretName(address, name string, path cty.Path) string {
	out := address + "." + name
	for _, st := range path {
		switch st := st.(type) {
		case cty.GetAttrStep:
			out += "." + st.Name
		case cty.IndexStep:
			key, _ := st.Key.Unmark()
			if key.Type() == cty.String {
				out += "." + key.AsString()
			} else {
				out += "[" + key.AsBigFloat().Text('f', -1) + "]"
			}
		}
	}
	return out
}

// collectSecrets adds the sensitive values of the block and those inside it.
func collectSecrets(into secret.Values, b *Block) {
	for name, v := range b.values {
		if marked(v) {
			addSecrets(into, b.Address, name, nil, v, false)
		}
	}
	for _, c := range b.blocks {
		collectSecrets(into, c)
	}
}

// addSecrets adds a marked value, as its JSON where it is no string, and all
// strings and numbers inside, which may be used one by one.
func addSecrets(into secret.Values, address, name string, path cty.Path, v cty.Value, inside bool) {
	bare, marks := v.Unmark()
	hidden := inside || len(marks) > 0
	if bare.IsNull() {
		return
	}
	composite := bare.CanIterateElements()
	if hidden && (!inside || !composite) {
		into[SecretName(address, name, path)] = secretString(bare)
	}
	if !composite {
		return
	}
	n := int64(0)
	for it := bare.ElementIterator(); it.Next(); n++ {
		k, inner := it.Element()
		var next cty.PathStep = cty.IndexStep{Key: k}
		switch {
		case bare.Type().IsObjectType():
			next = cty.GetAttrStep{Name: k.AsString()}
		case bare.Type().IsSetType():
			next = cty.IndexStep{Key: cty.NumberIntVal(n)}
		}
		addSecrets(into, address, name, append(path[:len(path):len(path)], next), inner, hidden)
	}
}

func secretString(v cty.Value) string {
	if v.Type() == cty.String {
		return v.AsString()
	}
	v, _ = v.UnmarkDeep()
	b, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return "" // a value without a JSON form is no secret anyone could use
	}
	return string(b)
}
