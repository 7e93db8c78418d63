package config

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

var outputSchema = schema.Block{
	Type:     "output",
	Labels:   []schema.Label{{Name: "name", Doc: "An identifier."}},
	Multiple: true,
	Doc:      "A value for people and scripts: shown behind a plan and an apply, and by `dssctl output`. It is made of what is declared, each time anew; state keeps none.",
	Example: `output "ports" {
  value = { for name, i in instance : name => i.port }
}`,
	Attributes: []schema.Attribute{
		{Name: "value", Type: cty.DynamicPseudoType, Required: true, Doc: "Any value. It may use `var`, `local`, `instance` and functions."},
		{Name: "description", Type: cty.String, Doc: "What it is for."},
		{Name: "sensitive", Type: cty.Bool, Default: cty.False, Doc: "The value is shown nowhere; needed where it is made of something sensitive."},
	},
}

// Output is a value for people and scripts.
type Output struct {
	Name        string
	Description string
	// Sensitive values are marked as well, and never shown.
	Sensitive bool
	Value     cty.Value
	Range     hcl.Range
}

// evaluateOutputs returns the outputs that have a value.
func (l *loader) evaluateOutputs() []Output {
	var out []Output
	for _, name := range slices.Sorted(maps.Keys(l.outputs)) {
		c := l.outputs[name]
		o := Output{Name: name, Range: c.at}
		o.Sensitive = l.constant(c, "sensitive", cty.False).True()
		o.Description = l.constant(c, "description", cty.StringVal("")).AsString()
		e := c.attr("value")
		if e == nil {
			continue // reported
		}
		l.resolve(e, surroundings{instances: true})
		v, ok := l.evaluate(e, l.scope(e))
		if !ok {
			continue
		}
		at := e.attr.Expr.Range().Ptr()
		switch {
		case tooLarge(v):
			l.report(errorAt(at, "Value too large", "The output %q holds more than %d values or %d bytes.", name, maxNodes, maxBytes))
			continue
		case v.ContainsMarked() && !o.Sensitive:
			l.report(errorAt(at, "Sensitive output", "The output %q is made of a sensitive value. Write sensitive = true beside it, so that it is never shown; or, if this part of it is no secret, wrap it into nonsensitive(…).", name))
			continue
		}
		if o.Sensitive {
			v = v.Mark(sensitive)
		}
		o.Value = v
		out = append(out, o)
	}
	return out
}
