package lsp

import "strings"

// symbols are the blocks of the file, and the locals.
func (q *query) symbols() (any, error) {
	out := []documentSymbol{}
	if !q.doc.native() {
		return out, nil
	}
	for _, p := range q.doc.outline().parts {
		out = append(out, q.symbolsIn(p, p.body)...)
	}
	return out, nil
}

func (q *query) symbolsIn(p part, b *block) []documentSymbol {
	var out []documentSymbol
	add := func(name, detail string, kind int, whole, word span, children []documentSymbol) {
		out = append(out, documentSymbol{
			Name: name, Detail: detail, Kind: kind, Children: children,
			Range: q.doc.rangeOf(whole.plus(p.base), q.units), SelectionRange: q.doc.rangeOf(word.plus(p.base), q.units),
		})
	}
	// What a file of variables holds, and locals, is named by attributes.
	if b.typ.text == "locals" || b.parent == nil {
		for _, a := range b.attrs {
			add(a.name.text, "", symbolVariable, span{a.name.start, a.value.end}, a.name.span, nil)
		}
	}
	for _, inner := range b.blocks {
		if inner.open < 0 {
			continue
		}
		kind := symbolObject
		if b.parent == nil {
			kind = symbolClass
		}
		name := strings.Join(append([]string{inner.typ.text}, inner.labelTexts()...), " ")
		add(name, "", kind, inner.whole(), inner.typ.span, q.symbolsIn(p, inner))
	}
	return out
}
