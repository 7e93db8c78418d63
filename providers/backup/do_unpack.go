package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/volume"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/exclude"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/set"
)

// setChecker performs backup.check_set: what would make a restore fail shall do
// it here, while DSS runs.
type setChecker struct{}

func (setChecker) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (setChecker) Do(ctx context.Context, pc *providers.Call) error {
	c, e, err := openRestore(pc)
	if err != nil {
		return err
	}
	if err := c.verifySet(ctx, e); err != nil {
		return err
	}
	if err := c.roomFor(e); err != nil {
		return err
	}
	if !c.Restore.Load {
		return nil
	}
	if e.Manifest.Database == nil {
		return fmt.Errorf("the set %s has no dump", e.ID)
	}
	return nil
}

func (setChecker) Verify(context.Context, *providers.Call) error { return nil }
func (setChecker) Undo(context.Context, *providers.Call) error   { return nil }

func openRestore(pc *providers.Call) (*call, set.Entry, error) {
	c, err := open(pc)
	if err != nil {
		return nil, set.Entry{}, err
	}
	if c.Restore == nil {
		return nil, set.Entry{}, fmt.Errorf("the arguments of %s name no set", pc.Action.Kind)
	}
	e, err := c.store.Get(c.Restore.Set)
	return c, e, err
}

// roomFor refuses a restore that would fill the data directory's volume: what
// is there now stays beside it.
func (c *call) roomFor(e set.Entry) error {
	if len(c.Restore.Paths) > 0 {
		return nil
	}
	dir := volume.Existing(filepath.Dir(c.staging()))
	free, err := volume.Free(dir)
	if err != nil {
		return err
	}
	const reserve, perFile = 64 << 20, 1 << 10
	need := e.Manifest.Part.Bytes + e.Manifest.Part.Files*perFile + reserve
	if free < need {
		return fmt.Errorf("the set %s needs %s at %s, beside what is there now, and %s are free: free some there, or restore it to a data directory on a larger volume", e.ID, humanize.Bytes(need), dir, humanize.Bytes(free))
	}
	return nil
}

// staging is the folder that a set is unpacked into: on the data directory's
// own volume, so that names can be exchanged there.
func (c *call) staging() string { return c.beside("restoring") }

// replaced is the folder that holds what a restore has replaced.
func (c *call) replaced() string { return c.beside("replaced") }

func (c *call) beside(what string) string {
	if c.Restore.Elsewhere != nil || c.Instance.SameVolume(c.Instance.Companion()) {
		return filepath.Join(c.Instance.Companion(), what, c.Run)
	}
	return c.Instance.Path(insidePrefix + what + "-" + c.Run)
}

// insidePrefix begins dssctl's own folders in a data directory that is a volume
// of its own.
const insidePrefix = exclude.Own

// unpacker performs backup.unpack.
type unpacker struct{}

// settleReceipt remembers that the links of what was unpacked are gone over.
type settleReceipt struct {
	Begun bool `json:"begun"`
}

const unpackedName = ".unpacked" // beside the staging folder: it is whole

func (unpacker) Done(_ context.Context, pc *providers.Call) (bool, error) {
	c, _, err := openRestore(pc)
	if err != nil {
		return false, err
	}
	_, err = os.Stat(c.staging() + unpackedName)
	return err == nil, nil
}

func (unpacker) Do(ctx context.Context, pc *providers.Call) error {
	c, e, err := openRestore(pc)
	if err != nil {
		return err
	}
	if _, err := c.Instance.EnsureCompanion(); err != nil {
		return err
	}
	if err := os.MkdirAll(c.staging(), 0o700); err != nil {
		return fmt.Errorf("unpack the set %s: %w", e.ID, err)
	}
	if c.Restore.Elsewhere != nil {
		// What was settled is not what is in the set: unpacked again, it is new.
		var r settleReceipt
		if _, err := c.Receipt.Load(&r); err != nil {
			return err
		}
		if r.Begun {
			if err := errors.Join(removeTree(c.staging()), os.Mkdir(c.staging(), 0o700)); err != nil {
				return err
			}
		}
	}
	if err := c.takeOut(ctx, e, c.staging()); err != nil {
		return err
	}
	if c.Restore.Elsewhere != nil {
		if err := c.Receipt.Save(settleReceipt{Begun: true}); err != nil {
			return err
		}
		if err := c.settle(e); err != nil {
			return err
		}
	}
	return atomicfile.Write(c.staging()+unpackedName, []byte(e.ID+"\n"), 0o600)
}

func (c *call) takeOut(ctx context.Context, e set.Entry, into string) error {
	c.Method = e.Manifest.Part.Method
	how, err := c.method()
	if err != nil {
		return err
	}
	return how.Restore(ctx, stored(e), into, method.Selection{Paths: c.Restore.Paths})
}

// Verify finds a data directory of the right version, or the parts.
func (unpacker) Verify(_ context.Context, pc *providers.Call) error {
	c, e, err := openRestore(pc)
	if err != nil {
		return err
	}
	if len(c.Restore.Paths) > 0 {
		return c.havePaths(c.staging())
	}
	return looksRestored(c.staging(), e.Manifest)
}

func (c *call) havePaths(dir string) error {
	for _, p := range c.Restore.Paths {
		if _, err := os.Lstat(filepath.Join(dir, p)); err != nil {
			return fmt.Errorf("%s is not in the set %s", p, c.Restore.Set)
		}
	}
	return nil
}

func (unpacker) Undo(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	return errors.Join(removeFile(c.staging()+unpackedName), removeTree(c.staging()))
}
