package config

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// evaluateInstances makes the instances and takes the modules in, those that
// others refer to first. Linear in instances and references.
func (l *loader) evaluateInstances() {
	nodes := l.resolveInstances()
	l.evaluateConstants()
	order, circles := ordered(nodes, func(node string) []string {
		if c := l.callAt(node); c != nil {
			return c.needs
		}
		return l.declAt(node).needs
	})
	for _, circle := range circles {
		for _, node := range circle {
			if c := l.callAt(node); c != nil {
				c.broken = true
			} else {
				l.declAt(node).broken = true
			}
		}
		at, what := hcl.Range{}, "instances"
		if c := l.callAt(circle[0]); c != nil {
			at = c.at
		} else {
			at = l.declAt(circle[0]).at
		}
		if slices.ContainsFunc(circle, func(node string) bool { return l.callAt(node) != nil }) {
			what = "instances and modules"
		}
		l.report(errorAt(&at, "Circular reference", "These %s need each other: %s.", what, circleText("", circle)))
	}
	for _, node := range order {
		if c := l.callAt(node); c != nil {
			l.evaluateCall(c)
			continue
		}
		d := l.declAt(node)
		l.expand(d)
		l.instances = append(l.instances, d.instances...)
	}
}

// callAt and declAt return what has a name such as module.auto or
// instance.design in this folder.
func (l *loader) callAt(node string) *call {
	if name, ok := strings.CutPrefix(node, moduleStep); ok {
		return l.calls[name]
	}
	return nil
}

func (l *loader) declAt(node string) *declaration { return l.decls[node[len(instanceStep):]] }

// resolveInstances finds what the instances and the calls of modules refer to,
// and returns their names in order.
func (l *loader) resolveInstances() []string {
	nodes := make([]string, 0, len(l.decls)+len(l.calls))
	for _, n := range slices.Sorted(maps.Keys(l.decls)) {
		d := l.decls[n]
		nodes = append(nodes, instanceStep+n)
		d.each(func(e *expression) {
			l.resolve(e, surroundings{each: d.forEach != nil, self: n})
			d.needs = e.refs.addTo(d.needs)
			d.broken = d.broken || e.broken
		})
		for _, rule := range d.rules {
			rule.each(func(e *expression) {
				l.resolve(e, surroundings{each: d.forEach != nil, self: n, rule: true})
				d.needs = e.refs.addTo(d.needs)
			})
		}
		slices.Sort(d.needs)
		d.needs = slices.Compact(d.needs)
	}
	for _, n := range slices.Sorted(maps.Keys(l.calls)) {
		c := l.calls[n]
		nodes = append(nodes, moduleStep+n)
		c.each(func(e *expression) {
			if e.spec.Name == "source" {
				return // read already
			}
			l.resolve(e, surroundings{each: c.forEach != nil, call: n})
			c.needs = e.refs.addTo(c.needs)
			c.broken = c.broken || e.broken
		})
		slices.Sort(c.needs)
		c.needs = slices.Compact(c.needs)
	}
	return nodes
}

// expand makes the instances of one declaration.
func (l *loader) expand(d *declaration) {
	ctx := l.needed(d.needs)
	if d.forEach == nil {
		l.addInstance(d, ctx, l.prefix+instanceStep+d.name, "")
		return
	}
	// What is the same for all keys is evaluated, and reported, once.
	d.each(func(e *expression) {
		if !e.refs.each {
			l.attribute(e, ctx)
		}
	})
	keys, ok := l.forEachKeys(d.forEach, ctx)
	if !ok {
		d.broken = true
		return
	}
	d.instances = make([]*Instance, 0, len(keys))
	repeated := &repeats{}
	for _, k := range keys {
		address := l.prefix + Step{d.name, k.key, true}.write("", instanceStep)
		each := cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal(k.key), "value": k.value})
		before := len(l.diags)
		l.addInstance(d, within(ctx, "each", each), address, k.key)
		if len(l.diags) > before {
			repeated.add(l.diags[before:], address)
			l.diags = l.diags[:before]
		}
	}
	l.report(repeated.all("")...)
}

func (l *loader) addInstance(d *declaration, ctx *hcl.EvalContext, address, key string) {
	b := l.decode(d.compiled, ctx, address)
	in := &Instance{Address: address, Module: l.path, Name: d.name, Key: key, Block: b}
	if v, ok := b.values["data_dir"]; ok && v.IsKnown() && !v.IsMarked() {
		in.DataDir = filepath.Clean(v.AsString())
		b.values["data_dir"] = cty.StringVal(in.DataDir)
		if l.all.placed[in.DataDir] == "" {
			l.all.placed[in.DataDir] = address
		}
	}
	l.readIgnore(d, in)
	d.broken = d.broken || b.isBroken()
	d.instances = append(d.instances, in)
	l.checkPreconditions(d, in, ctx)
}

func (b *Block) isBroken() bool {
	return b.broken || slices.ContainsFunc(b.blocks, (*Block).isBroken)
}

type keyed struct {
	key   string
	value cty.Value
}

// forEachKeys returns the elements of for_each in the order of their keys.
func (l *loader) forEachKeys(e *expression, ctx *hcl.EvalContext) ([]keyed, bool) {
	v, ok := l.attribute(e, ctx)
	if !ok {
		return nil, false
	}
	at := e.attr.Expr.Range().Ptr()
	bad := func(summary, format string, args ...any) ([]keyed, bool) {
		diag := errorAt(at, summary, format, args...)
		diag.Expression, diag.EvalContext = e.attr.Expr, ctx
		l.report(diag)
		return nil, false
	}
	bare, marks := v.Unmark()
	t := bare.Type()
	switch {
	case len(marks) > 0:
		return bad("Sensitive for_each", "The keys of for_each are parts of addresses, which are shown. The value is sensitive, so it cannot be used here. If the keys are no secret, use nonsensitive(…) on a set of them.")
	case bare.IsNull():
		return bad("Invalid for_each", "The value of for_each is null. Give a map or a set of strings; an empty one declares no instance.")
	case t.IsTupleType() || t.IsListType():
		return bad("Invalid for_each", "for_each needs a map or a set of strings, and this is %s: its elements have no keys. Wrap it into toset(…).", article(t.FriendlyName()))
	case !t.IsMapType() && !t.IsObjectType() && !t.IsSetType():
		return bad("Invalid for_each", "for_each needs a map or a set of strings, and this is %s.", article(t.FriendlyName()))
	case t.IsSetType() && t.ElementType() != cty.String && bare.LengthInt() > 0:
		return bad("Invalid for_each", "for_each needs a map or a set of strings, and this is %s.", article(t.FriendlyName()))
	}
	keys := make([]keyed, 0, bare.LengthInt())
	for it := bare.ElementIterator(); it.Next(); {
		k, value := it.Element()
		if k.IsNull() {
			return bad("Invalid for_each", "A key of for_each is null.")
		}
		key := k.AsString()
		if key == "" || strings.ContainsFunc(key, unicode.IsControl) {
			return bad("Invalid for_each", "The key %q of for_each is empty or has control characters: it could not be written in an address.", key)
		}
		keys = append(keys, keyed{key, value})
	}
	return keys, true
}

// declarationValue is what instance.NAME stands for. To make all of each in a
// long chain, for the one attribute that the next one reads, would take a tenth
// of the time of loading it.
func (l *loader) declarationValue(d *declaration) cty.Value {
	if d.value != cty.NilVal {
		return d.value
	}
	switch {
	case d.broken:
		d.value = cty.DynamicVal
	case d.forEach == nil:
		d.value = d.instances[0].value(d.spec, d.wants)
	default:
		all := make(map[string]cty.Value, len(d.instances))
		for _, in := range d.instances {
			all[in.Key] = in.value(d.spec, everyPart)
		}
		d.value = cty.ObjectVal(all)
	}
	return d.value
}

// checkDataDirs refuses two instances in one data directory.
func (l *loader) checkDataDirs(all []*Instance) {
	first := make(map[string]*Instance, len(all))
	said := map[[2]hcl.Range]bool{}
	for _, in := range all {
		if in.DataDir == "" {
			continue
		}
		other := first[in.DataDir]
		if other == nil {
			first[in.DataDir] = in
			continue
		}
		if pair := [2]hcl.Range{other.Range, in.Range}; !said[pair] {
			said[pair] = true
			more := ""
			switch {
			case other.Range != in.Range:
			case slices.Equal(other.Module, in.Module):
				more = " Use each.key in data_dir."
			default:
				more = " Let each call of the module give it another one."
			}
			l.report(errorAt(in.RangeOf("data_dir"), "Duplicate data directory", "%s and %s have the same data directory %s.%s", other.Address, in.Address, in.DataDir, more))
		}
	}
}
