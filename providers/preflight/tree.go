package preflight

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/outlink"
)

// Tree is what a look through a folder found.
type Tree struct {
	Root string
	// Files and Folders are how many were looked at.
	Files, Folders int64
	// Unreadable are files and folders that this account cannot read, with the
	// reason, the first of them by name.
	Unreadable      []Unreadable
	UnreadableTotal int64
	// Out are symbolic links that lead out of the folder.
	Out []outlink.Link
	// Mounts are folders on which another file system is mounted.
	Mounts []string
}

// Unreadable is a file or folder that cannot be read.
type Unreadable struct{ Path, Why string }

// mostUnreadable and mostLinks bound what is kept of a look.
const (
	mostUnreadable = 20
	mostLinks      = 100_000
)

// LookThrough looks at all names below root and opens folders only, so that it
// takes seconds for hundreds of thousands of files. visit says of each name
// whether it counts, and whether to look below it. What vanishes meanwhile counts
// for nothing.
func LookThrough(ctx context.Context, root string, visit func(rel string, typ fs.FileMode) (counts, below bool)) (Tree, error) {
	resolved, err := filepath.EvalSymlinks(root)
	if err != nil {
		return Tree{}, fmt.Errorf("look through %s: %w", root, err)
	}
	l := &looking{ctx: ctx, visit: visit, tree: Tree{Root: resolved}}
	if err := l.folder(".", 0); err != nil {
		return Tree{}, fmt.Errorf("look through %s: %w", root, err)
	}
	return l.tree, nil
}

type looking struct {
	ctx   context.Context
	visit func(rel string, typ fs.FileMode) (counts, below bool)
	tree  Tree
}

// folder looks at a folder and all below it. dev is that of the folder above it;
// 0 for the root.
func (l *looking) folder(rel string, dev uint64) error {
	if l.ctx.Err() != nil {
		return context.Cause(l.ctx)
	}
	f, err := os.OpenFile(filepath.Join(l.tree.Root, rel), os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return l.cannot(rel, err)
	}
	defer f.Close()
	l.tree.Folders++
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return l.cannot(rel, err)
	}
	here := uint64(st.Dev) //nolint:unconvert // int32 on some machines
	if dev != 0 && dev != here {
		l.tree.Mounts = append(l.tree.Mounts, rel)
	}
	entries, err := f.ReadDir(-1)
	if err != nil {
		return l.cannot(rel, err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		if err := l.name(int(f.Fd()), filepath.Join(rel, e.Name()), e, here); err != nil {
			return err
		}
	}
	return nil
}

func (l *looking) name(dir int, rel string, e fs.DirEntry, dev uint64) error {
	counts, below := l.visit(rel, e.Type())
	if !counts {
		return nil
	}
	switch e.Type() {
	case fs.ModeDir:
		if below {
			return l.folder(rel, dev)
		}
		if err := unix.Faccessat(dir, e.Name(), unix.R_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
			return l.cannot(rel, err)
		}
	case fs.ModeSymlink:
		link, out, err := outlink.Look(l.tree.Root, rel)
		if err == nil && out && len(l.tree.Out) < mostLinks {
			l.tree.Out = append(l.tree.Out, link)
		}
	case 0:
		l.tree.Files++
		if err := unix.Faccessat(dir, e.Name(), unix.R_OK, unix.AT_EACCESS); err != nil {
			return l.cannot(rel, err)
		}
	}
	return nil
}

// cannot notes what cannot be read; an error is what has nothing to do with it.
func (l *looking) cannot(rel string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP):
		return nil // it vanished, or became something else
	case !errors.Is(err, fs.ErrPermission) && !errors.Is(err, unix.EIO):
		return err
	}
	if l.tree.UnreadableTotal++; len(l.tree.Unreadable) < mostUnreadable {
		l.tree.Unreadable = append(l.tree.Unreadable, Unreadable{rel, whyUnreadable(filepath.Join(l.tree.Root, rel), err)})
	}
	return nil
}
