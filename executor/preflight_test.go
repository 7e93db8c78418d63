package executor_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/preflight"
	"github.com/dssctl/dssctl/state"
)

// foreseer is a performer that finds what it is told to, and whose undo may have
// become impossible.
type foreseer struct {
	performer
	find func(c *providers.Call) []preflight.Finding
	lost error
}

func (f foreseer) Preflight(_ context.Context, c *providers.Call) ([]preflight.Finding, error) {
	if f.find == nil {
		return nil, nil
	}
	return f.find(c), nil
}

func (f foreseer) CheckUndo(context.Context, *providers.Call) error { return f.lost }

// foreseeing has every performer of the executor be a foreseer.
func foreseeing(e *executor.Executor, find func(c *providers.Call) []preflight.Finding, lost error) *executor.Executor {
	for kind, p := range e.Performers {
		if q, ok := p.(performer); ok {
			e.Performers[kind] = foreseer{performer: q, find: find, lost: lost}
		}
	}
	return e
}

// What is known to fail refuses the run before it exists.
func TestPreflightRefusesTheRun(t *testing.T) {
	w := newWorld(t)
	e := foreseeing(w.executor(nil), func(c *providers.Call) []preflight.Finding {
		return []preflight.Finding{{What: "no kit", Found: "nothing"}, {What: "old", Severity: preflight.Warning}}
	}, nil)
	_, err := apply(w, e, executor.Options{})
	var foreseen *executor.PreflightError
	if !errors.As(err, &foreseen) || len(foreseen.Found) != 1 || !strings.Contains(err.Error(), "instance.design: no kit: Found: nothing.") {
		t.Fatalf("got %v", err)
	}
	if runs, err := e.Store.Runs(context.Background()); err != nil || len(runs) != 0 || len(w.log) != 0 {
		t.Errorf("runs %v, %v; done %v", runs, err, w.log)
	}
}

// What comes up while a window is prepared ends the run before DSS is stopped.
func TestPreflightBeforeTheStop(t *testing.T) {
	w := newWorld(t)
	gone := false
	w.hook = func(step string) { gone = gone || step == "did design/1" }
	e := foreseeing(w.executor(nil), func(c *providers.Call) []preflight.Finding {
		if !gone {
			return nil
		}
		return []preflight.Finding{{What: "the disk is gone"}}
	}, nil)
	_, err := apply(w, e, executor.Options{})
	var failed *executor.FailedError
	if !errors.As(err, &failed) || failed.Status != state.RolledBack || !strings.Contains(err.Error(), "the disk is gone") {
		t.Fatalf("got %v", err)
	}
	if !w.running || len(w.on) != 0 {
		t.Errorf("running %v, done %v", w.running, w.on)
	}
	for _, step := range w.log {
		if strings.HasPrefix(step, "do ") && step != "do design/1" && step != "do design/2" {
			t.Errorf("%s after the finding", step)
		}
	}
}

// A rollback asks whether it can be done while nothing is undone yet.
func TestRollbackAsksTheUndo(t *testing.T) {
	w := newWorld(t)
	e := w.executor(nil)
	r, err := apply(w, e, executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := len(w.log)
	foreseeing(e, nil, errors.New("the safety backup is gone"))
	_, err = e.Rollback(context.Background(), r.Run.ID, executor.Options{})
	var refused *executor.RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "the safety backup is gone") {
		t.Fatalf("got %v", err)
	}
	if len(w.log) != before || !w.running {
		t.Errorf("%v was done, running %v", w.log[before:], w.running)
	}
}
