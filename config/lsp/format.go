package lsp

import (
	"github.com/aymanbagabas/go-udiff"

	"github.com/dssctl/dssctl/config"
)

// format makes the edits of `dssctl fmt`. A file that does not parse is left
// alone: diagnostics say why.
func (q *query) format() (any, error) {
	edits := []textEdit{}
	if !q.doc.native() {
		return edits, nil
	}
	out, diags := config.Format([]byte(q.doc.src), q.doc.name())
	if diags.HasErrors() {
		return edits, nil
	}
	for _, e := range udiff.Lines(q.doc.src, string(out)) {
		edits = append(edits, textEdit{Range: q.doc.rangeOf(span{e.Start, e.End}, q.units), NewText: e.New})
	}
	return edits, nil
}
