package executor_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/state"
)

// crashing runs f and reports whether it crashed.
func crashing(f func()) (crashed bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(crash); !ok {
				panic(r)
			}
			crashed = true
		}
	}()
	f()
	return false
}

// Killed at each journal record, before and after it is written, and inside
// each action, and then recovered in each direction: the instance ends wholly
// before or wholly after, and DSS runs.
func TestCrashAnywhereThenRecover(t *testing.T) {
	for _, direction := range []executor.Direction{executor.Auto, executor.Resume, executor.Backwards} {
		for _, failing := range []string{"", "design/4", "design/10"} {
			points := 0
			for point := 0; point <= points; point++ {
				w := newWorld(t)
				n := 0
				maybe := func() {
					if n == point {
						n++
						panic(crash{})
					}
					n++
				}
				w.hook = func(string) { maybe() }
				hook := func(bool, state.Record) { maybe() }
				if failing != "" {
					w.fail[failing] = fmt.Errorf("no luck")
				}
				crashed := crashing(func() {
					p, raw := w.plan()
					_, _ = w.executor(hook).Apply(context.Background(), p, raw, executor.Options{})
				})
				if !crashed {
					w.checkWhole()
					break
				}
				points = point + 1
				w.hook = nil
				e := w.executor(nil)
				_, err := e.Recover(context.Background(), "", direction, executor.Options{})
				if err != nil && failing == "" {
					t.Fatalf("%q, crash %d: %v", direction, point, err)
				}
				if failing != "" && err != nil { // failed again, rolled back again
					if run := lastRun(t, e); run.Status.Open() {
						t.Fatalf("%q, crash %d: %v leaves the run %s", direction, point, err, run.Status)
					}
				}
				w.checkWhole()
				if t.Failed() {
					t.Fatalf("%q, failing %q, crash %d: %v", direction, failing, point, w.log)
				}
			}
			if points < 30 {
				t.Fatalf("only %d points were tried", points)
			}
		}
	}
}

// Killed while DSS starts, a run that is resumed waits for it, and does not stop
// it once more: it could not be asked yet what runs.
func TestCrashInStart(t *testing.T) {
	w := newWorld(t)
	w.hook = func(step string) {
		if step == "do design/5" {
			w.running = true // the command goes on without dssctl
			panic(crash{})
		}
	}
	if !crashing(func() { _, _ = apply(w, w.executor(nil), executor.Options{}) }) {
		t.Fatal("it was not killed")
	}
	w.hook, w.log = nil, nil
	w.fail["design/2"] = fmt.Errorf("DSS is not ready")
	if _, err := w.executor(nil).Recover(context.Background(), "", executor.Resume, executor.Options{}); err != nil {
		t.Fatal(err)
	}
	w.checkWhole()
	if len(w.log) == 0 || !w.on["design/11"] {
		t.Errorf("done: %v, %v", w.log, w.on)
	}
}

// A recovery that is killed itself is recovered as well.
func TestCrashInRecovery(t *testing.T) {
	for first := 10; first < 40; first += 7 {
		for second := 0; second < 40; second++ {
			for _, direction := range []executor.Direction{executor.Resume, executor.Backwards} {
				w := newWorld(t)
				n, limit := 0, first
				maybe := func() {
					n++
					if n == limit {
						panic(crash{})
					}
				}
				w.hook = func(string) { maybe() }
				hook := func(bool, state.Record) { maybe() }
				crashing(func() {
					p, raw := w.plan()
					_, _ = w.executor(hook).Apply(context.Background(), p, raw, executor.Options{})
				})
				n, limit = 0, second
				if !crashing(func() {
					_, _ = w.executor(hook).Recover(context.Background(), "", direction, executor.Options{})
				}) {
					w.checkWhole()
					continue
				}
				w.hook = nil
				if _, err := w.executor(nil).Recover(context.Background(), "", executor.Auto, executor.Options{}); err != nil {
					t.Fatalf("crashes %d, %d (%s): %v", first, second, direction, err)
				}
				w.checkWhole()
				if t.Failed() {
					t.Fatalf("crashes %d, %d (%s): %v", first, second, direction, w.log)
				}
			}
		}
	}
}
