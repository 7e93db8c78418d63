package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// checkUndo asks whether an action that was done can still be undone.
func (s *session) checkUndo(ctx context.Context, in *plan.Instance, a *plan.Action, quick bool) error {
	p, ok := s.Performers[a.Kind].(providers.UndoChecker)
	if !ok || s.history.of(a.ID).skipped {
		return nil
	}
	if err := p.CheckUndo(ctx, s.lookingBack(in, a, quick)); err != nil {
		return s.clean(ctx, err)
	}
	return nil
}

// lookingBack is a call of an action that was done: nothing is changed, also not
// in the run's journal.
func (s *session) lookingBack(in *plan.Instance, a *plan.Action, quick bool) *providers.Call {
	c := s.call(in, a, nil)
	c.Glance = quick
	c.Progress, c.Notice, c.Kept = func(event.Progress) {}, func(string) {}, func(string) {}
	c.PutBack = func(context.Context, ...string) error { return errOnlyLooks }
	c.CheckPutBack = func(ctx context.Context, names ...string) error { return s.checkPutBack(ctx, in, a, names, quick) }
	c.Receipt = lookedAt{receipt{s: s, action: a.ID}}
	c.Record = func(string, any) error { return errOnlyLooks }
	return c
}

// lookedAt is a receipt that is read only.
type lookedAt struct{ receipt }

func (lookedAt) Save(any) error { return errOnlyLooks }

// notUndoable are the reasons why actions that stand cannot be undone, by the
// performers.
func (s *session) notUndoable(ctx context.Context, in *plan.Instance, actions []*plan.Action, quick bool) []error {
	var out []error
	for _, a := range actions {
		// Half undone, it is neither as the run left it nor as it was before.
		if p := s.history.of(a.ID); !p.touched() || p.phase == undoing {
			continue
		}
		if err := s.checkUndo(ctx, in, a, quick); err != nil {
			out = append(out, fmt.Errorf("%s: %q can no longer be undone: %w", in.Address, a.Title, err))
		}
	}
	return out
}

// Offer looks, without any lock, whether what a run needs for its undo is still
// there, and takes the offer back where it is not: r is what ReadRun returned.
func (e *Executor) Offer(ctx context.Context, r *Result) error {
	if !r.Undoable {
		return nil
	}
	j, err := e.Store.OpenRun(ctx, r.Run.ID)
	if err != nil {
		return err
	}
	defer j.Close()
	p, h, _, err := load(ctx, j)
	if err != nil {
		return err
	}
	meta, err := e.Store.Meta(ctx)
	if err != nil {
		return err
	}
	s := &session{Executor: e, plan: p, meta: meta, journal: j, history: h, instances: map[string]*dss.Instance{}, index: map[string]int{}}
	for i := range p.Instances {
		in := &p.Instances[i]
		if len(in.Stages) == 0 {
			continue
		}
		inst, err := e.Open(in, e.Runner)
		if err != nil {
			continue // what cannot be looked at is not said to be gone
		}
		s.instances[in.Address] = inst
		for _, err := range s.notUndoable(ctx, in, allActions(in), true) {
			if gone := (*providers.GoneError)(nil); errors.As(err, &gone) {
				r.Spent = append(r.Spent, err.Error())
			}
		}
	}
	r.Undoable = len(r.Spent) == 0
	return nil
}

// checkProtectedUndo refuses to lose something of a protected instance.
func (s *session) checkProtectedUndo(ctx context.Context, what string, lost []loss) error {
	all, err := s.Store.Instances(ctx)
	if err != nil {
		return err
	}
	protected := map[string]bool{} // data directories: another address may be the same instance
	for _, in := range all {
		protected[in.DataDir] = protected[in.DataDir] || in.Protected
	}
	refused := &RefusedError{What: what}
	for _, l := range lost {
		if all[l.address].Protected || protected[l.dataDir] {
			refused.Reasons = append(refused.Reasons, fmt.Sprintf("%s is protected, and it would lose %s", l.address, l.text))
		}
	}
	if len(refused.Reasons) > 0 {
		refused.Reasons = append(refused.Reasons, liftProtection)
		return refused
	}
	return nil
}

const liftProtection = "to lift the protection, declare protect = false and apply that first"

// mayGoBack asks, before a recovery undoes anything of an instance whose DSS runs,
// what a rollback asks: whether it can be done, and what it loses. Where DSS is
// down there is nothing to keep it from: nobody has worked in it since, and it
// must come up again.
func (s *session) mayGoBack(ctx context.Context, o Options) error {
	run := s.journal.Run()
	refused := &RefusedError{What: "undoing run " + run.ID}
	var lost []loss
	for _, u := range s.backUnits() {
		if up, err := s.wouldStop(ctx, u); err != nil || !up {
			if err != nil {
				return err
			}
			continue
		}
		for _, err := range s.notUndoable(ctx, u.in, u.actions, false) {
			refused.Reasons = append(refused.Reasons, err.Error())
		}
		l, err := s.losses(ctx, u.in, u.actions)
		if err != nil {
			return err
		}
		lost = append(lost, l...)
	}
	if len(refused.Reasons) > 0 {
		refused.Reasons = append(refused.Reasons, fmt.Sprintf("DSS runs, and was left alone; `dssctl recover %s --resume` goes on instead", run.ID))
		return refused
	}
	if s.history.backwards && s.history.whole {
		return nil // what it loses was allowed when the rollback began
	}
	if err := s.checkProtectedUndo(ctx, refused.What, lost); err != nil {
		return err
	}
	if len(lost) > 0 && !o.AllowLoss {
		return &LossError{Run: run.ID, Recovery: true, Lost: lines(lost)}
	}
	return nil
}

// wouldStop reports whether undoing the unit stops a DSS that runs now.
func (s *session) wouldStop(ctx context.Context, u *unit) (bool, error) {
	i := slices.IndexFunc(u.actions, func(a *plan.Action) bool { return a.Phase == plan.Stop })
	if i < 0 || !slices.ContainsFunc(u.actions, func(a *plan.Action) bool { return a.Phase == plan.Start && s.history.of(a.ID).touched() }) {
		return false, nil
	}
	stopped, err := s.Performers[u.actions[i].Kind].Done(ctx, s.lookingBack(u.in, u.actions[i], false))
	if err != nil {
		return false, &actionError{u.actions[i].Title, s.clean(ctx, err)}
	}
	return !stopped, nil
}

// backUnits are the units that goBack undoes, in its order.
func (s *session) backUnits() []*unit {
	whole := s.history.backwards && s.history.whole
	var out []*unit
	for i := len(s.plan.Instances) - 1; i >= 0; i-- {
		us := units(&s.plan.Instances[i])
		for j := len(us) - 1; j >= 0; j-- {
			if whole || !s.finished(&us[j]) {
				out = append(out, &us[j])
			}
		}
	}
	return out
}

// loss is what undoing loses of one instance.
type loss struct{ address, dataDir, text string }

func lines(lost []loss) []string {
	var out []string
	for _, l := range lost {
		out = append(out, l.address+": "+l.text)
	}
	return out
}

// losses asks the performers of these actions.
func (s *session) losses(ctx context.Context, in *plan.Instance, actions []*plan.Action) ([]loss, error) {
	var lost []loss
	for _, a := range actions {
		l, ok := s.Performers[a.Kind].(providers.Loser)
		if !ok || !s.history.of(a.ID).touched() {
			continue
		}
		text, err := l.Loses(ctx, s.lookingBack(in, a, false))
		if err != nil {
			return nil, fmt.Errorf("%s: what undoing %q loses: %w", in.Address, a.Title, s.clean(ctx, err))
		}
		if text != "" {
			lost = append(lost, loss{in.Address, in.DataDir, s.Redactor.String(text)})
		}
	}
	return lost, nil
}
