package view

import (
	"io"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/humanize"
)

// timeFormat of tables: UTC to the minute.
const timeFormat = "2006-01-02 15:04"

// StatusRow is one instance in `dssctl status`.
type StatusRow struct {
	Address  string `json:"address"`
	Version  string `json:"version,omitempty"`
	NodeType string `json:"node_type,omitempty"`
	// Service is running, stopped, starting, failed or unknown.
	Service string   `json:"service,omitempty"`
	Notes   []string `json:"notes,omitempty"`
	// Changes is how many attributes differ from what is declared.
	Changes int `json:"changes"`
	// Failed says that the instance could not be planned.
	Failed     bool   `json:"failed,omitempty"`
	LastRun    string `json:"last_run,omitempty"`
	LastStatus string `json:"last_status,omitempty"`
	// Down says that an open run has left the instance without DSS, and how to
	// start it.
	Down *StillDown `json:"down,omitempty"`
}

// Status writes one line an instance.
func Status(w io.Writer, rows []StatusRow, s Style) error {
	p := &page{Style: s}
	if len(rows) == 0 {
		p.line("No instance is declared here, or none is selected.")
		return p.writeTo(w)
	}
	out := make([][]string, 0, len(rows))
	for _, r := range rows {
		drift := "as declared"
		switch {
		case r.Failed:
			drift = "could not be planned"
		case r.Changes > 0:
			drift = humanize.Count(int64(r.Changes), "change", "changes")
		}
		last := dash(r.LastRun)
		if r.LastStatus != "" {
			last += " " + statusWord(r.LastStatus)
		}
		out = append(out, []string{
			clean(r.Address), dash(r.Version), dash(r.NodeType), dash(r.Service), drift, last, oneLine(strings.Join(r.Notes, s.dot())),
		})
	}
	p.table([]string{"INSTANCE", "VERSION", "NODE", "SERVICE", "DRIFT", "LAST RUN", "NOTES"}, out)
	for _, d := range downOf(rows) {
		p.blank()
		p.b.WriteString(howToStart(d))
	}
	return p.writeTo(w)
}

// RunRow is one run in a list.
type RunRow struct {
	Run       string    `json:"run"`
	Status    string    `json:"status"`
	Why       string    `json:"why,omitempty"`
	Started   time.Time `json:"started,omitzero"`
	Ended     time.Time `json:"ended,omitzero"`
	Instances []string  `json:"instances,omitempty"`
}

// Runs writes one line a run, in the order given.
func Runs(w io.Writer, rows []RunRow, s Style) error {
	p := &page{Style: s}
	if len(rows) == 0 {
		p.line("No run yet.")
		return p.writeTo(w)
	}
	out := make([][]string, 0, len(rows))
	for _, r := range rows {
		took := "-"
		if !r.Ended.IsZero() {
			took = humanize.Duration(r.Ended.Sub(r.Started))
		}
		out = append(out, []string{clean(r.Run), statusWord(r.Status), moment(r.Started), took, dash(r.Why), few(r.Instances)})
	}
	p.table([]string{"RUN", "STATUS", "STARTED (UTC)", "TOOK", "COMMAND", "INSTANCES"}, out)
	return p.writeTo(w)
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(timeFormat)
}

// few names some of a list and counts the rest.
func few(names []string) string {
	const most = 3
	if len(names) == 0 {
		return "-"
	}
	if len(names) <= most {
		return clean(strings.Join(names, ", "))
	}
	return clean(strings.Join(names[:most], ", ")) + " and " + humanize.Number(int64(len(names)-most)) + " more"
}
