package executor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/state"
)

// Rollback undoes a finished run, the last action first.
func (e *Executor) Rollback(ctx context.Context, id string, o Options) (*Result, error) {
	s, err := e.reopen(ctx, id, o.Why)
	if err != nil {
		return nil, err
	}
	defer s.end()
	if lost, err := e.mayRollback(ctx, s, false); err != nil {
		return nil, err
	} else if len(lost) > 0 && !o.AllowLoss {
		return nil, &LossError{Run: id, Lost: lost}
	}
	s.history.backwards, s.history.whole = true, true
	s.emit(event.Event{Type: event.RunStart, Message: string(Backwards)})
	return s.goBack(ctx)
}

// Losses says what rolling back a finished run now would lose, one line each. The
// error of a run that cannot be rolled back is that of Rollback, which looks more
// closely.
func (e *Executor) Losses(ctx context.Context, id, why string) ([]string, error) {
	s, err := e.reopen(ctx, id, why)
	if err != nil {
		return nil, err
	}
	defer s.end()
	return e.mayRollback(ctx, s, true)
}

// mayRollback refuses what cannot be rolled back, and says what would be lost.
func (e *Executor) mayRollback(ctx context.Context, s *session, quick bool) ([]string, error) {
	if err := e.refuseOpenRun(ctx); err != nil {
		return nil, err
	}
	if err := s.checkUndoable(ctx, quick); err != nil {
		return nil, err
	}
	var lost []loss
	for i := range s.plan.Instances {
		in := &s.plan.Instances[i]
		l, err := s.losses(ctx, in, allActions(in))
		if err != nil {
			return nil, err
		}
		lost = append(lost, l...)
	}
	if err := s.checkProtectedUndo(ctx, "rollback of run "+s.journal.Run().ID, lost); err != nil {
		return nil, err
	}
	return lines(lost), nil
}

// LossError says that a rollback would lose something, which nobody has allowed.
type LossError struct {
	Run string
	// Recovery says that it is the undoing of a run that is open.
	Recovery bool
	Lost     []string
}

func (e *LossError) Error() string {
	what := "rollback of run " + e.Run
	if e.Recovery {
		what = "undoing run " + e.Run
	}
	return fmt.Sprintf("%s loses\n  - %s\nNothing was done. Keep a copy of it first (pg_dump), or add --allow data-loss.", what, strings.Join(e.Lost, "\n  - "))
}

// RefusedError says why something that was asked for is not done.
type RefusedError struct {
	What    string
	Reasons []string
}

func (e *RefusedError) Error() string {
	return e.What + " is refused:\n  - " + strings.Join(e.Reasons, "\n  - ")
}

// checkUndoable refuses to undo what cannot be undone, what a later run built
// upon, and what somebody has changed since.
func (s *session) checkUndoable(ctx context.Context, quick bool) error {
	run := s.journal.Run()
	refused := &RefusedError{What: "rollback of run " + run.ID}
	later, err := s.laterRuns(ctx, run)
	if err != nil {
		return err
	}
	for _, l := range later {
		refused.Reasons = append(refused.Reasons, l.reason())
	}
	touched := false
	left, order := map[string]leftPlace{}, []string(nil)
	s.plan.Actions(func(in *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		p := s.history.of(a.ID)
		if !p.touched() {
			return true
		}
		touched = true
		if !a.Undo.Possible && !p.skipped {
			refused.Reasons = append(refused.Reasons, fmt.Sprintf("%q cannot be undone: %s", a.Title, a.Undo.How))
		} else if err := s.checkUndo(ctx, in, a, quick); err != nil {
			refused.Reasons = append(refused.Reasons, fmt.Sprintf("%q can no longer be undone: %v", a.Title, err))
		}
		for _, f := range a.Reads {
			// The last action that touched a thing says how the run left it.
			key := in.Address + "\x00" + f.Probe
			if _, ok := left[key]; !ok {
				order = append(order, key)
			}
			left[key] = leftPlace{in, a, f, p.left[f.Probe]}
		}
		return true
	})
	if !touched {
		refused.Reasons = append(refused.Reasons, fmt.Sprintf("it is %s already: nothing of it is in place", run.Status))
	}
	for _, key := range order {
		l := left[key]
		if l.sum == "" {
			continue
		}
		stands, err := s.stands(ctx, l)
		if err != nil {
			return fmt.Errorf("%s: read %s: %w", l.in.Address, l.Subject, s.clean(ctx, err))
		}
		if !stands {
			refused.Reasons = append(refused.Reasons, fmt.Sprintf("%s: %s was changed after the run, in DSS or by somebody else", l.in.Address, l.Subject))
		}
	}
	if len(refused.Reasons) > 0 {
		return refused
	}
	return nil
}

// leftPlace is a place, the last action that touched it, and its sum then.
type leftPlace struct {
	in     *plan.Instance
	action *plan.Action
	plan.Fingerprint
	sum string
}

// stands reports whether the place is as the run left it, but for what DSS
// itself has added.
func (s *session) stands(ctx context.Context, l leftPlace) (bool, error) {
	now, err := s.probe(s.instances[l.in.Address], l.Probe)
	if err != nil || secret.Equal(now, l.sum) {
		return err == nil, err
	}
	stander, ok := s.Performers[l.action.Kind].(providers.Stander)
	if !ok {
		return false, nil
	}
	return stander.Stands(ctx, s.call(l.in, l.action, nil))
}

// laterRun is a run that stands on what another one did.
type laterRun struct {
	id       string
	from, to string // it has given the instance another address
}

func (l laterRun) reason() string {
	if l.from == "" {
		return fmt.Sprintf("run %s came after it on the same instance; roll that back first", l.id)
	}
	return fmt.Sprintf("since run %s, %s is %s, and the plan of this run and the names of its secrets are those of the former address; declare what you want instead, and apply that", l.id, l.from, l.to)
}

// laterRuns returns the runs after this one that stand on the same instances.
func (s *session) laterRuns(ctx context.Context, run state.Run) ([]laterRun, error) {
	runs, err := s.Store.Runs(ctx)
	if err != nil {
		return nil, err
	}
	mine := map[string]bool{}
	for _, a := range run.Instances {
		mine[a] = true
	}
	var out []laterRun
	for _, r := range runs {
		if r.ID <= run.ID || !slices.ContainsFunc(r.Instances, func(a string) bool { return mine[a] }) {
			continue
		}
		p, past, err := ReadRun(ctx, s.Store, r.ID)
		if err != nil {
			return nil, err
		}
		// A run that was undone leaves a new address as it is.
		if in := movedFrom(p, mine); in != nil {
			out = append(out, laterRun{r.ID, in.MovedFrom, in.Address})
			continue
		}
		// Of a run that failed or was interrupted, an earlier window may stand.
		if past.stands(mine, s.aside) {
			out = append(out, laterRun{id: r.ID})
		}
	}
	return out, nil
}

// aside reports whether the action leaves its instance as it was.
func (s *session) aside(a *plan.Action) bool {
	_, ok := s.Performers[a.Kind].(providers.Aside)
	return ok || a.Undo.How == plan.OnlyLooks
}

// movedFrom returns an instance of the plan that was one of these before.
func movedFrom(p *plan.Plan, addresses map[string]bool) *plan.Instance {
	for i := range p.Instances {
		if in := &p.Instances[i]; addresses[in.MovedFrom] {
			return in
		}
	}
	return nil
}
