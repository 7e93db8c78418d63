package config

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// evaluateLocals gives every local value its value, each once, after those it
// needs.
func (l *loader) evaluateLocals() {
	names := slices.Sorted(maps.Keys(l.locals))
	for _, n := range names {
		l.resolve(l.locals[n].expression, surroundings{})
	}
	order, circles := ordered(names, func(n string) []string { return l.locals[n].refs.locals })
	for _, c := range circles {
		first := l.locals[c[0]]
		l.report(errorAt(&first.attr.NameRange, "Circular reference", "These local values need each other: %s.", circleText("local.", c)))
	}
	values := make(map[string]cty.Value, len(names))
	for _, n := range names {
		values[n] = cty.DynamicVal
	}
	for _, n := range order {
		e := l.locals[n].expression
		ctx := l.root
		if len(e.refs.locals) > 0 {
			needed := make(map[string]cty.Value, len(e.refs.locals))
			for _, other := range e.refs.locals {
				needed[other] = values[other]
			}
			ctx = within(l.root, "local", cty.ObjectVal(needed))
		}
		v, ok := l.evaluate(e, ctx)
		if !ok {
			continue
		}
		if tooLarge(v) {
			l.report(errorAt(&e.attr.NameRange, "Value too large", "local.%s holds more than %d values or %d bytes.", n, maxNodes, maxBytes))
			continue
		}
		values[n] = v
	}
	l.root.Variables["local"] = cty.ObjectVal(values)
}

// within returns a context with further names.
func within(ctx *hcl.EvalContext, name string, v cty.Value) *hcl.EvalContext {
	child := ctx.NewChild()
	child.Variables = map[string]cty.Value{name: v}
	return child
}
