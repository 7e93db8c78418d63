package executor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/state"
)

func fileOwner(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

func apply(w *world, e *executor.Executor, o executor.Options) (*executor.Result, error) {
	p, raw := w.plan()
	return e.Apply(context.Background(), p, raw, o)
}

func lastRun(t *testing.T, e *executor.Executor) state.Run {
	t.Helper()
	runs, err := e.Store.Runs(context.Background())
	if err != nil || len(runs) == 0 {
		t.Fatalf("runs: %v, %v", runs, err)
	}
	return runs[0]
}

func TestApplyDoesEverything(t *testing.T) {
	w := newWorld(t)
	e := w.executor(nil)
	r, err := apply(w, e, executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.checkWhole()
	if len(w.on) != 7 {
		t.Errorf("done: %v", w.on)
	}
	for _, a := range r.Actions {
		if a.Outcome != executor.OutcomeDone {
			t.Errorf("%s is %s", a.Action.ID, a.Outcome)
		}
	}
	all, err := e.Store.Instances(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got := string(all["instance.design"].Aspects["settings"]); got != `"design/11"` {
		t.Errorf("record is %s", got)
	}
	if got := lastRun(t, e).Status; got != state.Done {
		t.Errorf("run is %s", got)
	}
}

// A failure anywhere puts its unit back and starts DSS; what was proven stays.
func TestFailureRollsItsUnitBack(t *testing.T) {
	for n := 1; n <= 11; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("action %d, after %v", n, after), func(t *testing.T) {
				w := newWorld(t)
				id := fmt.Sprintf("design/%d", n)
				w.fail[id], w.after = errors.New("no luck"), after
				e := w.executor(nil)
				_, err := apply(w, e, executor.Options{})
				var failed *executor.FailedError
				if !errors.As(err, &failed) || !strings.Contains(err.Error(), "no luck") {
					t.Fatalf("error is %v", err)
				}
				if n == 11 { // online work at the end: DSS keeps running, the run stays open
					if failed.Status != state.Failed || !w.running {
						t.Errorf("status %s, running %v", failed.Status, w.running)
					}
					return
				}
				if failed.Status != state.RolledBack {
					t.Errorf("status is %s", failed.Status)
				}
				w.checkWhole()
				if want := map[bool]int{true: 0, false: 4}[n <= 6]; len(w.on) != want {
					t.Errorf("done: %v, want %d", w.on, want)
				}
			})
		}
	}
}

func TestOnFailureStopKeepsEverything(t *testing.T) {
	w := newWorld(t)
	w.fail["design/4"] = errors.New("no luck")
	e := w.executor(nil)
	_, err := apply(w, e, executor.Options{OnFailure: executor.StopThere})
	var failed *executor.FailedError
	if !errors.As(err, &failed) || failed.Status != state.Failed {
		t.Fatalf("error is %v", err)
	}
	if w.running || !w.on["design/3"] {
		t.Errorf("running %v, done %v", w.running, w.on)
	}
	var open *executor.OpenRunError
	if _, err := apply(w, e, executor.Options{}); !errors.As(err, &open) {
		t.Errorf("a second apply says %v", err)
	}
	delete(w.fail, "design/4")
	if _, err := e.Recover(context.Background(), "", executor.Resume, executor.Options{}); err != nil {
		t.Fatal(err)
	}
	w.checkWhole()
	if len(w.on) != 7 {
		t.Errorf("done: %v", w.on)
	}
}

// A run that goes on is open, and is not to be taken for an interrupted one.
func TestRunThatGoesOnIsLocked(t *testing.T) {
	w := newWorld(t)
	looks := 0
	e := w.executor(func(before bool, r state.Record) {
		if before || looks > 0 {
			return
		}
		looks++
		other := w.executor(nil)
		var locked *state.LockedError
		if _, err := apply(w, other, executor.Options{}); !errors.As(err, &locked) {
			t.Errorf("a second apply says %v", err)
		}
		if _, err := other.Rollback(context.Background(), lastRun(t, other).ID, executor.Options{}); !errors.As(err, &locked) {
			t.Errorf("a rollback says %v", err)
		}
	})
	if _, err := apply(w, e, executor.Options{}); err != nil || looks != 1 {
		t.Errorf("got %v after %d looks", err, looks)
	}
}

// A rollback that leaves something outside of the instance behind goes on.
func TestLeftoverDoesNotKeepDSSDown(t *testing.T) {
	w := newWorld(t)
	w.fail["design/4"] = errors.New("no luck")
	w.failUndo["design/4"] = &providers.LeftoverError{What: "3 tables", Err: errors.New("server is down")}
	_, err := apply(w, w.executor(nil), executor.Options{})
	var failed *executor.FailedError
	if !errors.As(err, &failed) || failed.Status != state.RolledBack {
		t.Fatalf("error is %v", err)
	}
	if !w.running || w.on["design/3"] {
		t.Errorf("running %v, done %v", w.running, w.on)
	}
}

func TestUndoThatFailsStaysOpen(t *testing.T) {
	w := newWorld(t)
	w.fail["design/4"], w.failUndo["design/3"] = errors.New("no luck"), errors.New("stuck")
	e := w.executor(nil)
	_, err := apply(w, e, executor.Options{})
	var failed *executor.FailedError
	if !errors.As(err, &failed) || failed.Status != state.Failed || failed.Undo == nil {
		t.Fatalf("error is %v", err)
	}
	for _, word := range []string{"no luck", "stuck", "recover"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in: %v", word, err)
		}
	}
	delete(w.failUndo, "design/3")
	if _, err := e.Recover(context.Background(), "", executor.Auto, executor.Options{}); err != nil {
		t.Fatal(err)
	}
	w.checkWhole()
	if len(w.on) != 0 {
		t.Errorf("done: %v", w.on)
	}
}

func TestRollbackOfFinishedRun(t *testing.T) {
	w := newWorld(t)
	e := w.executor(nil)
	if _, err := apply(w, e, executor.Options{}); err != nil {
		t.Fatal(err)
	}
	run := lastRun(t, e).ID
	settings := filepath.Join(w.dataDir, "config/general-settings.json")
	if err := os.WriteFile(settings, []byte(`{"a": 7}`), 0o644); err != nil {
		t.Fatal(err)
	}
	var refused *executor.RefusedError
	if _, err := e.Rollback(context.Background(), run, executor.Options{}); !errors.As(err, &refused) || !strings.Contains(err.Error(), "the setting a") {
		t.Fatalf("a changed setting: %v", err)
	}
	if err := os.WriteFile(settings, []byte(`{"a": 1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Rollback(context.Background(), run, executor.Options{}); err != nil {
		t.Fatal(err)
	}
	w.checkWhole()
	if len(w.on) != 0 {
		t.Errorf("done: %v", w.on)
	}
	all, err := e.Store.Instances(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got := all["instance.design"].Aspects["settings"]; got != nil {
		t.Errorf("record is %s", got)
	}
	if _, err := e.Rollback(context.Background(), run, executor.Options{}); !errors.As(err, &refused) {
		t.Errorf("a second rollback says %v", err)
	}
}

// standing is a performer that knows its work again in another form.
type standing struct{ performer }

func (s standing) Stands(_ context.Context, c *providers.Call) (bool, error) {
	settings, err := c.Instance.Settings()
	if err != nil {
		return false, err
	}
	raw, _ := settings.Get("/a")
	return string(raw) == `"1"`, nil
}

// A place that reads otherwise than the run left it is no reason to refuse where
// the performer says that its work stands.
func TestRollbackWhereTheWorkStands(t *testing.T) {
	w := newWorld(t)
	e := w.executor(nil)
	e.Performers["fake.change"] = standing{performer{w: w}}
	if _, err := apply(w, e, executor.Options{}); err != nil {
		t.Fatal(err)
	}
	run := lastRun(t, e).ID
	settings := filepath.Join(w.dataDir, "config/general-settings.json")
	var refused *executor.RefusedError
	for _, c := range []struct {
		text    string
		refused bool
	}{{`{"a": "2"}`, true}, {`{"a": "1"}`, false}} {
		if err := os.WriteFile(settings, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := e.Rollback(context.Background(), run, executor.Options{})
		if errors.As(err, &refused) != c.refused || !c.refused && err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
	}
	if len(w.on) != 0 {
		t.Errorf("done: %v", w.on)
	}
}

// aside is a performer that leaves the instance as it was.
type aside struct{ performer }

func (aside) Aside() {}

// A later run of nothing but backups keeps no move from being undone; one that
// touched the instance does.
func TestRollbackBehindBackups(t *testing.T) {
	for _, c := range []struct {
		name    string
		later   func(performer) providers.Performer
		refused bool
	}{
		{"a backup", func(p performer) providers.Performer { return aside{p} }, false},
		{"a change", func(p performer) providers.Performer { return p }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			e := w.executor(nil)
			if _, err := apply(w, e, executor.Options{}); err != nil {
				t.Fatal(err)
			}
			first := lastRun(t, e).ID
			for kind, p := range map[plan.Kind]performer{"fake.change": {w: w}, "service.stop": {w: w, stops: true}, "service.start": {w: w, start: true}} {
				e.Performers[kind+"2"] = c.later(p)
			}
			p, _ := w.plan()
			p.Actions(func(_ *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
				a.Kind += "2"
				return true
			})
			meta, err := e.Store.Meta(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			raw, err := plan.Encode(p, meta.Key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Apply(context.Background(), p, raw, executor.Options{}); err != nil {
				t.Fatal(err)
			}
			_, err = e.Rollback(context.Background(), first, executor.Options{})
			var refused *executor.RefusedError
			if errors.As(err, &refused) != c.refused || !c.refused && err != nil {
				t.Errorf("found %v", err)
			}
		})
	}
}

func TestStalePlanIsRefused(t *testing.T) {
	w := newWorld(t)
	p, raw := w.plan()
	if err := os.WriteFile(filepath.Join(w.dataDir, "config/general-settings.json"), []byte(`{"a": 2}`), 0o644); err != nil {
		t.Fatal(err)
	}
	var stale *executor.StaleError
	if _, err := w.executor(nil).Apply(context.Background(), p, raw, executor.Options{}); !errors.As(err, &stale) || !strings.Contains(err.Error(), "the setting a") {
		t.Fatalf("error is %v", err)
	}
	if len(w.log) != 0 {
		t.Errorf("done: %v", w.log)
	}
	// Something else in the same file does not make it stale.
	if err := os.WriteFile(filepath.Join(w.dataDir, "config/general-settings.json"), []byte(`{"new": true,   "a":1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := w.executor(nil).Apply(context.Background(), p, raw, executor.Options{}); err != nil {
		t.Fatal(err)
	}
}

// The first signal ends a run in a clean place, wherever it comes.
func TestInterruptStopsInACleanPlace(t *testing.T) {
	for n := 1; n <= 11; n++ {
		t.Run(fmt.Sprintf("action %d", n), func(t *testing.T) {
			w := newWorld(t)
			w.hook = func(step string) {
				if step == fmt.Sprintf("do design/%d", n) {
					close(w.stop)
					w.hook = nil
				}
			}
			e := w.executor(nil)
			_, err := apply(w, e, executor.Options{})
			var interrupted *executor.InterruptedError
			switch {
			case n == 11: // it was the last one
				if err != nil {
					t.Fatal(err)
				}
			case !errors.As(err, &interrupted):
				t.Fatalf("error is %v", err)
			default:
				if lastRun(t, e).Status.Open() {
					t.Error("the run is still open")
				}
			}
			w.checkWhole()
		})
	}
}

func TestAbortLeavesTheRunOpen(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	w.hook = func(step string) {
		if step == "do design/4" {
			cancel(errors.New("second signal"))
		}
	}
	e := w.executor(nil)
	p, raw := w.plan()
	_, err := e.Apply(ctx, p, raw, executor.Options{})
	var interrupted *executor.InterruptedError
	if !errors.As(err, &interrupted) || !lastRun(t, e).Status.Open() {
		t.Fatalf("error is %v", err)
	}
	w.hook = nil
	if _, err := e.Recover(context.Background(), "", executor.Auto, executor.Options{}); err != nil {
		t.Fatal(err)
	}
	w.checkWhole()
}
