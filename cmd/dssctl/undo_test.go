package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// neverStopped says whether DSS has run all the time since: its supervisor is the
// same.
func (l *lab) neverStopped(name string) func(what string) {
	l.t.Helper()
	supervisor := func() string {
		raw, err := os.ReadFile(filepath.Join(l.dss[name].DataDir, "run", "supervisord.pid"))
		if err != nil {
			return "none"
		}
		return string(raw)
	}
	before := supervisor()
	return func(what string) {
		l.t.Helper()
		if now := supervisor(); !l.running(name) || now != before || now == "none" {
			l.t.Errorf("%s: DSS was stopped", what)
		}
	}
}

// An upgrade is undone as long as what that needs is there, whatever runs came
// after it and were undone; once it is gone, the rollback is refused while DSS runs,
// and is not offered any more.
func TestUndoOfAnUpgradeLater(t *testing.T) {
	t.Parallel()
	l := newLab(t, 171)
	l.version = oldVersion
	l.install("design", dsskit.InstallOptions{})
	const body = "    rehearse = false"
	l.releaseEstate(kitVersion, body, "")
	l.run("apply", "-auto-approve").must(t, 0)
	upgrade := l.lastRun()
	for n := range 4 {
		l.releaseEstate(kitVersion, body, fmt.Sprintf("  general_settings = { maxRunningActivities = %d }\n", 40+n))
		l.run("apply", "-auto-approve").must(t, 0)
		l.run("rollback", l.lastRun(), "-auto-approve").must(t, 0)
	}
	offered := func() bool {
		o := l.run("show", upgrade).must(t, 0)
		if gone := strings.Contains(o.stdout, "can no longer be undone"); gone == strings.Contains(o.stdout, "dssctl rollback "+upgrade) {
			t.Errorf("it is offered and cannot be done, or neither: %s", o)
		}
		return strings.Contains(o.stdout, "dssctl rollback "+upgrade)
	}
	if !offered() {
		t.Error("after four runs that were undone, the upgrade cannot be")
	}
	safety, old := filepath.Join(l.data, "design.dssctl", "safety", upgrade), kit(t, oldVersion, l.seed)
	check := l.neverStopped("design")
	for path, want := range map[string]string{safety: "the safety backup in " + safety, old: "the kit of DSS " + oldVersion} {
		l.ok(os.Rename(path, path+"-away"))
		if o := l.run("rollback", upgrade, "-auto-approve", "-allow", "data-loss").must(t, 5); !strings.Contains(o.stderr, want) {
			t.Errorf("%s is gone: %s", path, o)
		}
		check(path + " is gone")
		if offered() {
			t.Errorf("%s is gone, and the rollback is offered", path)
		}
		l.ok(os.Rename(path+"-away", path))
	}
	if v := l.versionOf("design"); v != kitVersion {
		t.Fatalf("DSS is of version %s", v)
	}
	// A stopped instance beside it, that runs from the new kit by now.
	kit := filepath.Join(l.kitRoot(), "dataiku-dss-"+kitVersion)
	for name, text := range map[string]string{"install.ini": "", "dss-version.json": "{}", "bin/dss": "", "bin/env-default.sh": "export DKUINSTALLDIR=" + kit + "\n"} {
		write(t, l.data, "neighbour/"+name, text)
	}
	if o := l.run("rollback", upgrade, "-auto-approve", "-allow", "data-loss").must(t, 0); !strings.Contains(unwrapped(o.stdout), "stays: it is used by "+filepath.Join(l.data, "neighbour")) {
		t.Errorf("it does not say that the kit stays: %s", o)
	}
	if _, err := os.Stat(filepath.Join(kit, "installer.sh")); err != nil {
		t.Errorf("the kit of a stopped instance is gone: %v", err)
	}
	if v := l.versionOf("design"); v != oldVersion || !l.running("design") {
		t.Fatalf("after the rollback DSS is of version %s, running %v", v, l.running("design"))
	}
}

// A backup run is never rolled back; files that were taken out of a set are, and
// nothing else with them; a protected instance loses nothing.
func TestUndoOfBackups(t *testing.T) {
	t.Parallel()
	l := newLab(t, 172)
	in := l.install("design", dsskit.InstallOptions{})
	write(t, in.DataDir, "config/projects/SALES/params.json", `{"a": 1}`)
	dest := l.backupEstate("")
	l.run("apply", "-auto-approve").must(t, 0)
	all := l.run("backup", "run", "-auto-approve").must(t, 0).stdout
	backup := l.lastRun()
	all += l.run("show", backup).must(t, 0).stdout + l.run("backup", "test").must(t, 0).stdout
	if strings.Contains(all, "dssctl rollback") {
		t.Errorf("the rollback of a backup is advertised: %s", all)
	}
	check := l.neverStopped("design")
	if o := l.run("rollback", backup, "-auto-approve", "-allow", "data-loss").must(t, 5); !strings.Contains(o.stderr, "the set stays") {
		t.Errorf("it does not say why: %s", o)
	}
	check("rollback of a backup")
	if sets := l.sets(); len(sets) != 1 || sets[0].Set != backup {
		t.Errorf("the sets in %s: %+v", dest, sets)
	}

	// Files that were taken out.
	first, second, out := filepath.Join(l.data, "first"), filepath.Join(l.data, "second"), filepath.Join(l.data, "out")
	for _, dir := range []string{first, second} {
		l.ok(os.Mkdir(dir, 0o755))
	}
	link := func(to string) {
		_ = os.Remove(out)
		l.ok(os.Symlink(to, out))
	}
	link(first)
	l.run("backup", "restore", "instance.design", "-auto-approve", "-to", out, "-project", "SALES").must(t, 0)
	taken := l.lastRun()
	write(t, first, "mine.txt", "later")
	write(t, second, "config/projects/SALES/params.json", "precious")
	link(second)
	if o := l.run("rollback", taken, "-auto-approve").must(t, 5); !strings.Contains(o.stderr, "is not the folder any more") {
		t.Errorf("another folder: %s", o)
	}
	link(first)
	if o := l.run("rollback", taken, "-auto-approve").must(t, 0); !strings.Contains(unwrapped(o.stdout), "stays: mine.txt") {
		t.Errorf("what stays is not named: %s", o)
	}
	check("rollback of what was taken out")
	for path, there := range map[string]bool{first + "/mine.txt": true, first + "/config": false, second + "/config/projects/SALES/params.json": true} {
		if _, err := os.Stat(path); (err == nil) != there {
			t.Errorf("%s is there: %v, want %v", path, err == nil, there)
		}
	}

	// In place, and then protected.
	l.run("backup", "restore", "instance.design", "-auto-approve", "-project", "SALES", "-allow", "data-loss").must(t, 0)
	restored := l.lastRun()
	l.edit("  backup \"nightly\"", "  protect = true\n  backup \"nightly\"")
	l.run("apply", "-auto-approve").must(t, 0)
	check = l.neverStopped("design")
	for _, args := range [][]string{
		{"rollback", restored, "-auto-approve", "-allow", "data-loss"},
		{"backup", "restore", "instance.design", "-auto-approve", "-project", "SALES", "-allow", "data-loss"},
	} {
		if o := l.run(args...); o.code == 0 || !strings.Contains(o.stderr+o.stdout, "protected") {
			t.Errorf("a protected instance: %v: %s", args, o)
		}
	}
	check("what a protected instance must not suffer")
}
