package service

import (
	"context"
	"errors"
	"slices"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

// AttachingKinds are the actions that attach the data directory to a kit: it
// starts from that one, and what it is attached to today does not matter.
func AttachingKinds() []plan.Kind {
	return []plan.Kind{"release.install", "backup.attach", "origin.install", "origin.attach"}
}

func attaches(in *plan.Instance) bool {
	if in == nil {
		return false
	}
	for _, s := range in.Stages {
		if slices.ContainsFunc(s.Actions, func(a plan.Action) bool { return slices.Contains(AttachingKinds(), a.Kind) }) {
			return true
		}
	}
	return false
}

// stoppable looks for what stands in the way of stopping DSS and of starting it
// again.
func (c *call) stoppable(ctx context.Context) ([]preflight.Finding, error) {
	if c.inst.Absent() {
		return nil, nil
	}
	out, err := preflight.State(ctx, c.inst, c.ForceStop)
	if err != nil {
		return nil, err
	}
	state, err := c.state(ctx)
	if err != nil {
		return nil, err
	}
	if state == dss.ServiceStopped {
		return nil, nil // whoever starts it asks for the kit
	}
	if len(out) == 0 {
		tied, err := preflight.Tied(ctx, c.inst)
		if err != nil {
			return nil, err
		}
		out = append(out, tied...)
	}
	kit, err := c.kit(true)
	return append(out, kit...), err
}

// CheckUndo implements providers.UndoChecker: undoing begins with a stop.
func (starter) CheckUndo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil || c.inst.Absent() {
		return err
	}
	found, err := c.stoppable(ctx)
	var errs []error
	for _, f := range preflight.Errors(found) {
		errs = append(errs, errors.New(f.String()))
	}
	return errors.Join(append(errs, err)...)
}

// kit looks at the kit that the instance is attached to. runs says that DSS is to
// be stopped first, which takes its commands.
func (c *call) kit(runs bool) ([]preflight.Finding, error) {
	if c.inst.Absent() {
		return nil, nil
	}
	kit, err := preflight.KitOf(c.inst)
	if err != nil {
		return nil, err
	}
	switch {
	case !attaches(c.Planned):
		return append(kit.Check(), kit.Commands()...), nil
	case runs:
		return kit.Commands(), nil
	}
	return nil, nil
}
