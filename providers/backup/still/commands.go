package still

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// customKind runs the administrator's commands, for the volumes of clouds and
// storage systems. The id's folder, the mount point, is made before the first
// command and removed after the last: what a crash leaves is found by it.
type customKind struct{ site }

func newCustom(o Options) (*customKind, error) {
	c := o.Commands
	for _, need := range []struct {
		name string
		argv []string
	}{{"create", c.Create}, {"destroy", c.Destroy}} {
		if len(need.argv) == 0 {
			return nil, fmt.Errorf("snapshot commands: %s is missing", need.name)
		}
	}
	for name, argv := range c.all() {
		for n, word := range argv {
			if n == 0 && strings.TrimSpace(word) == "" {
				return nil, fmt.Errorf("snapshot commands: the program of %s is an empty word", name)
			}
			for _, p := range placeholder.FindAllString(word, -1) {
				if !slices.Contains([]string{"${id}", "${data_dir}", "${mount}"}, p) {
					return nil, fmt.Errorf("snapshot commands: %s has the placeholder %s, expected ${id}, ${data_dir} or ${mount}", name, p)
				}
			}
		}
	}
	shows, name := c.Mount, "mount"
	if len(shows) == 0 {
		shows, name = c.Create, "create, as there is no mount,"
	}
	if !strings.Contains(strings.Join(shows, " "), "${mount}") {
		return nil, fmt.Errorf("snapshot commands: %s has no word with ${mount}, the folder in which the snapshot shall be readable", name)
	}
	return &customKind{newSite(Custom, o)}, nil
}

var placeholder = lazyregexp.New(`\$\{[^}]*\}`)

func (c Commands) all() map[string][]string {
	return map[string][]string{"create": c.Create, "mount": c.Mount, "unmount": c.Unmount, "destroy": c.Destroy}
}

// command returns one of the four with its placeholders filled in.
func (c *customKind) command(doing string, argv []string, id string) step {
	fill := strings.NewReplacer("${id}", c.prefix()+id, "${data_dir}", c.o.DataDir, "${mount}", c.path(id))
	out := make([]string, len(argv))
	for i, word := range argv {
		out[i] = fill.Replace(word)
	}
	return step{doing: doing, argv: out, timeout: c.o.Commands.Timeout}
}

// Check implements Snapshotter. The commands are not run.
func (c *customKind) Check(context.Context) error {
	for name, argv := range c.o.Commands.all() {
		if len(argv) == 0 {
			continue
		}
		t := c.command("", argv, "id")
		if _, err := exec.LookPath(t.argv[0]); err != nil {
			return fmt.Errorf("check the snapshot commands: %s: %w", name, err)
		}
	}
	if err := c.noMountsInside(); err != nil {
		return fmt.Errorf("check the snapshot commands: %w", err)
	}
	return nil
}

// doneFile is there when all commands of a Create went well.
func (c *customKind) doneFile(id string) string { return filepath.Join(c.dir, partMark+id) }

// Create implements Snapshotter.
func (c *customKind) Create(ctx context.Context, id string) (string, error) {
	if err := c.begin(ctx, id); err != nil {
		return "", err
	}
	if _, err := os.Lstat(c.doneFile(id)); err == nil {
		if view, err := c.view(id); err == nil {
			return view, nil
		}
	}
	// Whether a command that was broken off did its work, only the
	// administrator's own commands can know.
	if err := c.Destroy(ctx, id); err != nil {
		return "", err
	}
	if err := c.noMountsInside(); err != nil {
		return "", fmt.Errorf("make the snapshot: %w", err)
	}
	if err := c.sync(ctx, c.o.DataDir); err != nil {
		return "", err
	}
	view, err := c.create(ctx, id)
	if err != nil {
		return "", c.undo(ctx, id, err, c.Destroy)
	}
	return view, nil
}

func (c *customKind) create(ctx context.Context, id string) (string, error) {
	if _, err := c.mountPoint(id); err != nil {
		return "", err
	}
	if err := atomicfile.SyncDir(c.dir); err != nil {
		return "", err
	}
	if _, err := c.run(ctx, id, c.command("make the snapshot", c.o.Commands.Create, id)); err != nil {
		return "", err
	}
	if len(c.o.Commands.Mount) > 0 {
		if _, err := c.run(ctx, id, c.command("mount the snapshot", c.o.Commands.Mount, id)); err != nil {
			return "", err
		}
	}
	view, err := c.view(id)
	if err != nil {
		return "", err
	}
	return view, atomicfile.Write(c.doneFile(id), nil, 0o600)
}

// view finds the data directory at the mount point: itself, or where it is in
// the file system that it lies on.
func (c *customKind) view(id string) (string, error) {
	at := c.path(id)
	all, err := c.mounts()
	if err != nil {
		return "", err
	}
	if len(c.o.Commands.Mount) > 0 && all.at(at) == nil {
		return "", fmt.Errorf("the mount command ended well, and nothing is mounted at %s", at)
	}
	i, err := all.of(c.o.DataDir)
	if err != nil {
		return "", err
	}
	rel, err := inside(i, c.o.DataDir)
	if err != nil {
		return "", err
	}
	below, err := filepath.Rel(i.Mountpoint, c.o.DataDir)
	if err != nil {
		return "", err
	}
	places := []string{at, filepath.Join(at, rel), filepath.Join(at, below)}
	for _, view := range places {
		if _, err := os.Lstat(filepath.Join(view, "install.ini")); err == nil {
			return view, c.still(view)
		}
	}
	slices.Sort(places)
	return "", fmt.Errorf("the snapshot commands ended well, and the data directory is not to be seen: there is no install.ini in %s", strings.Join(slices.Compact(places), " or "))
}

// Destroy implements Snapshotter.
func (c *customKind) Destroy(ctx context.Context, id string) error {
	if err := c.begin(ctx, id); err != nil {
		return err
	}
	at := c.path(id)
	if _, err := os.Lstat(at); errors.Is(err, fs.ErrNotExist) {
		// Nothing was begun, or all is undone.
		return c.forget(id)
	}
	if err := c.forget(id); err != nil {
		return err
	}
	t := umount(at)
	if len(c.o.Commands.Unmount) > 0 {
		t = c.command("unmount the snapshot", c.o.Commands.Unmount, id)
	}
	if err := c.unmountOnly(ctx, id, t); err != nil {
		return err
	}
	if _, err := c.run(ctx, id, c.command("remove the snapshot", c.o.Commands.Destroy, id)); err != nil {
		return err
	}
	if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the mount point, after the destroy command ended well: %w", err)
	}
	return nil
}

func (c *customKind) forget(id string) error {
	if err := os.Remove(c.doneFile(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// List implements Snapshotter.
func (c *customKind) List(context.Context) ([]string, error) { return c.listed() }
