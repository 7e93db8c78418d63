package lsp

import (
	"fmt"
	"strings"

	"github.com/dssctl/dssctl/config/reference"
	"github.com/dssctl/dssctl/config/schema"
)

// hover explains what stands at a place: by the schema, or by how it is
// declared. Values are never shown.
func (q *query) hover() (any, error) {
	if !q.doc.native() {
		return nil, nil
	}
	sp := q.spot()
	about, at := q.explain(sp)
	if about == "" {
		return nil, nil
	}
	return hover{Contents: markdown(about), Range: q.doc.rangeOf(at.plus(sp.base), q.units)}, nil
}

func (q *query) explain(sp spot) (string, span) {
	switch {
	case sp.header != nil:
		return q.explainHeader(sp)
	case sp.attr == nil:
		return "", span{}
	case sp.name:
		if sym, ok := q.symbolAt(sp); ok {
			return q.explainSymbol(sym), sp.attr.name.span
		}
		if spec := q.s.schemaOf(sp.in); spec != nil {
			if a, ok := spec.Attribute(sp.attr.name.text); ok {
				return reference.Attribute(a), sp.attr.name.span
			}
		}
		about := ""
		if sp.in.isCall() {
			q.inModule(q.doc.src, sp.base, sp.in, "variable", func(at place, b *block) {
				if b.labels[0].text == sp.attr.name.text {
					about = fmt.Sprintf("**%s**, a variable of the module, declared at %s:%d%s", sp.attr.name.text, at.name,
						at.position(at.start, q.units).Line+1, describeVariable(at.src, b, at.start-b.labels[0].start))
				}
			})
		}
		return about, sp.attr.name.span
	}
	r, n := sp.reference()
	if r == nil {
		return "", span{}
	}
	at := r.steps[n].span
	if r.call {
		if f, ok := q.s.funcs[r.steps[0].text]; ok {
			return fmt.Sprintf("```hcl\n%s\n```\n\n%s", f.Signature(), f.Doc), at
		}
		return "", span{}
	}
	if len(r.steps) > 1 && n < 2 {
		if text := q.explainSymbol(symbol{r.steps[0].text, r.steps[1].text}); text != "" {
			return text, at
		}
	}
	if r.steps[0].text == "instance" || r.steps[0].text == "self" {
		_, a, b := q.s.follow(r.steps[:n+1])
		switch {
		case a != nil:
			return reference.Attribute(a), at
		case b != nil:
			return reference.Block(b), at
		}
	}
	return "", span{}
}

func (q *query) explainHeader(sp spot) (string, span) {
	spec := q.s.schemaOf(sp.header)
	if spec == nil {
		return "", span{}
	}
	if sp.label < 0 {
		return reference.Block(spec), sp.header.typ.span
	}
	at := sp.header.labels[sp.label].span
	if sym, ok := q.symbolAt(sp); ok {
		return q.explainSymbol(sym), at
	}
	if sp.label < len(spec.Labels) {
		return reference.Label(&spec.Labels[sp.label]), at
	}
	return "", span{}
}

// follow goes the steps of a reference into an instance, and returns the
// attribute or the block that they lead to. rest are the steps behind an
// attribute.
func (s *Server) follow(steps []word) (rest []word, a *schema.Attribute, b *schema.Block) {
	i := 1
	if steps[0].text == "instance" {
		i = 2 // its name
	}
	b = &s.opts.Schema
	for ; i < len(steps); i++ {
		name := steps[i].text
		if name == indexStep || name == "*" {
			continue
		}
		if a, ok := b.Attribute(name); ok {
			return steps[i+1:], a, nil
		}
		inner, ok := b.Block(name)
		if !ok {
			return nil, nil, nil
		}
		if b = inner; inner.Multiple && len(inner.Labels) > 0 {
			i++ // a label
		}
	}
	return nil, nil, b
}

// explainSymbol says what is known of a name without its value.
func (q *query) explainSymbol(sym symbol) string {
	switch sym {
	case symbol{"each", "key"}:
		return "**each.key**: the key of this instance in `for_each`."
	case symbol{"each", "value"}:
		return "**each.value**: the element of `for_each` that this instance is made of."
	}
	about := ""
	declared(q.sources(), func(s symbol, at place, b *block) {
		if s != sym || about != "" {
			return
		}
		line := at.position(at.start, q.units).Line + 1
		about = fmt.Sprintf("**%s.%s**, declared at %s:%d", sym.root, sym.name, at.name, line)
		if sym.root == "var" {
			about += describeVariable(at.src, b, at.start-b.labels[0].start)
		}
		if _, keyed := b.attrOf("for_each"); sym.root == "instance" && keyed {
			about += fmt.Sprintf("\n\nOne for each element of `for_each`: `instance.%s[\"KEY\"]`.", sym.name)
		}
	})
	return about
}

func (b *block) attrOf(name string) (attr, bool) {
	if b == nil {
		return attr{}, false
	}
	return b.attr(name)
}

// describeVariable says what a variable block says of itself, but no value.
func describeVariable(src string, b *block, base int) string {
	said := func(name string) string {
		a, ok := b.attr(name)
		if !ok {
			return ""
		}
		v := a.value.plus(base)
		return strings.TrimSpace(src[v.start:v.end])
	}
	out := ""
	if t := said("type"); t != "" {
		out += "\n\n```hcl\ntype = " + t + "\n```"
	}
	if d := said("description"); d != "" {
		out += "\n\n" + strings.Trim(d, `"`)
	}
	if said("sensitive") == "true" {
		out += "\n\n**Sensitive**: its value appears nowhere."
	}
	if said("default") == "" {
		out += "\n\nIt has no default: a value must be given."
	}
	return out
}
