package providers

import (
	"context"
	"fmt"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers/preflight"
)

// GoneError says that something that an undo needs is not there any more: the
// action cannot be undone, now or later.
type GoneError struct {
	// What is missing, and where it was.
	What string
	Err  error
}

func (e *GoneError) Error() string {
	if e.Err == nil {
		return e.What
	}
	return fmt.Sprintf("%s: %v", e.What, e.Err)
}

func (e *GoneError) Unwrap() error { return e.Err }

// CheckEdit is the CheckUndo of an action that has edited a file of the data
// directory since its receipt, which v is read into.
func CheckEdit(c *Call, rel string, v any) error {
	known, err := c.Receipt.Load(v)
	if err != nil || !known {
		return err
	}
	if err := CheckOriginal(c, rel, v); err != nil {
		return err
	}
	return preflight.AsError(preflight.Replaceable(c.Instance, rel))
}

// CheckOriginal says why the original of such a file cannot be put back.
func CheckOriginal(c *Call, rel string, v any) error {
	known, err := c.Receipt.Load(v)
	if err != nil || !known {
		return err
	}
	if err := c.Instance.CheckOriginal(c.Run, rel); err != nil {
		return &GoneError{What: err.Error()}
	}
	return nil
}

// StandingRun is what stands of a run on one instance, and can still be undone.
type StandingRun struct {
	Run     string
	Address string
	// Actions are those that were done, or begun.
	Actions []plan.Action
}

// NeededRuns are the ids of the runs that can still be undone, besides the call's
// own: what they keep must stay.
func NeededRuns(ctx context.Context, c *Call) (map[string]bool, error) {
	out := map[string]bool{c.Run: true}
	if c.Standing == nil {
		return out, nil
	}
	all, err := c.Standing(ctx)
	for _, r := range all {
		out[r.Run] = true
	}
	return out, err
}
