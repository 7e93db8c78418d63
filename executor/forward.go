package executor

import (
	"context"
	"errors"
	"slices"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/state"
)

// errInterrupted is the cause of a stop that was asked for.
var errInterrupted = errors.New("interrupted")

// forward does everything of the plan that is not done yet.
func (s *session) forward(ctx context.Context, o Options) (*Result, error) {
	if err := s.follow(ctx); err != nil {
		return s.notRemembered(err)
	}
	var asFound []*plan.Instance
	for i := range s.plan.Instances {
		in := &s.plan.Instances[i]
		all := units(in)
		if len(all) == 0 {
			asFound = append(asFound, in)
			continue
		}
		for _, u := range all {
			if err := s.unit(ctx, &u); err != nil {
				return s.failed(ctx, &u, err, o)
			}
		}
		if err := s.adopt(ctx, in); err != nil {
			return s.notRemembered(err)
		}
	}
	// Most of a large estate is as declared: its records are written at once.
	if err := s.adopt(ctx, asFound...); err != nil {
		return s.notRemembered(err)
	}
	return s.close(state.Done, nil)
}

func (s *session) notRemembered(err error) (*Result, error) {
	return s.close(state.Failed, &FailedError{Action: "remember what was found", Cause: err})
}

// actionError names the action that failed.
type actionError struct {
	title string
	err   error
}

func (e *actionError) Error() string { return e.title + ": " + e.err.Error() }
func (e *actionError) Unwrap() error { return e.err }

// unit does the actions of one unit. A stop that was asked for ends it between
// two actions.
func (s *session) unit(ctx context.Context, u *unit) error {
	if err := s.recheckStopped(ctx, u); err != nil {
		return err
	}
	for _, a := range u.actions {
		if s.history.of(a.ID).phase == done {
			continue
		}
		// Once DSS is up again, finishing the short proofs beats undoing all.
		if err := s.mayGoOn(ctx); err != nil && (!errors.Is(err, errInterrupted) || !s.started(u)) {
			return &actionError{a.Title, err}
		}
		if err := s.beforeStop(ctx, u, a); err != nil {
			return &actionError{a.Title, err}
		}
		if err := s.perform(ctx, u.in, a); err != nil {
			return &actionError{a.Title, err}
		}
	}
	return nil
}

// started reports whether the unit's window is behind it.
func (s *session) started(u *unit) bool {
	for _, a := range u.actions {
		if a.Phase == plan.Start && s.history.of(a.ID).phase == done {
			return true
		}
	}
	return false
}

// starting reports whether nothing is left of the unit's window but to wait until
// DSS is ready: where it runs already, stopping it once more is of no use.
func (s *session) starting(u *unit) bool {
	return slices.ContainsFunc(u.actions, func(a *plan.Action) bool {
		p := s.history.of(a.ID).phase
		return a.Phase == plan.Start && (p == begun || p == done)
	})
}

// mayGoOn says why no further action may begin.
func (s *session) mayGoOn(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	select {
	case <-s.lease.Lost():
		return errors.New("the estate's lock was broken by somebody else while this run held it")
	default:
	}
	if s.stopping() {
		return errInterrupted
	}
	return nil
}

// recheckStopped makes a resumed window sure of its ground: since its dssctl was
// killed, somebody may have started DSS.
func (s *session) recheckStopped(ctx context.Context, u *unit) error {
	if s.starting(u) {
		return nil
	}
	for _, a := range u.actions {
		if a.Phase != plan.Stop || s.history.of(a.ID).phase != done {
			continue
		}
		still, err := s.Performers[a.Kind].Done(ctx, s.call(u.in, a, nil))
		if err != nil {
			return &actionError{a.Title, err}
		}
		if !still {
			if err := s.perform(ctx, u.in, a); err != nil {
				return &actionError{a.Title, err}
			}
		}
	}
	return nil
}

// adopt has state remember what the plan found to be so already.
func (s *session) adopt(ctx context.Context, all ...*plan.Instance) error {
	var addresses []string
	wanted := map[string]*plan.Instance{}
	for _, in := range all {
		if in.Forgotten() || len(in.Records) > 0 || in.Protect != nil || in.Importing != nil {
			addresses = append(addresses, in.Address)
			wanted[in.Address] = in
		}
	}
	if len(addresses) == 0 {
		return nil
	}
	return s.Store.UpdateAll(context.WithoutCancel(ctx), addresses, func(address string, i *state.Instance) error {
		in := wanted[address]
		if in.Forgotten() {
			return state.ErrNotFound
		}
		s.touch(in, i)
		if in.Protect != nil {
			i.Protected = *in.Protect
		}
		for aspect, v := range in.Records {
			setAspect(i, aspect, v)
		}
		return nil
	})
}

// failed decides what becomes of a unit that was not finished.
func (s *session) failed(ctx context.Context, u *unit, cause error, o Options) (*Result, error) {
	title, reason := "", cause
	if ae := (*actionError)(nil); errors.As(cause, &ae) {
		title, reason = ae.title, ae.err
	}
	interrupted := errors.Is(cause, errInterrupted)
	aborted := context.Cause(ctx) != nil
	if interrupted || aborted {
		// The journal only tells why; the end must be reached without it too.
		reason = errors.Join(reason, s.record(recInterrupt, "", nil))
	}
	switch {
	case aborted:
		// The second Ctrl-C wants out now.
		return s.close(state.Failed, &InterruptedError{})
	case o.OnFailure == StopThere && interrupted && !u.window:
		return s.close(state.Interrupted, &InterruptedError{})
	case o.OnFailure == StopThere, u.keep && !interrupted:
		return s.close(state.Failed, &FailedError{Action: title, Cause: reason})
	}
	var undoErr error
	if !u.keep {
		undoErr = errors.Join(s.backwards(ctx, u), s.late)
	}
	status := state.RolledBack
	if interrupted {
		status = state.Interrupted
	}
	if undoErr != nil {
		status = state.Failed
	}
	if interrupted {
		return s.close(status, &InterruptedError{Undo: undoErr})
	}
	return s.close(status, &FailedError{Action: title, Cause: reason, Undo: undoErr})
}

// backwards undoes one unit.
func (s *session) backwards(ctx context.Context, u *unit) error {
	// A journal that cannot be written must not keep DSS down: the undoing can
	// be repeated by a recovery.
	jerr := s.record(recRollback, "", rollbackData{})
	return errors.Join(s.undo(ctx, u), jerr)
}

// close ends the run.
func (s *session) close(status state.RunStatus, err error) (*Result, error) {
	id := s.journal.Run().ID
	switch e := err.(type) { //nolint:errorlint // made by the callers, never wrapped
	case *FailedError:
		e.Run, e.Status = id, status
	case *InterruptedError:
		e.Run, e.Status = id, status
	}
	// Only now: joined, the error is none of these types any more.
	if serr := s.journal.SetStatus(context.Background(), status); serr != nil {
		err = errors.Join(err, serr)
	}
	if !status.Open() {
		for _, in := range s.instances {
			_ = in.TidyCompanion() // an empty folder too many does no harm
		}
	}
	result := s.result(status)
	s.emit(event.Event{Type: event.RunComplete, Message: string(status)})
	return result, err
}
