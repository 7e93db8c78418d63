package config

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// scope is what expressions outside of instances see: variables, locals, and
// the instances that they refer to.
func (l *loader) scope(exprs ...*expression) *hcl.EvalContext {
	var nodes []string
	every := false
	for _, e := range exprs {
		every = every || e.refs.every
		nodes = e.refs.addTo(nodes)
	}
	ctx := l.needed(nodes)
	if every {
		ctx = within(ctx, "instance", l.everyInstance())
	}
	return ctx
}

// needed is what expressions see that refer to these instances and modules.
func (l *loader) needed(nodes []string) *hcl.EvalContext {
	if len(nodes) == 0 {
		return l.root
	}
	var instances, modules map[string]cty.Value
	for _, node := range nodes {
		if c := l.callAt(node); c != nil {
			if modules == nil {
				modules = map[string]cty.Value{}
			}
			modules[c.name] = l.callValue(c)
			continue
		}
		if instances == nil {
			instances = make(map[string]cty.Value, len(nodes))
		}
		d := l.declAt(node)
		instances[d.name] = l.declarationValue(d)
	}
	ctx := l.root
	if instances != nil {
		ctx = within(ctx, "instance", cty.ObjectVal(instances))
	}
	if modules != nil {
		ctx = within(ctx, "module", cty.ObjectVal(modules))
	}
	return ctx
}

// everyInstance is what instance alone stands for: each single instance, by
// its address without the first word, so that one can go through them all.
func (l *loader) everyInstance() cty.Value {
	if l.every != cty.NilVal {
		return l.every
	}
	all := make(map[string]cty.Value, len(l.decls))
	for _, d := range l.decls {
		if d.broken {
			l.every = cty.DynamicVal
			return l.every
		}
		for _, in := range d.instances {
			all[in.Address[len(l.prefix)+len(instanceStep):]] = in.value(d.spec, everyPart)
		}
	}
	l.every = cty.ObjectVal(all)
	return l.every
}

// Declaration is one instance block, or one module block.
type Declaration struct {
	Address string // without a key
	// Keyed: it has for_each.
	Keyed bool
	// Instances of the block, or all in the module.
	Instances []*Instance
	// Needs are the addresses of the declarations that it refers to, in order.
	Needs []string
}

// Declarations returns the instance and module blocks of the estate's own files
// in the order of their addresses.
func (e *Estate) Declarations() []Declaration {
	l := e.loader
	out := make([]Declaration, 0, len(l.decls)+len(l.calls))
	for _, n := range slices.Sorted(maps.Keys(l.decls)) {
		d := l.decls[n]
		out = append(out, Declaration{Address: instanceStep + n, Keyed: d.forEach != nil, Instances: d.instances, Needs: d.needs})
	}
	for _, n := range slices.Sorted(maps.Keys(l.calls)) {
		c := l.calls[n]
		d := Declaration{Address: moduleStep + n, Keyed: c.forEach != nil, Needs: c.needs}
		for _, m := range c.modules {
			d.Instances = append(d.Instances, m.instances...)
		}
		out = append(out, d)
	}
	return out
}
