package executor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/state"
)

// Outcome is how an action of a run ended.
type Outcome string

// The outcomes.
const (
	OutcomeDone       Outcome = "done"
	OutcomeSkipped    Outcome = "skipped" // it was so already
	OutcomeManual     Outcome = "manual"  // left to a person, see plan.Action.Manual
	OutcomeFailed     Outcome = "failed"
	OutcomeOpen       Outcome = "open" // begun, never ended
	OutcomeUndone     Outcome = "undone"
	OutcomeUndoFailed Outcome = "undo_failed"
	OutcomeNotStarted Outcome = "not_started"
)

// ActionResult is one action's part of a run.
type ActionResult struct {
	Instance string
	Action   *plan.Action
	Outcome  Outcome
	Elapsed  time.Duration
	Error    string
	Leftover string
	Notices  []string
}

// Result is what a run did.
type Result struct {
	Run     state.Run
	Actions []ActionResult
	// Records is how many records the journal has: it grows when somebody works
	// on the run.
	Records int
	// Undoable says that a rollback of what was done would be taken, and would do
	// something.
	Undoable bool
	// Spent are the reasons why it can no longer be undone, though it could when
	// it was done; see Executor.Offer.
	Spent []string
	// Kept are the places where the run keeps something of value.
	Kept []string
	// Down are the instances whose DSS the run has stopped and not started
	// again, with the time since when.
	Down map[string]time.Time
	// Downtime measured, by instance.
	Downtime map[string]Downtime
}

// stands reports whether something of the run is in place on these instances,
// but for what aside says makes no difference to them.
func (r *Result) stands(instances map[string]bool, aside func(*plan.Action) bool) bool {
	for _, a := range r.Actions {
		if instances[a.Instance] && a.Outcome != OutcomeNotStarted && a.Outcome != OutcomeUndone && !aside(a.Action) {
			return true
		}
	}
	return false
}

// ReadRun returns a past or an open run's plan and what it did.
func ReadRun(ctx context.Context, store state.Store, id string) (*plan.Plan, *Result, error) {
	j, err := store.OpenRun(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	defer j.Close()
	p, h, _, err := load(ctx, j)
	if err != nil {
		return nil, nil, err
	}
	return p, summarize(p, h, j.Run()), nil
}

// load reads a run's plan and journal.
func load(ctx context.Context, j state.Journal) (*plan.Plan, *history, int, error) {
	raw, err := j.Plan(ctx)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("plan of run %s: %w", j.Run().ID, err)
	}
	p, err := plan.Decode(raw)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("plan of run %s: %w", j.Run().ID, err)
	}
	records, err := j.Records(ctx)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("journal of run %s: %w", j.Run().ID, err)
	}
	h, err := read(records)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("run %s: %w", j.Run().ID, err)
	}
	seq := 0
	if len(records) > 0 {
		seq = records[len(records)-1].Seq
	}
	return p, h, seq, nil
}

func (s *session) result(status state.RunStatus) *Result {
	run := s.journal.Run()
	run.Status = status
	return summarize(s.plan, s.history, run)
}

var outcomes = map[phase]Outcome{
	pending: OutcomeNotStarted, begun: OutcomeOpen, done: OutcomeDone, failed: OutcomeFailed,
	undoing: OutcomeUndoFailed, undone: OutcomeUndone, undoFailed: OutcomeUndoFailed,
}

func summarize(p *plan.Plan, h *history, run state.Run) *Result {
	r := &Result{Run: run, Records: h.records, Downtime: map[string]Downtime{}, Down: map[string]time.Time{}}
	outages, ran := map[string][]outage{}, map[string]bool{}
	var stop *progress
	changed, final := false, false
	p.Actions(func(in *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		ap := h.of(a.ID)
		changed = changed || ap.changed() && a.Undo.How != plan.OnlyLooks && !takenOut(in)
		final = final || ap.changed() && !a.Undo.Possible
		ar := ActionResult{Instance: in.Address, Action: a, Outcome: outcomes[ap.phase], Error: ap.err, Leftover: ap.leftover, Notices: ap.notices}
		if ap.skipped && ap.phase == done {
			ar.Outcome = OutcomeSkipped
		}
		if ap.manual && ap.phase == done {
			ar.Outcome = OutcomeManual
		}
		if !ap.ended.IsZero() {
			ar.Elapsed = ap.ended.Sub(ap.began)
		}
		r.Actions = append(r.Actions, ar)
		r.Kept = append(r.Kept, ap.kept...)
		outages[in.Address] = append(outages[in.Address], ap.outages...)
		switch a.Phase {
		case plan.Stop:
			stop = ap
			ran[in.Address] = ran[in.Address] || a.Danger == plan.Downtime
			// A stop that found DSS stopped has taken nothing down.
			if ap.touched() && a.Danger == plan.Downtime {
				r.Down[in.Address] = ap.began
			}
		case plan.Start:
			if ap.phase == done {
				delete(r.Down, in.Address)
			}
			d := r.Downtime[in.Address]
			d.add(stop, ap, h.wholeSince)
			if d != (Downtime{}) {
				r.Downtime[in.Address] = d
			}
			stop = nil // of this window alone
		}
		return true
	})
	for address, all := range outages {
		r.measured(address, all, h.wholeSince, ran[address])
	}
	r.Undoable = changed && !final
	return r
}

// takenOut reports whether the run has only taken files out for somebody, whose
// they are from then on.
func takenOut(in *plan.Instance) bool {
	return in.Foreign && !slices.ContainsFunc(in.Stages, func(s plan.Stage) bool { return s.Kind == plan.Window })
}
