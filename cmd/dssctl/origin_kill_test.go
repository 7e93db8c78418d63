package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// A clone that is killed is made wholly or not at all, and its source runs
// again: with the points that matter most, or with DSSCTL_TEST_LONG=1 all.
func TestOriginCloneKilledThenRecover(t *testing.T) {
	t.Parallel()
	l := newLab(t, 94)
	l.install("design", dsskit.InstallOptions{RowsPerTable: 20})
	port := l.freePort()
	write(t, l.dir, "main.dss.hcl", `
instance "design" {
  data_dir = "`+l.dss["design"].DataDir+`"
  port     = `+fmt.Sprint(l.port["design"])+`
}
`+l.cloneBlock(port, ""))
	// Of the source's stop, in the middle of its start, the installer.
	points := []string{"command 2 -rollback", "command 4 -resume", "record 9 -resume", "behind 6 -rollback"}
	if os.Getenv("DSSCTL_TEST_LONG") != "" {
		points = nil
		for n := 1; n <= 40; n++ {
			for i, kind := range []string{"record", "command", "behind"} {
				points = append(points, fmt.Sprintf("%s %d %s", kind, n, []string{"-resume", "-rollback"}[(n+i)%2]))
			}
		}
	}
	theirs, killed := l.scenarios("design"), 0
	for _, p := range points {
		f := strings.Fields(p)
		point, way := f[0]+" "+f[1], f[2]
		o := dssctl(t, l.dir, append(l.env, asDssctl+"="+point), "apply", "-auto-approve")
		if o.killed {
			killed++
			// What another dssctl runs into is told: the run is open.
			l.run("apply", "-auto-approve").must(t, 1, 5)
			if rec := l.run("recover", way); rec.code != 0 && rec.code != 6 {
				t.Fatalf("killed at %q, %s: %s", point, way, rec)
			}
		} else {
			o.must(t, 0)
		}
		if !l.running("design") {
			t.Fatalf("killed at %q, %s: the source does not run", point, way)
		}
		for path, text := range l.scenarios("design") {
			if theirs[path] != text {
				t.Errorf("killed at %q, %s: the source's %s has changed", point, way, path)
			}
		}
		if _, err := os.Stat(l.place("clone")); err != nil {
			l.nothingMade("clone")
			l.run("plan", "-detailed-exitcode").must(t, 2)
			continue
		}
		l.adopt("clone", port)
		if !l.running("clone") {
			t.Fatalf("killed at %q, %s: the clone does not run", point, way)
		}
		for path, text := range l.scenarios("clone") {
			if text != deactivated(theirs[path]) {
				t.Errorf("killed at %q, %s: %s is %s", point, way, path, text)
			}
		}
		l.run("plan", "-detailed-exitcode").must(t, 0)
		l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
		l.nothingMade("clone")
	}
	if killed < 3 {
		t.Errorf("only %d of the points were reached", killed)
	}
}
