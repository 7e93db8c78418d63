package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/dssctl/dssctl/internal/humanize"
)

// DoctorReport is what was found about one instance.
type DoctorReport struct {
	Address  string          `json:"address"`
	DataDir  string          `json:"data_dir"`
	Version  string          `json:"version,omitempty"`
	Findings []DoctorFinding `json:"findings"`
}

// DoctorFinding is what one check found. Status is ok, warning, failed or
// skipped.
type DoctorFinding struct {
	Check  string `json:"check"`
	Status string `json:"status"`
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"`
	Source string `json:"source,omitempty"`
}

// Doctor writes the findings: a line each, and below what is wrong the remedy
// and who asks for it.
func Doctor(w io.Writer, reports []DoctorReport, s Style) error {
	p := &page{Style: s}
	counts := map[string]int{}
	for _, r := range reports {
		address := clean(r.Address)
		p.pieces(address, p.paint(bold, address), []string{dash(r.Version), clean(r.DataDir)})
		widest := 0
		for _, f := range r.Findings {
			widest = max(widest, cells(clean(f.Check)))
		}
		for _, f := range r.Findings {
			counts[f.Status]++
			p.finding(f, widest)
		}
		p.blank()
	}
	if len(reports) == 0 {
		p.line("No instance is declared here, or none is selected.")
		return p.writeTo(w)
	}
	var parts []string
	for _, status := range []string{"failed", "warning", "skipped", "ok"} {
		if n := counts[status]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", humanize.Number(int64(n)), status))
		}
	}
	p.line(p.paint(bold, strings.Join(parts, p.dot())))
	return p.writeTo(w)
}

func (p *page) finding(f DoctorFinding, widest int) {
	paints := map[string]paint{"ok": green, "warning": yellow, "failed": alarm, "skipped": dim}
	const statusWidth = 9
	indent := 2 + statusWidth + widest + 2
	head := "  " + p.paint(paints[f.Status], pad(clean(f.Status), statusWidth)) + pad(clean(f.Check), widest+2)
	for i, l := range wrap(oneLine(f.Found), max(30, p.width()-indent)) {
		if i == 0 {
			p.line(head, l)
		} else {
			p.line(spaces(indent), l)
		}
	}
	if f.Remedy == "" {
		return
	}
	p.wrapped(indent, "", oneLine(f.Remedy))
	if f.Source != "" {
		p.wrapped(indent, dim, "Asked for by: "+oneLine(f.Source))
	}
}
