package config

import (
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/internal/secret"
)

// Block is a decoded block: values converted to the schema's types, defaults
// applied, marks kept.
type Block struct {
	// Address is the block's address: "instance.design.backup.nightly"; a
	// label is part of it only where the schema allows several of the type.
	Address string
	Type    string
	Labels  []string
	Range   hcl.Range

	values map[string]cty.Value // the attributes that have a value, written or by default
	ranges map[string]hcl.Range // of the attributes written by the user
	blocks []*Block
	broken bool // some value is wrong and was reported
}

// Declared reports whether the user wrote the attribute and it is not null.
func (b *Block) Declared(name string) bool {
	if _, ok := b.ranges[name]; !ok {
		return false
	}
	return b.Has(name)
}

// Has reports whether the attribute has a value, written or by default.
func (b *Block) Has(name string) bool {
	v, ok := b.values[name]
	return ok && !v.IsNull()
}

// Value returns the value with its marks; a null value when absent. Anything
// marked is secret.
func (b *Block) Value(name string) cty.Value {
	if v, ok := b.values[name]; ok {
		return v
	}
	return cty.NullVal(cty.DynamicPseudoType)
}

// String returns a string attribute that is not sensitive, "" when absent. It
// panics for a sensitive one: use Text.
func (b *Block) String(name string) string {
	if !b.Has(name) {
		return ""
	}
	return b.values[name].AsString()
}

// Int returns a whole number, 0 when absent.
func (b *Block) Int(name string) int64 {
	if !b.Has(name) {
		return 0
	}
	i, _ := b.values[name].AsBigFloat().Int64()
	return i
}

// Bool returns a truth value, false when absent.
func (b *Block) Bool(name string) bool { return b.Has(name) && b.values[name].True() }

// Strings returns the elements of a list or set of strings.
func (b *Block) Strings(name string) []string {
	if !b.Has(name) {
		return nil
	}
	v, _ := b.Value(name).UnmarkDeep()
	return stringsIn(v)
}

// Duration returns a string attribute such as "10m", checked by the schema with
// schema.Duration; 0 when absent.
func (b *Block) Duration(name string) time.Duration {
	d, _ := time.ParseDuration(b.String(name))
	return d
}

// Text returns a string attribute that may be sensitive: a reference named
// Address + "." + name when it is. The name of a sensitive value deeper inside
// goes on with ".KEY" or "[INDEX]"; the value of one that is no string is its
// JSON.
func (b *Block) Text(name string) secret.Text {
	if !b.Has(name) {
		return secret.Plain("")
	}
	v := b.values[name]
	if v.IsMarked() {
		return secret.Ref(b.Address + "." + name)
	}
	return secret.Plain(v.AsString())
}

// Child returns the nested block of this type, nil when there is none.
func (b *Block) Child(typ string) *Block {
	for _, c := range b.blocks {
		if c.Type == typ {
			return c
		}
	}
	return nil
}

// Children returns all nested blocks of this type in source order.
func (b *Block) Children(typ string) []*Block {
	var out []*Block
	for _, c := range b.blocks {
		if c.Type == typ {
			out = append(out, c)
		}
	}
	return out
}

// RangeOf returns where the attribute stands, or the block's range.
func (b *Block) RangeOf(name string) *hcl.Range {
	if r, ok := b.ranges[name]; ok {
		return &r
	}
	return &b.Range
}
