package reference

import (
	"encoding/json"
	"fmt"

	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/dssctl/dssctl/config/schema"
)

// JSONFormatVersion of what JSON writes. A minor step adds members.
const JSONFormatVersion = "1.0"

type jsonRoot struct {
	FormatVersion string `json:"format_version"`
	jsonBlock
}

type jsonBlock struct {
	Type       string          `json:"type,omitempty"`
	Doc        string          `json:"doc,omitempty"`
	Example    string          `json:"example,omitempty"`
	Labels     []jsonLabel     `json:"labels,omitempty"`
	Multiple   bool            `json:"multiple,omitempty"`
	Required   bool            `json:"required,omitempty"`
	Open       bool            `json:"open,omitempty"` // further attributes may stand in it
	Attributes []jsonAttribute `json:"attributes,omitempty"`
	Blocks     []jsonBlock     `json:"blocks,omitempty"`
}

type jsonLabel struct {
	Name  string   `json:"name"`
	Doc   string   `json:"doc,omitempty"`
	OneOf []string `json:"one_of,omitempty"`
}

type jsonAttribute struct {
	Name     string          `json:"name"`
	Type     string          `json:"type"`
	Required bool            `json:"required,omitempty"`
	Default  json.RawMessage `json:"default,omitempty"`
	Secret   bool            `json:"secret,omitempty"`
	OneOf    []string        `json:"one_of,omitempty"`
	// ForLabels restricts the attribute to blocks with such a first label.
	ForLabels []string `json:"for_labels,omitempty"`
	Doc       string   `json:"doc,omitempty"`
	Example   string   `json:"example,omitempty"`
}

// JSON returns the schema for machines: a block is {type, doc, example, labels,
// multiple, required, attributes, blocks}; types are written as in HCL.
func JSON(root schema.Block) ([]byte, error) {
	b, err := toJSON(&root)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(jsonRoot{JSONFormatVersion, b}, "", "  ")
}

func toJSON(b *schema.Block) (jsonBlock, error) {
	out := jsonBlock{Type: b.Type, Doc: b.Doc, Example: b.Example, Multiple: b.Multiple, Required: b.Required, Open: b.Open}
	for _, l := range b.Labels {
		out.Labels = append(out.Labels, jsonLabel(l))
	}
	for i := range b.Attributes {
		a := &b.Attributes[i]
		j := jsonAttribute{
			Name: a.Name, Type: TypeName(a.Type), Required: a.Required, Secret: a.Secret,
			OneOf: a.OneOf, ForLabels: a.Labels, Doc: a.Doc, Example: a.Example,
		}
		if a.Default != cty.NilVal && !a.Default.IsNull() {
			v, err := ctyjson.Marshal(a.Default, a.Default.Type())
			if err != nil {
				return out, fmt.Errorf("write the default of %s.%s as JSON: %w", b.Type, a.Name, err)
			}
			j.Default = v
		}
		out.Attributes = append(out.Attributes, j)
	}
	for i := range b.Blocks {
		inner, err := toJSON(&b.Blocks[i])
		if err != nil {
			return out, err
		}
		out.Blocks = append(out.Blocks, inner)
	}
	return out, nil
}

// TypeName writes a type as in HCL: "map(string)"; "any" for any.
func TypeName(t cty.Type) string {
	if t == cty.NilType || t == cty.DynamicPseudoType {
		return "any"
	}
	return typeexpr.TypeString(t)
}
