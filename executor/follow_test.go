package executor_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/state"
)

// A moved instance takes its record along before the first action, and what the
// plan says of its protection is remembered behind the last one.
func TestMovedRecordsFollow(t *testing.T) {
	w := newWorld(t)
	e := w.executor(nil)
	ctx := context.Background()
	if err := e.Store.Update(ctx, "instance.old", func(i *state.Instance) error {
		i.DataDir, i.Throughput = w.dataDir, map[string]float64{"fake.change": 7}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p, _ := w.plan()
	yes := true
	p.Instances[0].MovedFrom, p.Instances[0].Protect = "instance.old", &yes
	raw, err := plan.Encode(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.fail["design/4"] = errors.New("no luck")
	if _, err := e.Apply(ctx, p, raw, executor.Options{OnFailure: executor.StopThere}); err == nil {
		t.Fatal("no failure")
	}
	all, err := e.Store.Instances(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, old := all["instance.old"]; old || all["instance.design"].Throughput["fake.change"] != 7 || all["instance.design"].Protected {
		t.Errorf("in the middle: %+v", all)
	}
	delete(w.fail, "design/4")
	if _, err := e.Recover(ctx, "", executor.Resume, executor.Options{}); err != nil {
		t.Fatal(err)
	}
	if all, err = e.Store.Instances(ctx); err != nil || len(all) != 1 || !all["instance.design"].Protected || all["instance.design"].Throughput["fake.change"] != 7 {
		t.Errorf("at the end: %+v, %v", all, err)
	}
}

// What was done under another address is not undone: the plan would act, and
// remember, under a name that is gone.
func TestNoRollbackAcrossAMove(t *testing.T) {
	w := newWorld(t)
	e := w.executor(nil)
	ctx := context.Background()
	p, raw := w.plan()
	first, err := e.Apply(ctx, p, raw, executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	move, _ := w.plan()
	in := &move.Instances[0]
	in.Address, in.MovedFrom, in.Stages, in.Records, move.Secrets = "module.m.instance.design", "instance.design", nil, nil, nil
	in.Changes = []plan.Change{{Op: plan.Move}}
	raw, err = plan.Encode(move, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := e.Apply(ctx, move, raw, executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := len(w.on)
	_, err = e.Rollback(ctx, first.Run.ID, executor.Options{})
	var refused *executor.RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "since run "+second.Run.ID+", instance.design is module.m.instance.design") {
		t.Errorf("error is %v", err)
	}
	all, err := e.Store.Instances(ctx)
	if _, old := all["instance.design"]; err != nil || old || len(all) != 1 || len(w.on) != before {
		t.Errorf("state: %+v, %v; %d on, %d before", all, err, len(w.on), before)
	}
}

// An imported instance is remembered, whatever else the plan does, and also where
// it does nothing.
func TestImportedIsRemembered(t *testing.T) {
	for name, change := range map[string]func(*plan.Plan){
		"with work": func(*plan.Plan) {},
		"alone":     func(p *plan.Plan) { p.Instances[0].Stages, p.Instances[0].Records, p.Secrets = nil, nil, nil },
		"observed": func(p *plan.Plan) {
			p.Instances[0].Stages, p.Instances[0].Records, p.Instances[0].Mode, p.Secrets = nil, nil, plan.Observe, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := w.executor(nil)
			p, _ := w.plan()
			p.Instances[0].Importing = &plan.Importing{ID: w.dataDir}
			p.Instances[0].Changes = append(p.Instances[0].Changes, plan.Change{Op: plan.Import})
			change(p)
			if !p.ToApply() {
				t.Error("there is nothing to apply")
			}
			raw, err := plan.Encode(p, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Apply(context.Background(), p, raw, executor.Options{}); err != nil {
				t.Fatal(err)
			}
			all, err := e.Store.Instances(context.Background())
			if in := all["instance.design"]; err != nil || in.DataDir != w.dataDir || in.LastRun == "" {
				t.Errorf("remembered: %+v, %v", all, err)
			}
		})
	}
}

// A plan from before the protection is refused, and nothing is done.
func TestProtectedSinceThePlan(t *testing.T) {
	w := newWorld(t)
	e := w.executor(nil)
	ctx := context.Background()
	if err := e.Store.Update(ctx, "instance.design", func(i *state.Instance) error {
		i.Protected = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p, _ := w.plan()
	last := &p.Instances[0].Stages[len(p.Instances[0].Stages)-1]
	last.Actions[0].Danger = plan.DataLoss
	raw, err := plan.Encode(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Apply(ctx, p, raw, executor.Options{})
	var refused *executor.RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), last.Actions[0].Title) {
		t.Errorf("error is %v", err)
	}
	if runs, _ := e.Store.Runs(ctx); len(runs) != 0 || len(w.on) != 0 {
		t.Errorf("runs %v, done %v", runs, w.on)
	}
}
