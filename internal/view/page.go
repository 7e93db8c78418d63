package view

import (
	"bytes"
	"io"
	"strings"
)

// page gathers a text that is written in one piece.
type page struct {
	Style
	b bytes.Buffer
}

func (p *page) line(parts ...string) {
	for _, s := range parts {
		p.b.WriteString(s)
	}
	p.b.WriteByte('\n')
}

func (p *page) blank() { p.b.WriteByte('\n') }

// wrapped writes text between indent and the right edge.
func (p *page) wrapped(indent int, c paint, text string) {
	for _, l := range wrap(text, max(30, p.width()-indent)) {
		if l == "" {
			p.blank()
			continue
		}
		p.line(spaces(indent), p.paint(c, l))
	}
}

// pieces writes "head   a · b · c", breaking between pieces where the line is
// full; what follows is indented.
func (p *page) pieces(head, painted string, pieces []string) {
	p.b.WriteString(painted)
	used := cells(head)
	for i, s := range pieces {
		sep := p.dot()
		if i == 0 {
			sep = "   "
		}
		if used+cells(sep)+cells(s) > p.width() && i > 0 {
			p.b.WriteString("\n" + spaces(4))
			used, sep = 4, ""
		}
		p.b.WriteString(sep + s)
		used += cells(sep) + cells(s)
	}
	p.blank()
}

func (p *page) writeTo(w io.Writer) error {
	_, err := w.Write(p.b.Bytes())
	return err
}

func spaces(n int) string { return strings.Repeat(" ", max(0, n)) }
