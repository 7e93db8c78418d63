package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/set"
)

// restoreTester performs backup.restore_test: a set that cannot be restored is
// none.
type restoreTester struct{}

// trialError says that what was restored for trial is not a data directory as the
// set's manifest describes it.
type trialError struct{ err error }

func (e *trialError) Error() string { return e.err.Error() }
func (e *trialError) Unwrap() error { return e.err }

func (restoreTester) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (restoreTester) Do(ctx context.Context, pc *providers.Call) (err error) {
	c, err := open(pc)
	if err != nil {
		return err
	}
	scratch, err := c.scratch()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeTree(scratch)) }()
	for _, id := range c.wanted() {
		e, err := c.store.Get(id)
		if err != nil && !recheckable(err) {
			return cannotTell("restored for trial", id, err)
		}
		err = c.tryRestore(ctx, e, filepath.Join(scratch, id))
		if state, why := outcome(err); state != set.Unknown {
			return errors.Join(fmt.Errorf("the set %s: %w", id, err), c.store.Mark(id, state, why))
		}
		if err != nil {
			return cannotTell("restored for trial", id, err)
		}
		if err := c.store.Unmark(id, set.RestoreFailed); err != nil {
			return err
		}
	}
	return nil
}

// tryRestore restores a set into a new folder and looks at what came.
func (c *call) tryRestore(ctx context.Context, e set.Entry, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("restore for trial: %w", err)
	}
	c.Restore = &restoreArgs{Set: e.ID}
	if err := c.takeOut(ctx, e, dir); err != nil {
		return err
	}
	if err := looksRestored(dir, e.Manifest); err != nil {
		return &trialError{err}
	}
	if err := opens(ctx, dir, e.Manifest); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return &trialError{err}
	}
	return c.verifyStoredDump(ctx, e)
}

// scratch is where a set is restored for trial: beside the sets, where there is
// room for one.
func (c *call) scratch() (string, error) {
	dir, err := c.Instance.EnsureCompanion("restore-test", c.Run)
	if err != nil {
		return "", err
	}
	return dir, nil
}

func (restoreTester) Verify(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	now := c.Clock.Now().UTC()
	return c.remember(ctx, func(p *policyRecord) { p.Tested = now })
}

func (restoreTester) Undo(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	return removeTree(filepath.Join(c.Instance.Companion(), "restore-test", c.Run))
}
