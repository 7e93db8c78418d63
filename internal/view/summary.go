package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/humanize"
)

// The words of state.RunStatus; this package does not import it.
const (
	statusRunning     = "running"
	statusFailed      = "failed"
	statusDone        = "done"
	statusRolledBack  = "rolled_back"
	statusInterrupted = "interrupted"
)

func statusWord(s string) string {
	switch s {
	case statusRolledBack:
		return "rolled back"
	case statusRunning:
		return "running, or killed"
	}
	return clean(s)
}

// ended reports whether a run of this status did what it was asked for.
func ended(status string) bool { return status == statusDone }

// headline is the result in a sentence.
func headline(r RunReport) string {
	n := r.counts()
	actions := func(k int) string { return humanize.Count(int64(k), "action", "actions") }
	switch r.Status {
	case statusDone:
		if n[Undone] > 0 {
			return "Undone: " + actions(n[Undone]) + "."
		}
		text := "Done: " + actions(n[Done]+n[Skipped])
		if n[Skipped] > 0 {
			text += fmt.Sprintf(", %d of them found done already", n[Skipped])
		}
		if n[Manual] > 0 {
			text += fmt.Sprintf("; %d left to a person", n[Manual])
		}
		return text + "."
	case statusRolledBack:
		if len(r.failed()) == 0 {
			return "Rolled back: " + actions(n[Undone]) + " undone."
		}
		return "Failed and rolled back: " + actions(n[Undone]) + " undone."
	case statusInterrupted:
		return fmt.Sprintf("Interrupted in a clean place: %s done, %d not started.", actions(n[Done]+n[Skipped]), n[NotStarted])
	case statusRunning:
		return fmt.Sprintf("Not ended (still running, or killed): %s done, %d not started.", actions(n[Done]+n[Skipped]), n[NotStarted])
	default:
		return fmt.Sprintf("Failed part-way: %s done, %d undone, %d failed, %d not started.",
			actions(n[Done]+n[Skipped]), n[Undone], n[Failed]+n[UndoFailed]+n[Open], n[NotStarted])
	}
}

func (r RunReport) counts() map[Outcome]int {
	n := map[Outcome]int{}
	for i := range r.Actions {
		n[r.Actions[i].Outcome]++
	}
	return n
}

// failed are the actions that went wrong, also those undone afterwards.
func (r RunReport) failed() []*ActionReport {
	var out []*ActionReport
	for i := range r.Actions {
		if a := &r.Actions[i]; a.Outcome == Failed || a.Outcome == Undone && a.Error != "" {
			out = append(out, a)
		}
	}
	return out
}

func (r RunReport) with(o Outcome) []*ActionReport {
	var out []*ActionReport
	for i := range r.Actions {
		if r.Actions[i].Outcome == o {
			out = append(out, &r.Actions[i])
		}
	}
	return out
}

// leftovers reports whether undoing left something behind.
func (r RunReport) leftovers() bool {
	for i := range r.Actions {
		if r.Actions[i].Leftover != "" {
			return true
		}
	}
	return false
}

// Summary writes what a run did: what went wrong first, then what is as it was
// and what is not, how long DSS was down, and what to do next.
func Summary(w io.Writer, r RunReport, s Style) error { return summary(w, r, s, withErrors) }

func summary(w io.Writer, r RunReport, s Style, failures detail) error {
	p := &page{Style: s}
	c := alarm
	switch r.Status {
	case statusDone:
		c = green
	case statusRolledBack, statusInterrupted:
		c = yellow
	}
	long := ""
	if d, ok := took(r); ok {
		long = ", took " + humanize.Duration(d)
	}
	p.wrapped(0, c, headline(r))
	p.line(p.paint(dim, "Run "+clean(r.Run)+long))
	p.blank()
	p.outcomes(r, failures)
	p.facts(r)
	p.advice(r)
	return p.writeTo(w)
}

// took is how long the run took. Of one that was undone later, the time in
// between was not the run's.
func took(r RunReport) (time.Duration, bool) {
	d := r.Ended.Sub(r.Started)
	ok := (r.counts()[Undone] == 0 || len(r.failed()) > 0) && !r.Ended.IsZero() && !r.Started.IsZero() && d > 0
	return d, ok
}

// longList is how many actions of one outcome are named.
const longList = 20

// detail is what a list of actions tells beside their names.
type detail int

const (
	namesAlone    detail = iota
	withErrors           // why they failed; none is left out
	withLeftovers        // what undoing left behind
)

// outcomes lists the actions by how they ended, and why some failed unless that
// was told before.
func (p *page) outcomes(r RunReport, failures detail) {
	p.byHand(r)
	p.list("Failed", alarm, r.failed(), failures)
	p.list("Undoing failed", alarm, r.with(UndoFailed), failures)
	p.list("Begun, and how it ended is not known", alarm, r.with(Open), failures)
	if len(r.failed()) > 0 || partial(r) || r.leftovers() { // otherwise the headline says it
		p.list("Undone", "", r.with(Undone), withLeftovers)
	}
	if partial(r) { // otherwise the headline says it
		p.list("Done", "", append(r.with(Done), r.with(Skipped)...), withLeftovers)
		p.list("Not started", "", r.with(NotStarted), withLeftovers)
	}
}

// byHand names what a person has to do, with the commands.
func (p *page) byHand(r RunReport) {
	left := r.with(Manual)
	if len(left) == 0 {
		return
	}
	p.line(p.paint(yellow, "Left to a person"))
	for _, a := range left {
		p.wrapped(2, "", clean(a.Instance)+": "+oneLine(a.Title))
		for l := range strings.SplitSeq(strings.TrimRight(a.Manual, "\n"), "\n") {
			p.line("    ", clean(l))
		}
	}
	p.blank()
}

// partial reports whether the world is between before and after, so that each
// action counts.
func partial(r RunReport) bool {
	return r.Status == statusFailed || r.Status == statusRunning || r.Status == statusInterrupted
}

// list names actions, the first of a long list and all that tell more.
func (p *page) list(head string, c paint, actions []*ActionReport, more detail) {
	if len(actions) == 0 {
		return
	}
	p.line(p.paint(c, head))
	for i, a := range actions {
		failed, left := more == withErrors && a.Error != "", more == withLeftovers && a.Leftover != ""
		if i >= longList && more != withErrors && !left {
			continue
		}
		text := clean(a.Instance) + ": " + oneLine(a.Title)
		if a.Elapsed > 0 {
			text += " (" + humanize.Duration(a.Elapsed) + ")"
		}
		p.wrapped(2, "", text)
		if failed {
			p.wrapped(4, "", clean(a.Error))
		}
		if left {
			p.wrapped(4, yellow, "something is left: "+clean(a.Leftover))
		}
	}
	if n := len(actions) - longList; n > 0 && more != withErrors {
		p.line("  and ", humanize.Number(int64(n)), " more")
	}
	p.blank()
}

func (p *page) facts(r RunReport) {
	before := p.b.Len()
	for _, d := range r.Down {
		p.line(p.paint(alarm, downSince(d)))
	}
	for _, fact := range measured(r) {
		p.line(fact)
	}
	for _, n := range notes(r) {
		p.wrapped(0, "", n)
	}
	if p.b.Len() > before {
		p.blank()
	}
}

func downSince(d Down) string {
	return fmt.Sprintf("DSS of %s is down since %s", clean(d.Instance), moment(d.Since))
}

// measured is how long DSS was down, and where the way back is.
func measured(r RunReport) []string {
	var out []string
	for _, d := range r.Downtime {
		out = append(out, "Downtime of "+clean(d.Instance)+": "+downFor(d))
	}
	for _, path := range r.Safety {
		out = append(out, "Safety backup: "+clean(path))
	}
	if r.GuardLog != "" {
		out = append(out, "Its dssctl was killed. What its guard did: "+clean(r.GuardLog))
	}
	return out
}

// downFor tells a rollback's downtime from that of the run itself.
func downFor(d Downtime) string {
	if d.Rollback <= 0 {
		return humanize.Duration(d.Duration)
	}
	text := humanize.Duration(d.Rollback) + " in the rollback"
	if d.Duration > 0 {
		text += ", " + humanize.Duration(d.Duration) + " in the run before it"
	}
	return text
}

func notes(r RunReport) []string {
	var out []string
	for _, why := range r.Spent {
		out = append(out, clean(why))
	}
	for _, n := range r.Notices {
		out = append(out, "Note: "+clean(n))
	}
	for i := range r.Actions {
		for _, n := range r.Actions[i].Notices {
			out = append(out, "Note of "+oneLine(r.Actions[i].Title)+": "+clean(n))
		}
	}
	return out
}

// runFacts are all of that but for the notes of the actions, which a page shows
// beside them.
func runFacts(r RunReport) []string {
	var out []string
	for _, d := range r.Down {
		out = append(out, downSince(d))
	}
	out = append(out, measured(r)...)
	r.Actions = nil
	return append(out, notes(r)...)
}

// nextSteps are the commands that help.
func nextSteps(r RunReport) []ReviewCommand {
	id := clean(r.Run)
	switch r.Status {
	case statusDone:
		if r.Undoable && r.counts()[Undone] == 0 {
			return []ReviewCommand{{"dssctl rollback " + id, "undoes this run"}}
		}
	case statusFailed, statusRunning:
		return []ReviewCommand{
			{"dssctl recover " + id + " -resume", "goes on where it stopped"},
			{"dssctl recover " + id + " -rollback", "undoes what was done"},
			{"dssctl status", "shows whether DSS runs"},
		}
	case statusInterrupted:
		out := []ReviewCommand{{"dssctl plan", "shows what is left to do"}}
		if r.Undoable {
			out = append(out, ReviewCommand{"dssctl rollback " + id, "undoes what was done"})
		}
		return out
	case statusRolledBack:
		return []ReviewCommand{{"dssctl plan", "shows what is still to do"}, {"dssctl show " + id, "shows this run again"}}
	}
	return nil
}

func (p *page) advice(r RunReport) {
	commands := nextSteps(r)
	widest := 0
	for _, c := range commands {
		widest = max(widest, cells(c.Command))
	}
	for i, c := range commands {
		head := "Next:  "
		if i > 0 {
			head = strings.Repeat(" ", len(head))
		}
		p.line(head, pad(c.Command, widest), "   ", p.paint(dim, c.What))
	}
}
