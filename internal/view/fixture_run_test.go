package view

import (
	"time"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
)

const runName = "20261120-120000-4f2a"

// report makes a report of the move with these outcomes, in order.
func report(status string, outcomes ...Outcome) RunReport {
	r := RunReport{Run: runName, Status: status, Why: "apply", Started: noon, Ended: noon.Add(250 * time.Second)}
	i := 0
	movePlan().Actions(func(in *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		o := NotStarted
		if i < len(outcomes) {
			o = outcomes[i]
		}
		ar := ActionReport{ID: a.ID, Title: a.Title, Instance: in.Address, Outcome: o}
		if o != NotStarted {
			ar.Elapsed = time.Duration(i*1300+40) * time.Millisecond
		}
		r.Actions = append(r.Actions, ar)
		i++
		return true
	})
	r.Undoable = status != statusRolledBack && len(r.with(Done)) > 0
	return r
}

const copyError = "dssadmin copy-databases-to-external ended with exit code 3: ERROR: could not extend file: No space left on device. " +
	"Free space on pg.internal (about 1.3 GiB are needed) and apply again."

// undos are the move's, by action.
func undos() map[string]plan.Undo {
	out := map[string]plan.Undo{}
	movePlan().Actions(func(_ *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		out[a.ID] = a.Undo
		return true
	})
	return out
}

// clockAt is a clock moved by hand.
type clockAt struct{ now time.Time }

func (c *clockAt) Now() time.Time { return c.now }

// runEvents is what a move sends that fails, is undone, and tells a notice.
func runEvents() []event.Event {
	at := noon
	const n = 9
	e := func(t event.Type, index int, title string, after time.Duration, more func(*event.Event)) event.Event {
		at = at.Add(after)
		ev := event.Event{Type: t, Time: at, Run: runName, Index: index, Total: n}
		if index > 0 {
			ev.Instance, ev.Action, ev.Title = "instance.design", "design/"+string(rune('0'+index)), title
			ev.Elapsed = after
		}
		if more != nil {
			more(&ev)
		}
		return ev
	}
	bytes := func(done int64) func(*event.Event) {
		return func(ev *event.Event) {
			ev.Elapsed = 0 // the stream counts itself
			ev.Progress = &event.Progress{Done: done, Total: 1395864371, Unit: "bytes"}
		}
	}
	undo := func(how, message string) func(*event.Event) {
		return func(ev *event.Event) { ev.Undo, ev.Message = how, message }
	}
	say := func(s string) func(*event.Event) { return func(ev *event.Event) { ev.Message = s } }
	const create, stop, set, copying = "create schema dss_runtime on pg.internal", "check that nothing runs, stop DSS",
		"set internalDatabase in general-settings.json", "copy the runtime databases"
	return []event.Event{
		e(event.RunStart, 0, "", 0, nil),
		e(event.ApplyStart, 1, create, 0, nil),
		e(event.ApplySkipped, 1, create, 40*time.Millisecond, say("was so already")),
		e(event.ApplyStart, 3, stop, 0, nil),
		e(event.Notice, 3, stop, time.Second, say("a notebook of user anna is running: it is ended with DSS")),
		e(event.ApplyComplete, 3, stop, 21*time.Second, nil),
		e(event.ApplyStart, 5, set, 0, nil),
		e(event.ApplyComplete, 5, set, 120*time.Millisecond, nil),
		e(event.ApplyStart, 6, copying, 0, nil),
		e(event.ApplyProgress, 6, copying, time.Second, bytes(0)),
		e(event.ApplyProgress, 6, copying, 4*time.Second, bytes(400<<20)),
		e(event.ApplyProgress, 6, copying, 6*time.Second, bytes(1000<<20)),
		e(event.ApplyProgress, 6, copying, 50*time.Millisecond, bytes(1010<<20)),
		e(event.ApplyErrored, 6, copying, time.Second, say(copyError)),
		e(event.RollbackStart, 6, copying, 0, undo("drop the copied tables", "")),
		e(event.RollbackComplete, 6, copying, 800*time.Millisecond, undo("drop the copied tables", "the empty schema dss_runtime")),
		e(event.RollbackStart, 5, set, 0, undo("exact bytes", "")),
		e(event.RollbackErrored, 5, set, 10*time.Millisecond, undo("exact bytes", "write /data/dataiku/design/config/general-settings.json: permission denied")),
		e(event.RunComplete, 0, "", 0, say("failed")),
	}
}
