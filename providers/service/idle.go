package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers/dss"
)

// BusyError says that something runs in DSS that a stop would cut off.
type BusyError struct {
	Running []dss.Activity
	// Waited is how long it was waited for; 0 for not at all.
	Waited time.Duration
}

const shownActivities = 20

func (e *BusyError) Error() string {
	var b strings.Builder
	b.WriteString("DSS is busy")
	if e.Waited > 0 {
		fmt.Fprintf(&b, ", still after %s", e.Waited.Round(time.Second))
	}
	b.WriteString(":")
	for i, a := range e.Running {
		if i == shownActivities {
			fmt.Fprintf(&b, "\n  - and %d more", len(e.Running)-i)
			break
		}
		b.WriteString("\n  - " + a.String())
	}
	b.WriteString("\nWait until that has ended, or say what to do about it: service { on_running = \"wait\" } or \"abort\"")
	return b.String()
}

// checkIdle makes sure that a stop cuts nothing off, by what on_running says.
func (c *call) checkIdle(ctx context.Context, state dss.Service) error {
	if c.Warning != "" && state != dss.ServiceStopped {
		c.Notice(c.Warning)
	}
	if c.APIKey == nil || state == dss.ServiceStopped {
		return nil
	}
	if state != dss.ServiceRunning {
		c.Notice(fmt.Sprintf("DSS is %s: it cannot be asked what runs", state))
		return nil
	}
	key, err := c.APIKey.Reveal(c.Secrets)
	if err != nil {
		return err
	}
	api := c.inst.API(key)
	c.note("asking DSS what runs")
	now, err := api.Running(ctx)
	if err != nil {
		err = fmt.Errorf("ask DSS what runs: %w", err)
		if c.OnRunning != onRunningAbort || ctx.Err() != nil {
			return err
		}
		c.Notice(fmt.Sprintf("%v; it is stopped all the same, for on_running is %q", err, onRunningAbort))
		return nil
	}
	switch {
	case len(now) == 0:
		return nil
	case c.OnRunning == onRunningWait:
		return c.waitIdle(ctx, now, func() ([]dss.Activity, error) { return api.Running(ctx) })
	case c.OnRunning == onRunningAbort:
		return c.waitIdle(ctx, c.abort(ctx, api, now), func() ([]dss.Activity, error) {
			now, err := api.Running(ctx)
			if err != nil {
				return nil, err
			}
			return c.abort(ctx, api, now), nil
		})
	default:
		return &BusyError{Running: now}
	}
}

// abort asks DSS to end everything, and returns what to wait for: what no call
// can end, the stop itself ends.
func (c *call) abort(ctx context.Context, api *dss.API, now []dss.Activity) []dss.Activity {
	var wait []dss.Activity
	for _, a := range now {
		switch err := api.Abort(ctx, a); {
		case errors.Is(err, dss.ErrNotAbortable):
		case err != nil:
			c.note(err.Error()) // asked again at the next look
			wait = append(wait, a)
		default:
			wait = append(wait, a)
		}
	}
	return wait
}

// mostErrors is how many looks in a row may fail while waiting.
const mostErrors = 3

// waitIdle looks again and again until nothing runs.
func (c *call) waitIdle(ctx context.Context, now []dss.Activity, look func() ([]dss.Activity, error)) error {
	began, pause, failed := c.Clock.Now(), time.Second, 0
	for len(now) > 0 {
		waited := c.Clock.Now().Sub(began)
		if waited >= c.wait() {
			return &BusyError{Running: now, Waited: waited}
		}
		note := "waiting for " + now[0].String()
		if len(now) > 1 {
			note += fmt.Sprintf(" and %d more", len(now)-1)
		}
		c.Progress(event.Progress{Done: int64(waited.Seconds()), Total: int64(c.wait().Seconds()), Unit: "seconds", Note: note})
		if err := c.Clock.Sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(pause*2, 15*time.Second)
		next, err := look()
		if err != nil {
			if failed++; failed == mostErrors || ctx.Err() != nil {
				return fmt.Errorf("ask DSS what runs: %w", err)
			}
			continue
		}
		now, failed = next, 0
	}
	return nil
}
