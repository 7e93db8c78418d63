package reference

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

// node is a JSON Schema.
type node map[string]any

// JSONSchema returns a JSON Schema (draft 2020-12) of files in HCL's JSON syntax:
// labels are keys, a block that may stand several times may be an array, and a
// string may be a template in the place of any value.
func JSONSchema(root schema.Block) ([]byte, error) {
	s := &schemaWriter{defs: node{
		"template": node{"type": "string", "pattern": `\$\{|%\{`, "description": "An expression: \"${…}\"."},
	}}
	out := s.body(&root, "", nil)
	out["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	out["title"] = "dssctl configuration, *.dss.hcl.json"
	out["description"] = root.Doc
	out["$defs"] = s.defs
	raw, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the JSON Schema: %w", err)
	}
	return raw, nil
}

// schemaWriter gathers the bodies of blocks by their path.
type schemaWriter struct{ defs node }

// body is the inside of a block, with these labels.
func (s *schemaWriter) body(b *schema.Block, path string, labels []string) node {
	properties := node{"//": node{"description": "A comment."}}
	var required []string
	for i := range b.Attributes {
		a := &b.Attributes[i]
		if labels != nil && !a.AppliesTo(labels) {
			continue
		}
		properties[a.Name] = attribute(a)
		if a.Required && (len(a.Labels) == 0 || labels != nil) {
			required = append(required, a.Name)
		}
	}
	for i := range b.Blocks {
		c := &b.Blocks[i]
		properties[c.Type] = s.block(c, path)
		if c.Required {
			required = append(required, c.Type)
		}
	}
	out := node{"type": "object", "properties": properties}
	// A block of nothing but names of one's own, such as locals, is open.
	out["additionalProperties"] = b.Open || len(b.Attributes)+len(b.Blocks) == 0 && len(b.Labels) == 0
	if required != nil {
		out["required"] = required
	}
	return out
}

// block is what stands under a block's type: its labels' keys, then its body.
func (s *schemaWriter) block(b *schema.Block, parent string) node {
	path := b.Type
	if parent != "" {
		path = parent + "." + path
	}
	if len(b.Labels) > 0 && len(b.Labels[0].OneOf) > 0 {
		properties := node{}
		for _, label := range b.Labels[0].OneOf {
			properties[label] = s.define(path+"."+label, s.body(b, path, []string{label}))
		}
		return documented(b, node{"type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1})
	}
	inner := s.define(path, s.body(b, path, nil))
	if b.Multiple || b.Type == "locals" {
		inner = node{"anyOf": []any{inner, node{"type": "array", "items": inner}}}
	}
	for range b.Labels {
		inner = node{"type": "object", "additionalProperties": inner}
	}
	return documented(b, inner)
}

func documented(b *schema.Block, n node) node {
	if b.Doc != "" {
		n["description"] = b.Doc
	}
	return n
}

func (s *schemaWriter) define(path string, body node) node {
	s.defs[path] = body
	return node{"$ref": "#/$defs/" + path}
}

func attribute(a *schema.Attribute) node {
	out := value(a.Type)
	if len(a.OneOf) > 0 && a.Type == cty.String {
		out = orTemplate(node{"enum": slices.Clone(a.OneOf)})
	}
	if !a.Required && out["anyOf"] != nil {
		// null is as if it were absent.
		out["anyOf"] = append(out["anyOf"].([]any), node{"type": "null"})
	}
	if a.Doc != "" {
		out["description"] = a.Doc
	}
	return out
}

// value is what may stand for a value of a type. The language converts between
// strings, numbers and truth values.
func value(t cty.Type) node {
	switch {
	case t == cty.NilType || t == cty.DynamicPseudoType:
		return node{}
	case t == cty.String:
		return node{"anyOf": []any{node{"type": []string{"string", "number", "boolean"}}}}
	case t == cty.Number:
		return orTemplate(node{"type": "number"}, node{"type": "string", "pattern": `^-?[0-9.]+$`})
	case t == cty.Bool:
		return orTemplate(node{"type": "boolean"}, node{"enum": []string{"true", "false"}})
	case t.IsMapType():
		return orTemplate(node{"type": "object", "additionalProperties": value(t.ElementType())})
	case t.IsCollectionType():
		return orTemplate(node{"type": "array", "items": value(t.ElementType())})
	case t.IsObjectType():
		properties := node{}
		for name, inner := range t.AttributeTypes() {
			properties[name] = value(inner)
		}
		return orTemplate(node{"type": "object", "properties": properties, "additionalProperties": false})
	}
	return node{}
}

func orTemplate(some ...node) node {
	all := make([]any, 0, len(some)+1)
	for _, n := range some {
		all = append(all, n)
	}
	return node{"anyOf": append(all, node{"$ref": "#/$defs/template"})}
}
