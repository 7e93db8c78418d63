package executor_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/state"
)

// noEnd is a store that cannot write how a run ended.
type noEnd struct{ state.Store }

func (s noEnd) CreateRun(ctx context.Context, r state.Run, p []byte) (state.Journal, error) {
	j, err := s.Store.CreateRun(ctx, r, p)
	return noEndJournal{j}, err
}

type noEndJournal struct{ state.Journal }

var errNoEnd = errors.New("write run.json: no space left on device")

func (j noEndJournal) SetStatus(context.Context, state.RunStatus) error { return errNoEnd }

// Every message about a run that stays open names it, also where how it ended
// could not be written.
func TestOpenRunIsNamedWhereItsEndCannotBeWritten(t *testing.T) {
	for name, o := range map[string]executor.Options{"stop": {OnFailure: executor.StopThere}, "rollback": {OnFailure: executor.Rollback}} {
		w := newWorld(t)
		e := w.executor(nil)
		store := e.Store
		e.Store = noEnd{store}
		w.fail["design/3"], w.failUndo["design/3"] = errors.New("no"), errors.New("neither")
		_, err := apply(w, e, o)
		e.Store = store
		id := lastRun(t, e).ID
		if err == nil || !errors.Is(err, errNoEnd) || !strings.Contains(err.Error(), "run "+id+" stays open") || !strings.Contains(err.Error(), "recover "+id) {
			t.Errorf("%s: run %s, and the error is %v", name, id, err)
		}
		var failed *executor.FailedError
		if !errors.As(err, &failed) || failed.Run != id || failed.Status != state.Failed {
			t.Errorf("%s: %+v", name, failed)
		}
	}
}

// A recovery that is refused once it holds the locks has done nothing.
func TestRecoverChecksUnderTheLocks(t *testing.T) {
	w := newWorld(t)
	e := w.executor(nil)
	w.fail["design/3"] = errors.New("no")
	r, err := apply(w, e, executor.Options{OnFailure: executor.StopThere})
	if err == nil || r.Down["instance.design"].IsZero() {
		t.Fatalf("it did not leave DSS down: %v", err)
	}
	no := errors.New("somebody else was faster")
	seen := 0
	_, err = e.Recover(context.Background(), r.Run.ID, executor.Backwards, executor.Options{Check: func(now *executor.Result) error {
		seen = now.Records
		if _, err := e.Store.Lock(context.Background(), "test"); err == nil {
			t.Error("the lock is not held")
		}
		return no
	}})
	if !errors.Is(err, no) || w.running || seen != r.Records || seen == 0 {
		t.Fatalf("%v, running %v, %d records, before %d", err, w.running, seen, r.Records)
	}
	w.fail = nil
	back, err := e.Recover(context.Background(), r.Run.ID, executor.Backwards, executor.Options{Check: func(*executor.Result) error { return nil }})
	if err != nil || back.Records <= seen || len(back.Down) != 0 {
		t.Fatalf("%v, %d records, down %v", err, back.Records, back.Down)
	}
	w.checkWhole()
}

// closing is a store in which somebody closes the open run while one waits for the
// lock.
type closing struct {
	state.Store
	status state.RunStatus
}

func (s closing) Lock(ctx context.Context, why string) (state.Lease, error) {
	runs, err := s.Runs(ctx)
	if err == nil {
		var j state.Journal
		if j, err = s.OpenRun(ctx, runs[0].ID); err == nil {
			err = errors.Join(j.SetStatus(ctx, s.status), j.Close())
		}
	}
	if err != nil {
		return nil, err
	}
	return s.Store.Lock(ctx, why)
}

// A run that somebody else closes while a recovery waits for the lock is left
// alone: going on would do it all once more.
func TestRecoverLeavesAloneWhatIsClosedMeanwhile(t *testing.T) {
	w := newWorld(t)
	e := w.executor(nil)
	w.fail["design/3"] = errors.New("no")
	r, err := apply(w, e, executor.Options{OnFailure: executor.StopThere})
	if err == nil {
		t.Fatal("it did not fail")
	}
	w.fail, w.log = nil, nil
	e.Store = closing{e.Store, state.RolledBack}
	if _, err := e.Recover(context.Background(), "", executor.Resume, executor.Options{}); !errors.Is(err, executor.ErrNothingOpen) || len(w.log) > 0 {
		t.Fatalf("%v, and it did %v", err, w.log)
	}
	if _, err := e.Recover(context.Background(), r.Run.ID, executor.Resume, executor.Options{}); err == nil || !strings.Contains(err.Error(), "closed") || len(w.log) > 0 {
		t.Fatalf("%v, and it did %v", err, w.log)
	}
}
