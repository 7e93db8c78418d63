package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// installer performs release.install, DSS's own upgrade of a data directory. It
// has no way back; ours is the window's safety backup and the old kit's
// installer, which attaches the data directory again.
type installer struct{}

// installReceipt remembers how far the upgrade came.
type installReceipt struct {
	// Programs describes what attaches the data directory to its kit, as it was
	// before; when it is still so, nothing has to be attached again.
	Programs string `json:"programs"`
	// Backups are the folders that earlier upgrades left.
	Backups []string `json:"backups,omitempty"`
	// Java is what the old kit used.
	Java     string    `json:"java,omitempty"`
	Finished time.Time `json:"finished,omitzero"`
}

func (installer) Done(_ context.Context, pc *providers.Call) (bool, error) {
	c, err := open(pc)
	if err != nil {
		return false, err
	}
	var r installReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil || !known || r.Finished.IsZero() {
		// Who else made it so may have stopped in the middle.
		return false, err
	}
	return c.attached(c.Version, c.Kit) == nil, nil
}

// attached makes sure of the data directory's version and kit.
func (c *call) attached(version, kit string) error {
	f, err := c.Instance.Identity()
	switch {
	case err != nil:
		return err
	case f.Version != version:
		return fmt.Errorf("the data directory is of version %s, expected %s", f.Version, version)
	case resolve(f.InstallDir) != resolve(kit):
		return fmt.Errorf("the data directory is attached to the kit %s, expected %s", f.InstallDir, kit)
	}
	return nil
}

func (installer) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if err := c.portsFree(); err != nil {
		return err
	}
	var r installReceipt
	known, err := c.Receipt.Load(&r)
	switch {
	case err != nil:
		return err
	case known:
		// Half of an upgrade is nothing to upgrade from.
		c.Notice("an installer that was broken off has left the data directory half upgraded; putting back the safety backup before it runs again")
		if err := c.PutBack(ctx); err != nil {
			return err
		}
	default:
		if err := c.attached(c.From, c.FromKit); err != nil {
			return err
		}
		if r, err = c.before(ctx); err != nil {
			return err
		}
		if err := c.Receipt.Save(r); err != nil {
			return err
		}
	}
	// From here on the tables of external databases may be others, too.
	if err := c.markInstalling(); err != nil {
		return err
	}
	c.Progress(event.Progress{Unit: "seconds", Note: "running the installer of " + c.Version})
	if _, err := c.Instance.RunInstallerWith(ctx, c.Kit, c.installerEnv(), append([]string{"-u", "-y"}, c.pythonArgs()...)...); err != nil {
		return fmt.Errorf("%w%s", err, dependencyHint(err, c.Kit))
	}
	r.Finished = c.Clock.Now()
	return c.Receipt.Save(r)
}

// installingFile tells the dump's undo that the new version had its hands on the
// databases: whether it changes their content nobody can see from outside.
func (c *call) installingFile() string { return filepath.Join(c.runFolder(), "installing") }

func (c *call) markInstalling() error {
	if _, err := c.Instance.EnsureCompanion("release", c.Run); err != nil {
		return err
	}
	return atomicfile.Write(c.installingFile(), []byte(c.Version+"\n"), 0o600)
}

// before describes the data directory as the upgrade found it.
func (c *call) before(ctx context.Context) (r installReceipt, err error) {
	if r.Programs, err = programs(ctx, c.Instance); err != nil {
		return r, err
	}
	if r.Backups, err = migrationBackups(c.Instance); err != nil {
		return r, err
	}
	env, err := c.Instance.EnvDefault()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	r.Java = env["DKUJAVABIN"]
	return r, nil
}

func (installer) Verify(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	return c.attached(c.Version, c.Kit)
}

// CheckUndo: the safety backup, the old kit with its installer, and the Java that
// it used must be there.
func (installer) CheckUndo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var r installReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil || !known {
		return err
	}
	if err := c.CheckPutBack(ctx); err != nil {
		return err
	}
	if r.Finished.IsZero() && !c.Glance {
		// An installer that was broken off before it did anything needs no other.
		if now, err := programs(ctx, c.Instance); err != nil || now == r.Programs {
			return err
		}
	}
	version, err := kitVersion(c.FromKit)
	if err == nil && version != c.From {
		err = fmt.Errorf("it is of DSS %s", version)
	}
	if err != nil {
		return &providers.GoneError{What: fmt.Sprintf("the kit of DSS %s is not in %s any more (unpack it there to be able to undo the upgrade)", c.From, c.FromKit), Err: err}
	}
	if r.Java != "" && !exists(r.Java) {
		return &providers.GoneError{What: fmt.Sprintf("the Java that DSS %s was installed with is gone: %s", c.From, r.Java)}
	}
	return nil
}

// Undo puts the data directory back and attaches it to the kit it had.
func (installer) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var r installReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil || !known {
		return err // the installer never ran
	}
	if err := c.PutBack(ctx); err != nil {
		return err
	}
	now, err := programs(ctx, c.Instance)
	if err != nil {
		return err
	}
	if now != r.Programs {
		if err := c.attachAgain(ctx, r); err != nil {
			return err
		}
	}
	if err := c.removeBackups(r.Backups); err != nil {
		return err
	}
	if err := c.attached(c.From, c.FromKit); err != nil {
		return err
	}
	return c.replayBack(ctx)
}

const oldPyenv = "pyenv.dssctl-old"

// attachAgain has the old kit's installer do what the documentation has it do
// for a data directory of another version: with pyenv moved away, so that it is
// made anew.
func (c *call) attachAgain(ctx context.Context, r installReceipt) error {
	if _, err := kitVersion(c.FromKit); err != nil {
		return fmt.Errorf("attach the data directory to its kit of %s again: %w; unpack that kit to %s, then `dssctl recover`", c.From, err, c.FromKit)
	}
	c.Progress(event.Progress{Unit: "seconds", Note: "attaching the kit of " + c.From + " again"})
	pyenv, old := c.Instance.Path("pyenv"), c.Instance.Path(oldPyenv)
	switch err := os.Rename(pyenv, old); {
	case err == nil, errors.Is(err, fs.ErrNotExist):
	case exists(old):
		// An undo that was broken off moved it; what is there now is half made.
		if err := removeTree(pyenv); err != nil {
			return err
		}
	default:
		return fmt.Errorf("move pyenv away: %w", err)
	}
	var env []string
	if home, ok := strings.CutSuffix(r.Java, "/bin/java"); ok && home != "" {
		env = []string{"JAVA_HOME=" + home}
	}
	if _, err := c.Instance.RunInstallerWith(ctx, c.FromKit, env, append([]string{"-u", "-y"}, c.pythonArgs()...)...); err != nil {
		return fmt.Errorf("attach the data directory to its kit of %s again: %w", c.From, err)
	}
	if err := removeTree(old); err != nil {
		return err
	}
	// The installer may have written what the backup holds.
	return c.PutBack(ctx)
}

// migrationBackups are what upgrades leave, by DSS's documentation.
func migrationBackups(in *dss.Instance) ([]string, error) {
	found, err := filepath.Glob(in.Path("_pre_migration_backup_*"))
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	return found, nil
}

// removeBackups removes those of the upgrade that is undone, so that the data
// directory is what it was, and says so: they may be large, and looked for.
func (c *call) removeBackups(before []string) error {
	now, err := migrationBackups(c.Instance)
	if err != nil {
		return err
	}
	for _, name := range now {
		if !contains(before, name) {
			if err := removeTree(c.Instance.Path(name)); err != nil {
				return err
			}
			c.Notice("removed " + name + " from the data directory: the upgrade that is undone had left it, and what was there before is put back from the safety backup")
		}
	}
	return nil
}

// Loses says that whatever was done with the new version goes.
func (installer) Loses(ctx context.Context, pc *providers.Call) (string, error) {
	c, err := open(pc)
	if err != nil {
		return "", err
	}
	var r installReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil || !known || r.Finished.IsZero() {
		return "", err
	}
	n, err := changedSince(ctx, c.Instance.Path("config"), r.Finished)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("all that was done in DSS %s since %s: its settings, users and projects (%s of the configuration changed since, some of them by the upgrade itself) and the history in its runtime databases go back to before the upgrade",
		c.Version, r.Finished.Local().Format("2006-01-02 15:04"), humanize.Count(n, "file", "files")), nil
}

// changedSince counts the files below a folder that were written since.
func changedSince(ctx context.Context, dir string, since time.Time) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir():
			return nil
		}
		if info, err := d.Info(); err == nil && info.ModTime().After(since) {
			n++
		}
		return nil
	})
	return n, err
}
