package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/internal/killpoint"
	"github.com/dssctl/dssctl/internal/view"
)

// backupEstate declares one instance with a policy whose body is given.
func (l *lab) backupEstate(body string) string {
	l.t.Helper()
	dest := filepath.Join(l.data, "..", "backups")
	write(l.t, l.dir, "main.dss.hcl", fmt.Sprintf(`
variable "pg_password" {
  type      = string
  sensitive = true
  default   = null
}

instance "design" {
  data_dir = %q

  backup "nightly" {
    destination = %q
%s
  }
}
`, l.dss["design"].DataDir, dest, body))
	return dest
}

// sets lists what dssctl lists.
func (l *lab) sets() []view.SetRow {
	l.t.Helper()
	var rows []view.SetRow
	o := l.run("backup", "list", "-json").must(l.t, 0)
	if err := json.Unmarshal([]byte(o.stdout), &rows); err != nil {
		l.t.Fatalf("%v\n%s", err, o)
	}
	return rows
}

// A set made with a stop restores to databases that hold what was there when
// DSS was stopped, and to exactly the files.
func TestBackupAndRestoreInPlace(t *testing.T) {
	t.Parallel()
	l := newLab(t, 71)
	l.install("design", dsskit.InstallOptions{RowsPerTable: 40})
	l.backupEstate(`
    max_age = "1h"
    retention {
      keep_last = 2
    }`)

	first := l.run("plan", "-detailed-exitcode").must(t, 2)
	if !strings.Contains(first.stdout, "backup.nightly") || !strings.Contains(first.stdout, "newest_set") {
		t.Errorf("the plan does not propose the overdue backup: %s", first)
	}
	l.run("apply", "-auto-approve").must(t, 0)
	l.run("plan", "-detailed-exitcode").must(t, 0)
	if !l.running("design") {
		t.Fatal("DSS does not run after the backup")
	}
	sets := l.sets()
	if len(sets) != 1 || sets[0].Broken != "" {
		t.Fatalf("want one good set: %+v", sets)
	}
	l.run("backup", "show", sets[0].Set).must(t, 0)
	if o := l.run("backup", "verify").must(t, 0); strings.Contains(o.stdout, "dssctl rollback") {
		t.Errorf("a rollback of what only looks is advised: %s", o)
	}

	l.stop("design")
	settled := configs(t, l.data)
	rows := l.rows("design")
	// A set of a DSS that is stopped: it stays stopped.
	l.run("backup", "run", "-auto-approve").must(t, 0)
	if l.running("design") {
		t.Fatal("DSS was stopped, and was started by a backup")
	}
	before := snapshot(t, l.dss["design"].DataDir)
	l.start("design")
	l.stop("design")
	l.ok(l.dss["design"].FillHistory(context.Background(), 30))
	write(t, l.dss["design"].DataDir, "config/projects/LATER/params.json", "{}")
	l.start("design")

	if o := l.run("backup", "restore", "instance.design", "-auto-approve").must(t, 5); !strings.Contains(o.stderr, "data-loss") {
		t.Errorf("a restore over a live instance is not gated: %s", o)
	}
	o := l.run("backup", "restore", "instance.design", "-auto-approve", "-allow", "data-loss").must(t, 0)
	t.Log(o)
	if !l.running("design") {
		t.Fatal("DSS does not run after the restore")
	}
	l.stop("design")
	if now := l.rows("design"); now < rows {
		t.Errorf("%d rows came back, and the set had at least %d", now, rows)
	}
	if diff := cmp.Diff(settled, configs(t, l.data)); diff != "" {
		t.Errorf("the restored configuration differs:\n%s", diff)
	}
	_ = before
	l.start("design")

	// And the restore itself can be undone.
	run := l.lastRun()
	l.run("rollback", run, "-auto-approve", "-allow", "data-loss").must(t, 0)
	if _, err := os.Stat(filepath.Join(l.dss["design"].DataDir, "config/projects/LATER/params.json")); err != nil {
		t.Errorf("what the restore replaced did not come back: %v", err)
	}
	if !l.running("design") {
		t.Error("DSS does not run after the rollback")
	}
	for _, name := range []string{"replaced", "restoring"} {
		if _, err := os.Stat(filepath.Join(l.dss["design"].DataDir+".dssctl", name)); !os.IsNotExist(err) {
			t.Errorf("the folder %s is left in the companion folder: %v", name, err)
		}
	}
	noSecrets(t, l, o.String())
}

// Restored elsewhere: another path and port, a newer kit; the instance starts,
// and its history is there. The original is left alone, also when it is lost.
func TestRestoreElsewhere(t *testing.T) {
	t.Parallel()
	l := newLab(t, 74)
	l.install("design", dsskit.InstallOptions{RowsPerTable: 30})
	l.backupEstate("")
	l.run("apply", "-auto-approve").must(t, 0)
	l.stop("design")
	rows := l.rows("design")
	l.start("design")
	l.run("backup", "run", "-auto-approve").must(t, 0)
	l.stop("design")
	l.ok(os.Rename(l.dss["design"].DataDir, l.dss["design"].DataDir+".lost"))

	port, release, err := dsskit.FreePorts(10)
	l.ok(err)
	t.Cleanup(release)
	newer := kit(t, "14.5.0", l.seed)
	there := filepath.Join(l.data, "elsewhere")
	args := []string{"backup", "restore", "instance.design", "-auto-approve", "-data-dir", there, "-port", fmt.Sprint(port), "-kit"}
	older := kit(t, "13.5.0", l.seed)
	if o := l.run(append(args, older)...).must(t, 1); !strings.Contains(o.stderr, "older than the set") {
		t.Errorf("an older kit is not refused: %s", o)
	}
	o := l.run(append(args, newer)...).must(t, 0)
	in, err := dsskit.Open(there)
	l.ok(err)
	l.ok(in.Guard())
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	l.dss["elsewhere"], l.port["elsewhere"] = in, port
	if !l.running("elsewhere") {
		t.Fatalf("the instance elsewhere does not run: %s", o)
	}
	if in.Kit() != newer {
		t.Errorf("it is attached to %s and not to %s", in.Kit(), newer)
	}
	l.stop("elsewhere")
	if now := l.rows("elsewhere"); now < rows {
		t.Errorf("%d rows came along of %d", now, rows)
	}
	if strings.Contains(o.String(), "The original is still there") {
		t.Errorf("the original is lost, and is warned of: %s", o)
	}
	// State knows nothing of it, and what was made can be taken away again.
	l.ok(os.Rename(l.dss["design"].DataDir+".lost", l.dss["design"].DataDir))
	l.run("plan", "-detailed-exitcode").must(t, 0)
	l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
	if _, err := os.Stat(there); !os.IsNotExist(err) {
		t.Errorf("the instance elsewhere is still there: %v", err)
	}
}

// Files are taken out of a set without touching DSS.
func TestTakeFilesOutOfASet(t *testing.T) {
	t.Parallel()
	l := newLab(t, 75)
	l.install("design", dsskit.InstallOptions{})
	write(t, l.dss["design"].DataDir, "config/projects/SALES/params.json", `{"a": 1}`)
	write(t, l.dss["design"].DataDir, "config/projects/OTHER/params.json", `{"b": 2}`)
	l.backupEstate("")
	l.run("apply", "-auto-approve").must(t, 0)
	l.run("backup", "run", "-auto-approve").must(t, 0)
	to := filepath.Join(l.dir, "out")
	if o := l.run("backup", "restore", "instance.design", "-auto-approve", "-to", to, "-project", "SALES", "-only", "install.ini").must(t, 0); strings.Contains(o.stdout, "dssctl rollback") || strings.Contains(o.stdout, "not known") {
		t.Errorf("files that were taken out: %s", o)
	}
	var found []string
	for rel := range snapshot(t, to) {
		found = append(found, rel)
	}
	for _, want := range []string{"config/projects/SALES/params.json", "install.ini"} {
		if !strings.Contains(strings.Join(found, "\n"), want) {
			t.Errorf("%s was not taken out: %v", want, found)
		}
	}
	if strings.Contains(strings.Join(found, "\n"), "OTHER") {
		t.Errorf("more was taken out than asked for: %v", found)
	}
	if o := l.run("backup", "restore", "instance.design", "-auto-approve", "-to", to).must(t, 6); !strings.Contains(o.stdout+o.stderr, "not empty") {
		t.Errorf("a folder that is not empty is not refused: %s", o)
	}
	if o := l.run("backup", "restore", "instance.design", "-auto-approve", "-to", to+"2", "-project", "NONE"); o.code == 0 {
		t.Errorf("a project that is not in the set: %s", o)
	}
	if _, err := os.Stat(to + "2"); !os.IsNotExist(err) {
		t.Error("a failed restore left its folder")
	}

	// One project is put back in place, and nothing else.
	write(t, l.dss["design"].DataDir, "config/projects/SALES/params.json", `{"a": "broken"}`)
	write(t, l.dss["design"].DataDir, "config/projects/OTHER/params.json", `{"b": 3}`)
	l.run("backup", "restore", "instance.design", "-auto-approve", "-project", "SALES", "-allow", "data-loss").must(t, 0)
	for name, want := range map[string]string{"SALES": `{"a": 1}`, "OTHER": `{"b": 3}`} {
		raw, err := os.ReadFile(filepath.Join(l.dss["design"].DataDir, "config/projects", name, "params.json"))
		if err != nil || string(raw) != want {
			t.Errorf("%s: %s, %v; want %s", name, raw, err, want)
		}
	}
	if !l.running("design") {
		t.Error("DSS does not run")
	}
}

// A scheduled backup that is killed while DSS is down brings DSS back by itself.
func TestBackupGuard(t *testing.T) {
	t.Parallel()
	l := newLab(t, 79)
	l.install("design", dsskit.InstallOptions{})
	dest := l.backupEstate("")
	l.run("apply", "-auto-approve").must(t, 0)
	// Behind the command that stops DSS.
	stopped := false
	o := l.guarded(func(p place) killpoint.Fate {
		if stopped {
			return killpoint.Die
		}
		stopped = strings.HasPrefix(p.call, "journal design/2 end")
		return killpoint.Live
	}, "backup", "run", "-auto-approve")
	if !o.killed {
		t.Fatalf("it was not killed: %s", o)
	}
	deadline := time.Now().Add(patience)
	for !l.running("design") {
		if time.Now().After(deadline) {
			t.Fatalf("DSS did not come back: %s", l.run("show"))
		}
		time.Sleep(200 * time.Millisecond)
	}
	for l.run("recover").code != 0 && time.Now().Before(deadline) {
		time.Sleep(200 * time.Millisecond) // the guard holds the lock to its end
	}
	if len(l.sets()) != 0 {
		t.Errorf("a set came of it: %v", l.sets())
	}
	left, err := filepath.Glob(filepath.Join(dest, ".*"))
	l.ok(err)
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
