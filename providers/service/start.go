package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// starter performs service.start.
type starter struct{}

// startReceipt remembers how far the start came.
type startReceipt struct {
	// Ready is set once DSS was: from then on somebody may be using it.
	Ready bool `json:"ready"`
	// StoppedBy is how undoing the start has stopped DSS; nil before that.
	StoppedBy *dss.Way `json:"stopped_by,omitempty"`
}

func (starter) Done(ctx context.Context, pc *providers.Call) (bool, error) {
	c, err := open(pc)
	if err != nil {
		return false, err
	}
	ready, err := c.inst.Ready(ctx)
	if ready {
		c.upAgain(false)
	}
	return ready, err
}

func (starter) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var stop stopReceipt
	c.beside(plan.Stop, &stop)
	if err := c.up(ctx, stop.By, false); err != nil {
		return err
	}
	if err := c.Receipt.Save(startReceipt{Ready: true}); err != nil {
		return err
	}
	needed, err := providers.NeededRuns(ctx, pc)
	if err == nil {
		err = pruneSafety(c.inst.Companion(), needed)
	}
	if err != nil {
		c.Notice(fmt.Sprintf("old safety backups could not be removed: %v", err))
	}
	return nil
}

// up starts DSS unless it is on its way already, and waits until it is ready. by
// is how it was stopped; nil for not known. last says that nobody comes after. A
// DSS found running may still be on its way down, by a stop that stuck: when it
// has ended, it is started.
func (c *call) up(ctx context.Context, by *dss.Way, last bool) error {
	state, err := c.state(ctx)
	if err != nil {
		return err
	}
	err = c.upFrom(ctx, state, by, last)
	var e *dss.NotReadyError
	if state == dss.ServiceStopped || !errors.As(err, &e) || !e.Ended {
		return err
	}
	c.down()
	c.Notice("DSS was on its way down and has ended; starting it")
	return c.upFrom(ctx, dss.ServiceStopped, by, last)
}

func (c *call) upFrom(ctx context.Context, state dss.Service, by *dss.Way, last bool) error {
	switch state {
	case dss.ServiceRunning, dss.ServiceStarting:
		err := c.inst.WaitReady(ctx, c.start(), c.note)
		if err == nil {
			c.upAgain(false)
		}
		return err
	case dss.ServiceStopped:
	default:
		// One that is seen only by what it holds runs elsewhere: a start here
		// would be the second on the same data.
		if err := c.told(ctx, true); err != nil {
			return fmt.Errorf("start DSS: %w", err)
		}
		// A supervisor is there and its processes are not: begin anew.
		err := c.halt(ctx, func(way dss.Way) error {
			if by == nil || way.Unit != "" {
				by = &way
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("stop what is left of DSS before the start: %w", err)
		}
	}
	err := c.inst.Up(ctx, dss.BringUp{By: by, Timeout: c.start(), Last: last, Note: c.note, Notice: c.Notice})
	if err == nil {
		c.upAgain(false)
	}
	return err
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
	return c.halt(ctx, func(by dss.Way) error {
		if r.StoppedBy == nil || by.Unit != "" {
			r.StoppedBy = &by
		}
		return c.Receipt.Save(r)
	})
}
