package view

import (
	"strings"
)

// table writes aligned columns, two spaces apart, the last one as it is.
func (p *page) table(head []string, rows [][]string) {
	widths := make([]int, len(head))
	for _, row := range append([][]string{head}, rows...) {
		for i, c := range row {
			widths[i] = max(widths[i], cells(c))
		}
	}
	text := func(row []string) string {
		var b strings.Builder
		for i, c := range row {
			if i < len(row)-1 {
				c = pad(c, widths[i]+2)
			}
			b.WriteString(c)
		}
		return strings.TrimRight(b.String(), " ")
	}
	p.line(p.paint(bold, text(head)))
	for _, row := range rows {
		p.line(text(row))
	}
}

// dash stands in an empty column.
func dash(s string) string {
	if s = oneLine(s); s == "" {
		return "-"
	}
	return s
}
