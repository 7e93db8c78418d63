package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/dssctl/dssctl/internal/iniedit"
	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// rewirer performs backup.rewire: a data directory that came to another place
// gets its own port and its own place for the runtime databases.
type rewirer struct{}

func (rewirer) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (rewirer) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	w := c.Restore.Elsewhere
	if w.Port != 0 {
		if err := c.Instance.EditInstallINI(ctx, func(f *iniedit.File) error {
			f.Set("server", "port", strconv.Itoa(w.Port))
			return nil
		}); err != nil {
			return err
		}
	}
	if w.Host == "" && w.DBPort == 0 && w.Database == "" && w.Schema == "" && w.Prefix == nil {
		return nil
	}
	return c.Instance.EditSettings(ctx, func(d *jsonedit.Doc) error { return w.edit(d) })
}

// edit changes internalDatabase. The user and the password stay: DSS has
// encrypted it with the data directory's own key, which came along.
func (w *Elsewhere) edit(d *jsonedit.Doc) error {
	const params = dss.RuntimeDatabaseMember + "/connection/params"
	type change struct {
		at    string
		value any
		drop  bool
	}
	var all []change
	add := func(on bool, at string, value any) {
		if on {
			all = append(all, change{at: at, value: value})
		}
	}
	add(w.Host != "", params+"/host", w.Host)
	add(w.DBPort != 0, params+"/port", w.DBPort)
	add(w.Database != "", params+"/db", w.Database)
	add(w.Schema != "", dss.RuntimeDatabaseMember+"/schema", w.Schema)
	if w.Prefix != nil {
		all = append(all, change{at: dss.RuntimeDatabaseMember + "/tableNamePrefix", value: *w.Prefix, drop: *w.Prefix == ""})
	}
	for _, ch := range all {
		if ch.drop {
			if _, ok := d.Get(ch.at); ok {
				if err := d.Delete(ch.at); err != nil {
					return err
				}
			}
			continue
		}
		if err := d.Set(ch.at, encode(ch.value)); err != nil {
			return err
		}
	}
	return nil
}

func (rewirer) Verify(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	w := c.Restore.Elsewhere
	f, err := c.Instance.Identity()
	if err != nil {
		return err
	}
	if w.Port != 0 && f.Port != w.Port {
		return fmt.Errorf("the base port is %d and not %d", f.Port, w.Port)
	}
	if w.Schema == "" {
		return nil
	}
	db, err := c.Instance.RuntimeDatabase()
	if err == nil && db.Schema != w.Schema {
		err = fmt.Errorf("the schema is %q and not %q", db.Schema, w.Schema)
	}
	return err
}

// Undo: what was edited goes with the content.
func (rewirer) Undo(context.Context, *providers.Call) error { return nil }

// attacher performs backup.attach: a data directory that came to another path,
// machine or version is attached to the kit, as DSS's documentation says: pyenv,
// which is bound to its path, is moved away so that it is built anew.
type attacher struct{}

func (attacher) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

const oldPyenv = "pyenv.dssctl-old"

func (attacher) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if err := c.mustBeStopped(ctx); err != nil {
		return err
	}
	err = os.Rename(c.Instance.Path("pyenv"), c.Instance.Path(oldPyenv))
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) && !exists(c.Instance.Path(oldPyenv)) {
		return fmt.Errorf("move pyenv away, which is bound to its path: %w", err)
	}
	c.note("running the kit's installer")
	if _, err := c.Instance.RunInstaller(ctx, c.Restore.Kit, "-u", "-y"); err != nil {
		return err
	}
	for _, r := range c.replays() {
		c.note("running dssadmin " + r)
		if _, err := c.Instance.Dssadmin(ctx, r); err != nil {
			return err
		}
	}
	for _, m := range c.manual() {
		c.Notice(m)
	}
	return removeTree(c.Instance.Path(oldPyenv))
}

// replays are the integrations that a move breaks and that need nothing but
// the data directory.
func (c *call) replays() []string {
	var out []string
	if entries, err := os.ReadDir(c.Instance.Path("R.lib")); err == nil && len(entries) > 0 {
		out = append(out, "install-R-integration")
	}
	if doc, err := c.Instance.Settings(); err == nil {
		if raw, ok := doc.Get("/graphicsExportsEnabled"); ok && string(raw) == "true" {
			out = append(out, "install-graphics-export")
		}
	}
	return out
}

// manual are those that need what dssctl has not: archives, or root.
func (c *call) manual() []string {
	var out []string
	for file, command := range map[string]string{
		"bin/env-hadoop.sh": "install-hadoop-integration -standaloneArchive ARCHIVE",
		"bin/env-spark.sh":  "install-spark-integration -standaloneArchive ARCHIVE",
	} {
		if exists(c.Instance.Path(file)) {
			out = append(out, "run by hand, DSS stopped: "+filepath.Join(c.Instance.DataDir, "bin/dssadmin")+" "+command)
		}
	}
	if ini, err := c.Instance.InstallINI(); err == nil {
		if _, ok := ini.Get("mus", "exec_wrapper_location"); ok {
			out = append(out, "run by hand, as root: "+filepath.Join(c.Instance.DataDir, "bin/dssadmin")+" install-impersonation USER")
		}
	}
	return out
}

func (attacher) Verify(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	env, err := c.Instance.EnvDefault()
	if err != nil {
		return err
	}
	found, err := filepath.EvalSymlinks(env["DKUINSTALLDIR"])
	if err != nil {
		return fmt.Errorf("bin/env-default.sh names the kit %q: %w", env["DKUINSTALLDIR"], err)
	}
	want, err := filepath.EvalSymlinks(c.Restore.Kit)
	if err == nil && found != want {
		err = fmt.Errorf("the data directory is attached to the kit %s and not to %s", found, want)
	}
	return err
}

// Undo: what the installer did goes with the content.
func (attacher) Undo(context.Context, *providers.Call) error { return nil }

// restoreProver performs backup.prove: DSS answers from the restored content.
type restoreProver struct{}

func (restoreProver) Done(context.Context, *providers.Call) (bool, error) { return false, nil }
func (restoreProver) Do(context.Context, *providers.Call) error           { return nil }

func (restoreProver) Verify(ctx context.Context, pc *providers.Call) error {
	c, e, err := openRestore(pc)
	if err != nil {
		return err
	}
	ready, err := c.Instance.Ready(ctx)
	if err != nil {
		return err
	}
	if !ready {
		return errors.New("DSS does not answer")
	}
	f, err := c.Instance.Identity()
	if err != nil {
		return err
	}
	if order, err := compareVersions(f.Version, e.Manifest.DSS.Version); err != nil || order < 0 {
		return errors.Join(err, fmt.Errorf("DSS is of version %s, and the set of %s", f.Version, e.Manifest.DSS.Version))
	}
	return nil
}

func (restoreProver) Undo(context.Context, *providers.Call) error { return nil }

// restoreTester performs backup.restore_test: a set that cannot be restored is
// none.
type restoreTester struct{}

func (restoreTester) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (restoreTester) Do(ctx context.Context, pc *providers.Call) (err error) {
	c, err := open(pc)
	if err != nil {
		return err
	}
	scratch, err := c.scratch()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeTree(scratch)) }()
	for _, id := range c.wanted() {
		e, err := c.store.Get(id)
		if err != nil {
			return err
		}
		dir := filepath.Join(scratch, id)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("restore for trial: %w", err)
		}
		c.Restore = &restoreArgs{Set: id}
		if err := c.takeOut(ctx, e, dir); err != nil {
			return err
		}
		if err := looksRestored(dir, e.Manifest); err != nil {
			return fmt.Errorf("the set %s: %w", id, err)
		}
		if err := opens(ctx, dir, e.Manifest); err != nil {
			return fmt.Errorf("the set %s: %w", id, err)
		}
		if e.Manifest.Database != nil {
			if err := verifyDump(ctx, c, e.Folder, e.Manifest.Database); err != nil {
				return fmt.Errorf("the set %s: %w", id, err)
			}
		}
	}
	return nil
}

// scratch is where a set is restored for trial: beside the sets, where there is
// room for one.
func (c *call) scratch() (string, error) {
	dir, err := c.Instance.EnsureCompanion("restore-test", c.Run)
	if err != nil {
		return "", err
	}
	return dir, nil
}

func (restoreTester) Verify(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	now := c.Clock.Now().UTC()
	return c.remember(ctx, func(p *policyRecord) { p.Tested = now })
}

func (restoreTester) Undo(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	return removeTree(filepath.Join(c.Instance.Companion(), "restore-test", c.Run))
}
