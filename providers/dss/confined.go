package dss

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/realpath"
)

// OutsideError says that something of a copy leads out of it, to what may be the
// original's.
type OutsideError struct {
	DataDir, Path string
	Real          string // where Path leads
}

func (e *OutsideError) Error() string {
	return fmt.Sprintf("%s leads out of the data directory, to %s, which may belong to the instance that this one is a copy of: nothing is changed there; put the folder or file itself in the place of the link or mount", e.Path, e.Real)
}

// Confined returns the same instance for whoever works in a copy that was just
// made: neither dssctl nor a command of DSS changes anything through a link or a
// mount that leads out of the data directory. The error is an *OutsideError then.
func (in *Instance) Confined() *Instance {
	out := *in
	out.confined = true
	return &out
}

// written are what DSS's installer and commands change at the top of a data
// directory, beside its files.
var written = []string{"config", "databases", "timelines", "bin", "security", "run", "pyenv"}

// inside refuses a path that leads out of a confined data directory.
func (in *Instance) inside(path string) error {
	if !in.confined {
		return nil
	}
	resolved, mounts := realpath.Resolve(path), realpath.Look()
	mounted := slices.ContainsFunc(mounts.Below(in.DataDir), func(at string) bool { return mounts.Inside(resolved, at) })
	if mounted || !mounts.Inside(resolved, in.DataDir) {
		return &OutsideError{DataDir: in.DataDir, Path: path, Real: resolved}
	}
	return nil
}

// writesInside refuses to run a command of DSS that would change what a confined
// data directory leads to.
func (in *Instance) writesInside() error {
	if !in.confined {
		return nil
	}
	entries, err := os.ReadDir(in.DataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for links in the data directory %s: %w", in.DataDir, err)
	}
	for _, e := range entries {
		path := in.Path(e.Name())
		if !slices.Contains(written, e.Name()) {
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				continue
			}
		}
		if err := in.inside(path); err != nil {
			return err
		}
	}
	return nil
}

// administer runs an administrative command of DSS, which writes where it likes.
func (in *Instance) administer(ctx context.Context, c proc.Cmd) (proc.Result, error) {
	if err := in.writesInside(); err != nil {
		return proc.Result{ExitCode: -1}, fmt.Errorf("run DSS's bin/%s: %w", filepath.Base(c.Path), err)
	}
	return in.command(ctx, c)
}

// Write replaces a file of the data directory, see atomicfile.Write.
func (in *Instance) Write(path string, data []byte, perm fs.FileMode) error {
	if err := in.inside(path); err != nil {
		return err
	}
	return atomicfile.Write(path, data, perm)
}
