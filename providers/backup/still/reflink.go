package still

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/atomicfile"
)

// reflinkKind copies the tree of the data directory with files that share
// their blocks with the originals (XFS, Btrfs): no data is copied. It is no
// moment: DSS has to be stopped meanwhile, and may start again when Create
// returns.
type reflinkKind struct{ site }

func newReflinks(o Options) *reflinkKind { return &reflinkKind{newSite(Reflinks, o)} }

// part is where the copy grows, and shrinks: it counts only under its own name.
func (r *reflinkKind) part(id string) string { return filepath.Join(r.dir, partMark+id) }

// Check implements Snapshotter. It shares the blocks of one file with another
// that has no name.
func (r *reflinkKind) Check(context.Context) error {
	doing := "check whether the data directory can be copied by reflinks"
	if err := r.noMountsInside(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	from := filepath.Join(r.o.DataDir, "install.ini")
	src, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	defer src.Close()
	place := existing(r.dir)
	dst, err := os.OpenFile(place, unix.O_TMPFILE|os.O_WRONLY, 0o600)
	if err == nil {
		defer dst.Close()
		err = unix.IoctlFileClone(int(dst.Fd()), int(src.Fd()))
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EXDEV):
		return fmt.Errorf("%s: %s is on another file system than the data directory %s: choose another companion folder", doing, place, r.o.DataDir)
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOTTY), errors.Is(err, unix.EINVAL), errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%s: the file system of %s cannot share the blocks of files (%w): XFS (made with reflink=1) and Btrfs can", doing, r.o.DataDir, err)
	default:
		return fmt.Errorf("%s: try it in %s: %w", doing, place, err)
	}
}

// Create implements Snapshotter.
func (r *reflinkKind) Create(ctx context.Context, id string) (string, error) {
	if err := r.begin(ctx, id); err != nil {
		return "", err
	}
	at := r.path(id)
	if r.same(at) == nil {
		return at, nil
	}
	if err := r.Destroy(ctx, id); err != nil {
		return "", err
	}
	if err := r.noMountsInside(); err != nil {
		return "", fmt.Errorf("copy the data directory by reflinks: %w", err)
	}
	if err := r.create(ctx, id); err != nil {
		return "", r.undo(ctx, id, fmt.Errorf("copy the data directory %s by reflinks: %w", r.o.DataDir, err), r.Destroy)
	}
	return at, nil
}

func (r *reflinkKind) create(ctx context.Context, id string) error {
	// The kernel writes out each file before it shares its blocks: all at once
	// is faster.
	if err := r.sync(ctx, r.o.DataDir); err != nil {
		return err
	}
	c := &cloner{progress: r.o.Progress, skip: r.o.Companion}
	if err := c.tree(ctx, r.o.DataDir, r.part(id)); err != nil {
		return err
	}
	if err := r.same(r.part(id)); err != nil {
		return err
	}
	for _, told := range c.told() {
		r.o.Notice(told)
	}
	// Only what is on disk counts after a power failure.
	if err := r.sync(ctx, r.dir); err != nil {
		return err
	}
	if err := os.Rename(r.part(id), r.path(id)); err != nil {
		return err
	}
	return atomicfile.SyncDir(r.dir)
}

// Destroy implements Snapshotter.
func (r *reflinkKind) Destroy(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	// Half a copy must not have the name of a whole one.
	err := removeTree(ctx, r.part(id))
	if err == nil {
		err = os.Rename(r.path(id), r.part(id))
	}
	if err == nil {
		err = removeTree(ctx, r.part(id))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a copy of the data directory: %w", err)
	}
	return nil
}

// List implements Snapshotter.
func (r *reflinkKind) List(context.Context) ([]string, error) { return r.listed() }
