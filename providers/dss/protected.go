package dss

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// What a safety backup holds: what a window may break, and no more.
var (
	protectedDirs  = []string{"config", "databases", "timelines"}
	protectedFiles = []string{"install.ini", "dss-version.json", "instance-id.txt"}
)

const protectedGlob = "bin/env-*.sh"

// Protected reports whether a safety backup may hold this path.
func Protected(rel string) bool {
	rel = filepath.Clean(rel)
	top, _, _ := strings.Cut(rel, "/")
	if slices.Contains(protectedDirs, top) || slices.Contains(protectedFiles, rel) {
		return true
	}
	ok, _ := path.Match(protectedGlob, rel) // a constant pattern
	return ok
}

// WalkProtected visits what a safety backup holds, folders before what is in
// them. A folder of the first level that is a symlink is followed, deeper ones
// are not. info is nil for a protected name that is not there.
func (in *Instance) WalkProtected(ctx context.Context, visit func(rel string, info fs.FileInfo) error) error {
	return in.walkProtected(ctx, visit, func(_ string, err error) error { return err })
}

// LookThroughProtected is WalkProtected that goes on where a folder cannot be
// read: unread is told of it.
func (in *Instance) LookThroughProtected(ctx context.Context, visit func(rel string, info fs.FileInfo) error, unread func(rel string, err error)) error {
	return in.walkProtected(ctx, visit, func(rel string, err error) error { unread(rel, err); return nil })
}

func (in *Instance) walkProtected(ctx context.Context, visit func(rel string, info fs.FileInfo) error, unread func(rel string, err error) error) error {
	var tops []string
	tops = append(tops, protectedFiles...)
	env, err := filepath.Glob(in.Path(protectedGlob))
	if err != nil {
		return err
	}
	for _, p := range env {
		tops = append(tops, "bin/"+filepath.Base(p))
	}
	for _, rel := range append(tops, protectedDirs...) {
		info, err := os.Stat(in.Path(rel))
		if errors.Is(err, fs.ErrNotExist) {
			info, err = nil, nil
		}
		if err != nil {
			if err := unread(rel, err); err != nil {
				return err
			}
			continue
		}
		if info == nil || !info.IsDir() {
			if err := visit(rel, info); err != nil {
				return err
			}
			continue
		}
		root, err := filepath.EvalSymlinks(in.Path(rel))
		if err != nil {
			return err
		}
		err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			below, relErr := filepath.Rel(root, p)
			if relErr != nil {
				return relErr
			}
			at := filepath.Join(rel, below)
			if err != nil {
				// A folder comes a second time when it cannot be read.
				return unread(at, err)
			}
			info, err := d.Info()
			if err != nil {
				return unread(at, err)
			}
			return visit(at, info)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ProtectedDirs are the folders of a safety backup.
func ProtectedDirs() []string { return slices.Clone(protectedDirs) }

// ProtectedSize is what a safety backup has to copy, in bytes.
func (in *Instance) ProtectedSize(ctx context.Context) (int64, error) {
	var sum int64
	err := in.WalkProtected(ctx, func(_ string, info fs.FileInfo) error {
		if info != nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("look at what the safety backup has to hold: %w", err)
	}
	return sum, nil
}
