package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/state"
)

// undo takes back the actions of a unit that were touched, the last one first.
// It stops at the first that cannot be undone; one that leaves something
// outside of the instance behind does not stop it.
func (s *session) undo(ctx context.Context, u *unit) error {
	for i := len(u.actions) - 1; i >= 0; i-- {
		a := u.actions[i]
		if !s.history.of(a.ID).touched() {
			continue
		}
		if err := s.undoOne(ctx, u.in, a); err != nil {
			return fmt.Errorf("undo %q: %w", a.Title, err)
		}
	}
	return nil
}

func (s *session) undoOne(ctx context.Context, in *plan.Instance, a *plan.Action) error {
	return s.undoBy(ctx, in, a, s.Performers[a.Kind].Undo)
}

// reverted reports whether the world is already as it was before what the units
// have touched. Who cannot tell, or not now, says no.
func (s *session) reverted(ctx context.Context, all []*unit) bool {
	touched := false
	for _, u := range all {
		for _, a := range u.actions {
			p := s.history.of(a.ID)
			if !p.touched() {
				continue
			}
			touched = true
			if p.skipped && p.phase == done || a.Undo.How == plan.OnlyLooks {
				continue
			}
			r, ok := s.Performers[a.Kind].(providers.Reverter)
			if !ok {
				return false
			}
			if as, err := r.Reverted(ctx, s.call(u.in, a, nil)); err != nil || !as {
				return false
			}
		}
	}
	return touched
}

// closeAsFound takes the actions of a unit back that need no undoing.
func (s *session) closeAsFound(ctx context.Context, u *unit) error {
	for i := len(u.actions) - 1; i >= 0; i-- {
		a := u.actions[i]
		if !s.history.of(a.ID).touched() {
			continue
		}
		err := s.undoBy(ctx, u.in, a, func(context.Context, *providers.Call) error { return nil })
		if err != nil {
			return fmt.Errorf("undo %q: %w", a.Title, err)
		}
	}
	return nil
}

// undoBy undoes one action by this function of its performer.
func (s *session) undoBy(ctx context.Context, in *plan.Instance, a *plan.Action, undo func(context.Context, *providers.Call) error) error {
	p := s.history.of(a.ID)
	was := p.records
	started := s.Clock.Now()
	ev := event.Event{Instance: in.Address, Action: a.ID, Title: a.Title, Index: s.index[a.ID]}
	switch {
	case p.skipped:
		ev.Undo = "was so before the run, nothing to undo"
	case a.Undo.Possible:
		ev.Undo = a.Undo.How
	}
	tell := func(t event.Type, message string) {
		ev.Type, ev.Message, ev.Elapsed = t, message, s.Clock.Now().Sub(started)
		s.emit(ev)
	}
	// A journal that cannot be written (a full disk) must not keep DSS down:
	// undoing goes on, and what is missing in the journal is undone again by a
	// recovery, which does no harm.
	jerr := s.record(recUndoBegin, a.ID, nil)
	tell(event.RollbackStart, "")
	records := map[string]json.RawMessage{}
	ctx = context.WithValue(ctx, actionKey{}, a.ID)
	err := undo(ctx, s.call(in, a, records))
	if left := (*providers.LeftoverError)(nil); err != nil && !errors.As(err, &left) {
		err = s.clean(ctx, err)
		tell(event.RollbackErrored, err.Error())
		return errors.Join(err, s.record(recUndoFailed, a.ID, textData{err.Error()}))
	}
	s.late = errors.Join(s.late, jerr)
	if rerr := s.remember(ctx, in, func(i *state.Instance) {
		for aspect, c := range was {
			setAspect(i, aspect, c.Before)
		}
		for aspect, v := range records {
			setAspect(i, aspect, v)
		}
	}); rerr != nil {
		s.late = errors.Join(s.late, rerr)
	}
	if err != nil {
		text := s.Redactor.String(err.Error())
		tell(event.RollbackComplete, text)
		s.late = errors.Join(s.late, s.record(recUndoLeftover, a.ID, textData{text}))
		return nil
	}
	tell(event.RollbackComplete, "")
	s.late = errors.Join(s.late, s.record(recUndoEnd, a.ID, nil))
	return nil
}
