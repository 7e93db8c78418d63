package config

import (
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

// forEach is the instance's meta-argument: it makes instances, and is no
// attribute of theirs.
const forEach = "for_each"

// decode makes a block of a compiled one.
func (l *loader) decode(c *compiled, ctx *hcl.EvalContext, address string) *Block {
	b := &Block{
		Address: address, Type: c.spec.Type, Labels: c.labels, Range: c.at,
		values: make(map[string]cty.Value, len(c.attrs)),
		ranges: c.ranges(),
	}
	own := false // ranges are the compiled block's until they differ
	for _, e := range c.attrs {
		if e.spec.Name == forEach && c.spec.Type == "instance" {
			continue
		}
		v, ok := l.attribute(e, ctx)
		if !ok {
			b.broken = true
			v = cty.DynamicVal
		}
		if v.IsNull() {
			// Null is as if it were not there.
			if !own {
				b.ranges, own = maps.Clone(b.ranges), true
			}
			delete(b.ranges, e.spec.Name)
			continue
		}
		b.values[e.spec.Name] = v
	}
	for i := range c.spec.Attributes {
		s := &c.spec.Attributes[i]
		if s.Default == cty.NilVal || s.Default.IsNull() || !s.AppliesTo(c.labels) {
			continue
		}
		if _, given := b.values[s.Name]; !given {
			b.values[s.Name] = s.Default
		}
	}
	if len(c.blocks) > 0 {
		b.blocks = make([]*Block, 0, len(c.blocks))
		nth := map[string]int{}
		for _, inner := range c.blocks {
			b.blocks = append(b.blocks, l.decode(inner, ctx, address+innerStep(inner, nth)))
		}
	}
	return b
}

// innerStep is what a nested block adds to the address: its type, with its
// labels where there may be several, or its number where these have none.
func innerStep(c *compiled, nth map[string]int) string {
	out := "." + c.spec.Type
	if !c.spec.Multiple {
		return out
	}
	if len(c.labels) == 0 {
		nth[c.spec.Type]++
		return fmt.Sprintf("%s[%d]", out, nth[c.spec.Type]-1)
	}
	var b strings.Builder
	b.WriteString(out)
	for _, label := range c.labels {
		b.WriteString(step(label))
	}
	return b.String()
}

// value is the block as other expressions see it: all attributes of the
// schema, null where absent, and the nested blocks; those of which there may
// be several by their first label; and only those that are wanted.
func (b *Block) value(spec *schema.Block, wanted func(part string) bool) cty.Value {
	out := map[string]cty.Value{}
	for i := range spec.Attributes {
		s := &spec.Attributes[i]
		if s.Name == forEach && spec.Type == "instance" || !wanted(s.Name) {
			continue
		}
		v, ok := b.values[s.Name]
		if !ok {
			v = cty.NullVal(s.Type)
		}
		out[s.Name] = v
	}
	for i := range spec.Blocks {
		s := &spec.Blocks[i]
		switch {
		case s.Meta || !wanted(s.Type):
		case !s.Multiple:
			if c := b.Child(s.Type); c != nil {
				out[s.Type] = c.value(s, everyPart)
			} else {
				out[s.Type] = cty.NullVal(cty.DynamicPseudoType)
			}
		case len(s.Labels) > 0:
			inner := map[string]cty.Value{}
			for _, c := range b.Children(s.Type) {
				inner[strings.Join(c.Labels, ".")] = c.value(s, everyPart)
			}
			out[s.Type] = cty.ObjectVal(inner)
		default:
			var inner []cty.Value
			for _, c := range b.Children(s.Type) {
				inner = append(inner, c.value(s, everyPart))
			}
			out[s.Type] = cty.TupleVal(inner)
		}
	}
	return cty.ObjectVal(out)
}

// everyPart wants all parts of a block.
func everyPart(string) bool { return true }
