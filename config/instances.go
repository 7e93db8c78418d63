package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// evaluateInstances makes the instances, those that others refer to first.
// Linear in instances and references.
func (l *loader) evaluateInstances() []*Instance {
	names := slices.Sorted(maps.Keys(l.decls))
	for _, n := range names {
		d := l.decls[n]
		d.each(func(e *expression) {
			l.resolve(e, surroundings{each: d.forEach != nil, self: n})
			d.needs = append(d.needs, e.refs.instances...)
			d.broken = d.broken || e.broken
		})
		for _, rule := range d.rules {
			rule.each(func(e *expression) {
				l.resolve(e, surroundings{each: d.forEach != nil, self: n, rule: true})
				d.needs = append(d.needs, e.refs.instances...)
			})
		}
		slices.Sort(d.needs)
		d.needs = slices.Compact(d.needs)
	}
	order, circles := ordered(names, func(n string) []string { return l.decls[n].needs })
	for _, c := range circles {
		for _, n := range c {
			l.decls[n].broken = true
		}
		l.report(errorAt(&l.decls[c[0]].at, "Circular reference", "These instances need each other: %s.", circleText("instance.", c)))
	}
	var all []*Instance
	for _, n := range order {
		d := l.decls[n]
		l.expand(d)
		all = append(all, d.instances...)
	}
	slices.SortFunc(all, func(a, b *Instance) int { return strings.Compare(a.Address, b.Address) })
	l.checkDataDirs(all)
	return all
}

// expand makes the instances of one declaration.
func (l *loader) expand(d *declaration) {
	ctx := l.root
	if len(d.needs) > 0 {
		needed := make(map[string]cty.Value, len(d.needs))
		for _, n := range d.needs {
			needed[n] = l.declarationValue(l.decls[n])
		}
		ctx = within(l.root, "instance", cty.ObjectVal(needed))
	}
	if d.forEach == nil {
		l.addInstance(d, ctx, "instance."+d.name, "")
		return
	}
	// What is the same for all keys is evaluated, and reported, once.
	d.each(func(e *expression) {
		if !e.refs.each {
			l.attribute(e, ctx)
		}
	})
	keys, ok := l.forEachKeys(d, ctx)
	if !ok {
		d.broken = true
		return
	}
	d.instances = make([]*Instance, 0, len(keys))
	repeated := newRepeats(l)
	for _, k := range keys {
		address := keyedAddress(d.name, k.key)
		each := cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal(k.key), "value": k.value})
		before := len(l.diags)
		l.addInstance(d, within(ctx, "each", each), address, k.key)
		repeated.since(before, address)
	}
	repeated.finish()
}

func (l *loader) addInstance(d *declaration, ctx *hcl.EvalContext, address, key string) {
	b := l.decode(d.compiled, ctx, address)
	in := &Instance{Address: address, Name: d.name, Key: key, Block: b}
	if v, ok := b.values["data_dir"]; ok && v.IsKnown() && !v.IsMarked() {
		in.DataDir = filepath.Clean(v.AsString())
		b.values["data_dir"] = cty.StringVal(in.DataDir)
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
func (l *loader) forEachKeys(d *declaration, ctx *hcl.EvalContext) ([]keyed, bool) {
	e := d.forEach
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

// declarationValue is what instance.NAME stands for.
func (l *loader) declarationValue(d *declaration) cty.Value {
	if d.value != cty.NilVal {
		return d.value
	}
	switch {
	case d.broken:
		d.value = cty.DynamicVal
	case d.forEach == nil:
		d.value = d.instances[0].value(d.spec)
	default:
		all := make(map[string]cty.Value, len(d.instances))
		for _, in := range d.instances {
			all[in.Key] = in.value(d.spec)
		}
		d.value = cty.ObjectVal(all)
	}
	return d.value
}

// checkDataDirs refuses two instances in one data directory.
func (l *loader) checkDataDirs(all []*Instance) {
	first := make(map[string]*Instance, len(all))
	said := map[[2]string]bool{}
	for _, in := range all {
		if in.DataDir == "" {
			continue
		}
		other := first[in.DataDir]
		if other == nil {
			first[in.DataDir] = in
			continue
		}
		if pair := [2]string{other.Name, in.Name}; !said[pair] {
			said[pair] = true
			more := ""
			if other.Name == in.Name {
				more = " Use each.key in data_dir."
			}
			l.report(errorAt(in.RangeOf("data_dir"), "Duplicate data directory", "%s and %s have the same data directory %s.%s", other.Address, in.Address, in.DataDir, more))
		}
	}
}

// repeats keeps a mistake that shows for many keys of a for_each to one
// diagnostic that names the first.
type repeats struct {
	l     *loader
	first map[repeatKey]*repeat
	order []*repeat
}

type repeatKey struct {
	severity hcl.DiagnosticSeverity
	summary  string
	at       hcl.Range
}

type repeat struct {
	diag    *hcl.Diagnostic
	address string
	more    int
}

func newRepeats(l *loader) *repeats { return &repeats{l: l, first: map[repeatKey]*repeat{}} }

// since takes in what was reported for one key.
func (r *repeats) since(before int, address string) {
	for _, d := range r.l.diags[before:] {
		k := repeatKey{severity: d.Severity, summary: d.Summary}
		if d.Subject != nil {
			k.at = *d.Subject
		}
		if seen := r.first[k]; seen != nil {
			if seen.address != address {
				seen.more++
			}
			continue
		}
		seen := &repeat{diag: d, address: address}
		r.first[k] = seen
		r.order = append(r.order, seen)
	}
	r.l.diags = r.l.diags[:before]
}

func (r *repeats) finish() {
	for _, s := range r.order {
		more := ""
		switch {
		case s.more == 1:
			more = ", and one more"
		case s.more > 1:
			more = fmt.Sprintf(", and %d more", s.more)
		}
		s.diag.Detail += fmt.Sprintf("\n\nFound for %s%s.", s.address, more)
		r.l.report(s.diag)
	}
}
