// Package schema describes the blocks of the language: names, types, defaults,
// secrecy and one line of documentation each. Decoding, `dssctl schema`, the
// reference pages, `import` and editor support all read this one description.
// It knows nothing of HCL's syntax.
package schema

import (
	"slices"

	"github.com/zclconf/go-cty/cty"
)

// Block describes one type of block.
type Block struct {
	Type   string
	Labels []Label
	// Multiple allows several blocks of this type with the same labels' place;
	// otherwise one at the most.
	Multiple bool
	Required bool
	// Open blocks take further attributes, under names of the reader's own.
	Open bool
	// Meta blocks speak of the declaration: they have no address and no value
	// for references.
	Meta       bool
	Doc        string
	Example    string
	Attributes []Attribute
	Blocks     []Block
}

// Label describes a label of a block.
type Label struct {
	Name string
	Doc  string
	// OneOf lists the values allowed; empty for any name.
	OneOf []string
}

// Attribute describes one attribute.
type Attribute struct {
	Name string
	// Type is what the value is converted to; cty.DynamicPseudoType for any.
	Type     cty.Type
	Required bool
	// Default is used when the attribute is absent; cty.NilVal for none.
	Default cty.Value
	// Secret values never appear anywhere: they count as sensitive whatever
	// the expression is made of.
	Secret bool
	// Public refuses a sensitive value: this one is shown in plans. Numbers
	// and truth values are always public, other values on demand.
	Public bool
	// Meta attributes speak of the declaration and not of the instance: they
	// have no address. See Block.Meta.
	Meta bool
	// Instance says that the value is an instance of the estate, written as
	// instance.NAME or instance.NAME["KEY"]; it becomes its address, a string.
	Instance bool
	// OneOf lists the strings allowed; empty for any.
	OneOf []string
	// Check refuses a known, unmarked, non-null value: the error says what is
	// expected, in the form "must be …".
	Check func(cty.Value) error
	// Labels restricts the attribute to blocks whose first label is one of
	// these; empty for all.
	Labels  []string
	Doc     string
	Example string
}

// AppliesTo reports whether the attribute has a meaning in a block with these
// labels.
func (a *Attribute) AppliesTo(labels []string) bool {
	return len(a.Labels) == 0 || len(labels) > 0 && slices.Contains(a.Labels, labels[0])
}

// Fragment is what an aspect adds to the instance block.
type Fragment struct {
	Attributes []Attribute
	Blocks     []Block
}

// With returns a copy of b extended by the fragments, in order.
func (b Block) With(fragments ...Fragment) Block {
	b.Attributes = append([]Attribute(nil), b.Attributes...)
	b.Blocks = append([]Block(nil), b.Blocks...)
	for _, f := range fragments {
		b.Attributes = append(b.Attributes, f.Attributes...)
		b.Blocks = append(b.Blocks, f.Blocks...)
	}
	return b
}

// Parts are the names of the attributes and blocks that are not meta.
func (b *Block) Parts() []string {
	var names []string
	for i := range b.Attributes {
		if !b.Attributes[i].Meta {
			names = append(names, b.Attributes[i].Name)
		}
	}
	for i := range b.Blocks {
		if !b.Blocks[i].Meta {
			names = append(names, b.Blocks[i].Type)
		}
	}
	return names
}

// HasPart reports whether the name is one of the Parts.
func (b *Block) HasPart(name string) bool {
	if a, ok := b.Attribute(name); ok {
		return !a.Meta
	}
	inner, ok := b.Block(name)
	return ok && !inner.Meta
}

// Attribute returns the attribute of this name.
func (b *Block) Attribute(name string) (*Attribute, bool) {
	for i := range b.Attributes {
		if b.Attributes[i].Name == name {
			return &b.Attributes[i], true
		}
	}
	return nil, false
}

// Block returns the nested block of this type.
func (b *Block) Block(typ string) (*Block, bool) {
	for i := range b.Blocks {
		if b.Blocks[i].Type == typ {
			return &b.Blocks[i], true
		}
	}
	return nil, false
}
