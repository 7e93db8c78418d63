package executor_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/state"
)

// reverter is a performer that can tell when nothing of it is left.
type reverter struct {
	performer
	deaf bool // it cannot be asked
}

func (r reverter) Reverted(_ context.Context, c *providers.Call) (bool, error) {
	if r.deaf {
		return false, errors.New("not now")
	}
	if r.stops {
		return r.w.running, nil
	}
	return !r.w.on[c.Action.ID], nil
}

func reverting(e *executor.Executor, deaf bool) *executor.Executor {
	for kind, p := range e.Performers {
		if q, ok := p.(performer); ok {
			e.Performers[kind] = reverter{q, deaf}
		}
	}
	return e
}

// A run whose world is as it was is closed, and nothing is done for it: what ended
// it (a container that went down with DSS) came to an end by itself.
func TestRecoverClosesWhatIsAsItWas(t *testing.T) {
	for name, tc := range map[string]struct {
		up, deaf bool
		undone   bool // the performer's own undo was needed
	}{
		"DSS is up again": {up: true},
		"DSS is down":     {undone: true},
		"not to be asked": {up: true, deaf: true, undone: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			// Everything ends in the middle of the stop.
			w.hook = func(step string) {
				if strings.HasPrefix(step, "did ") && !w.running {
					panic(crash{})
				}
			}
			func() {
				defer func() {
					if r := recover(); r != nil && r != (crash{}) {
						panic(r)
					}
				}()
				_, _ = apply(w, w.executor(nil), executor.Options{})
			}()
			w.hook, w.log = nil, nil
			w.running = tc.up
			clear(w.on) // what prepared the window is gone as well
			e := reverting(w.executor(nil), tc.deaf)
			result, err := e.Recover(t.Context(), "", executor.Backwards, executor.Options{})
			if err != nil || result.Run.Status != state.RolledBack {
				t.Fatalf("got %v, %v", result, err)
			}
			undone := false
			for _, l := range w.log {
				if strings.HasPrefix(l, "do ") {
					t.Errorf("the recovery went on: %v", w.log)
				}
				undone = undone || strings.HasPrefix(l, "undo ")
			}
			if undone != tc.undone {
				t.Errorf("undone: %v, expected %v; %v", undone, tc.undone, w.log)
			}
			if !w.running {
				t.Error("DSS is down")
			}
			if _, err := e.Recover(t.Context(), "", executor.Auto, executor.Options{}); !errors.Is(err, executor.ErrNothingOpen) {
				t.Errorf("after it: %v", err)
			}
		})
	}
}
