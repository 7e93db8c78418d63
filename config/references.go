package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// references are what an expression refers to, told without evaluating it.
type references struct {
	locals    []string
	instances []string
	modules   []string
	every     bool // instance alone, which stands for all of them
	each      bool
}

// addTo adds the addresses of the instances and modules.
func (r *references) addTo(nodes []string) []string {
	for _, n := range r.instances {
		nodes = append(nodes, instanceStep+n)
	}
	for _, n := range r.modules {
		nodes = append(nodes, moduleStep+n)
	}
	return nodes
}

// surroundings say what an expression may refer to.
type surroundings struct {
	each bool // it stands in a block with for_each
	// self is the name of the instance that it stands in; "" outside.
	self string
	// call is the name of the module whose arguments it is one of.
	call string
	// rule: it is a precondition, which may look at the instance as self.
	rule bool
	// instances: outside of them, it may refer to them.
	instances bool
}

// resolve finds what the expression refers to and reports what does not exist.
// An expression with such a mistake is broken: it is not evaluated.
func (l *loader) resolve(e *expression, in surroundings) {
	before := len(l.diags)
	calls := l.checkCalls(e)
	variables := e.attr.Expr.Variables()
	for _, t := range variables {
		l.checkReference(e, t, in)
	}
	e.constant = !calls && len(variables) == 0
	l.checkEvery(e)
	e.broken = e.broken || len(l.diags) > before
	if e.spec.Secret {
		for _, name := range e.refs.locals {
			l.maskExpr(l.locals[name].attr.Expr)
		}
	}
}

// checkEvery refuses to take instance apart in two ways at once: alone, it has
// no name that stands for all keys of a for_each.
func (l *loader) checkEvery(e *expression) {
	if !e.refs.every {
		return
	}
	for _, n := range e.refs.instances {
		if l.decls[n].forEach != nil {
			l.report(errorAt(e.attr.Expr.Range().Ptr(), "Invalid reference", "instance alone stands for every single instance, those with for_each by key: in the same expression, instance.%s has no meaning. Use one of the two.", n))
		}
	}
}

// checkCalls reports functions that do not exist, and returns whether it may
// call any. JSON expressions cannot be looked into: there it shows when they are
// evaluated.
func (l *loader) checkCalls(e *expression) (calls bool) {
	native, ok := e.attr.Expr.(hclsyntax.Expression)
	if !ok || isLiteral(native) {
		return !ok
	}
	_ = hclsyntax.VisitAll(native, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		if !ok {
			return nil
		}
		calls = true
		if _, known := l.funcs.all[call.Name]; !known {
			l.report(errorAt(&call.NameRange, "Unknown function", "There is no function %q.%s", call.Name, hint(call.Name, l.funcs.names(), "")))
		}
		return nil
	})
	return calls
}

// isLiteral is a quick answer for most attributes.
func isLiteral(e hclsyntax.Expression) bool {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr, *hclsyntax.ScopeTraversalExpr:
		return true
	case *hclsyntax.TemplateExpr:
		return e.IsStringLiteral()
	}
	return false
}

func (l *loader) checkReference(e *expression, t hcl.Traversal, in surroundings) {
	at := t.SourceRange()
	name, step := "", ""
	if len(t) > 1 {
		if a, ok := t[1].(hcl.TraverseAttr); ok {
			step, name = a.Name, a.Name
		}
	}
	switch t.RootName() {
	case "var":
		if step == "" {
			l.report(errorAt(&at, "Invalid reference", "The name of a variable must follow: var.NAME."))
		} else if l.variables[name] == nil {
			declared := slices.Collect(maps.Keys(l.variables))
			more := hint(name, declared, "Declared are")
			if closest(name, declared) == "" {
				more += fmt.Sprintf(" Declare it with: variable %q { … }", name)
			}
			l.report(errorAt(&at, "Unknown variable", "There is no variable %q.%s", name, more))
		}
	case "local":
		switch {
		case step == "":
			l.report(errorAt(&at, "Invalid reference", "The name of a local value must follow: local.NAME."))
		case l.locals[name] == nil:
			l.report(errorAt(&at, "Unknown local value", "There is no local value %q.%s", name, hint(name, slices.Collect(maps.Keys(l.locals)), "Defined are")))
		default:
			e.refs.locals = append(e.refs.locals, name)
		}
	case "each":
		e.refs.each = true
		switch {
		case in.self == "" && in.call == "":
			l.report(errorAt(&at, "Invalid reference", "each stands only in an instance or module block with for_each."))
		case e.spec.Name == "for_each":
			l.report(errorAt(&at, "Invalid reference", "for_each says what each is: it cannot use it."))
		case !in.each && in.call != "":
			l.report(errorAt(&at, "Invalid reference", "each stands only in a block with for_each, and module %q has none.", in.call))
		case !in.each:
			l.report(errorAt(&at, "Invalid reference", "each stands only in a block with for_each, and instance %q has none.", in.self))
		case step != "key" && step != "value":
			l.report(errorAt(&at, "Invalid reference", "There are only each.key and each.value."))
		}
	case "instance":
		l.checkInstanceReference(e, t, in)
	case "module":
		l.checkModuleReference(e, t, in)
	case "self":
		switch {
		case !in.rule:
			l.report(errorAt(&at, "Invalid reference", "self stands only in a precondition."))
		case step != "":
			l.checkInstanceAttribute(t, t[1:])
		}
	default:
		l.unknownRoot(e, t)
	}
}

func (l *loader) unknownRoot(e *expression, t hcl.Traversal) {
	at := t.SourceRange()
	name := t.RootName()
	if e.spec.Secret && len(t) == 1 {
		// Most likely the secret itself without quotes.
		l.maskAll(at)
		l.report(errorAt(&at, "Invalid reference", "A string must be written in double quotes, a reference as var.NAME, local.NAME or instance.NAME.ATTRIBUTE."))
		return
	}
	detail := fmt.Sprintf("There is nothing named %q here.", name)
	switch {
	case len(t) == 1 && l.variables[name] != nil:
		detail += fmt.Sprintf(" Did you mean var.%s?", name)
	case len(t) == 1 && l.locals[name] != nil:
		detail += fmt.Sprintf(" Did you mean local.%s?", name)
	case l.decls[name] != nil:
		detail += fmt.Sprintf(" Did you mean instance.%s?", name)
	case l.calls[name] != nil:
		detail += fmt.Sprintf(" Did you mean module.%s?", name)
	case name == "path":
		detail += " Relative paths, such as that of file(\"NAME\"), begin at the folder of the file that they stand in."
	default:
		roots := []string{"var", "local", "each", "instance", "module"}
		switch guess := closest(name, roots); {
		case name == "locals" || name == "variable" || name == "vars":
			detail += fmt.Sprintf(" Did you mean %q?", map[string]string{"locals": "local", "variable": "var", "vars": "var"}[name])
		case guess != "" && len(t) > 1:
			detail += fmt.Sprintf(" Did you mean %q?", guess)
		default:
			detail += " A reference begins with var, local, each, instance or module; a string is written in double quotes."
		}
	}
	l.report(errorAt(&at, "Unknown name", "%s", detail))
}

func (l *loader) checkInstanceReference(e *expression, t hcl.Traversal, in surroundings) {
	at := t.SourceRange()
	if in.self == "" && in.call == "" && !in.instances {
		l.report(errorAt(&at, "Invalid reference", "instance stands only inside instance and module blocks, checks and outputs: variables, locals and settings are evaluated before there are instances."))
		return
	}
	var name string
	if len(t) > 1 {
		if a, ok := t[1].(hcl.TraverseAttr); ok {
			name = a.Name
		}
	}
	d := l.decls[name]
	switch {
	case len(t) == 1 && in.instances:
		e.refs.every = true
		return
	case name == "":
		l.report(errorAt(&at, "Invalid reference", "The name of an instance must follow: instance.NAME."))
		return
	case d == nil:
		l.report(errorAt(&at, "Unknown instance", "There is no instance %q.%s", name, hint(name, slices.Collect(maps.Keys(l.decls)), "Declared are")))
		return
	case name == in.self && in.rule:
		l.report(errorAt(&at, "Self-reference", "instance.%s refers to itself. In a precondition, it is self.", name))
		return
	case name == in.self:
		l.report(errorAt(&at, "Self-reference", "instance.%s refers to itself. Put the value into a local and use that in both places.", name))
		return
	}
	e.refs.instances = append(e.refs.instances, name)
	rest := t[2:]
	d.want(partNamed(rest))
	if len(rest) == 0 {
		return
	}
	index, isIndex := rest[0].(hcl.TraverseIndex)
	switch {
	case d.forEach == nil && isIndex && index.Key.Type() == cty.String:
		if _, ok := l.all.instance.Attribute(index.Key.AsString()); !ok {
			l.report(errorAt(&at, "Invalid reference", "instance.%s has no for_each, so there is no key to give: write instance.%s.ATTRIBUTE.", name, name))
		}
		return
	case d.forEach != nil && !isIndex:
		if a, ok := rest[0].(hcl.TraverseAttr); ok {
			if _, ok := l.all.instance.Attribute(a.Name); ok {
				l.report(errorAt(&at, "Invalid reference", "instance.%s has for_each, so a key must come first: instance.%s[\"KEY\"].%s.", name, name, a.Name))
			}
		}
		return
	}
	if isIndex {
		rest = rest[1:]
	}
	l.checkInstanceAttribute(t, rest)
}

// partNamed is the attribute or block that the steps behind an instance's name
// begin with, or "" where they do not tell.
func partNamed(steps hcl.Traversal) string {
	if len(steps) > 0 {
		if a, ok := steps[0].(hcl.TraverseAttr); ok {
			return a.Name
		}
	}
	return ""
}

// checkInstanceAttribute looks at the step behind an instance.
func (l *loader) checkInstanceAttribute(t, rest hcl.Traversal) {
	if len(rest) == 0 {
		return
	}
	at := t.SourceRange()
	a, ok := rest[0].(hcl.TraverseAttr)
	if !ok {
		return
	}
	if l.all.instance.HasPart(a.Name) {
		return
	}
	l.report(errorAt(&at, "Unknown attribute", "An instance has no attribute %q.%s", a.Name, hint(a.Name, l.all.instance.Parts(), "")))
}
