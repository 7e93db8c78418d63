package lsp

import (
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// symbol is something with a name that can be referred to.
type symbol struct {
	root, name string // "var", "pg_password"
}

// place is a word of a file.
type place struct {
	source
	span
	declares bool
}

// roots are what references begin with, by the block that declares.
var roots = map[string]string{"variable": "var", "instance": "instance", "module": "module"}

// declared calls f for every declaration of a name; block is the variable or
// the instance, nil for a local value.
func declared(sources []source, f func(sym symbol, at place, b *block)) {
	blocks(sources, func(src source, base int, b *block) {
		if b.typ.text == "locals" {
			for _, a := range b.attrs {
				f(symbol{"local", a.name.text}, place{src, a.name.plus(base), true}, nil)
			}
		}
		if root := roots[b.typ.text]; root != "" && len(b.labels) == 1 && b.labels[0].text != "" {
			f(symbol{root, b.labels[0].text}, place{src, b.labels[0].plus(base), true}, b)
		}
	})
}

// symbolAt is the symbol whose name stands at the spot.
func (q *query) symbolAt(sp spot) (symbol, bool) {
	if r, n := sp.reference(); r != nil && n == 1 && len(r.steps) > 1 {
		return symbol{r.steps[0].text, r.steps[1].text}, true
	}
	switch {
	case sp.attr != nil && sp.name && sp.in.typ.text == "locals":
		return symbol{"local", sp.attr.name.text}, true
	case sp.attr != nil && sp.name && sp.in.parent == nil && q.own().vars():
		return symbol{"var", sp.attr.name.text}, true
	case sp.header != nil && sp.label == 0 && sp.header.parent.parent == nil && roots[sp.header.typ.text] != "":
		return symbol{roots[sp.header.typ.text], sp.header.labels[0].text}, true
	}
	return symbol{}, false
}

// places are all words that stand for the symbol.
func places(sources []source, sym symbol) []place {
	var out []place
	declared(sources, func(s symbol, at place, _ *block) {
		if s == sym {
			out = append(out, at)
		}
	})
	for _, src := range sources {
		for _, p := range src.outline.parts {
			if src.vars() && sym.root == "var" {
				if a, ok := p.body.attr(sym.name); ok {
					out = append(out, place{src, a.name.plus(p.base), false})
				}
			}
			for _, r := range p.refs {
				if len(r.steps) > 1 && r.steps[0].text == sym.root && r.steps[1].text == sym.name {
					out = append(out, place{src, r.steps[1].plus(p.base), false})
				}
			}
		}
	}
	return out
}

func (q *query) definition() (any, error) {
	out := []location{}
	if !q.doc.native() {
		return out, nil
	}
	sp := q.spot()
	r, n := sp.reference()
	// The element of for_each.
	if r != nil && r.steps[0].text == "each" {
		if in := r.in.around("instance", "module"); in != nil {
			if a, ok := in.attr("for_each"); ok {
				out = append(out, q.location(q.own(), a.name.plus(sp.base)))
			}
		}
		return out, nil
	}
	sources := q.sources()
	// What stands in an instance: instance.design.runtime_database.host.
	if r != nil && r.steps[0].text == "instance" && n > 1 {
		declared(sources, func(s symbol, at place, b *block) {
			if s == (symbol{"instance", r.steps[1].text}) {
				if inner, ok := inside(b, r.steps[2:n+1]); ok {
					out = append(out, q.location(at.source, inner.plus(at.start-b.labels[0].start)))
				}
			}
		})
		return out, nil
	}
	// What a module takes and gives.
	found := func(name string) func(at place, b *block) {
		return func(at place, b *block) {
			if b.labels[0].text == name {
				out = append(out, q.location(at.source, at.span))
			}
		}
	}
	if r != nil && n > 1 && output(r.steps[:n+1]) == n {
		q.called(r.steps[1].text, "output", found(r.steps[n].text))
		return out, nil
	}
	if sp.attr != nil && sp.name && sp.in.isCall() {
		q.inModule(q.doc.src, sp.base, sp.in, "variable", found(sp.attr.name.text))
		return out, nil
	}
	sym, ok := q.symbolAt(sp)
	if r != nil && n == 0 && len(r.steps) > 1 {
		sym, ok = symbol{r.steps[0].text, r.steps[1].text}, true
	}
	if ok {
		declared(sources, func(s symbol, at place, _ *block) {
			if s == sym {
				out = append(out, q.location(at.source, at.span))
			}
		})
	}
	return out, nil
}

// inside follows steps into a block: attributes, blocks, labels and keys.
func inside(b *block, steps []word) (span, bool) {
	at := b.typ.span
	for i, st := range steps {
		if st.text == indexStep {
			continue
		}
		if a, ok := b.attr(st.text); ok {
			return a.name.span, true
		}
		var next *block
		for _, inner := range b.blocks {
			if inner.typ.text == st.text && (next == nil || i+1 < len(steps) && inner.label(0) == steps[i+1].text) {
				next = inner
			}
		}
		if next == nil {
			// A label, such as nightly in backup.nightly.
			if i > 0 && b.label(0) == st.text {
				at = b.labels[0].span
				continue
			}
			return span{}, false
		}
		b, at = next, next.typ.span
	}
	return at, true
}

func (q *query) references() (any, error) {
	out := []location{}
	if !q.doc.native() {
		return out, nil
	}
	if sym, ok := q.symbolAt(q.spot()); ok {
		for _, p := range places(q.sources(), sym) {
			if !p.declares || q.params.Context.IncludeDeclaration {
				out = append(out, q.location(p.source, p.span))
			}
		}
	}
	return out, nil
}

// renamable is the symbol at the spot and all its words.
func (q *query) renamable() (symbol, []place, error) {
	sym, ok := q.symbolAt(q.spot())
	if !q.doc.native() || !ok {
		return sym, nil, refuse("Only variables and local values can be renamed, and none is named here.")
	}
	if sym.root == "module" {
		return sym, nil, refuse("The name of a module is a part of the addresses in it, by which state and backups know the instances. Rename it by hand, and say so with a block moved.")
	}
	if sym.root == "instance" {
		return sym, nil, refuse("The name of an instance is its address, by which state and backups know it. Rename it by hand, in the knowledge that the old one is given up.")
	}
	entries, err := (&overlay{dir: q.doc.dir(), open: q.open}).ReadDir(".")
	if err != nil {
		return sym, nil, refuse("The folder of the file cannot be read.")
	}
	for _, e := range entries {
		if inEstate(e.Name()) && strings.HasSuffix(e.Name(), ".json") {
			return sym, nil, refuse("%s is in JSON, where references are not looked for: rename %s.%s by hand.", e.Name(), sym.root, sym.name)
		}
	}
	all := places(q.sources(), sym)
	for _, p := range all {
		if p.declares {
			return sym, all, nil
		}
	}
	return sym, nil, refuse("%s.%s is declared nowhere.", sym.root, sym.name)
}

func (q *query) prepareRename() (any, error) {
	_, all, err := q.renamable()
	if err != nil {
		return nil, err
	}
	at := q.doc.offset(q.params.Position, q.units)
	for _, p := range all {
		if p.uri == q.doc.uri && p.has(at) {
			return q.doc.rangeOf(p.span, q.units), nil
		}
	}
	return nil, refuse("There is no name here.")
}

func (q *query) rename() (any, error) {
	sym, all, err := q.renamable()
	if err != nil {
		return nil, err
	}
	name := q.params.NewName
	if !hclsyntax.ValidIdentifier(name) {
		return nil, refuse("A name must be an identifier: a letter, then letters, digits, - and _; and %q is none.", name)
	}
	taken := false
	declared(q.sources(), func(s symbol, _ place, _ *block) { taken = taken || s == symbol{sym.root, name} })
	if taken {
		return nil, refuse("There is a %s.%s already.", sym.root, name)
	}
	out := workspaceEdit{Changes: map[string][]textEdit{}}
	for _, p := range all {
		out.Changes[p.uri] = append(out.Changes[p.uri], textEdit{Range: p.rangeOf(p.span, q.units), NewText: name})
	}
	return out, q.ctx.Err()
}
