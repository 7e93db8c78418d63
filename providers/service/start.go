package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// starter performs service.start.
type starter struct{}

// startReceipt remembers how far the start came.
type startReceipt struct {
	// Ready is set once DSS was: from then on somebody may be using it.
	Ready bool `json:"ready"`
}

func (starter) Done(ctx context.Context, pc *providers.Call) (bool, error) {
	c, err := open(pc)
	if err != nil {
		return false, err
	}
	return c.inst.Ready(ctx)
}

func (starter) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if err := c.up(ctx); err != nil {
		return err
	}
	if err := c.Receipt.Save(startReceipt{Ready: true}); err != nil {
		return err
	}
	if err := pruneSafety(c.inst.Companion(), c.Run); err != nil {
		c.Notice(fmt.Sprintf("old safety backups could not be removed: %v", err))
	}
	return nil
}

// up starts DSS unless it is on its way already, and waits until it is ready.
// A DSS found running may still be on its way down, by a stop that stuck: when
// it has ended, it is started.
func (c *call) up(ctx context.Context) error {
	state, err := c.state(ctx)
	if err != nil {
		return err
	}
	err = c.upFrom(ctx, state)
	var e *dss.NotReadyError
	if state == dss.ServiceStopped || !errors.As(err, &e) || !e.Ended {
		return err
	}
	c.Notice("DSS was on its way down and has ended; starting it")
	return c.upFrom(ctx, dss.ServiceStopped)
}

func (c *call) upFrom(ctx context.Context, state dss.Service) (err error) {
	switch state {
	case dss.ServiceRunning, dss.ServiceStarting:
	case dss.ServiceStopped:
		err = c.startDSS(ctx)
	default:
		// A supervisor is there and its processes are not: begin anew.
		if err := c.halt(ctx); err != nil {
			return fmt.Errorf("stop what is left of DSS before the start: %w", err)
		}
		err = c.startDSS(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	timeout := c.start()
	if err != nil {
		// The command may have lost patience before DSS did; but without it a
		// long wait makes no sense.
		timeout = min(timeout, failedStartGrace)
	}
	if werr := c.inst.WaitReady(ctx, timeout, c.note); werr != nil {
		return errors.Join(werr, err)
	}
	if err != nil {
		c.Notice(fmt.Sprintf("DSS is ready, though the command that started it failed: %v", err))
	}
	return nil
}

const failedStartGrace = 60 * time.Second

func (c *call) startDSS(ctx context.Context) error {
	c.note("starting DSS")
	return c.inst.Start(ctx)
}

// verifyGrace allows for one slow answer.
const verifyGrace = 30 * time.Second

func (starter) Verify(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	return c.inst.WaitReady(ctx, verifyGrace, nil)
}

// Undo stops DSS. Once it was ready, somebody may have begun to work.
func (starter) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var r startReceipt
	if _, err := c.Receipt.Load(&r); err != nil {
		return err
	}
	stopped, err := c.inst.Stopped(ctx)
	if err != nil || stopped {
		return err
	}
	if r.Ready {
		state, err := c.state(ctx)
		if err != nil {
			return err
		}
		if err := c.checkIdle(ctx, state); err != nil {
			return err
		}
	}
	return c.halt(ctx)
}
