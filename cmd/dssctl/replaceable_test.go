package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// Files that cannot be replaced: the plan says so while DSS runs, and where they
// became so in the window, the way back needs none of what is in the way.
func TestFileThatCannotBeReplaced(t *testing.T) {
	t.Parallel()
	l := newLab(t, 57)
	in := l.install("design", dsskit.InstallOptions{})
	write(t, l.dir, "main.dss.hcl", fmt.Sprintf(`instance "design" {
  data_dir         = %q
  general_settings = { maxRunningActivities = 23 }
}
`, in.DataDir))
	folder := filepath.Join(in.DataDir, "config")
	chmod := func(mode os.FileMode) { t.Helper(); l.ok(os.Chmod(folder, mode)) }
	t.Cleanup(func() { _ = os.Chmod(folder, 0o700) })
	before := configs(t, l.data)
	// A stop leaves a mark.
	mark, hook := filepath.Join(l.dir, "stopped"), filepath.Join(l.dir, "after-stop")
	program := func(line string) {
		t.Helper()
		l.ok(os.WriteFile(hook, []byte("#!/bin/sh\ntouch "+mark+"\n"+line+"\n"), 0o755))
		l.ok(in.SetFault(dsskit.Faults{dsskit.AfterStop: hook}))
	}
	stopped := func() bool { _, err := os.Stat(mark); return err == nil }
	unharmed := func(o outcome) {
		t.Helper()
		chmod(0o700)
		if diff := cmp.Diff(before, configs(t, l.data)); diff != "" {
			t.Errorf("something changed:\n%s\n%s", diff, o)
		}
		if !l.running("design") {
			t.Errorf("DSS does not run: %s", o)
		}
		if o := l.run("recover").must(t, 0); !strings.Contains(o.stdout, "No run is open") {
			t.Errorf("a run is still open: %s", o)
		}
	}
	says := func(o outcome, words ...string) {
		t.Helper()
		all := unwrapped(o.stdout + o.stderr)
		for _, w := range words {
			if !strings.Contains(all, w) {
				t.Errorf("%q is not in what it says:\n%s", w, all)
			}
		}
	}

	program("")
	saved := filepath.Join(l.dir, "saved.plan")
	l.run("plan", "-out", saved).must(t, 0)
	chmod(0o500)
	o := l.run("plan").must(t, 1)
	says(o, "config/general-settings.json cannot be replaced", "0500", "chmod u+wx "+folder)
	o = l.run("apply", "-auto-approve").must(t, 1)
	says(o, "config/general-settings.json cannot be replaced")
	o = l.run("apply", saved).must(t, 5)
	says(o, "config/general-settings.json cannot be replaced")
	o = l.run("doctor").must(t, 1)
	says(o, "files to edit", "config/general-settings.json cannot be replaced")
	if stopped() {
		t.Error("DSS was stopped for what could not be done")
	}
	unharmed(o)

	// It becomes so between the last look and the write.
	program("chmod 500 " + folder)
	o = l.run("apply", "-auto-approve").must(t, 6)
	says(o, "general-settings.json", "permission denied")
	if !stopped() {
		t.Error("the hook was not run")
	}
	if !l.running("design") {
		t.Errorf("DSS does not run: %s", o)
	}
	unharmed(o)

	// The same, left as it is for a person: the way back is as free.
	o = l.run("apply", "-auto-approve", "-on-failure", "stop").must(t, 4)
	if l.running("design") {
		t.Errorf("nobody asked for a start: %s", o)
	}
	o = l.run("recover", "-rollback").must(t, 0)
	unharmed(o)

	// A file that the safety backup cannot read.
	program("")
	l.ok(os.Remove(mark))
	hidden := filepath.Join(folder, "left-by-sudo.json")
	l.ok(os.WriteFile(hidden, nil, 0o600))
	l.ok(os.Chmod(hidden, 0))
	o = l.run("apply", "-auto-approve").must(t, 1)
	says(o, "The safety backup cannot be made", "1 file or folder (config/left-by-sudo.json)")
	if stopped() {
		t.Error("DSS was stopped for a copy that could not be made")
	}
	l.ok(os.Remove(hidden))

	// In the end nothing is in the way.
	l.ok(in.SetFault(nil))
	l.run("apply", "-auto-approve").must(t, 0)
	deadline := time.Now().Add(patience)
	for !l.running("design") && time.Now().Before(deadline) {
		time.Sleep(100 * time.Millisecond)
	}
	l.run("plan", "-detailed-exitcode").must(t, 0)
}
