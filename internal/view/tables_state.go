package view

import (
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/humanize"
)

// StateRow is one instance in the state.
type StateRow struct {
	Address   string    `json:"address"`
	DataDir   string    `json:"data_dir"`
	Aspects   []string  `json:"aspects,omitempty"`
	Protected bool      `json:"protected,omitempty"`
	LastRun   string    `json:"last_run,omitempty"`
	Updated   time.Time `json:"updated,omitzero"`
}

// StateList writes one line an instance that state remembers.
func StateList(w io.Writer, rows []StateRow, s Style) error {
	p := &page{Style: s}
	if len(rows) == 0 {
		p.line("Nothing is remembered of any instance.")
		return p.writeTo(w)
	}
	out := make([][]string, 0, len(rows))
	for _, r := range rows {
		aspects := dash(strings.Join(r.Aspects, ", "))
		if r.Protected {
			aspects += " (protected)"
		}
		out = append(out, []string{clean(r.Address), dash(r.DataDir), moment(r.Updated), dash(r.LastRun), aspects})
	}
	p.table([]string{"INSTANCE", "DATA DIRECTORY", "UPDATED (UTC)", "LAST RUN", "REMEMBERED"}, out)
	return p.writeTo(w)
}

// StateDetail is all that state remembers of one instance.
type StateDetail struct {
	StateRow
	// Records are the aspects' own, by name, as JSON.
	Records map[string]json.RawMessage `json:"records,omitempty"`
	// Throughput of past actions by kind, in bytes a second.
	Throughput map[string]float64 `json:"throughput,omitempty"`
}

// StateShow writes all that state remembers of one instance.
func StateShow(w io.Writer, d StateDetail, s Style) error {
	p := &planPage{page: page{Style: s}}
	p.line(p.paint(bold, clean(d.Address)))
	protected := "no"
	if d.Protected {
		protected = "yes"
	}
	for _, f := range [][2]string{
		{"data directory", dash(d.DataDir)},
		{"updated (UTC)", moment(d.Updated)},
		{"last run", dash(d.LastRun)},
		{"protected", protected},
	} {
		p.line("  ", pad(f[0], 16), f[1])
	}
	for _, k := range keys(d.Throughput) {
		p.line("  ", pad("throughput", 16), clean(k), " ", humanize.Rate(d.Throughput[k]))
	}
	for _, k := range keys(d.Records) {
		p.blank()
		p.line("  ", p.paint(bold, clean(k)))
		p.tree(4, decode(d.Records[k]))
	}
	return p.writeTo(w)
}

// tree writes a JSON value as indented lines.
func (p *page) tree(indent int, v any) {
	object, ok := v.(map[string]any)
	if !ok {
		p.line(spaces(indent), inline(v))
		return
	}
	widest := 0
	for k := range object {
		widest = max(widest, min(cells(keyName(k)), widestName))
	}
	for _, k := range keys(object) {
		if below, ok := object[k].(map[string]any); ok && len(below) > 0 && indent < 4*deepest {
			p.line(spaces(indent), keyName(k))
			p.tree(indent+4, below)
			continue
		}
		p.line(spaces(indent), pad(keyName(k), widest), "  ", inline(object[k]))
	}
}
