package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/internal/smallfs"
)

// What goes wrong with a backup ends in a clear error, the old sets as they
// were, and DSS running.
func TestBackupFaults(t *testing.T) {
	t.Parallel()
	l := newLab(t, 76)
	l.install("design", dsskit.InstallOptions{})
	dest := l.backupEstate("")
	intact := func(what string, o outcome, sets int, words ...string) {
		t.Helper()
		if o.code == 0 {
			t.Errorf("%s: it went well: %s", what, o)
		}
		for _, w := range words {
			if !strings.Contains(unwrapped(o.stdout+o.stderr), w) {
				t.Errorf("%s: %q is not said: %s", what, w, o)
			}
		}
		if !l.running("design") {
			t.Fatalf("%s: DSS does not run: %s", what, o)
		}
		if good := goodSets(t, l); len(good) != sets {
			t.Errorf("%s: %d good sets, want %d: %s", what, len(good), sets, o)
		}
		l.run("recover").must(t, 0, 6)
	}

	l.run("apply", "-auto-approve").must(t, 0)
	l.run("backup", "run", "-auto-approve").must(t, 0)

	// The destination's volume is not mounted any more.
	l.ok(os.Rename(dest, dest+".away"))
	intact("vanished", l.run("backup", "run", "-auto-approve"), 0, "Mount the volume that")
	// Nothing is due, and yet this is no estate without changes.
	intact("vanished, a plan", l.run("plan"), 0, "The backup destination is gone")
	if _, err := os.Stat(dest); !os.IsNotExist(err) {
		t.Errorf("a destination was made where the volume is missing: %v", err)
	}
	l.ok(os.Mkdir(dest, 0o700))
	intact("empty", l.run("backup", "run", "-auto-approve"), 0, "Mount the volume that")
	l.ok(os.RemoveAll(dest))
	l.ok(os.Rename(dest+".away", dest))

	// It cannot be written to.
	l.ok(os.Chmod(dest, 0o500))
	intact("read-only", l.run("backup", "run", "-auto-approve"), 1, "permission denied", dest)
	l.ok(os.Chmod(dest, 0o700))

	// A file of the data directory cannot be read.
	hidden := filepath.Join(l.dss["design"].DataDir, "config", "hidden.json")
	write(t, filepath.Dir(hidden), "hidden.json", "{}")
	l.ok(os.Chmod(hidden, 0))
	// The plan finds it: no run begins, and DSS is not stopped for it.
	o := l.run("backup", "run", "-auto-approve")
	intact("unreadable", o, 1, "config/hidden.json", "mode 0000")
	if o.code != 1 {
		t.Errorf("an unreadable file is found by the plan: %s", o)
	}
	l.ok(os.Chmod(hidden, 0o600))
	if left, err := filepath.Glob(filepath.Join(dest, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}

	// Somebody else's destination.
	foreign := filepath.Join(filepath.Dir(dest), "foreign")
	write(t, foreign, "dssctl-backup.json", `{"instance": "instance.other", "backup": "b", "data_dir": "/x", "host": "h"}`)
	main := filepath.Join(l.dir, "main.dss.hcl")
	src, err := os.ReadFile(main)
	l.ok(err)
	l.ok(os.WriteFile(main, []byte(strings.Replace(string(src), dest, foreign, 1)), 0o644))
	intact("foreign", l.run("apply", "-auto-approve"), 0, "instance.other", "a destination of its own")
	l.ok(os.WriteFile(main, src, 0o644))

	// Of two backups at once, one waits for the other.
	_, first := start(t, l.dir, l.env, "backup", "run", "-auto-approve", "-lock-timeout", "2m")
	_, second := start(t, l.dir, l.env, "backup", "run", "-auto-approve", "-lock-timeout", "2m")
	first().must(t, 0)
	second().must(t, 0)
	if good := goodSets(t, l); len(good) != 3 {
		t.Errorf("%d sets after two at once", len(good))
	}

	// A flipped bit is found, the set does not count any more, and the plan says so.
	rows := l.sets()
	archive := filepath.Join(rows[0].Folder, "datadir.tar.zst")
	raw, err := os.ReadFile(archive)
	l.ok(err)
	raw[len(raw)/2] ^= 4
	l.ok(os.WriteFile(archive, raw, 0o600))
	intact("flipped bit", l.run("backup", "verify"), 2, "damaged", "datadir.tar.zst")
	if o := l.run("plan"); !strings.Contains(o.stderr, rows[0].Set) {
		t.Errorf("the plan does not warn of the damaged set: %s", o)
	}
	if o := l.run("backup", "restore", "instance.design", "-set", rows[0].Set, "-auto-approve", "-allow", "data-loss"); o.code == 0 {
		t.Errorf("a damaged set was restored: %s", o)
	}
	// It was a fault of the disk, and is over.
	raw[len(raw)/2] ^= 4
	l.ok(os.WriteFile(archive, raw, 0o600))
	l.run("backup", "verify", "-set", rows[0].Set).must(t, 0)
	if good := goodSets(t, l); len(good) != 3 {
		t.Errorf("%d good sets after the repair", len(good))
	}
}

// A full destination is noticed before DSS is stopped.
func TestBackupToAFullDestination(t *testing.T) {
	t.Parallel()
	small := smallfs.Hold(t)
	if small == "" {
		t.Skip("no small file system: make test mounts one when it is run by root")
	}
	l := newLab(t, 77)
	l.install("design", dsskit.InstallOptions{})
	dest := l.backupEstate("")
	main := filepath.Join(l.dir, "main.dss.hcl")
	src, err := os.ReadFile(main)
	l.ok(err)
	full := filepath.Join(small, "backups")
	l.ok(os.WriteFile(main, []byte(strings.Replace(string(src), dest, full, 1)), 0o644))
	t.Cleanup(func() { os.RemoveAll(full) })
	l.run("apply", "-auto-approve").must(t, 0)
	o := l.run("backup", "run", "-auto-approve").must(t, 1)
	if !strings.Contains(o.stdout+o.stderr, "free") || strings.Contains(o.stdout, "stop DSS (running jobs are not seen without api_key) ... done") {
		t.Errorf("it is not noticed before the stop: %s", o)
	}
	if !l.running("design") {
		t.Error("DSS does not run")
	}
}

// The schedule is an entry in the crontab: installed, drifting, handed back;
// what others wrote there stays.
func TestBackupSchedule(t *testing.T) {
	t.Parallel()
	l := newLab(t, 78)
	l.install("design", dsskit.InstallOptions{})
	table := filepath.Join(l.dir, "..", "crontab-of-the-account")
	bin := filepath.Join(l.dir, "..", "bin")
	write(t, bin, "crontab", fmt.Sprintf(`#!/bin/sh
case $1 in
-l) [ -e %[1]s ] || { echo "no crontab for nobody" >&2; exit 1; }; cat %[1]s ;;
-) cat >%[1]s ;;
*) cp "$1" %[1]s ;;
esac
`, table))
	l.ok(os.Chmod(filepath.Join(bin, "crontab"), 0o755))
	l.env = append(l.env, "PATH="+bin+":"+os.Getenv("PATH"))
	self, err := os.Executable()
	l.ok(err)
	installedAt := filepath.Join(bin, "dssctl")
	write(t, bin, "dssctl", fmt.Sprintf("#!/bin/sh\n%s= exec %s \"$@\"\n", asDssctl, self))
	l.ok(os.Chmod(installedAt, 0o755))
	const others = "MAILTO=admin\n0 1 * * * /usr/bin/something 100%\n"
	l.ok(os.WriteFile(table, []byte(others), 0o600))
	read := func() string {
		raw, err := os.ReadFile(table)
		l.ok(err)
		return string(raw)
	}

	l.backupEstate(`schedule = "15 6 * * 1-5"`)
	if o := l.run("apply", "-auto-approve").must(t, 1); read() != others || !strings.Contains(o.stderr, "could not be scheduled") {
		t.Errorf("an entry of a program that does not work was installed: %s", o)
	}
	l.env = append(l.env, "DSSCTL_TEST_SELF="+installedAt)
	// What only this environment has is missing at night.
	src, err := os.ReadFile(filepath.Join(l.dir, "main.dss.hcl"))
	l.ok(err)
	write(t, l.dir, "main.dss.hcl", strings.Replace(string(src), "default   = null", "", 1))
	if o := l.run("apply", "-auto-approve").must(t, 1); read() != others || !strings.Contains(o.stdout+o.stderr, "secret_file") {
		t.Errorf("an entry that would find no secrets was installed: %s", o)
	}
	write(t, l.dir, "main.dss.hcl", string(src))
	l.run("apply", "-auto-approve").must(t, 0)
	l.run("plan", "-detailed-exitcode").must(t, 0)
	if got := read(); !strings.HasPrefix(got, others) || !strings.Contains(got, "15 6 * * 1-5") || !strings.Contains(got, "backup run") {
		t.Fatalf("the crontab: %s", got)
	}
	installed := read()

	l.ok(os.WriteFile(table, []byte(strings.Replace(installed, "15 6", "16 7", 1)), 0o600))
	if o := l.run("plan", "-detailed-exitcode").must(t, 2); !strings.Contains(o.stdout, "schedule") {
		t.Errorf("an edited entry is not seen: %s", o)
	}
	l.run("apply", "-auto-approve").must(t, 0)
	if got := read(); got != installed {
		t.Errorf("the entry did not come back: %s", got)
	}
	run := l.lastRun()
	l.run("rollback", run, "-auto-approve").must(t, 0)
	if got := read(); !strings.Contains(got, "16 7") {
		t.Errorf("the rollback did not put back what was there: %s", got)
	}
	l.run("apply", "-auto-approve").must(t, 0)

	l.backupEstate("")
	o := l.run("apply", "-auto-approve").must(t, 0)
	if got := read(); got != others {
		t.Errorf("what is left in the crontab: %q\n%s", got, o)
	}
	l.run("plan", "-detailed-exitcode").must(t, 0)
}
