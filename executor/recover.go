package executor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/state"
)

// Direction is which way a recovery goes.
type Direction string

// Auto goes on where the run was killed, and back where an action had failed or
// a rollback had begun.
const (
	Auto      Direction = ""
	Resume    Direction = "resume"
	Backwards Direction = "rollback"
)

// ErrNothingOpen is returned by Recover when no run is open.
var ErrNothingOpen = errors.New("no run is open: nothing to recover")

// Recover closes an open run; id "" means the open one.
func (e *Executor) Recover(ctx context.Context, id string, d Direction, o Options) (*Result, error) {
	given := id
	id, err := e.openRun(ctx, id)
	if err != nil {
		return nil, err
	}
	s, err := e.reopen(ctx, id, o.Why)
	if err != nil {
		return nil, err
	}
	defer s.end()
	// Until the lock was held, somebody else may have closed it.
	if _, err := e.openRun(ctx, given); err != nil {
		return nil, err
	}
	if o.Check != nil {
		if err := o.Check(s.result(s.journal.Run().Status)); err != nil {
			return nil, err
		}
	}
	if err := s.outlived(ctx); err != nil {
		return nil, err
	}
	if err := s.repeatRecords(ctx); err != nil {
		return nil, err
	}
	if d == Auto {
		d = Resume
		if s.history.backwards || s.journal.Run().Status == state.Failed {
			d = Backwards
		}
	}
	// Where nothing is left to undo, nothing that an undo needs can be missing.
	if d == Backwards && !s.reverted(ctx, s.backUnits()) {
		if err := s.mayGoBack(ctx, o); err != nil {
			return nil, err
		}
	}
	s.emit(event.Event{Type: event.RunStart, Message: string(d)})
	if d == Resume {
		return s.resume(ctx, o)
	}
	return s.goBack(ctx)
}

// ReadOpenRun is ReadRun for the run that Recover would close; id "" means the
// open one.
func ReadOpenRun(ctx context.Context, store state.Store, id string) (*plan.Plan, *Result, error) {
	e := &Executor{Store: store}
	id, err := e.openRun(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	return ReadRun(ctx, store, id)
}

// openRun finds the run to close.
func (e *Executor) openRun(ctx context.Context, id string) (string, error) {
	runs, err := e.Store.Runs(ctx)
	if err != nil {
		return "", err
	}
	for _, r := range runs {
		switch {
		case id == "" && r.Status.Open():
			return r.ID, nil
		case id != "" && r.ID == id && r.Status.Open():
			return id, nil
		case id != "" && r.ID == id:
			return "", fmt.Errorf("run %s is closed (%s): nothing to recover; `dssctl rollback %s` undoes a finished run", id, r.Status, id)
		}
	}
	if id != "" {
		return "", fmt.Errorf("run %s: %w; `dssctl state list` lists the runs", id, state.ErrNotFound)
	}
	return "", ErrNothingOpen
}

// reopen begins a session on a run that exists.
func (e *Executor) reopen(ctx context.Context, id, why string) (*session, error) {
	j, err := e.Store.OpenRun(ctx, id)
	if err != nil {
		return nil, err
	}
	p, _, _, err := load(ctx, j)
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	s, err := e.begin(ctx, why, p)
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	s.journal = j
	// Read again under the lock: until now the run may still have been moving.
	if _, s.history, s.seq, err = load(ctx, j); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// outlived waits for a command that was started by the killed dssctl and still
// runs: what it does must have ended before anybody looks at the world.
func (s *session) outlived(ctx context.Context) error {
	var err error
	s.plan.Actions(func(in *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		p := s.history.of(a.ID)
		if p.process == nil || (p.phase != begun && p.phase != undoing) {
			return true
		}
		told := false
		for proc.Alive(p.process.Process) {
			if !told {
				s.emit(event.Event{
					Type: event.Notice, Instance: in.Address, Action: a.ID, Title: a.Title,
					Message: fmt.Sprintf("%s (process %d), started by the interrupted run, still runs; waiting for its end", p.process.Command, p.process.Process.PID),
				})
				told = true
			}
			if s.stopping() {
				err = &InterruptedError{Run: s.journal.Run().ID, Status: state.Running}
				return false
			}
			if err = s.Clock.Sleep(ctx, 200*time.Millisecond); err != nil {
				return false
			}
		}
		return true
	})
	return err
}

// repeatRecords brings state up to date where the run was killed between the
// journal and the state.
func (s *session) repeatRecords(ctx context.Context) error {
	var err error
	s.plan.Actions(func(in *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		p := s.history.of(a.ID)
		if p.phase != done || len(p.records) == 0 {
			return true
		}
		err = s.remember(ctx, in, func(i *state.Instance) {
			for aspect, c := range p.records {
				setAspect(i, aspect, c.After)
			}
		})
		return err == nil
	})
	return err
}

// resume goes on.
func (s *session) resume(ctx context.Context, o Options) (*Result, error) {
	for _, sec := range s.plan.Secrets {
		v, err := s.Secrets.Secret(sec.Name)
		if err != nil {
			return nil, err
		}
		if !secret.Equal(plan.SecretSum(s.meta.Key, v), sec.Fingerprint) {
			return nil, &StaleError{Changed: []string{fmt.Sprintf("the value of the secret %s, since run %s began; `dssctl recover %s -rollback` undoes the run", sec.Name, s.journal.Run().ID, s.journal.Run().ID)}}
		}
	}
	if err := s.reopenAs(recResume, nil); err != nil {
		return nil, err
	}
	return s.forward(ctx, o)
}

// goBack undoes the open unit, or everything where a rollback of the whole run
// had begun.
func (s *session) goBack(ctx context.Context) (*Result, error) {
	whole := s.history.backwards && s.history.whole
	if err := s.reopenAs(recRollback, rollbackData{Whole: whole}); err != nil {
		return nil, err
	}
	left := s.backUnits()
	undo := s.undo
	if s.reverted(ctx, left) {
		undo = s.closeAsFound
	}
	for _, u := range left {
		if err := errors.Join(undo(ctx, u), s.late); err != nil {
			return s.close(state.Failed, &FailedError{Action: "rollback", Cause: err})
		}
	}
	return s.close(state.RolledBack, nil)
}

// reopenAs journals the direction and marks the run as running.
func (s *session) reopenAs(typ string, data any) error {
	if err := s.record(typ, "", data); err != nil {
		return err
	}
	return s.journal.SetStatus(context.Background(), state.Running)
}

// finished reports whether all of a unit is done.
func (s *session) finished(u *unit) bool {
	for _, a := range u.actions {
		if s.history.of(a.ID).phase != done {
			return false
		}
	}
	return true
}
