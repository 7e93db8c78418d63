package method

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// hashers is how many files are hashed at a time.
const hashers = 4

// treeCheck compares a folder with an index.
type treeCheck struct {
	set, root string
	quick     bool     // without reading content
	paths     []string // of these alone; none for all
	moved     bool     // a restored copy: another account may own it
	progress  func(done int64)
}

func (c treeCheck) wanted(rel string) bool { return Selection{c.paths}.Wants(rel) }

// run returns a *DamageError for the first difference.
func (c treeCheck) run(ctx context.Context, index *indexReader) error {
	damage := func(rel, found string, args ...any) error {
		return &DamageError{Set: c.set, What: fmt.Sprintf("%q", rel), Found: fmt.Sprintf(found, args...)}
	}
	missing := func(e *entry) error {
		if !c.wanted(e.Path) {
			return nil
		}
		return damage(e.Path, "it is gone")
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(hashers)
	var done int64
	err := walk(gctx, c.root, func(is *entry) error {
		was, err := index.at(is.Path, missing)
		switch {
		case err != nil:
			return &DamageError{Set: c.set, What: "the index", Found: err.Error()}
		case !c.wanted(is.Path):
			return nil
		case was == nil:
			return damage(is.Path, "it was not written by dssctl")
		case is.Kind != was.Kind:
			return damage(is.Path, "it is a %s, written was a %s", is.Kind, was.Kind)
		case is.Size != was.Size:
			return damage(is.Path, "it has %d bytes, written were %d", is.Size, was.Size)
		case !bytes.Equal(is.Link, was.Link):
			return damage(is.Path, "it leads to %q, written was %q", is.Link, was.Link)
		}
		if !c.moved {
			switch {
			case is.Mode != was.Mode:
				return damage(is.Path, "its mode is %o, written was %o", is.Mode, was.Mode)
			case is.UID != was.UID || is.GID != was.GID:
				return damage(is.Path, "its owner is %d:%d, written was %d:%d", is.UID, is.GID, was.UID, was.GID)
			case is.MTime != was.MTime && is.Kind != "folder":
				return damage(is.Path, "it was last changed at %s, written was %s", ns(is.MTime), ns(was.MTime))
			}
		}
		if c.quick || is.Kind != "file" {
			return nil
		}
		if done += is.Size; c.progress != nil {
			c.progress(done)
		}
		g.Go(func() error {
			found, err := sumFile(filepath.Join(c.root, is.Path))
			if err == nil && found != was.SHA256 {
				err = damage(is.Path, "its SHA-256 is %s, written was %s", found, was.SHA256)
			}
			return err
		})
		return nil
	})
	if errHash := g.Wait(); errHash != nil {
		return errHash
	}
	if err == nil {
		err = index.rest(missing)
	}
	var known *DamageError
	if err != nil && !errors.As(err, &known) && ctx.Err() == nil {
		return fmt.Errorf("verify set %s: %w", c.set, err)
	}
	return err
}

func ns(t int64) string { return time.Unix(0, t).UTC().Format(time.RFC3339Nano) }
