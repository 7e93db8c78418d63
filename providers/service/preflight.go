package service

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

// Preflight looks at whether DSS can be stopped from here, and who may start it
// again.
func (stopper) Preflight(ctx context.Context, pc *providers.Call) ([]preflight.Finding, error) {
	c, err := open(pc)
	if err != nil {
		return nil, err
	}
	out, err := c.stoppable(ctx)
	if err != nil {
		return nil, err
	}
	by, err := c.starters(ctx)
	return append(out, by...), err
}

// starters looks at who may start DSS again.
func (c *call) starters(ctx context.Context) ([]preflight.Finding, error) {
	found, err := preflight.Start(ctx, c.inst)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	state, err := c.state(ctx)
	if err == nil && state == dss.ServiceStopped && !c.has(plan.Start) {
		// Nothing is stopped and nothing started: what is declared must be right
		// all the same.
		return preflight.Errors(found), nil
	}
	return found, err
}

// Preflight looks at what DSS is started from, and who may start an instance that
// the plan does not stop.
func (starter) Preflight(ctx context.Context, pc *providers.Call) ([]preflight.Finding, error) {
	c, err := open(pc)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(c.inst.Path("bin", "dss")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it is to be made, and so may its unit be
	}
	out, err := c.kit(false)
	if err != nil || c.has(plan.Stop) {
		return out, err
	}
	by, err := preflight.Start(ctx, c.inst)
	return append(out, by...), err
}

// has reports whether the plan has an action of this phase for the instance.
func (c *call) has(phase plan.Phase) bool {
	if c.Planned == nil {
		return false
	}
	for _, s := range c.Planned.Stages {
		for _, a := range s.Actions {
			if a.Phase == phase {
				return true
			}
		}
	}
	return false
}

// CheckUndo refuses a rollback that would stop DSS and could not start it again.
func (stopper) CheckUndo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var r stopReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil || !known || r.Found == dss.ServiceStopped {
		return err
	}
	state, err := c.state(ctx)
	if err != nil || state == dss.ServiceStopped {
		return err // it is down, and whatever there is brings it up
	}
	inst := c.inst
	if unit, err := inst.Unit(ctx); err == nil && unit != "" && inst.AskUnit(ctx, unit).Load == "not-found" {
		inst = c.Instance // the unit of then is gone; which one is it now?
	}
	found, err := preflight.Start(ctx, inst)
	if err != nil {
		return err
	}
	var all error
	for _, f := range preflight.Errors(found) {
		all = errors.Join(all, errors.New(f.String()))
	}
	return all
}
