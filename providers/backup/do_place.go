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
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/set"
)

// asider performs backup.set_aside: what a restore replaces is kept, until a
// later set holds what came after it. Everything is done by renames on one
// volume, so it is quick, and each can be repeated.
type asider struct{}

const asideName = ".aside" // beside the folder: all of it is there

func (asider) Done(_ context.Context, pc *providers.Call) (bool, error) {
	c, err := open(pc)
	if err != nil {
		return false, err
	}
	return exists(c.replaced() + asideName), nil
}

func (asider) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if err := c.mustBeStopped(ctx); err != nil {
		return err
	}
	to := c.replaced()
	if err := os.MkdirAll(to, 0o700); err != nil {
		return fmt.Errorf("set aside what is there now: %w", err)
	}
	names, err := c.exchanged(c.Instance.DataDir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := moveInto(c.Instance.DataDir, to, name); err != nil {
			return fmt.Errorf("set aside %s: %w", c.Instance.Path(name), err)
		}
	}
	if err := syncDirs(to, c.Instance.DataDir); err != nil {
		return err
	}
	return c.writeAside()
}

// exchanged are the names that are exchanged, relative to the data directory:
// the paths asked for, or everything at its top but dssctl's own folders. Of
// them, those that dir has.
func (c *call) exchanged(dir string) ([]string, error) {
	if len(c.Restore.Paths) > 0 {
		var out []string
		for _, p := range c.Restore.Paths {
			if exists(filepath.Join(dir, p)) {
				out = append(out, p)
			}
		}
		return out, nil
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), insidePrefix) {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

func (asider) Verify(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	left, err := c.exchanged(c.Instance.DataDir)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%s is still there", c.Instance.Path(left[0]))
	}
	c.Kept(c.replaced())
	return err
}

// CheckUndo: all that was set aside must be there still. Without the list of it,
// see placer: it was not finished, and what there is goes back.
func (asider) CheckUndo(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil || !exists(c.replaced()+asideName) {
		return err
	}
	return c.checkAside()
}

// Undo puts back what was set aside.
func (asider) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if err := c.mustBeStopped(ctx); err != nil {
		return err
	}
	names, err := c.exchanged(c.replaced())
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := moveInto(c.replaced(), c.Instance.DataDir, name); err != nil {
			return fmt.Errorf("put back %s: %w", name, err)
		}
	}
	if err := syncDirs(c.Instance.DataDir); err != nil {
		return err
	}
	return errors.Join(removeFile(c.replaced()+asideName), removeTree(c.replaced()))
}

func (c *call) mustBeStopped(ctx context.Context) error {
	if err := c.Instance.MustBeStopped(ctx); err != nil {
		return fmt.Errorf("the data directory is not still: %w", err)
	}
	return nil
}

// Loses tells what comes to an end with the content that was restored.
func (placer) Loses(_ context.Context, pc *providers.Call) (string, error) {
	c, err := open(pc)
	if err != nil || c.Restore == nil {
		return "", err
	}
	if c.Restore.Elsewhere != nil {
		return "the instance in " + c.Instance.DataDir + ", with all that was done in it", nil
	}
	return "all that DSS has written since the restore", nil
}

// placer performs backup.place: it moves what was unpacked to where it belongs.
type placer struct{}

// placeReceipt keeps what the moving changes.
type placeReceipt struct {
	Mode    fs.FileMode `json:"mode"`
	ModTime time.Time   `json:"mtime"`
	// Dir is the data directory that was made; see made.
	Dir fileid.ID `json:"dir,omitzero"`
}

func (placer) Done(_ context.Context, pc *providers.Call) (bool, error) {
	c, e, err := openRestore(pc)
	if err != nil {
		return false, err
	}
	left, err := c.exchanged(c.staging())
	if err != nil || len(left) > 0 || !exists(c.staging()) {
		return false, err
	}
	return c.placed(e) == nil, nil
}

func (placer) Do(ctx context.Context, pc *providers.Call) error {
	c, _, err := openRestore(pc)
	if err != nil {
		return err
	}
	return c.place(ctx)
}

func (c *call) place(ctx context.Context) error {
	var r placeReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil {
		return err
	}
	if !known {
		info, err := os.Stat(c.staging())
		if err != nil {
			return fmt.Errorf("what was unpacked is gone: %w", err)
		}
		if c.Restore.Elsewhere != nil && exists(c.Instance.DataDir) {
			return fmt.Errorf("%s is there: a restore elsewhere makes a new data directory and overwrites none", c.Instance.DataDir)
		}
		r = placeReceipt{Mode: info.Mode().Perm(), ModTime: info.ModTime()}
		if err := c.Receipt.Save(r); err != nil {
			return err
		}
	}
	if c.Restore.Elsewhere == nil {
		if err := c.mustBeStopped(ctx); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(c.Instance.DataDir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if c.Restore.Elsewhere != nil && !r.Dir.Known() {
		if r.Dir, err = fileid.OfLink(c.Instance.DataDir); err == nil {
			err = c.Receipt.Save(r)
		}
		if err != nil {
			return err
		}
	}
	names, err := c.exchanged(c.staging())
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := moveInto(c.staging(), c.Instance.DataDir, name); err != nil {
			return fmt.Errorf("put %s in place: %w", name, err)
		}
	}
	if len(c.Restore.Paths) == 0 {
		// Only then: a folder's time goes with its names.
		err = errors.Join(os.Chmod(c.Instance.DataDir, r.Mode), os.Chtimes(c.Instance.DataDir, time.Time{}, r.ModTime))
	}
	// Nothing is left in it but the folders above single paths.
	err = errors.Join(err, removeFile(c.staging()+unpackedName), removeTree(c.staging()))
	return errors.Join(err, syncDirs(c.Instance.DataDir))
}

func (placer) Verify(_ context.Context, pc *providers.Call) error {
	c, e, err := openRestore(pc)
	if err != nil {
		return err
	}
	return c.placed(e)
}

func (c *call) placed(e set.Entry) error {
	if len(c.Restore.Paths) > 0 {
		return c.havePaths(c.Instance.DataDir)
	}
	return looksRestored(c.Instance.DataDir, e.Manifest)
}

// CheckUndo: the data directory must be the one that was made, or what it replaced
// must be aside.
func (placer) CheckUndo(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var r placeReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil || !known {
		return err
	}
	if c.Restore.Elsewhere == nil {
		return c.checkAside()
	}
	return c.checkMade(r)
}

// checkMade says why the data directory is not the one that the run made: nothing
// of another one is removed.
func (c *call) checkMade(r placeReceipt) error {
	id, err := fileid.OfLink(c.Instance.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !r.Dir.Known():
		return &providers.GoneError{What: fmt.Sprintf("whether %s is the folder that the run made cannot be told: an older dssctl made it. Remove it by hand when you are sure", c.Instance.DataDir)}
	case !r.Dir.Is(id):
		return &providers.GoneError{What: fmt.Sprintf("%s is another folder than the one that the run made, and is left alone", c.Instance.DataDir)}
	}
	return nil
}

// Undo takes away what was put in place. What was there before must be known to
// be aside, or nothing is touched.
func (placer) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var r placeReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil || !known {
		return err
	}
	if err := c.mustBeStopped(ctx); err != nil {
		return err
	}
	if c.Restore.Elsewhere != nil {
		if !r.Dir.Known() && os.Remove(c.Instance.DataDir) == nil {
			return syncDirs(filepath.Dir(c.Instance.DataDir)) // it was made, and nothing put into it yet
		}
		if err := c.checkMade(r); err != nil {
			return err
		}
		return errors.Join(removeTree(c.Instance.DataDir), syncDirs(filepath.Dir(c.Instance.DataDir)))
	}
	if err := c.checkAside(); err != nil {
		return fmt.Errorf("take away the restored content: %w", err)
	}
	names := c.Restore.Paths
	if len(names) == 0 {
		if names, err = c.exchanged(c.Instance.DataDir); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := removeTree(c.Instance.Path(name)); err != nil {
			return fmt.Errorf("take away the restored content: %w", err)
		}
	}
	return nil
}

// looksRestored finds a data directory of the set's version and identity.
func looksRestored(dir string, m set.Manifest) error {
	for _, name := range []string{"install.ini", "dss-version.json", "config", "bin"} {
		if !exists(filepath.Join(dir, name)) {
			return fmt.Errorf("the restored data directory has no %s", name)
		}
	}
	raw, err := os.ReadFile(filepath.Join(dir, "dss-version.json"))
	if err != nil {
		return err
	}
	if !strings.Contains(string(raw), `"`+m.DSS.Version+`"`) {
		return fmt.Errorf("the restored dss-version.json does not name version %s", m.DSS.Version)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// moveInto moves from/name to to/name; the folders above it are made where they
// are missing, with the modes that they have at from. A name that is gone from
// there was moved before.
func moveInto(from, to, name string) error {
	above := filepath.Dir(name)
	if above != "." {
		if err := makeLike(from, to, above); err != nil {
			return err
		}
	}
	err := os.Rename(filepath.Join(from, name), filepath.Join(to, name))
	if errors.Is(err, fs.ErrNotExist) && exists(filepath.Join(to, name)) {
		return nil
	}
	return err
}

func makeLike(from, to, rel string) error {
	if exists(filepath.Join(to, rel)) {
		return nil
	}
	if above := filepath.Dir(rel); above != "." {
		if err := makeLike(from, to, above); err != nil {
			return err
		}
	}
	mode := fs.FileMode(0o700)
	if info, err := os.Stat(filepath.Join(from, rel)); err == nil {
		mode = info.Mode().Perm()
	}
	if err := os.Mkdir(filepath.Join(to, rel), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Chmod(filepath.Join(to, rel), mode)
}

func syncDirs(dirs ...string) error {
	var errs []error
	for _, d := range dirs {
		errs = append(errs, atomicfile.SyncDir(d))
	}
	return errors.Join(errs...)
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// removeTree removes a tree that may hold folders without the right to write.
func removeTree(path string) error { return set.RemoveAll(path) }
