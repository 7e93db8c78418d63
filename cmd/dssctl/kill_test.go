package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// killCase are commands that are killed at their places.
type killCase struct {
	name    string
	example example
	// prepare brings the fresh estate to where the commands start from. It
	// returns these, and how they may leave the instances.
	prepare func(l *lab) (from shelf, commands [][]string, before, after settled)
	// wanted chooses among a command's places for `make test`; see everyKind. All
	// are tried by `make test-long`.
	wanted func([]place) []place
}

var apply = []string{"apply", "-auto-approve"}

var killCases = []killCase{
	{name: "apply", example: exampleOf("single"), wanted: some(22, kindsAndRecords(3)), prepare: applying},
	{name: "apply to two", example: exampleOf("pair"), wanted: some(7, records(7)), prepare: applying},
	{name: "transfer", example: exampleOf("single"), wanted: some(10, everyKind), prepare: func(l *lab) (shelf, [][]string, settled, settled) {
		l.run(apply...).must(l.t, 0)
		rows := l.shelve("applied", true).rows
		l.edit(`schema       = "dss_runtime"`, `schema       = "dss_moved"`)
		from := l.shelve("fresh", true)
		before := l.settle("before", false, rows)
		return from, [][]string{apply}, before, settled{name: "after", declared: true, rows: rows}
	}},
	{name: "rollback", example: exampleOf("linked"), wanted: some(10, everyKind), prepare: func(l *lab) (shelf, [][]string, settled, settled) {
		rows := l.shelve("fresh", true).rows // what is written later is lost, as allowed
		l.run(apply...).must(l.t, 0)
		from := l.shelve("applied", true)
		before := l.settle("before", true, rows)
		undo := []string{"rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss"}
		return from, [][]string{undo}, before, settled{name: "after", rows: rows}
	}},
	{name: "recover", example: exampleOf("single"), wanted: some(7, every(7)), prepare: recovering},
}

func applying(l *lab) (shelf, [][]string, settled, settled) {
	from := l.shelve("fresh", true)
	return from, [][]string{apply}, l.settle("before", false, from.rows), settled{name: "after", declared: true, rows: from.rows}
}

// recovering begins where an apply was killed in the middle of the copy.
func recovering(l *lab) (shelf, [][]string, settled, settled) {
	fresh := l.shelve("fresh", true)
	before := l.settle("before", false, fresh.rows)
	all := l.places(apply...)
	after := l.settle("after", true, fresh.rows)
	copying := slices.IndexFunc(all, func(p place) bool { return p.soon && strings.HasPrefix(p.call, "journal design/8 ") })
	l.unshelve(fresh)
	if o := l.killedAt(all[copying], apply...); !o.killed {
		l.t.Fatalf("not killed in the copy: %s", o)
	}
	for _, in := range l.dss {
		l.ok(in.Kill())
	}
	return l.shelve("killed", false), [][]string{{"recover", "-resume"}, {"recover", "-rollback", "-allow", "data-loss"}}, before, after
}

// everyKind chooses the first place of each kind: system call and file, kind of
// journal record, command of DSS.
func everyKind(all []place) []place {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(all), func(p place) bool {
		known := seen[p.kind()]
		seen[p.kind()] = true
		return known
	})
}

// records chooses each n-th of the journal records and of the moments inside of
// commands.
func records(n int) func([]place) []place {
	return func(all []place) []place {
		return every(n)(slices.DeleteFunc(slices.Clone(all), func(p place) bool { return !p.record() }))
	}
}

// kindsAndRecords chooses every kind, and of the journal records more.
func kindsAndRecords(n int) func([]place) []place {
	return func(all []place) []place {
		chosen := append(everyKind(all), records(n)(all)...)
		return slices.DeleteFunc(slices.Clone(all), func(p place) bool { return !slices.Contains(chosen, p) })
	}
}

// every chooses each n-th place.
func every(n int) func([]place) []place {
	return func(all []place) []place {
		var out []place
		for i := n / 2; i < len(all); i += n {
			out = append(out, all[i])
		}
		return out
	}
}

// some takes about n of those that another chooses, evenly.
func some(n int, choose func([]place) []place) func([]place) []place {
	return func(all []place) []place {
		chosen := choose(all)
		return every((len(chosen) + n - 1) / n)(chosen)
	}
}

// steady leaves out the commands that dssctl runs as often as it takes, to look
// whether DSS is up: another time there are fewer of them.
func steady(all []place) []place {
	return slices.DeleteFunc(slices.Clone(all), func(p place) bool { return p.command() && p.nth > 2 })
}

// long is `make test-long`.
func long() bool { return os.Getenv("DSSCTL_TEST_LONG") != "" }

// choose returns the places to be tried: those that are wanted, with `make test-long`
// all, and with DSSCTL_TEST_LONG=records, in much less time, each journal record.
func choose(all []place, wanted func([]place) []place) []place {
	switch os.Getenv("DSSCTL_TEST_LONG") {
	case "":
		return wanted(steady(all))
	case "records":
		return records(1)(all)
	}
	return all
}

// Law 4: killed at each journal record and in the middle of each action, then
// recover: each instance ends wholly before or wholly after, DSS runs, nothing is
// lost.
func TestKilledAnywhereThenRecover(t *testing.T) {
	t.Parallel()
	for i, c := range killCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := c.example.lab(t, int64(31+10*i))
			from, commands, before, after := c.prepare(l)
			for i, args := range commands {
				if i > 0 {
					l.unshelve(from) // before the first, the world is so
				}
				all := l.places(args...)
				l.whole(after.name) // an undisturbed run, first of all
				if after.configs == nil {
					after.configs, after.tables = configs(t, l.data), l.tables()
				}
				chosen := choose(all, c.wanted)
				fresh, tried := false, 0
				for n, at := range chosen {
					if l.try(at, n, from, args, before, after, &fresh) {
						tried++
					}
					if t.Failed() {
						return
					}
				}
				t.Logf("%q: %d places, killed at %d of %d", args, len(all), tried, len(chosen))
				if tried < len(chosen)*3/4 {
					t.Errorf("%q: %d places were to be tried, and only %d were reached", args, len(chosen), tried)
				}
			}
		})
	}
}

// try kills the command at one place and recovers. fresh says that the world is
// as on the shelf already.
func (l *lab) try(at place, n int, from shelf, args []string, before, after settled, fresh *bool) bool {
	l.t.Helper()
	directions := [][]string{{"recover"}, {"recover", "-resume"}, {"recover", "-rollback", "-allow", "data-loss"}}
	if !*fresh {
		l.unshelve(from)
	}
	o := l.killedAt(at, args...)
	if !o.killed && *fresh {
		l.unshelve(from)
		o = l.killedAt(at, args...)
	}
	*fresh = false
	if !o.killed {
		o.must(l.t, 0) // not on its way this time
		return false
	}
	direction := directions[n%len(directions)]
	rec := l.run(direction...)
	l.t.Logf("killed %s, then %s", at, strings.Join(direction, " "))
	where := fmt.Sprintf("killed %s, then %s: %s", at, strings.Join(direction, " "), rec)
	if rec.code != 0 && rec.code != 6 {
		l.t.Errorf("%s\nkilled was: %s", where, o)
		return true
	}
	*fresh = l.wholly(where, before, after) && from.running
	return true
}

// wholly checks that each instance is before or after, with its history. It
// returns whether all are before.
func (l *lab) wholly(where string, before, after settled) (unchanged bool) {
	l.t.Helper()
	now, unchanged, declared := l.settle("now", false, nil), true, true
	for name := range l.dss {
		if !l.running(name) {
			l.t.Errorf("DSS of %s does not run\n%s", name, where)
			continue
		}
		is, other := before, before.differs(now, name)
		if other != "" {
			is, unchanged = after, false
			if diff := after.differs(now, name); diff != "" {
				l.t.Errorf("%s is neither before nor after: before %s\nafter %s\n%s", name, other, diff, where)
				continue
			}
		}
		declared = declared && is.declared
		if rows := l.liveRows(name); rows < is.rows[name] {
			l.t.Errorf("%s is %s, had %d rows of history, and now there are %d\n%s", name, is.name, is.rows[name], rows, where)
		}
	}
	l.whole(where)
	want := 2
	if declared {
		want = 0
	}
	if p := l.run("plan", "-detailed-exitcode"); p.code != want {
		l.t.Errorf("the plan ends with %d, not %d: %s\n%s", p.code, want, p, where)
	}
	return unchanged && !l.t.Failed()
}

// whole checks that no run is open and that no half-written file lies about.
func (l *lab) whole(where string) {
	l.t.Helper()
	if o := l.run("recover").must(l.t, 0); !strings.Contains(o.stdout, "No run is open") {
		l.t.Errorf("a run is still open: %s\n%s", o, where)
	}
	for _, in := range l.dss {
		walk(l.t, in.DataDir, func(rel string, _ fs.FileInfo, _ []byte) {
			if strings.Contains(filepath.Base(rel), ".dssctl-") {
				l.t.Errorf("%s is left in %s\n%s", rel, in.DataDir, where)
			}
		})
	}
}

// liveRows counts the history of a running instance.
func (l *lab) liveRows(name string) int {
	l.t.Helper()
	tables, err := l.dss[name].LiveRows(context.Background())
	l.ok(err)
	return dsskit.Total(tables, "")
}

// lastRun is the name of the newest run.
func (l *lab) lastRun() string {
	l.t.Helper()
	var list struct{ Runs []struct{ ID string } }
	l.ok(json.Unmarshal([]byte(l.run("state", "list", "-json").must(l.t, 0).stdout), &list))
	return list.Runs[0].ID
}

// edit changes the estate's file.
func (l *lab) edit(from, to string) {
	l.t.Helper()
	path := filepath.Join(l.dir, "main.dss.hcl")
	raw, err := os.ReadFile(path)
	l.ok(err)
	src := strings.Replace(string(raw), from, to, 1)
	if src == string(raw) {
		l.t.Fatalf("%s has no %q", path, from)
	}
	l.ok(os.WriteFile(path, []byte(src), 0o644))
}
