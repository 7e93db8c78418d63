package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/preflight"
)

// protector performs safety.backup. The copies of a run are kept in
//
//	COMPANION/safety/RUN/ACTION/manifest.jsonl
//	COMPANION/safety/RUN/ACTION/files/…
//
// one for each window. A folder gets that name by a rename when it is whole.
type protector struct{}

type backupArgs struct {
	// Kinds are those of the window's steps.
	Kinds []plan.Kind `json:"kinds,omitempty"`
}

const (
	partPrefix   = ".part-" // a copy that is being made, or removed
	manifestName = "manifest.jsonl"
	filesName    = "files"
)

func safetyRoot(companion string) string { return filepath.Join(companion, "safety") }

// copyPath is the folder of an action's copy.
func copyPath(c *providers.Call) (string, error) {
	id := strings.ReplaceAll(c.Action.ID, "/", "-")
	for _, name := range []string{c.Run, id} {
		if name == "" || strings.HasPrefix(name, ".") || name != filepath.Base(name) {
			return "", fmt.Errorf("%q cannot name a folder", name)
		}
	}
	return filepath.Join(safetyRoot(c.Instance.Companion()), c.Run, id), nil
}

// partPath is where the copy is until it is whole.
func partPath(final string) string {
	return filepath.Join(filepath.Dir(final), partPrefix+filepath.Base(final))
}

func (protector) Done(_ context.Context, c *providers.Call) (bool, error) {
	dir, err := copyPath(c)
	if err != nil {
		return false, err
	}
	_, err = os.Stat(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (protector) Do(ctx context.Context, c *providers.Call) (err error) {
	final, err := copyPath(c)
	if err != nil {
		return err
	}
	var a backupArgs
	if err := c.Args(&a); err != nil {
		return fmt.Errorf("the arguments of %s: %w", c.Action.Kind, err)
	}
	run := filepath.Dir(final)
	if _, err := c.Instance.EnsureCompanion("safety", c.Run); err != nil {
		return err
	}
	part := partPath(final)
	// What a killed run left there does not count.
	if err := os.RemoveAll(part); err != nil {
		return fmt.Errorf("remove an unfinished safety backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(part))
		}
	}()
	if err := os.MkdirAll(filepath.Join(part, filesName), 0o700); err != nil {
		return fmt.Errorf("make the safety backup: %w", err)
	}
	total, err := c.Instance.ProtectedSize(ctx)
	if err != nil {
		return err
	}
	k := newCopier(ctx, c, part, total)
	if err := k.run(header{
		Format: manifestFormat, DataDir: c.Instance.DataDir, Run: c.Run, Created: c.Clock.Now(), Kinds: a.Kinds,
	}); err != nil {
		return fmt.Errorf("make the safety backup in %s: %w", part, err)
	}
	if err := syncFileSystem(part); err != nil {
		return err
	}
	if err := os.Rename(part, final); err != nil {
		return fmt.Errorf("publish the safety backup: %w", err)
	}
	for dir := run; ; dir = filepath.Dir(dir) {
		if err := atomicfile.SyncDir(dir); err != nil {
			return err
		}
		if dir == c.Instance.Companion() || dir == "/" {
			return nil
		}
	}
}

// Verify reads the whole copy again.
func (protector) Verify(ctx context.Context, c *providers.Call) error {
	dir, err := copyPath(c)
	if err != nil {
		return err
	}
	if err := verifyCopy(ctx, dir); err != nil {
		return err
	}
	c.Kept(dir)
	return nil
}

// Undo leaves the copy where it is: a backup too many does no harm. Half a one
// goes.
// Reverted implements providers.Reverter: a copy that is made changes nothing; a part
// of one is swept with the next.
func (protector) Reverted(_ context.Context, c *providers.Call) (bool, error) {
	dir, err := copyPath(c)
	if err != nil {
		return false, err
	}
	_, err = os.Lstat(partPath(dir))
	return errors.Is(err, fs.ErrNotExist), nil
}

func (protector) Undo(_ context.Context, c *providers.Call) error {
	dir, err := copyPath(c)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, manifestName)); err == nil {
		c.Kept(dir)
	}
	if err := os.RemoveAll(partPath(dir)); err != nil {
		return fmt.Errorf("remove an unfinished safety backup: %w", err)
	}
	return nil
}

// Preflight implements providers.Preflighter.
func (protector) Preflight(ctx context.Context, c *providers.Call) ([]preflight.Finding, error) {
	found, err := preflight.SafetyBackup(ctx, c.Instance)
	return append(preflight.Companion(c.Instance), found...), err
}

// syncFileSystem writes everything of the folder's file system to disk: one
// call instead of one for each of many small files.
func syncFileSystem(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("sync the file system of %s: %w", dir, err)
	}
	return nil
}
