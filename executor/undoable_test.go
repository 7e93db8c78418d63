package executor_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/state"
)

// loser is a performer whose undo loses something, and may not be possible.
type loser struct {
	performer
	text string
	lost *error
}

func (l loser) Loses(context.Context, *providers.Call) (string, error) { return l.text, nil }

func (l loser) CheckUndo(context.Context, *providers.Call) error {
	if l.lost == nil {
		return nil
	}
	return *l.lost
}

// losing has the changes of the executor be losers.
func losing(w *world, e *executor.Executor, text string, lost *error) {
	e.Performers["fake.change"] = loser{performer{w: w}, text, lost}
}

// protect has state say that the instance is protected.
func protect(t *testing.T, e *executor.Executor) {
	t.Helper()
	if err := e.Store.Update(context.Background(), "instance.design", func(i *state.Instance) error { i.Protected = true; return nil }); err != nil {
		t.Fatal(err)
	}
}

// A protected instance loses nothing by a rollback, whatever is allowed; without a
// loss it can be rolled back.
func TestRollbackOfAProtectedInstance(t *testing.T) {
	w, ctx := newWorld(t), context.Background()
	e := w.executor(nil)
	r, err := apply(w, e, executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	protect(t, e)
	losing(w, e, "all work", nil)
	before := len(w.log)
	var refused *executor.RefusedError
	if _, err = e.Rollback(ctx, r.Run.ID, executor.Options{AllowLoss: true}); !errors.As(err, &refused) || !strings.Contains(err.Error(), "instance.design is protected, and it would lose all work") {
		t.Fatalf("got %v", err)
	}
	if _, err = e.Losses(ctx, r.Run.ID, "look"); !errors.As(err, &refused) {
		t.Errorf("the question would be asked: %v", err)
	}
	if len(w.log) != before {
		t.Errorf("%v was done", w.log[before:])
	}
	losing(w, e, "", nil)
	if _, err = e.Rollback(ctx, r.Run.ID, executor.Options{}); err != nil {
		t.Errorf("nothing is lost, and yet: %v", err)
	}
}

// A recovery that would stop a running DSS asks first: whether it can be done, and
// what it loses.
func TestRecoveryBackwardsAsksWhileDSSRuns(t *testing.T) {
	failedProof := func(t *testing.T) (*world, *executor.Executor) {
		w := newWorld(t)
		w.fail["design/6"] = errors.New("no proof")
		e := w.executor(nil)
		if _, err := apply(w, e, executor.Options{OnFailure: executor.StopThere}); err == nil {
			t.Fatal("it did not fail")
		}
		if !w.running {
			t.Fatal("DSS is down")
		}
		return w, e
	}
	ctx := context.Background()
	untouched := func(t *testing.T, w *world, e *executor.Executor, before int) {
		t.Helper()
		runs, err := e.Store.Runs(ctx)
		if err != nil || len(runs) != 1 || !runs[0].Status.Open() {
			t.Errorf("runs %v, %v", runs, err)
		}
		if !w.running || len(w.log) != before {
			t.Errorf("running %v, done %v", w.running, w.log[before:])
		}
	}
	t.Run("what is needed is gone", func(t *testing.T) {
		w, e := failedProof(t)
		before, lost := len(w.log), error(&providers.GoneError{What: "the copy is gone"})
		losing(w, e, "", &lost)
		var refused *executor.RefusedError
		if _, err := e.Recover(ctx, "", executor.Backwards, executor.Options{}); !errors.As(err, &refused) || !strings.Contains(err.Error(), "the copy is gone") {
			t.Fatalf("got %v", err)
		}
		untouched(t, w, e, before)
		lost = nil
		if _, err := e.Recover(ctx, "", executor.Backwards, executor.Options{}); err != nil {
			t.Errorf("it is back, and yet: %v", err)
		}
	})
	t.Run("something is lost", func(t *testing.T) {
		w, e := failedProof(t)
		before := len(w.log)
		losing(w, e, "all work", nil)
		var loss *executor.LossError
		if _, err := e.Recover(ctx, "", executor.Auto, executor.Options{}); !errors.As(err, &loss) || !strings.Contains(err.Error(), "undoing run") {
			t.Fatalf("got %v", err)
		}
		untouched(t, w, e, before)
		protect(t, e)
		var refused *executor.RefusedError
		if _, err := e.Recover(ctx, "", executor.Auto, executor.Options{AllowLoss: true}); !errors.As(err, &refused) {
			t.Fatalf("got %v", err)
		}
		untouched(t, w, e, before)
	})
	t.Run("allowed", func(t *testing.T) {
		w, e := failedProof(t)
		losing(w, e, "all work", nil)
		if _, err := e.Recover(ctx, "", executor.Auto, executor.Options{AllowLoss: true}); err != nil {
			t.Fatal(err)
		}
		w.checkWhole()
	})
	t.Run("DSS is down", func(t *testing.T) {
		w, e := failedProof(t)
		w.running = false
		lost := error(&providers.GoneError{What: "the copy is gone"})
		losing(w, e, "all work", &lost)
		protect(t, e)
		if _, err := e.Recover(ctx, "", executor.Auto, executor.Options{}); err != nil {
			t.Fatal(err)
		}
		w.checkWhole()
	})
}

// A run whose undo needs what is gone is not offered any more; one of which that
// is not known is.
func TestOfferIsTakenBack(t *testing.T) {
	w, ctx := newWorld(t), context.Background()
	e := w.executor(nil)
	r, err := apply(w, e, executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		lost  error
		spent bool
	}{
		{nil, false},
		{errors.New("nobody answers"), false},
		{&providers.GoneError{What: "the kit is gone"}, true},
	} {
		losing(w, e, "", &c.lost)
		_, past, err := executor.ReadRun(ctx, e.Store, r.Run.ID)
		if err == nil {
			err = e.Offer(ctx, past)
		}
		if err != nil {
			t.Fatal(err)
		}
		if past.Undoable == c.spent || len(past.Spent) > 0 != c.spent {
			t.Errorf("with %v: undoable %v, spent %v", c.lost, past.Undoable, past.Spent)
		}
		if c.spent && !strings.Contains(past.Spent[0], "can no longer be undone: the kit is gone") {
			t.Errorf("it says %v", past.Spent)
		}
	}
}

// stander tells which runs stand while it works.
type stander struct {
	performer
	seen *[]string
}

func (s stander) Do(ctx context.Context, c *providers.Call) error {
	runs, err := c.Standing(ctx)
	if err != nil {
		return err
	}
	*s.seen = nil
	for _, r := range runs {
		*s.seen = append(*s.seen, r.Run+" "+r.Address)
		if !slices.ContainsFunc(r.Actions, func(a plan.Action) bool { return a.ID == "design/3" }) {
			return errors.New("its actions are missing")
		}
	}
	return s.performer.Do(ctx, c)
}

// What rolled-back runs came after a run does not take its undo away.
func TestStandingRuns(t *testing.T) {
	w, ctx := newWorld(t), context.Background()
	e := w.executor(nil)
	var seen []string
	e.Performers["fake.change"] = stander{performer{w: w}, &seen}
	var ids []string
	for range 5 {
		r, err := apply(w, e, executor.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.Run.ID)
		if len(ids) == 1 {
			w.on = map[string]bool{}
			continue
		}
		if want := []string{ids[0] + " instance.design"}; !slices.Equal(seen, want) {
			t.Fatalf("run %d saw %v, want %v", len(ids), seen, want)
		}
		if _, err := e.Rollback(ctx, r.Run.ID, executor.Options{}); err != nil {
			t.Fatal(err)
		}
	}
}

// The newest run that stands is remembered past any number of runs that leave the
// instance as it is, and forgotten once another one stands on it.
func TestTheRunThatStandsIsRemembered(t *testing.T) {
	w, ctx := newWorld(t), context.Background()
	e := w.executor(nil)
	r, err := apply(w, e, executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, raw := w.plan()
	fill := func() {
		for range executor.KeptRuns {
			j, err := e.Store.CreateRun(ctx, state.Run{Instances: []string{"instance.design"}}, raw)
			if err == nil {
				err = errors.Join(j.SetStatus(ctx, state.RolledBack), j.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	known := func(id string) bool {
		runs, err := e.Store.Runs(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(runs, func(r state.Run) bool { return r.ID == id })
	}
	fill()
	w.on = map[string]bool{}
	second, err := e.Apply(ctx, p, raw, executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !known(r.Run.ID) {
		t.Error("the only run that stands was forgotten")
	}
	fill()
	w.on = map[string]bool{}
	if _, err := e.Apply(ctx, p, raw, executor.Options{}); err != nil {
		t.Fatal(err)
	}
	if known(r.Run.ID) || !known(second.Run.ID) {
		t.Errorf("the first is known: %v, the second: %v", known(r.Run.ID), known(second.Run.ID))
	}
}
