package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dssctl/dssctl/config/schema"
)

// content is the content of a body in either syntax: in native syntax all that
// is written there, in JSON told apart by the schema.
type content struct {
	attrs  []*hcl.Attribute // in source order
	blocks []*hcl.Block
	end    hcl.Range // where something that is missing would go
}

// bodySchemas are hcl's forms of our schemas, for JSON.
type bodySchemas map[*schema.Block]*hcl.BodySchema

func (s bodySchemas) of(b *schema.Block) *hcl.BodySchema {
	if known, ok := s[b]; ok {
		return known
	}
	out := &hcl.BodySchema{}
	for _, a := range b.Attributes {
		out.Attributes = append(out.Attributes, hcl.AttributeSchema{Name: a.Name})
	}
	for _, c := range b.Blocks {
		h := hcl.BlockHeaderSchema{Type: c.Type}
		for _, label := range c.Labels {
			h.LabelNames = append(h.LabelNames, label.Name)
		}
		out.Blocks = append(out.Blocks, h)
	}
	s[b] = out
	return out
}

// read takes a body apart.
func (s bodySchemas) read(body hcl.Body, spec *schema.Block) (content, hcl.Diagnostics) {
	if native, ok := body.(*hclsyntax.Body); ok {
		c := content{end: native.MissingItemRange()}
		if n := len(native.Attributes); n > 0 {
			c.attrs = make([]*hcl.Attribute, 0, n)
			for _, a := range native.Attributes {
				c.attrs = append(c.attrs, a.AsHCLAttribute())
			}
			slices.SortFunc(c.attrs, bySource)
		}
		if n := len(native.Blocks); n > 0 {
			c.blocks = make([]*hcl.Block, 0, n)
			for _, b := range native.Blocks {
				c.blocks = append(c.blocks, b.AsHCLBlock())
			}
		}
		return c, nil
	}
	known, rest, diags := body.PartialContent(s.of(spec))
	c := content{end: body.MissingItemRange()}
	if known == nil {
		return c, diags
	}
	for _, a := range known.Attributes {
		c.attrs = append(c.attrs, a)
	}
	others, otherDiags := rest.JustAttributes()
	if !diags.HasErrors() {
		diags = append(diags, otherDiags...)
	}
	for _, a := range others {
		c.attrs = append(c.attrs, a)
	}
	slices.SortFunc(c.attrs, bySource)
	c.blocks = known.Blocks
	return c, diags
}

func bySource(a, b *hcl.Attribute) int { return a.Range.Start.Byte - b.Range.Start.Byte }
