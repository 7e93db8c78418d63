package executor_test

import (
	"context"
	"errors"
	"testing"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/state"
)

// unprovable is done by a person: there is nothing to verify yet.
type unprovable struct{ performer }

func (unprovable) Verify(context.Context, *providers.Call) error {
	return errors.New("nobody has done it yet")
}

// What only a person can do is left pending, and the run is done.
func TestManual(t *testing.T) {
	w := newWorld(t)
	e := w.executor(nil)
	e.Performers["fake.manual"] = unprovable{performer{w: w}}
	p, _ := w.plan()
	last := &p.Instances[0].Stages[len(p.Instances[0].Stages)-1]
	a := &last.Actions[len(last.Actions)-1]
	a.Kind, a.Manual = "fake.manual", "sudo do it"
	meta, err := e.Store.Meta(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := plan.Encode(p, meta.Key)
	if err != nil {
		t.Fatal(err)
	}
	res, err := e.Apply(context.Background(), p, raw, executor.Options{})
	if err != nil || res.Run.Status != state.Done {
		t.Fatalf("%+v, %v", res, err)
	}
	if got := res.Actions[len(res.Actions)-1].Outcome; got != executor.OutcomeManual {
		t.Errorf("the action is %q", got)
	}
	// Read again from the journal it is the same.
	if _, again, err := executor.ReadRun(context.Background(), e.Store, res.Run.ID); err != nil || again.Actions[len(again.Actions)-1].Outcome != executor.OutcomeManual {
		t.Errorf("%+v, %v", again, err)
	}
}
