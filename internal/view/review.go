package view

import (
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/plan"
)

// Review is a plan, and where it was carried out what its run did, in the words
// and the order in which a person reads them. The pages for the web (HTML,
// Markdown) are drawn from it, so that they cannot say different things. Its
// texts are clean of control characters and hold no secret; a renderer escapes
// them for its own format and decides nothing.
type Review struct {
	Title    string // "Plan for DSS", or the run's
	Headline string // what it comes to
	Scope    string // which part of the estate was looked at; "" for all
	Tool     string
	Created  string // UTC to the minute

	Figures  []string // the parts of the summary line
	Gates    []string // the flags without which it is refused
	Blocks   []ReviewBlock
	Dangers  []ReviewStep
	Manual   []ReviewStep
	Findings []ReviewFinding

	Instances []ReviewInstance
	Quiet     []ReviewHead // nothing to do for these
	Failed    []ReviewHead // these could not be planned

	Run *ReviewRun
	// Failures are the steps of the run that went wrong, also those undone since.
	Failures []ReviewStep
}

// ReviewHead is an instance with what it is today.
type ReviewHead struct {
	Address string
	Seen    []string
}

// ReviewBlock is a changed block.
type ReviewBlock struct {
	Address string
	Op      plan.Op
	Changes string // "3 changes"
}

// ReviewFinding is an error or a warning.
type ReviewFinding struct {
	Error                           bool
	Summary, Detail, Address, Range string
}

// ReviewInstance is an instance for which something is to be done, or that
// differs and is only watched.
type ReviewInstance struct {
	ReviewHead
	Observed bool // it is looked at and not acted on
	Changes  []Difference
	Stages   []ReviewStage
}

// Difference is one line of a difference, or a heading with lines below it.
type Difference struct {
	Op plan.Op // "" for a remark
	// Name of the attribute or member; "" for a member of a list.
	Name          string
	Before, After string // "" for absent
	Note          string
	Below         []Difference
}

// ReviewStage is a run of steps.
type ReviewStage struct {
	Name  string // "before the window", "window 1"
	Down  bool   // DSS is stopped in it
	Cost  string // how long DSS is down
	Note  string
	Steps []ReviewStep
}

// ReviewStep is an action.
type ReviewStep struct {
	Instance string
	Number   int // in its instance, from 1
	Title    string
	Size     string
	Danger   plan.Danger
	// Undo is how it is undone, or why it is not.
	Undo     string
	Undoable bool
	Manual   string // the command that a person has to run
	// Of a run: how it ended, and what was said about it.
	Outcome  Outcome
	Took     string
	Error    string
	Leftover string
	Notices  []string
}

// Verdict says how the step ended, "" where it belongs to no run.
func (s ReviewStep) Verdict() string {
	switch s.Outcome {
	case Done:
		return "done"
	case Skipped:
		return "was so already"
	case Manual:
		return "left to a person"
	case Failed:
		return "failed"
	case Open:
		return "begun, and how it ended is not known"
	case Undone:
		if s.Error != "" {
			return "failed, undone since"
		}
		return "undone"
	case UndoFailed:
		return "undoing failed"
	case NotStarted:
		return "not started"
	}
	return oneLine(string(s.Outcome))
}

// ReviewRun is what a run did.
type ReviewRun struct {
	Name, Status, Headline string
	Started, Took, Why     string
	Good                   bool // it did what it was asked for
	Facts                  []string
	Next                   []ReviewCommand
	Journal                []JournalLine
}

// ReviewCommand is a command that helps, and what it does.
type ReviewCommand struct{ Command, What string }

// JournalLine is one record of a run's journal in words.
type JournalLine struct {
	Time   time.Time `json:"time"`
	Type   string    `json:"type"`
	Action string    `json:"action,omitempty"`
	Text   string    `json:"text,omitempty"`
}

// NewReview reads a plan for a reader; run and journal are nil for one that was
// not carried out.
func NewReview(pl *plan.Plan, run *RunReport, journal []JournalLine) *Review {
	r := &Review{Title: "Plan for DSS", Tool: oneLine(pl.Tool), Created: moment(pl.CreatedAt)}
	r.Scope = scope(pl)
	known := map[string]plan.Op{}
	for _, l := range pl.Summary.ByAddress {
		known[l.Address] = l.Op
	}
	reports := map[string]*ActionReport{}
	if run != nil {
		r.Title = "Run " + oneLine(run.Run)
		r.Run = reviewRun(run, journal)
		for i := range run.Actions {
			reports[run.Actions[i].ID] = &run.Actions[i]
		}
	}
	for i := range pl.Instances {
		in := &pl.Instances[i]
		head := ReviewHead{Address: oneLine(in.Address), Seen: append(seen(in), ignoredNote(in)...)}
		switch {
		case in.Failed:
			r.Failed = append(r.Failed, head)
		case in.HasChanges():
			r.instance(in, head, known, reports)
		default:
			r.Quiet = append(r.Quiet, head)
		}
	}
	r.findings(pl)
	r.Headline = "No changes. The instances are as declared."
	if pl.HasChanges() || pl.Summary.Failed > 0 {
		r.Figures, r.Gates = summaryParts(pl), gates(pl)
		r.Headline = strings.Join(r.Figures, " · ")
	} else if len(pl.Instances) == 0 {
		r.Headline = "No changes. No instance is declared here, or none is selected."
	}
	return r
}

func (r *Review) instance(in *plan.Instance, head ReviewHead, known map[string]plan.Op, reports map[string]*ActionReport) {
	out := ReviewInstance{ReviewHead: head, Observed: in.Mode == plan.Observe}
	for _, b := range blocks(in, known) {
		address := head.Address
		if b.name != "" {
			address += "." + oneLine(b.name)
		}
		r.Blocks = append(r.Blocks, ReviewBlock{Address: address, Op: b.op, Changes: humanize.Count(int64(b.count()), "change", "changes")})
		out.Changes = append(out.Changes, difference(b.entry()))
	}
	windows := countWindows(in)
	n := 0
	for i := range in.Stages {
		st := &in.Stages[i]
		rs := ReviewStage{
			Name: stageName(st, windows, in.Stages[i+1:]), Down: st.Kind == plan.Window, Note: oneLine(st.Note),
		}
		if rs.Down {
			rs.Cost = stageCost(st)
		}
		for a := range st.Actions {
			n++
			act := &st.Actions[a]
			s := step(head.Address, n, act)
			s.report(reports[act.ID])
			if s.Error != "" || s.Outcome == Failed || s.Outcome == UndoFailed || s.Outcome == Open {
				r.Failures = append(r.Failures, s)
			}
			rs.Steps = append(rs.Steps, s)
			if act.Danger.Flag() != "" {
				r.Dangers = append(r.Dangers, s)
			}
			if s.Manual != "" {
				r.Manual = append(r.Manual, s)
			}
		}
		out.Stages = append(out.Stages, rs)
	}
	r.Instances = append(r.Instances, out)
}

func step(address string, n int, a *plan.Action) ReviewStep {
	s := ReviewStep{
		Instance: address, Number: n, Title: oneLine(a.Title), Danger: a.Danger,
		Undo: oneLine(a.Undo.How), Undoable: a.Undo.Possible, Manual: clean(strings.TrimRight(a.Manual, "\n")),
	}
	if a.Cost.Bytes > 0 {
		s.Size = humanize.Bytes(a.Cost.Bytes)
	}
	return s
}

func (s *ReviewStep) report(a *ActionReport) {
	if a == nil {
		return
	}
	s.Outcome, s.Error, s.Leftover = a.Outcome, clean(a.Error), clean(a.Leftover)
	if a.Elapsed > 0 {
		s.Took = humanize.Duration(a.Elapsed)
	}
	for _, n := range a.Notices {
		s.Notices = append(s.Notices, clean(n))
	}
}

// difference turns an entry of the terminal's page into one of a web page:
// before and after each on their side.
func difference(e entry) Difference {
	d := Difference{Op: e.op, Name: e.name, Before: e.before, After: e.after, Note: e.note}
	if e.op == plan.Delete || e.op == plan.Forget {
		d.Before, d.After = e.after, ""
	}
	for _, b := range e.below {
		d.Below = append(d.Below, difference(b))
	}
	return d
}

func (r *Review) findings(pl *plan.Plan) {
	for _, severity := range []plan.Severity{plan.Error, plan.Warning} {
		for _, d := range pl.Diagnostics {
			if d.Severity == severity {
				r.Findings = append(r.Findings, ReviewFinding{
					Error: severity == plan.Error, Summary: oneLine(d.Summary), Detail: clean(d.Detail),
					Address: oneLine(d.Address), Range: oneLine(d.Range),
				})
			}
		}
	}
}

func reviewRun(run *RunReport, journal []JournalLine) *ReviewRun {
	out := &ReviewRun{
		Name: oneLine(run.Run), Status: statusWord(run.Status), Headline: headline(*run), Good: ended(run.Status),
		Started: moment(run.Started), Why: oneLine(run.Why), Facts: runFacts(*run), Next: nextSteps(*run),
	}
	if d, ok := took(*run); ok {
		out.Took = humanize.Duration(d)
	}
	for _, l := range journal {
		l.Type, l.Action, l.Text = oneLine(l.Type), oneLine(l.Action), clean(l.Text)
		out.Journal = append(out.Journal, l)
	}
	return out
}
