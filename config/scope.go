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
	needed := map[string]cty.Value{}
	for _, e := range exprs {
		if e.refs.every {
			return within(l.root, "instance", l.everyInstance())
		}
		for _, n := range e.refs.instances {
			needed[n] = l.declarationValue(l.decls[n])
		}
	}
	if len(needed) == 0 {
		return l.root
	}
	return within(l.root, "instance", cty.ObjectVal(needed))
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
			all[in.Address[len("instance."):]] = in.value(d.spec)
		}
	}
	l.every = cty.ObjectVal(all)
	return l.every
}

// Declaration is one instance block.
type Declaration struct {
	Name string
	// Keyed: it has for_each.
	Keyed     bool
	Instances []*Instance
	// Needs are the names of the declarations that it refers to, in order.
	Needs []string
}

// Declarations returns the instance blocks in the order of their names.
func (e *Estate) Declarations() []Declaration {
	decls := e.loader.decls
	out := make([]Declaration, 0, len(decls))
	for _, n := range slices.Sorted(maps.Keys(decls)) {
		d := decls[n]
		out = append(out, Declaration{Name: n, Keyed: d.forEach != nil, Instances: d.instances, Needs: d.needs})
	}
	return out
}
