package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// Law 4: killed at each journal record and inside each command, then recover:
// the instance ends wholly before or wholly after, DSS runs, nothing is lost.
func TestKilledAnywhereThenRecover(t *testing.T) {
	directions := [][]string{{"recover"}, {"recover", "-resume"}, {"recover", "-rollback"}}
	lanes := 4
	points := make([]chan string, lanes)
	for i := range points {
		points[i] = make(chan string, 400)
	}
	// More points than a run has: a lane ends its kind when no kill came.
	for _, kind := range []string{"record", "command", "behind"} {
		for n := 1; n <= 60; n++ {
			points[n%lanes] <- fmt.Sprintf("%s %d", kind, n)
		}
	}
	for lane := range points {
		close(points[lane])
		t.Run(fmt.Sprintf("lane %d", lane), func(t *testing.T) {
			t.Parallel()
			l := examples[0].lab(t, int64(31+lane))
			l.stop("design")
			pristine := filepath.Join(l.data, "..", "pristine")
			copyTree(t, l.dss["design"].DataDir, pristine)
			rows := l.rows("design")
			ended := map[string]bool{}
			tried := map[string]int{}
			n := lane
			for point := range points[lane] {
				kind, _, _ := strings.Cut(point, " ")
				if ended[kind] {
					continue
				}
				l.reset("design", pristine)
				l.start("design")
				before := configs(t, l.data)
				o := dssctl(t, l.dir, append(l.env, asDssctl+"="+point), "apply", "-auto-approve")
				if !o.killed {
					o.must(t, 0)
					ended[kind] = true
					continue
				}
				tried[kind]++
				n++
				args := directions[n%len(directions)]
				rec := l.run(args...)
				where := fmt.Sprintf("killed at %q, %s: %s", point, strings.Join(args, " "), rec)
				if rec.code != 0 && rec.code != 6 {
					t.Fatal(where)
				}
				l.wholly(where, before, rows)
				if t.Failed() {
					return
				}
			}
			if tried["record"] < 10 || tried["command"]+tried["behind"] < 2 {
				t.Errorf("too few points were tried: %v", tried)
			}
			t.Logf("tried: %v", tried)
		})
	}
}

// reset puts an instance back as it was installed, and PostgreSQL and the
// estate's state with it.
func (l *lab) reset(name, pristine string) {
	l.t.Helper()
	l.ok(l.dss[name].Kill())
	for _, dir := range []string{l.dss[name].DataDir, l.dss[name].DataDir + ".dssctl", filepath.Join(l.dir, ".dssctl")} {
		l.ok(os.RemoveAll(dir))
	}
	copyTree(l.t, pristine, l.dss[name].DataDir)
	_, err := l.pg.Exec(context.Background(), "dss", `DROP SCHEMA IF EXISTS dss_runtime CASCADE`)
	l.ok(err)
}

// wholly checks that the instance is before or after the move, with its history.
func (l *lab) wholly(where string, before map[string]string, rows int) {
	l.t.Helper()
	if !l.running("design") {
		l.t.Errorf("DSS does not run\n%s", where)
	}
	p := l.run("plan", "-detailed-exitcode")
	switch {
	case l.external("design"):
		if p.code != 0 {
			l.t.Errorf("after, but the plan is not empty: %s\n%s", p, where)
		}
		if len(l.tables()) == 0 {
			l.t.Errorf("after, but without tables\n%s", where)
		}
	default:
		if p.code != 2 {
			l.t.Errorf("before, but the plan says %s\n%s", p, where)
		}
		if diff := cmp.Diff(before, configs(l.t, l.data)); diff != "" {
			l.t.Errorf("before, but changed: %s\n%s", diff, where)
		}
		if left := l.tables(); len(left) > 0 {
			l.t.Errorf("before, but with tables %v\n%s", left, where)
		}
	}
	if o := l.run("recover").must(l.t, 0); !strings.Contains(o.stdout, "No run is open") {
		l.t.Errorf("a run is still open: %s\n%s", o, where)
	}
	l.stop("design")
	if now := l.rows("design"); now < rows {
		l.t.Errorf("there were %d rows of history, and now there are %d\n%s", rows, now, where)
	}
}

// rows counts the history of a stopped instance, wherever it is.
func (l *lab) rows(name string) int {
	l.t.Helper()
	count := l.dss[name].Rows
	if l.external(name) {
		count = l.dss[name].ExternalRows
	}
	tables, err := count(context.Background())
	l.ok(err)
	return dsskit.Total(tables, "")
}

// copyTree copies a folder as it is: links, modes, times.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
}
