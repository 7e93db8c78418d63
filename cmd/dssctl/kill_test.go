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

// killLane tries its points one after the other, on instances of its own.
type killLane struct {
	example example
	seed    int64
	points  []string
}

// killLanes are every point of the first example, and some of the others, which
// take the same actions on more instances. A run ends its kind of points.
func killLanes() []killLane {
	const each = 4
	var lanes []killLane
	for i := range each {
		lanes = append(lanes, killLane{example: examples[0], seed: int64(31 + i)})
	}
	kinds := []string{"record", "command", "behind"}
	for _, kind := range kinds {
		for n := 1; n <= 100; n++ {
			lane := &lanes[n%each]
			lane.points = append(lane.points, fmt.Sprintf("%s %d", kind, n))
		}
	}
	for i, e := range examples[1:] {
		lane := killLane{example: e, seed: int64(61 + i)}
		for i, kind := range kinds {
			for n := 2 + i; n <= 200; n += []int{9, 4, 4}[i] {
				lane.points = append(lane.points, fmt.Sprintf("%s %d", kind, n))
			}
		}
		lanes = append(lanes, lane)
	}
	return lanes
}

// Law 4: killed at each journal record and inside each command, then recover:
// each instance ends wholly before or wholly after, DSS runs, nothing is lost.
func TestKilledAnywhereThenRecover(t *testing.T) {
	directions := [][]string{{"recover"}, {"recover", "-resume"}, {"recover", "-rollback"}}
	for i, lane := range killLanes() {
		t.Run(fmt.Sprintf("%s lane %d", lane.example.name, i), func(t *testing.T) {
			t.Parallel()
			l := lane.example.lab(t, lane.seed)
			pristine := filepath.Join(l.data, "..", "pristine")
			rows := map[string]int{}
			for name := range l.dss {
				l.stop(name)
				rows[name] = l.rows(name)
			}
			copyTree(t, l.data, pristine)
			ended, tried := map[string]bool{}, map[string]int{}
			n := i
			for _, point := range lane.points {
				kind, _, _ := strings.Cut(point, " ")
				if ended[kind] {
					continue
				}
				l.reset(pristine)
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

// reset puts all instances back as they were installed, and PostgreSQL and the
// estate's state with them, and starts them.
func (l *lab) reset(pristine string) {
	l.t.Helper()
	for _, in := range l.dss {
		l.ok(in.Kill())
	}
	l.ok(os.RemoveAll(l.data))
	l.ok(os.RemoveAll(filepath.Join(l.dir, ".dssctl")))
	copyTree(l.t, pristine, l.data)
	_, err := l.pg.Exec(context.Background(), "dss", `DROP SCHEMA IF EXISTS dss_runtime CASCADE`)
	l.ok(err)
	for name := range l.dss {
		l.start(name)
	}
}

// wholly checks that each instance is before or after the move, with its
// history.
func (l *lab) wholly(where string, before map[string]string, rows map[string]int) {
	l.t.Helper()
	want := 0 // of plan
	for name := range l.dss {
		if !l.running(name) {
			l.t.Errorf("DSS of %s does not run\n%s", name, where)
		}
		tables := only(l.tables(), "dss_runtime."+name+"_")
		if l.external(name) {
			if len(tables) == 0 {
				l.t.Errorf("%s is after, but without tables\n%s", name, where)
			}
			continue
		}
		want = 2
		if diff := cmp.Diff(below(before, name), below(configs(l.t, l.data), name)); diff != "" {
			l.t.Errorf("%s is before, but changed: %s\n%s", name, diff, where)
		}
		if len(tables) > 0 {
			l.t.Errorf("%s is before, but with tables %v\n%s", name, tables, where)
		}
	}
	if p := l.run("plan", "-detailed-exitcode"); p.code != want {
		l.t.Errorf("the plan ends with %d, not %d: %s\n%s", p.code, want, p, where)
	}
	if o := l.run("recover").must(l.t, 0); !strings.Contains(o.stdout, "No run is open") {
		l.t.Errorf("a run is still open: %s\n%s", o, where)
	}
	for name := range l.dss {
		l.stop(name)
		if now := l.rows(name); now < rows[name] {
			l.t.Errorf("%s had %d rows of history, and now there are %d\n%s", name, rows[name], now, where)
		}
	}
}

func only(names []string, prefix string) []string {
	var out []string
	for _, n := range names {
		if strings.HasPrefix(n, prefix) {
			out = append(out, n)
		}
	}
	return out
}

// below is the part of a snapshot about one instance.
func below(files map[string]string, name string) map[string]string {
	out := map[string]string{}
	for rel, about := range files {
		if strings.HasPrefix(rel, name+"/") {
			out[rel] = about
		}
	}
	return out
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
