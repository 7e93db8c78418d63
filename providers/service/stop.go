package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

// stopper performs service.stop.
type stopper struct{}

// stopReceipt remembers how DSS was found, and how it was stopped.
type stopReceipt struct {
	Found dss.Service `json:"found"`
	// By is for whoever starts DSS again; nil before the stop has begun.
	By *dss.Way `json:"by,omitempty"`
}

// call is a Call with its decoded arguments and the instance as they name it.
type call struct {
	*providers.Call
	args
	inst *dss.Instance
}

func open(c *providers.Call) (*call, error) {
	out := &call{Call: c}
	if err := c.Args(&out.args); err != nil {
		return nil, fmt.Errorf("the arguments of %s: %w", c.Action.Kind, err)
	}
	out.inst = c.Instance.WithUnit(out.Unit)
	return out, nil
}

// beside reads the receipt of the action of a phase in the same window.
func (c *call) beside(phase plan.Phase, receipt any) bool {
	if c.Beside == nil {
		return false
	}
	// One that cannot be read is as none: DSS is started all the same.
	known, err := c.Beside(phase).Load(receipt)
	return known && err == nil
}

func (stopper) Done(ctx context.Context, pc *providers.Call) (bool, error) {
	c, err := open(pc)
	if err != nil {
		return false, err
	}
	return c.inst.Stopped(ctx)
}

func (stopper) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var r stopReceipt
	state, err := c.state(ctx)
	if err != nil {
		return err
	}
	// After a crash the first receipt counts: now DSS may be half stopped.
	switch known, err := c.Receipt.Load(&r); {
	case err != nil:
		return err
	case !known:
		if err := c.told(ctx, c.ForceStop); err != nil {
			return fmt.Errorf("stop DSS: %w", err)
		}
		r = stopReceipt{Found: state}
		if err := c.Receipt.Save(r); err != nil {
			return err
		}
	}
	if err := c.checkIdle(ctx, state); err != nil {
		return err
	}
	return c.halt(ctx, func(by dss.Way) error {
		// A boot unit that was stopped half is inactive, and remains the one that
		// has to be started.
		if r.By == nil || by.Unit != "" {
			r.By = &by
		}
		return c.Receipt.Save(r)
	})
}

// told refuses where it cannot be told whether DSS runs: its end could not be told
// either. See preflight.State.
func (c *call) told(ctx context.Context, forced bool) error {
	found, err := preflight.State(ctx, c.inst, forced)
	if err == nil && len(found) > 0 {
		err = errors.New(found[0].String())
	}
	return err
}

// state is the service's state; one that cannot be told is ServiceUnknown.
func (c *call) state(ctx context.Context) (dss.Service, error) {
	state, _, err := c.inst.State(ctx)
	var unknown *dss.UnknownStatusError
	if errors.As(err, &unknown) {
		err = nil
	}
	return state, err
}

// failedStopGrace is how long DSS may still take when the command that stops it
// has failed: it may have stopped nevertheless.
const failedStopGrace = 30 * time.Second

// halt stops DSS and makes sure that nothing of it is left. by is told how,
// before anything is done. A stop that sticks ends the processes only where
// force_stop says so; one that systemd has refused has done nothing.
func (c *call) halt(ctx context.Context, by func(dss.Way) error) (err error) {
	if err := c.inst.Tied(ctx); err != nil {
		return fmt.Errorf("stop DSS: %w", err)
	}
	way, err := c.inst.StopWay(ctx)
	if err != nil {
		return err
	}
	if err := by(way); err != nil {
		return err
	}
	c.down()
	defer func() { c.stayedUp(ctx, err) }()
	began := c.Clock.Now()
	timeout := c.stop()
	stopErr := c.stopWithin(ctx, way, timeout)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var refused *dss.RefusedError
	if errors.As(stopErr, &refused) {
		return stopErr
	}
	left := timeout - c.Clock.Now().Sub(began)
	if stopErr != nil {
		left = min(left, failedStopGrace)
	}
	c.note("waiting until every process has ended")
	err = c.inst.WaitStopped(ctx, max(left, 0))
	var stuck *dss.StuckError
	if err == nil || !errors.As(err, &stuck) {
		return err
	}
	stuck.Timeout = c.Clock.Now().Sub(began).Round(time.Second)
	if !c.ForceStop {
		hint := errors.New("end what is left by hand, or allow dssctl to: service { force_stop = true }")
		return errors.Join(stuck, stopErr, hint)
	}
	c.Notice(fmt.Sprintf("DSS did not stop within %s; ending its processes, as force_stop allows", stuck.Timeout))
	killed, err := c.inst.KillProcesses(ctx)
	if err != nil {
		return errors.Join(err, stopErr)
	}
	for _, p := range killed {
		c.Notice("ended process " + p.String())
	}
	if err := c.inst.WaitStopped(ctx, failedStopGrace); err != nil {
		return errors.Join(err, stopErr)
	}
	return nil
}

// down notes that DSS goes down from here on.
func (c *call) down() {
	if c.Down != nil {
		c.Down()
	}
}

// upAgain notes that DSS answers.
func (c *call) upAgain(stayed bool) {
	if c.Up != nil {
		c.Up(stayed)
	}
}

// stayedUp notes that DSS was never down, where a stop has failed and it answers as
// before.
func (c *call) stayedUp(ctx context.Context, stopErr error) {
	if stopErr == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	if ready, err := c.inst.Ready(ctx); err == nil && ready {
		c.upAgain(true)
	}
}

// stopWithin runs the command that stops DSS, for so long.
func (c *call) stopWithin(ctx context.Context, way dss.Way, timeout time.Duration) error {
	c.note("stopping DSS")
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("the stop took longer than %s", timeout))
	defer cancel()
	return c.inst.StopBy(ctx, way)
}

func (c *call) note(text string) {
	c.Progress(event.Progress{Unit: "seconds", Note: text})
}

func (stopper) Verify(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	return c.inst.WaitStopped(ctx, 0)
}

// Reverted implements providers.Reverter: DSS is as it was found.
func (stopper) Reverted(ctx context.Context, pc *providers.Call) (bool, error) {
	c, err := open(pc)
	if err != nil {
		return false, err
	}
	var r stopReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil {
		return false, err
	}
	switch {
	case !known:
		return true, nil
	case r.Found == dss.ServiceRunning, r.Found == dss.ServiceStarting:
		ready, err := c.inst.Ready(ctx)
		if ready {
			c.upAgain(false)
		}
		return ready, err
	case r.Found == dss.ServiceStopped:
		return c.inst.Stopped(ctx)
	}
	return false, nil // it did not work before either
}

// Undo starts DSS again when it was found running, by what has stopped it last:
// a start that was undone before this has stopped it once more.
func (stopper) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var r stopReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil || !known {
		return err
	}
	by := r.By
	var again startReceipt
	if c.beside(plan.Start, &again) && again.StoppedBy != nil {
		by = again.StoppedBy
	}
	switch r.Found {
	case dss.ServiceRunning, dss.ServiceStarting:
		if err := c.up(ctx, by, true); err != nil && ctx.Err() == nil {
			return fmt.Errorf("%w\nTo start DSS by hand, as the account %s: %s", err, c.inst.Account(), c.inst.StartCommand(ctx))
		} else if err != nil {
			return err
		}
		return nil
	case dss.ServiceStopped:
		return nil
	default:
		// It did not work before either: as it was, and no more is promised.
		if err := c.up(ctx, by, true); err != nil {
			c.Notice(fmt.Sprintf("DSS was found %s, was started again, and does not work: %v", r.Found, err))
		}
		return context.Cause(ctx)
	}
}
