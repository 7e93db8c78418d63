package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/providers"
)

// replayer performs integration.replay: a command of DSS's that installs an
// integration, DSS stopped.
type replayer struct{}

// replayTimeout bounds a command that builds an image.
const replayTimeout = 12 * time.Hour

// replayReceipt remembers that it ended well.
type replayReceipt struct {
	Done bool `json:"done"`
}

func (replayer) Done(_ context.Context, pc *providers.Call) (bool, error) {
	var r replayReceipt
	known, err := pc.Receipt.Load(&r)
	return known && r.Done, err
}

func (replayer) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	// Before it begins: an undo has to install it again with the old kit.
	if c.From != c.Version {
		if err := c.markBegun(); err != nil {
			return err
		}
	}
	if err := c.runReplay(ctx, c.Replay); err != nil {
		return err
	}
	if err := c.Receipt.Save(replayReceipt{Done: true}); err != nil {
		return err
	}
	return c.remember(ctx, func(r *record) {
		r.Integrations[c.Replay.Key] = installed{Version: c.Version, Args: c.Replay.Args}
		delete(r.Manual, c.Replay.Key)
	})
}

// runReplay runs the command, as root where that is needed and allowed.
func (c *call) runReplay(ctx context.Context, r *replay) error {
	c.Progress(event.Progress{Unit: "seconds", Note: "running dssadmin " + r.Args[0]})
	if !r.Root {
		_, err := c.Instance.Dssadmin(ctx, r.Args...)
		return err
	}
	if err := c.Instance.MustBeStopped(ctx); err != nil {
		return err
	}
	_, err := c.Instance.Runner().Run(ctx, proc.Cmd{
		Path: "sudo", Args: append([]string{"-n", c.Instance.Path("bin", "dssadmin")}, r.Args...),
		Dir: c.Instance.DataDir, Keep: c.Instance.Keep(), Timeout: replayTimeout,
	})
	if err != nil {
		return fmt.Errorf("run it as root: %w\nhint: let the account run `%s` through sudo without a password, or set privilege = \"none\" to be given the command",
			err, proc.CommandLine(append([]string{c.Instance.Path("bin", "dssadmin")}, r.Args...)...))
	}
	return nil
}

// begunFolder has a file for each replay that this run has begun.
func (c *call) begunFolder() string { return filepath.Join(c.runFolder(), "replays") }

func (c *call) markBegun() error {
	dir, err := c.Instance.EnsureCompanion("release", c.Run, "replays")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, c.Replay.Key+".json"), encode(c.Replay), 0o600)
}

// Verify: what the commands leave is not public, but for the files that are
// known.
func (replayer) Verify(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var m marks
	if err := m.look(c.Instance); err != nil {
		return err
	}
	for key, there := range map[string]bool{"r": m.R, "hadoop": m.Hadoop, "spark": m.Spark, "impersonation": m.Impersonation} {
		if c.Replay.Key == key && !there {
			return fmt.Errorf("dssadmin %s ended well, and nothing of it is seen in the data directory", c.Replay.Args[0])
		}
	}
	return nil
}

// Undo: the installer's undo installs it again, once the old kit is attached.
func (replayer) Undo(context.Context, *providers.Call) error { return nil }

// replayBack installs with the old kit what this run has installed with the new
// one. One that fails does not keep DSS down: it is left to a person.
func (c *call) replayBack(ctx context.Context) error {
	entries, err := os.ReadDir(c.begunFolder())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var left []manual
	var errs []error
	for _, e := range entries {
		var r replay
		raw, err := os.ReadFile(filepath.Join(c.begunFolder(), e.Name()))
		if err == nil {
			err = json.Unmarshal(raw, &r)
		}
		if err != nil {
			return fmt.Errorf("read which integrations were begun: %w", err)
		}
		if r.New {
			c.Notice(fmt.Sprintf("%s was not there before; what was installed of it stays", r.Title))
			continue
		}
		if len(r.Back) == 0 {
			r.Args = append(slices.Clone(r.Args[:len(r.Args)-1]), "ARCHIVE")
			left = append(left, c.byPerson(r, "the archive of "+c.From+" is not known"))
			errs = append(errs, fmt.Errorf("%s: the archive of version %s is not known", r.Title, c.From))
			continue
		}
		r.Args = r.Back
		if err := c.runReplay(ctx, &r); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			errs = append(errs, err)
			left = append(left, c.byPerson(r, "it failed when the upgrade was undone"))
		}
	}
	if len(errs) == 0 {
		return removeTree(c.begunFolder())
	}
	if err := c.remember(ctx, func(r *record) {
		for _, m := range left {
			r.Manual[m.Key] = m
		}
	}); err != nil {
		return err
	}
	return &providers.LeftoverError{
		What: "integrations of " + c.Version + " in a data directory of " + c.From + "; by hand: " + strings.Join(commandsOf(left), "; "), Err: errors.Join(errs...),
	}
}

func commandsOf(all []manual) []string {
	out := make([]string, len(all))
	for i := range all {
		out[i] = all[i].Command
	}
	return out
}

func (c *call) byPerson(r replay, why string) manual {
	command := proc.CommandLine(append([]string{c.Instance.Path("bin", "dssadmin")}, r.Args...)...)
	if r.Root {
		command = "sudo " + command
	}
	return manual{
		Key: r.Key, Title: "install " + r.Title, Command: command, Version: c.From, Args: r.Args, Sign: r.Sign, Was: signed(c, r.Sign),
		Why: why,
	}
}

func signed(c *call, sign string) string {
	if sign == "" {
		return ""
	}
	return signOf(c.Instance, sign)
}
