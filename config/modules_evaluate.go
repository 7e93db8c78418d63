package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// evaluateCall takes a module in, once or for each key.
func (l *loader) evaluateCall(c *call) {
	if c.broken {
		return
	}
	ctx := l.needed(c.needs)
	repeated, checks := &repeats{}, &repeats{}
	if c.forEach == nil {
		c.template.enter(Step{Name: c.name}) // what is around it may have a key now
		l.evaluateModule(c, c.template, ctx, repeated, checks)
	} else {
		// What is the same for all keys is evaluated, and reported, once.
		for _, e := range c.args {
			if !e.refs.each {
				l.attribute(e, ctx)
			}
		}
		keys, ok := l.forEachKeys(c.forEach, ctx)
		if !ok {
			c.broken = true
			return
		}
		for i, k := range keys {
			m := c.template
			if i > 0 {
				if m = l.again(c); m == nil {
					break
				}
			}
			m.enter(Step{Name: c.name, Key: k.key, HasKey: true})
			each := cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal(k.key), "value": k.value})
			l.evaluateModule(c, m, within(ctx, "each", each), repeated, checks)
		}
	}
	l.report(called(repeated.all(", called at "+place(c.at)), c.at)...)
	l.findings = append(l.findings, called(checks.all(", called at "+place(c.at)), c.at)...)
}

// again makes the module once more, as it was before anything had a value. What
// was reported of that is not said again.
func (l *loader) again(c *call) *loader {
	m := l.module(c, c.template.folder)
	if m == nil {
		c.broken = true
		return nil
	}
	m.collect()
	m.prepareCalls()
	m.diags = nil
	return m
}

func (l *loader) evaluateModule(c *call, m *loader, ctx *hcl.EvalContext, repeated, checks *repeats) {
	c.modules = append(c.modules, m)
	before := len(l.diags)
	for _, e := range c.args {
		v := m.variables[e.spec.Name]
		value, ok := l.attribute(e, ctx)
		if ok && tooLarge(value) {
			l.report(errorAt(&e.attr.NameRange, "Value too large", "%s holds more than %d values or %d bytes.", e.spec.Name, maxNodes, maxBytes))
			ok = false
		}
		if !ok {
			v.broken = true // reported
			continue
		}
		at := e.attr.Range
		v.given = &givenValue{name: v.name, how: "by " + moduleAddress(m.path), at: &at, made: value}
	}
	m.diags = nil // of the template, and reported
	m.evaluateAll()
	m.result = m.outputValues()
	address := moduleAddress(m.path)
	repeated.add(l.diags[before:], address)
	repeated.add(m.diags, address)
	l.diags = l.diags[:before]
	checks.add(m.findings, address)
	l.instances = append(l.instances, m.instances...)
}

// outputValues are what is seen of a module from outside.
func (l *loader) outputValues() cty.Value {
	values := make(map[string]cty.Value, len(l.outputs))
	for name := range l.outputs {
		values[name] = cty.DynamicVal // reported
	}
	for _, o := range l.evaluateOutputs() {
		values[o.Name] = o.Value
	}
	return cty.ObjectVal(values)
}

// callValue is what module.NAME stands for.
func (l *loader) callValue(c *call) cty.Value {
	if c.value != cty.NilVal {
		return c.value
	}
	switch {
	case c.broken:
		c.value = cty.DynamicVal
	case c.forEach == nil:
		c.value = c.modules[0].result
	default:
		all := make(map[string]cty.Value, len(c.modules))
		for _, m := range c.modules {
			all[m.path[len(m.path)-1].Key] = m.result
		}
		c.value = cty.ObjectVal(all)
	}
	return c.value
}

// calledFrom is the extra of a diagnostic from inside a module, around the one
// that it had.
type calledFrom struct {
	at    hcl.Range
	inner any
}

// UnwrapDiagnosticExtra implements hcl.DiagnosticExtraUnwrapper.
func (c calledFrom) UnwrapDiagnosticExtra() any { return c.inner }

func called(diags hcl.Diagnostics, at hcl.Range) hcl.Diagnostics {
	for _, d := range diags {
		d.Extra = calledFrom{at, d.Extra}
	}
	return diags
}

// CalledAt returns where the estate's own files call the module that a
// diagnostic is of; false for one of the estate itself.
func CalledAt(d *hcl.Diagnostic) (hcl.Range, bool) {
	c, ok := hcl.DiagnosticExtra[calledFrom](d)
	return c.at, ok
}

// repeats keeps a mistake that shows for many keys of a for_each to one
// diagnostic that names the first.
type repeats struct {
	first map[repeatKey]*repeat
	order []*repeat
}

type repeatKey struct {
	severity   hcl.DiagnosticSeverity
	summary    string
	at, called hcl.Range
}

type repeat struct {
	diag    *hcl.Diagnostic
	address string
	more    int
}

// add takes in what was reported for one key.
func (r *repeats) add(diags hcl.Diagnostics, address string) {
	for _, d := range diags {
		k := repeatKey{severity: d.Severity, summary: d.Summary}
		if d.Subject != nil {
			k.at = *d.Subject
		}
		k.called, _ = CalledAt(d)
		if seen := r.first[k]; seen != nil {
			if seen.address != address {
				seen.more++
			}
			continue
		}
		seen := &repeat{diag: d, address: address}
		if r.first == nil {
			r.first = map[repeatKey]*repeat{}
		}
		r.first[k] = seen
		r.order = append(r.order, seen)
	}
}

// all are the diagnostics, with where they were found.
func (r *repeats) all(behind string) hcl.Diagnostics {
	var out hcl.Diagnostics
	for _, s := range r.order {
		more := ""
		switch {
		case s.more == 1:
			more = ", and one more"
		case s.more > 1:
			more = fmt.Sprintf(", and %d more", s.more)
		}
		s.diag.Detail += fmt.Sprintf("\n\nFound for %s%s%s.", s.address, more, behind)
		out = append(out, s.diag)
	}
	return out
}
