package dss

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/realpath"
)

const oldPyenv = "pyenv.dssctl-old"

// Attach attaches a data directory that came to another path, machine or
// version to the kit, as DSS's documentation says: pyenv, which is bound to its
// path, is moved away so that the installer builds it anew, and the
// integrations that need nothing but the data directory are installed again.
// It may be repeated. javaHome is the Java to use; without it, the one that the
// data directory names, where it is there: the installer wants it named again.
// note is told what is at work, notice what is left to a
// person. DSS must be stopped.
func (in *Instance) Attach(ctx context.Context, kit, javaHome string, note, notice func(string)) error {
	old := in.Path(oldPyenv)
	err := os.Rename(in.Path("pyenv"), old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) && !there(old) {
		return fmt.Errorf("move pyenv away, which is bound to its path: %w", err)
	}
	note("running the kit's installer")
	if javaHome == "" {
		javaHome = in.javaHome()
	}
	if _, err := in.InstallFresh(ctx, kit, javaHome, "-u", "-y"); err != nil {
		return err
	}
	for _, r := range in.replays() {
		note("running dssadmin " + r)
		if _, err := in.Dssadmin(ctx, r); err != nil {
			return err
		}
	}
	for _, m := range in.manual() {
		notice(m)
	}
	return atomicfile.RemoveAll(old)
}

// javaHome is the Java that the data directory was installed with; "" where it
// is not there any more.
func (in *Instance) javaHome() string {
	env, err := in.EnvDefault()
	if err != nil {
		return ""
	}
	home, ok := strings.CutSuffix(env["DKUJAVABIN"], "/bin/java")
	if !ok || home == "" || !there(env["DKUJAVABIN"]) {
		return ""
	}
	return home
}

// replays are the integrations that a move breaks and that need nothing but
// the data directory.
func (in *Instance) replays() []string {
	var out []string
	if entries, err := os.ReadDir(in.Path("R.lib")); err == nil && len(entries) > 0 {
		out = append(out, "install-R-integration")
	}
	if doc, err := in.Settings(); err == nil {
		if raw, ok := doc.Get("/graphicsExportsEnabled"); ok && string(raw) == "true" {
			out = append(out, "install-graphics-export")
		}
	}
	return out
}

// manual are those that need what dssctl has not: archives, or root.
func (in *Instance) manual() []string {
	var out []string
	tool := in.Path("bin", "dssadmin")
	for _, m := range []struct{ file, command string }{
		{"bin/env-hadoop.sh", "install-hadoop-integration -standaloneArchive ARCHIVE"},
		{"bin/env-spark.sh", "install-spark-integration -standaloneArchive ARCHIVE"},
	} {
		if there(in.Path(m.file)) {
			out = append(out, "run by hand, DSS stopped: "+tool+" "+m.command)
		}
	}
	if ini, err := in.InstallINI(); err == nil {
		if _, ok := ini.Get("mus", "exec_wrapper_location"); ok {
			out = append(out, "run by hand, as root: "+tool+" install-impersonation USER")
		}
	}
	return out
}

// AttachedTo checks that the data directory runs from the kit.
func (in *Instance) AttachedTo(kit string) error {
	env, err := in.EnvDefault()
	if err != nil {
		return err
	}
	found := env["DKUINSTALLDIR"]
	if _, err := os.Stat(found); err != nil {
		return fmt.Errorf("bin/env-default.sh names the kit %q: %w", found, err)
	}
	if !realpath.Same(found, kit) {
		return fmt.Errorf("the data directory is attached to the kit %s and not to %s", found, kit)
	}
	return nil
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
