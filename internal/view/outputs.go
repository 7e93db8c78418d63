package view

import (
	"io"
	"strings"
)

// OutputRow is one output, its value written in the language.
type OutputRow struct{ Name, Value string }

// Outputs writes NAME = VALUE for each; under a heading where they stand behind
// something else.
func Outputs(w io.Writer, rows []OutputRow, heading bool, s Style) error {
	if len(rows) == 0 {
		return nil
	}
	p := &page{Style: s}
	indent := ""
	if heading {
		p.blank()
		p.line(p.paint(bold, "Outputs"))
		indent = "  "
	}
	widest := 0
	for _, r := range rows {
		widest = max(widest, min(cells(clean(r.Name)), widestName))
	}
	for _, r := range rows {
		for i, l := range strings.Split(clean(r.Value), "\n") {
			if i == 0 {
				p.line(indent, pad(clean(r.Name), widest), " = ", l)
			} else {
				p.line(indent, l)
			}
		}
	}
	return p.writeTo(w)
}
