package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// disk is where a lab has the folders that data directories link to.
func (l *lab) disk(elem ...string) string {
	return filepath.Join(append([]string{filepath.Dir(l.data), "disk"}, elem...)...)
}

// A clone of an instance whose folders are on another disk has their content, and
// nothing on that disk is touched: neither by the clone's making, nor by its work,
// nor by its rollback.
func TestOriginCloneOfLinkedFolders(t *testing.T) {
	t.Parallel()
	l := newLab(t, 96)
	l.install("design", dsskit.InstallOptions{Links: map[string]string{
		"config": l.disk("config"), "databases": "../../disk/databases", "managed_datasets": l.disk("datasets"), "tmp": l.disk("tmp"),
	}})
	l.stop("design") // from now on, nobody has reason to write there
	write(t, l.disk(), "datasets/SALES/part-0", "rows")
	write(t, l.disk(), "drivers/driver.jar", "a driver")
	write(t, l.disk(), "tmp/scrap", "scrap")
	design := l.dss["design"].DataDir
	for name, to := range map[string]string{
		"lib/drivers": l.disk("drivers"), "managed_folders": design + "/uploads", "uploads/again": l.disk("datasets", "SALES", "part-0"), "local-notes": l.disk("not-there"),
	} {
		l.ok(os.MkdirAll(filepath.Dir(filepath.Join(design, name)), 0o755))
		_ = os.RemoveAll(filepath.Join(design, name))
		l.ok(os.Symlink(to, filepath.Join(design, name)))
	}
	theirs := l.scenarios("design")
	port := l.freePort()
	write(t, l.dir, "main.dss.hcl", fmt.Sprintf(`
instance "design" {
  data_dir = %q
  port     = %d
}
`, design, l.port["design"])+l.cloneBlock(port, ""))
	disk, data := snapshot(t, l.disk()), snapshot(t, design)
	untouched := func(when string) {
		t.Helper()
		if diff := cmp.Diff(disk, snapshot(t, l.disk())); diff != "" {
			t.Errorf("%s, what the source's links lead to has changed:\n%s", when, diff)
		}
		if diff := cmp.Diff(data, snapshot(t, design)); diff != "" {
			t.Errorf("%s, the source has changed:\n%s", when, diff)
		}
	}

	o := l.run("plan", "-detailed-exitcode").must(t, 2)
	for _, want := range []string{
		"link config", "config → " + l.disk("config"), "link databases", "databases → " + l.disk("databases"), "link managed_datasets",
		"managed_datasets → " + l.disk("datasets"), "tmp → " + l.disk("tmp") + " (an empty folder instead)", "lib/drivers → " + l.disk("drivers"), "with what its links lead to",
	} {
		if !strings.Contains(unwrapped(o.String()), want) {
			t.Errorf("the plan does not say %q: %s", want, o)
		}
	}
	untouched("after the plan")

	// Broken off after the scenarios, in the middle of the installer.
	if o := l.failingInstaller("apply", "-auto-approve"); o.code != 6 {
		t.Fatalf("a failing installer: %s", o)
	}
	l.nothingMade("clone")
	untouched("after a clone that failed")

	l.run("apply", "-auto-approve").must(t, 0)
	l.adopt("clone", port)
	if !l.running("clone") || l.running("design") {
		t.Fatalf("running: clone %v, design %v", l.running("clone"), l.running("design"))
	}
	untouched("after the clone was made")
	mine := l.scenarios("clone")
	if len(mine) != len(theirs) || len(mine) == 0 {
		t.Fatalf("%d scenarios in the clone, %d in its source", len(mine), len(theirs))
	}
	tried := false
	for path, text := range theirs {
		tried = tried || deactivated(text) != text
		if mine[path] != deactivated(text) {
			t.Errorf("%s is\n%s", path, mine[path])
		}
	}
	if !tried {
		t.Error("the source has no active scenario: nothing was tried")
	}
	for name, want := range map[string]string{
		"managed_datasets/SALES/part-0": "rows", "lib/drivers/driver.jar": "a driver", "managed_folders/again": "rows",
	} {
		if got, err := os.ReadFile(filepath.Join(l.place("clone"), name)); err != nil || string(got) != want {
			t.Errorf("the clone's %s is %q, %v", name, got, err)
		}
	}
	// No link of it leads to the source or to its disk, but to what is not there.
	err := filepath.WalkDir(l.place("clone"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Type()&os.ModeSymlink == 0 {
			return err
		}
		if resolved, err := filepath.EvalSymlinks(path); err == nil && (strings.HasPrefix(resolved, design+"/") || strings.HasPrefix(resolved, l.disk()+"/")) {
			t.Errorf("%s leads to %s", path, resolved)
		}
		return nil
	})
	l.ok(err)
	l.run("plan", "-detailed-exitcode").must(t, 0)

	l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
	l.nothingMade("clone")
	untouched("after the rollback")

	// Another link than those of the plan: nothing is copied on an old plan.
	file := filepath.Join(l.dir, "clone.plan")
	l.run("plan", "-out", file).must(t, 0)
	l.ok(os.Rename(filepath.Join(design, "saved_models"), l.disk("models")))
	l.ok(os.Symlink(l.disk("models"), filepath.Join(design, "saved_models")))
	if o := l.run("apply", file).must(t, 6); !strings.Contains(unwrapped(o.String()), "plan again") {
		t.Errorf("a link that came after the plan: %s", o)
	}
	l.nothingMade("clone")
	// Into what a link of the source leads to, and what is declared by a link.
	raw, err := os.ReadFile(filepath.Join(l.dir, "main.dss.hcl"))
	l.ok(err)
	write(t, l.dir, "main.dss.hcl", strings.ReplaceAll(string(raw), l.place("clone"), l.disk("datasets", "clone")))
	if o := l.run("plan").must(t, 1); !strings.Contains(unwrapped(o.String()), l.disk("datasets")+", to which managed_datasets of instance.design leads") {
		t.Errorf("a clone in its source's linked folder: %s", o)
	}
	l.ok(os.Symlink("design", l.place("current")))
	write(t, l.dir, "main.dss.hcl", fmt.Sprintf("instance \"design\" {\n  data_dir = %q\n}\ninstance \"twin\" {\n  data_dir = %q\n}\n", design, l.place("current")))
	if o := l.run("plan").must(t, 1); !strings.Contains(unwrapped(o.String()), "are one data directory, "+design+": declare it once") {
		t.Errorf("one data directory twice: %s", o)
	}
}
