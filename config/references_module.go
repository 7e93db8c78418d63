package config

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// checkModuleReference looks at module.NAME.OUTPUT and module.NAME["KEY"].OUTPUT.
func (l *loader) checkModuleReference(e *expression, t hcl.Traversal, in surroundings) {
	at := t.SourceRange()
	bad := func(summary, format string, args ...any) { l.report(errorAt(&at, summary, format, args...)) }
	if in.self == "" && in.call == "" && !in.instances {
		bad("Invalid reference", "module stands only inside instance and module blocks, checks and outputs: variables, locals and settings are evaluated before there are modules.")
		return
	}
	var name string
	if len(t) > 1 {
		if a, ok := t[1].(hcl.TraverseAttr); ok {
			name = a.Name
		}
	}
	c := l.calls[name]
	switch {
	case name == "":
		bad("Invalid reference", "The name of a module must follow: module.NAME.OUTPUT.")
		return
	case c == nil:
		bad("Unknown module", "There is no module %q.%s", name, hint(name, slices.Collect(maps.Keys(l.calls)), "Called are"))
		return
	case name == in.call:
		bad("Self-reference", "module.%s refers to itself.", name)
		return
	}
	e.refs.modules = append(e.refs.modules, name)
	rest := t[2:]
	if len(rest) == 0 || c.template == nil {
		return
	}
	outputs := c.template.outputs
	index, isIndex := rest[0].(hcl.TraverseIndex)
	a, isAttr := rest[0].(hcl.TraverseAttr)
	switch {
	case c.forEach != nil && isAttr && outputs[a.Name] != nil:
		bad("Invalid reference", "module.%s has for_each, so a key must come first: module.%s[\"KEY\"].%s.", name, name, a.Name)
		return
	case c.forEach != nil && isIndex && len(rest) > 1:
		a, isAttr = rest[1].(hcl.TraverseAttr)
	case c.forEach != nil:
		return
	case isIndex && index.Key.Type() == cty.String && outputs[index.Key.AsString()] == nil:
		bad("Invalid reference", "module.%s has no for_each, so there is no key to give: write module.%s.OUTPUT.", name, name)
		return
	}
	if !isAttr || outputs[a.Name] != nil {
		return
	}
	inside := a.Name
	if next, ok := after(t, a).(hcl.TraverseAttr); ok && inside == instanceType {
		inside = next.Name
	}
	if c.template.decls[inside] != nil {
		bad("Unknown output", "There is no output %q in module.%s, and its instances are not seen from outside. Add to the module: output %q { value = instance.%s.ATTRIBUTE }", a.Name, name, inside, inside)
		return
	}
	bad("Unknown output", "There is no output %q in module.%s.%s", a.Name, name, hint(a.Name, slices.Collect(maps.Keys(outputs)), "There are"))
}

// after is the step that follows an attribute; nil at the end.
func after(t hcl.Traversal, a hcl.TraverseAttr) hcl.Traverser {
	for i, st := range t {
		if found, ok := st.(hcl.TraverseAttr); ok && found == a {
			return at(t, i+1)
		}
	}
	return nil
}
