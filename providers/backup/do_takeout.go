package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/fileid"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/providers"
)

// taker performs backup.take_out: parts of a set, into a folder of the user's.
// They are taken out into a folder of the run's own inside it, listed, and then
// moved up: so what is the run's can be told from what comes later.
type taker struct{}

func (taker) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

// tookReceipt remembers the folder.
type tookReceipt struct {
	// Existed says that it was there before, empty.
	Existed bool `json:"existed"`
	// Dir is the folder itself: its path may lead elsewhere later.
	Dir fileid.ID `json:"dir,omitzero"`
	// Mode and ModTime are the data directory's own, where all of it was taken out.
	Mode    fs.FileMode `json:"mode,omitempty"`
	ModTime time.Time   `json:"mtime,omitzero"`
}

// takingOut is the run's own folder inside the user's.
func (c *call) takingOut() string {
	return filepath.Join(c.Restore.To, insidePrefix+"taking-out-"+c.Run)
}

// takenList is the list of what was taken out.
func (c *call) takenList() string {
	return filepath.Join(c.Instance.Companion(), "taken-out", c.Run, "list.gz")
}

func (taker) Do(ctx context.Context, pc *providers.Call) error {
	c, e, err := openRestore(pc)
	if err != nil {
		return err
	}
	if err := c.claimTo(); err != nil {
		return err
	}
	if !exists(c.takenList()) {
		if err := removeTree(c.takingOut()); err != nil {
			return err
		}
		if err := os.Mkdir(c.takingOut(), 0o700); err != nil {
			return fmt.Errorf("take files out of a backup set: %w", err)
		}
		if err := c.takeOut(ctx, e, c.takingOut()); err != nil {
			return err
		}
		if err := c.listTaken(ctx); err != nil {
			return err
		}
	}
	return c.moveUp()
}

// moveUp moves what was taken out to where the user wants it.
func (c *call) moveUp() error {
	names, err := os.ReadDir(c.takingOut())
	if errors.Is(err, fs.ErrNotExist) {
		names, err = nil, nil // all of it was moved, by a dssctl that was killed then
	}
	if err != nil {
		return fmt.Errorf("take files out of a backup set: %w", err)
	}
	for _, n := range names {
		to := filepath.Join(c.Restore.To, n.Name())
		if exists(to) {
			return fmt.Errorf("take files out of a backup set: %s was made meanwhile, and nothing is overwritten", to)
		}
		if err := os.Rename(filepath.Join(c.takingOut(), n.Name()), to); err != nil {
			return fmt.Errorf("take files out of a backup set: %w", err)
		}
	}
	if err := removeTree(c.takingOut()); err != nil {
		return err
	}
	var r tookReceipt
	if _, err := c.Receipt.Load(&r); err != nil {
		return err
	}
	if r.Mode != 0 { // only then: a folder's time goes with its names
		err = errors.Join(os.Chmod(c.Restore.To, r.Mode), os.Chtimes(c.Restore.To, time.Time{}, r.ModTime))
	}
	return errors.Join(err, syncDirs(c.Restore.To))
}

// claimTo makes sure that nothing but this run's own work is in the user's folder.
func (c *call) claimTo() error {
	var r tookReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil {
		return err
	}
	if !known {
		entries, err := os.ReadDir(c.Restore.To)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("take files out of a backup set: %w", err)
		}
		if len(entries) > 0 {
			return fmt.Errorf("the folder %s is not empty: choose a new one, so that nothing is overwritten", c.Restore.To)
		}
		r.Existed = err == nil
		if err := c.Receipt.Save(r); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(c.Restore.To, 0o700); err != nil {
		return fmt.Errorf("take files out of a backup set: %w", err)
	}
	id, err := fileid.Of(c.Restore.To)
	switch {
	case err != nil:
		return err
	case !r.Dir.Known():
		r.Dir = id
		return c.Receipt.Save(r)
	case !r.Dir.Is(id):
		return fmt.Errorf("take files out of a backup set: %s leads to another folder than when the run began", c.Restore.To)
	}
	return nil
}

func (c *call) listTaken(ctx context.Context) error {
	if len(c.Restore.Paths) == 0 {
		var r tookReceipt
		_, err := c.Receipt.Load(&r)
		info, serr := os.Stat(c.takingOut())
		if err := errors.Join(err, serr); err != nil {
			return err
		}
		r.Mode, r.ModTime = info.Mode().Perm(), info.ModTime()
		if err := c.Receipt.Save(r); err != nil {
			return err
		}
	}
	dir, err := c.Instance.EnsureCompanion("taken-out", c.Run)
	if err != nil {
		return err
	}
	if err := writeTaken(ctx, c.takingOut(), c.takenList()); err != nil {
		return fmt.Errorf("list what was taken out: %w", err)
	}
	return errors.Join(syncDirs(dir), c.pruneTaken())
}

// keptTaken is how many runs' lists are kept.
const keptTaken = 10

// pruneTaken removes the oldest lists: what was taken out is then the user's.
func (c *call) pruneTaken() error {
	root := filepath.Join(c.Instance.Companion(), "taken-out")
	entries, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries[:max(0, len(entries)-keptTaken)] { // in the order of their runs
		if e.Name() != c.Run {
			errs = append(errs, removeTree(filepath.Join(root, e.Name())))
		}
	}
	return errors.Join(errs...)
}

func (taker) Verify(_ context.Context, pc *providers.Call) error {
	c, _, err := openRestore(pc)
	if err != nil {
		return err
	}
	return c.havePaths(c.Restore.To)
}

// CheckUndo: the folder must be the one that was taken out into, and the list of
// what was must be there.
func (taker) CheckUndo(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var r tookReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil || !known {
		return err
	}
	id, err := fileid.Of(c.Restore.To)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // the user has removed all of it
	case err != nil:
		return err
	case !r.Dir.Is(id):
		return &providers.GoneError{What: fmt.Sprintf("%s is not the folder any more that was taken out into", c.Restore.To)}
	case !exists(c.takenList()) && !exists(c.takingOut()):
		return &providers.GoneError{What: fmt.Sprintf("the list of what was taken out, %s, is not there any more; what is in %s is yours", c.takenList(), c.Restore.To)}
	}
	return nil
}

// Undo removes what was taken out and is still as it was; what came later, or was
// changed, stays, and is named.
func (t taker) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var r tookReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil || !known || !r.Dir.Known() || !exists(c.Restore.To) {
		return err // nothing was written yet, or the folder was not ours
	}
	if id, err := fileid.Of(c.Restore.To); err != nil || !id.Is(r.Dir) {
		return errors.Join(err, t.CheckUndo(ctx, pc))
	}
	if err := removeTree(c.takingOut()); err != nil {
		return err
	}
	stays, err := c.removeTaken(ctx)
	if err != nil {
		return fmt.Errorf("remove what was taken out into %s: %w", c.Restore.To, err)
	}
	if !r.Existed && len(stays) == 0 {
		if err := os.Remove(c.Restore.To); err != nil {
			return err
		}
	}
	if len(stays) > 0 {
		c.Notice(fmt.Sprintf("%s in %s came later or was changed since, and stays: %s",
			humanize.Count(int64(len(stays)), "file or folder", "files and folders"), c.Restore.To, firstOf(stays)))
	}
	return errors.Join(removeTree(filepath.Dir(c.takenList())), atomicfile.SyncDir(filepath.Dir(c.Restore.To)))
}

// removeTaken removes what the list names. Without one nothing was moved up yet, or
// it is not known what was.
func (c *call) removeTaken(ctx context.Context) (stays []string, err error) {
	if exists(c.takenList()) {
		return removeTaken(ctx, c.takenList(), c.Restore.To)
	}
	entries, err := os.ReadDir(c.Restore.To)
	for _, e := range entries {
		stays = append(stays, e.Name())
	}
	return stays, err
}

func firstOf(names []string) string {
	const most = 20
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
