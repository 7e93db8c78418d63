package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/plan"
)

// lineWriter writes a stream, one Write a line.
type lineWriter struct {
	w   io.Writer
	err error
}

func (l *lineWriter) put(at time.Time, line Line) {
	if l.err != nil {
		return
	}
	line.Module, line.Timestamp = "dssctl.ui", at
	if line.Level == "" {
		line.Level = "info"
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if l.err = enc.Encode(line); l.err == nil {
		_, l.err = l.w.Write(b.Bytes())
	}
}

func versionLine(tool string) Line {
	return Line{Type: "version", Message: "dssctl " + tool, Tool: tool, UI: UIVersion}
}

// PlanStream writes a plan as a JSON stream, see Line.
func PlanStream(w io.Writer, pl *plan.Plan, c clock.Clock) error {
	out := &lineWriter{w: w}
	now := c.Now()
	out.put(now, versionLine(pl.Tool))
	sum := streamSummary(pl)
	known := map[string]plan.Op{}
	for _, l := range pl.Summary.ByAddress {
		known[l.Address] = l.Op
	}
	for i := range pl.Instances {
		in := &pl.Instances[i]
		for c := range in.Changes {
			out.put(now, changeLine(in, &in.Changes[c]))
		}
		for _, b := range blocks(in, known) {
			sum.count(b.op)
		}
		index := 0
		for s := range in.Stages {
			for a := range in.Stages[s].Actions {
				index++
				out.put(now, actionLine(in, &in.Stages[s], index, &in.Stages[s].Actions[a]))
			}
		}
	}
	for _, d := range pl.Diagnostics {
		out.put(now, diagnosticLine(d))
	}
	message := "No changes. The instances are as declared."
	if pl.HasChanges() || sum.Failed > 0 {
		message = "Plan: " + SummaryLine(pl)
	}
	out.put(now, Line{Type: "change_summary", Message: message, Changes: sum})
	return out.err
}

// ErrorStream writes findings that stand in no plan: of a command that came to
// none, or ahead of a run. With headed, the stream's version was written before.
func ErrorStream(w io.Writer, tool string, findings []plan.Diagnostic, headed bool, c clock.Clock) error {
	out := &lineWriter{w: w}
	now := c.Now()
	if !headed {
		out.put(now, versionLine(tool))
	}
	for _, d := range findings {
		out.put(now, diagnosticLine(d))
	}
	return out.err
}

func changeLine(in *plan.Instance, c *plan.Change) Line {
	r := StreamResource{Addr: joined(in.Address, c.Block), Instance: in.Address, Block: c.Block, Attribute: c.Path}
	sc := &StreamChange{Resource: r, Action: string(c.Op), Actions: []string{string(c.Op)}, Note: c.Note}
	if c.Op == plan.Import && in.Importing != nil {
		sc.Importing = &StreamImporting{ID: in.Importing.ID}
	}
	if c.Secret {
		sc.BeforeSensitive = c.Op != plan.Create
		sc.AfterSensitive = c.Op == plan.Create || c.Op == plan.Update
	} else {
		sc.Before, sc.After = valid(c.Before), valid(c.After)
	}
	if at, ok := ParseRange(c.Range); ok {
		sc.Range = &at
	}
	what := r.Addr
	if c.Path != "" {
		what += "." + c.Path
	}
	return Line{Type: "planned_change", Message: fmt.Sprintf("%s: plan to %s", what, c.Op), Change: sc}
}

// valid keeps a hostile plan file from breaking the stream.
func valid(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || !json.Valid(raw) {
		return json.RawMessage("null")
	}
	return raw
}

func actionLine(in *plan.Instance, st *plan.Stage, index int, a *plan.Action) Line {
	addr := a.Block
	if addr == "" {
		addr = in.Address
	}
	message := fmt.Sprintf("%s: step %d: %s", in.Address, index, a.Title)
	if a.Manual != "" {
		message += " (by hand: " + a.Manual + ")"
	}
	return Line{Type: "planned_action", Message: message, Action: &StreamAction{
		Resource: StreamResource{Addr: addr, Instance: in.Address}, ID: a.ID, Index: index, Kind: string(a.Kind),
		Title: a.Title, Stage: string(st.Kind), Window: st.Number, Danger: string(a.Danger), CanUndo: a.Undo.Possible,
		Undo: a.Undo.How, Manual: a.Manual, Bytes: a.Cost.Bytes, Seconds: a.Cost.Seconds,
	}}
}

var sourceRange = lazyregexp.New(`^(.+):(\d+),(\d+)-(?:(\d+),)?(\d+)$`)

func diagnosticLine(d plan.Diagnostic) Line {
	sd := &StreamDiagnostic{Severity: string(d.Severity), Summary: d.Summary, Detail: d.Detail, Address: d.Address}
	if r, ok := ParseRange(d.Range); ok {
		sd.Range = &r
	} else if d.Range != "" {
		sd.Range = &StreamRange{Filename: d.Range}
	}
	level, word := "warn", "Warning: "
	if d.Severity == plan.Error {
		level, word = "error", "Error: "
	}
	return Line{Type: "diagnostic", Level: level, Message: word + d.Summary, Diagnostic: sd}
}

func streamSummary(pl *plan.Plan) *StreamSummary {
	s := &pl.Summary
	out := &StreamSummary{
		Operation: "plan", Instances: s.Instances, ToChange: s.ToChange, Failed: s.Failed, Windows: s.Windows,
		Irreversible: s.Irreversible, DataLoss: s.DataLoss, Manual: s.Manual,
	}
	if s.Windows == 0 || s.Downtime.Seconds > 0 {
		out.DowntimeSeconds = &s.Downtime.Seconds
	}
	return out
}

func (s *StreamSummary) count(op plan.Op) {
	switch op {
	case plan.Create:
		s.Add++
	case plan.Delete:
		s.Remove++
	case plan.Forget:
		s.Forget++
	case plan.Import:
		s.Import++
	case plan.Move: // nothing of the instance
	default:
		s.Change++
	}
}
