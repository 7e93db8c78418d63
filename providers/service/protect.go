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
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/volume"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// What a safety backup holds: what a window may break, and no more.
var (
	protectedDirs  = []string{"config", "databases", "timelines"}
	protectedFiles = []string{"install.ini", "dss-version.json", "instance-id.txt"}
)

const protectedGlob = "bin/env-*.sh"

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
	total, err := protectedSize(ctx, c.Instance)
	if err != nil {
		return err
	}
	if err := checkSpace(c.Instance, part, total); err != nil {
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

// roomForBackup says, while DSS still runs, what would fail once it is down.
func roomForBackup(ctx context.Context, inst *dss.Instance) error {
	dir, err := inst.EnsureCompanion("safety")
	if err != nil {
		return err
	}
	total, err := protectedSize(ctx, inst)
	if err != nil {
		return err
	}
	return checkSpace(inst, dir, total)
}

// checkSpace refuses when the copy would not fit: better before DSS has been
// down for long. Where the file system can share blocks it needs next to none.
func checkSpace(inst *dss.Instance, part string, total int64) error {
	if canClone(inst.Path("install.ini"), part) {
		return nil
	}
	free, err := volume.Free(part)
	if err != nil {
		return err
	}
	// Many small files take whole blocks each.
	const reserve = 64 << 20
	if need := total + total/20 + reserve; free < need {
		return fmt.Errorf("the safety backup needs %s and %s has %s free: free some, or set the instance's attribute companion_dir to a folder on a larger volume",
			humanize.Bytes(need), inst.Companion(), humanize.Bytes(free))
	}
	return nil
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
