// Package runs has the runs that the renderers are tried with.
package runs

import (
	"time"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/internal/view/viewtest"
)

// Name of the runs.
const Name = "20261120-120000-4f2a"

// Of is a run of a plan whose actions ended so, in order; the rest was not
// started.
func Of(p *plan.Plan, status string, outcomes ...view.Outcome) *view.RunReport {
	r := &view.RunReport{Run: Name, Status: status, Why: "apply", Started: viewtest.Noon, Ended: viewtest.Noon.Add(250 * time.Second), Undoable: status != "rolled_back"}
	p.Actions(func(in *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		ar := view.ActionReport{ID: a.ID, Title: a.Title, Instance: in.Address, Outcome: view.NotStarted}
		if i := len(r.Actions); i < len(outcomes) {
			ar.Outcome, ar.Elapsed = outcomes[i], time.Duration(i*1300+40)*time.Millisecond
		}
		r.Actions = append(r.Actions, ar)
		return true
	})
	return r
}

// CopyError is why the copy of the failed run failed.
const CopyError = "dssadmin copy-databases-to-external ended with exit code 3: ERROR: could not extend file: No space left on device. " +
	"Free space on pg.internal (about 1.3 GiB are needed) and apply again."

// RolledBack is a move that failed while copying and was undone.
func RolledBack() (*plan.Plan, *view.RunReport, []view.JournalLine) {
	p := viewtest.Move()
	r := Of(p, "rolled_back", view.Done, view.Done, view.Undone, view.Undone, view.Undone, view.Undone)
	r.Actions[5].Error = CopyError
	r.Actions[0].Notices = []string{"the schema dss_runtime was there, and empty"}
	r.Downtime = []view.Downtime{{Instance: "instance.design", Duration: 95 * time.Second}}
	r.Safety = []string{"/data/dataiku/design.dssctl/safety/" + Name}
	at := func(s int) time.Time { return viewtest.Noon.Add(time.Duration(s) * time.Second) }
	return p, r, []view.JournalLine{
		{Time: at(0), Type: "begin", Action: "design/1"},
		{Time: at(1), Type: "notice", Action: "design/1", Text: r.Actions[0].Notices[0]},
		{Time: at(2), Type: "end", Action: "design/1"},
		{Time: at(40), Type: "begin", Action: "design/6"},
		{Time: at(71), Type: "failed", Action: "design/6", Text: CopyError},
		{Time: at(71), Type: "rollback"},
		{Time: at(72), Type: "undo_begin", Action: "design/6"},
		{Time: at(73), Type: "undo_end", Action: "design/6"},
	}
}

// Hostile is a run with a nasty text wherever there can be any.
func Hostile(nasty string) (*plan.Plan, *view.RunReport, []view.JournalLine) {
	p := viewtest.Hostile(nasty)
	r := Of(p, nasty, view.Done, view.Failed, view.UndoFailed, view.Open, view.Undone)
	for i := range r.Actions {
		a := &r.Actions[i]
		a.Title, a.Instance, a.Error, a.Leftover, a.Notices = nasty, nasty, nasty, nasty, []string{nasty}
	}
	r.Run, r.Why, r.Safety, r.Notices = nasty, nasty, []string{nasty}, []string{nasty}
	r.Downtime = []view.Downtime{{Instance: nasty}}
	r.Down = []view.Down{{Instance: nasty}}
	return p, r, []view.JournalLine{{Time: viewtest.Noon, Type: nasty, Action: nasty, Text: nasty}}
}
