package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// PutBack brings top-level names of the data directory, such as "databases",
// back to what the action's backup holds.
func (protector) PutBack(ctx context.Context, c *providers.Call, names ...string) error {
	dir, err := copyPath(c)
	if err != nil {
		return err
	}
	return restoreFrom(ctx, c.Instance, dir, names)
}

// CheckPutBack reads the backup through; with c.Glance it looks just for its files.
func (protector) CheckPutBack(ctx context.Context, c *providers.Call, _ ...string) error {
	dir, err := copyPath(c)
	if err != nil {
		return err
	}
	return checkCopy(ctx, c.Instance, dir, c.Glance)
}

// checkCopy says why a safety backup cannot be put back.
func checkCopy(ctx context.Context, inst *dss.Instance, dir string, quick bool) error {
	gone := func(err error) error {
		return &providers.GoneError{What: "the safety backup in " + dir + " is not whole any more", Err: err}
	}
	if _, err := os.Stat(filepath.Join(dir, manifestName)); errors.Is(err, fs.ErrNotExist) {
		return &providers.GoneError{What: "the safety backup in " + dir + " is not there any more"}
	}
	h, err := readManifest(dir, func(e entry) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if e.Type != typeFile {
			return nil
		}
		info, err := os.Lstat(filepath.Join(dir, filesName, e.path()))
		if err == nil && (!info.Mode().IsRegular() || info.Size() != e.Size) {
			err = fmt.Errorf("the copy of %s has %d bytes, expected %d", e.path(), info.Size(), e.Size)
		}
		return err
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return gone(err)
	case h.DataDir != inst.DataDir:
		return gone(fmt.Errorf("it is of %s, expected %s", h.DataDir, inst.DataDir))
	case quick:
		return nil
	}
	if err := verifyCopy(ctx, dir); err != nil {
		return gone(err)
	}
	return nil
}

// RestoreSafety brings what a safety backup holds back to what it was: content,
// modes and times; what came later is removed. It takes the backup that the run
// made for the window with an action of this kind, or the run's first one for
// "". DSS must be stopped. The backup is verified before anything is touched
// and is left as it is, so that a restore that broke off can be repeated.
func RestoreSafety(ctx context.Context, inst *dss.Instance, run string, kind plan.Kind) error {
	dir, err := findCopy(inst, run, kind)
	if err != nil {
		return err
	}
	return restoreFrom(ctx, inst, dir, nil)
}

func restoreFrom(ctx context.Context, inst *dss.Instance, dir string, only []string) error {
	if err := inst.MustBeStopped(ctx); err != nil {
		return fmt.Errorf("restore the safety backup in %s: %w", dir, err)
	}
	if err := verifyCopy(ctx, dir); err != nil {
		return err
	}
	r := &restorer{ctx: ctx, inst: inst, dir: dir, only: only, keep: map[string]string{}}
	if err := r.run(); err != nil {
		return fmt.Errorf("restore the safety backup in %s: %w", dir, err)
	}
	return syncFileSystem(inst.DataDir)
}

// findCopy returns the folder of the run's backup.
func findCopy(inst *dss.Instance, run string, kind plan.Kind) (string, error) {
	if run == "" || run != filepath.Base(run) || strings.HasPrefix(run, ".") {
		return "", fmt.Errorf("%q is no name of a run", run)
	}
	root := filepath.Join(safetyRoot(inst.Companion()), run)
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("look for the safety backup of run %s: %w", run, err)
	}
	found, first := "", time.Time{}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		dir := filepath.Join(root, e.Name())
		h, err := readHeader(dir)
		if err != nil {
			return "", err
		}
		if h.DataDir != inst.DataDir {
			return "", fmt.Errorf("the safety backup in %s is of %s, not of %s", dir, h.DataDir, inst.DataDir)
		}
		if kind != "" && !slices.Contains(h.Kinds, kind) {
			continue
		}
		if found == "" || h.Created.Before(first) {
			found, first = dir, h.Created
		}
	}
	if found == "" {
		return "", fmt.Errorf("run %s has no safety backup for this in %s", run, root)
	}
	return found, nil
}

var errEnough = errors.New("enough")

func readHeader(dir string) (header, error) {
	h, err := readManifest(dir, func(entry) error { return errEnough })
	if errors.Is(err, errEnough) {
		err = nil
	}
	return h, err
}

type restorer struct {
	ctx  context.Context
	inst *dss.Instance
	dir  string
	only []string          // top-level names; empty for all
	keep map[string]string // what the backup holds, with its type
}

// wanted reports whether a path is to be restored.
func (r *restorer) wanted(rel string) bool {
	top, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
	return len(r.only) == 0 || slices.Contains(r.only, top)
}

func (r *restorer) run() error {
	var dirs []entry
	if _, err := readManifest(r.dir, func(e entry) error {
		r.keep[e.path()] = e.Type
		if e.Type == typeDir && r.wanted(e.path()) {
			dirs = append(dirs, e)
		}
		return context.Cause(r.ctx)
	}); err != nil {
		return err
	}
	if err := r.removeStrangers(); err != nil {
		return err
	}
	slices.SortFunc(dirs, func(a, b entry) int { return strings.Compare(a.path(), b.path()) })
	for _, d := range dirs {
		if err := os.MkdirAll(r.inst.Path(d.path()), 0o700); err != nil {
			return err
		}
	}
	if _, err := readManifest(r.dir, func(e entry) error {
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
		switch {
		case !r.wanted(e.path()):
			return nil
		case e.Type == typeFile:
			return r.file(&e)
		case e.Type == typeLink:
			return r.link(&e)
		default:
			return nil
		}
	}); err != nil {
		return err
	}
	// Last, and the deepest first: writing into a folder changes its time.
	for _, d := range slices.Backward(dirs) {
		if err := restoreMeta(r.inst.Path(d.path()), &d); err != nil {
			return err
		}
	}
	return nil
}

// removeStrangers removes what the backup does not hold, or holds as something
// of another type.
func (r *restorer) removeStrangers() error {
	var strangers []string
	err := r.inst.WalkProtected(r.ctx, func(rel string, info fs.FileInfo) error {
		if info == nil {
			return nil
		}
		typ := ""
		switch {
		case info.IsDir():
			typ = typeDir
		case info.Mode()&fs.ModeSymlink != 0:
			typ = typeLink
		case info.Mode().IsRegular():
			typ = typeFile
		default:
			return nil // a socket or pipe, which a backup does not hold
		}
		if r.wanted(rel) && r.keep[rel] != typ {
			strangers = append(strangers, rel)
			if info.IsDir() {
				return fs.SkipDir
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, rel := range strangers {
		if err := os.RemoveAll(r.inst.Path(rel)); err != nil {
			return err
		}
	}
	return nil
}

// largest is the size up to which a file is replaced by way of memory, which
// keeps its ACL and extended attributes.
const largest = 32 << 20

func (r *restorer) file(e *entry) error {
	from, to := filepath.Join(r.dir, filesName, e.path()), r.inst.Path(e.path())
	n, sum, err := hashFile(r.ctx, to)
	switch {
	case err == nil && n == e.Size && sum == e.SHA256:
		return restoreMeta(to, e)
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
		return err
	}
	if e.Size <= largest {
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := atomicfile.Write(to, data, e.Mode.Perm()); err != nil {
			return err
		}
		return restoreMeta(to, e)
	}
	return r.large(from, to, e)
}

// large replaces a file without holding it in memory.
func (r *restorer) large(from, to string, e *entry) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	// A fixed name: what a killed restore left is overwritten.
	part := filepath.Join(filepath.Dir(to), ".dssctl-restore-"+filepath.Base(to))
	dst, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	if clone(dst, src) != nil {
		_, err = copyStream(r.ctx, dst, src, nil)
	}
	if err == nil {
		err = dst.Sync()
	}
	if err = errors.Join(err, dst.Close()); err != nil {
		return err
	}
	if err := restoreMeta(part, e); err != nil {
		return err
	}
	return os.Rename(part, to)
}

func (r *restorer) link(e *entry) error {
	to := r.inst.Path(e.path())
	if now, err := os.Readlink(to); err == nil && now == string(e.Target) {
		return nil
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.Symlink(string(e.Target), to)
}

// restoreMeta gives a file or folder back its group, mode and time.
func restoreMeta(path string, e *entry) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Gid) != e.GID {
		// Only a group that the account is in can be given.
		if err := os.Chown(path, -1, e.GID); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return dss.RestoreMeta(path, e.Mode, e.ModTime)
}
