package backup

import (
	"context"
	"fmt"

	"github.com/dssctl/dssctl/providers"
)

// warmer performs backup.warm: a first pass while DSS runs.
type warmer struct{}

func (warmer) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (warmer) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	m, err := c.method()
	if err != nil {
		return err
	}
	j := c.job(c.Instance.DataDir)
	j.Live = true
	return m.Warm(ctx, j)
}

func (warmer) Verify(context.Context, *providers.Call) error { return nil }

func (warmer) Undo(context.Context, *providers.Call) error { return nil }

// holder performs backup.hold: it makes a view of the data directory at one
// moment.
type holder struct{}

func (holder) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (holder) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if c.Consistency == byStop {
		if err := c.mustBeStopped(ctx); err != nil {
			return err
		}
	}
	c.note("holding the data directory still")
	s, err := c.snapshotter(c.Held)
	if err != nil {
		return err
	}
	if _, err := s.Create(ctx, c.viewID()); err != nil {
		return err
	}
	return c.still(s.Name())
}

// Verify finds the view that was made.
func (holder) Verify(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	_, err = c.view(ctx)
	return err
}

func (holder) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	return c.release(ctx)
}

// view is the path at which the data directory is read.
func (c *call) view(ctx context.Context) (string, error) {
	m, err := c.making()
	if err != nil {
		return "", err
	}
	if c.Held != "" && m.View != "" {
		s, err := c.snapshotter(c.Held)
		if err != nil {
			return "", err
		}
		return s.Create(ctx, c.viewID())
	}
	return c.Instance.DataDir, nil
}

// release takes the view away, where there is one.
func (c *call) release(ctx context.Context) error {
	if c.Held == "" {
		return nil
	}
	s, err := c.snapshotter(c.Held)
	if err != nil {
		return err
	}
	if err := s.Destroy(ctx, c.viewID()); err != nil {
		return &providers.LeftoverError{What: fmt.Sprintf("the view %s of the data directory (the next run removes it)", c.viewID()), Err: err}
	}
	return nil
}
