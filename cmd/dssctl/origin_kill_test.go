package main

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Law 4 for the example of a clone: killed, it is made wholly or not at all, its
// source runs again with all that it had, and no scenario is changed but the
// clone's. At some of the places, or with `make test-long` at all.
func TestOriginCloneKilledThenRecover(t *testing.T) {
	t.Parallel()
	l := exampleOf("clone").lab(t, 94)
	port, tables, history := l.port["clone"], l.tables(), l.liveRows("design")
	theirs := l.scenarios("design")
	made := func(where string) {
		t.Helper()
		l.adopt("clone", port)
		if !l.running("clone") {
			t.Fatalf("%s: the clone does not run", where)
		}
		for path, text := range l.scenarios("clone") {
			if text != deactivated(theirs[path]) {
				t.Errorf("%s: %s is %s", where, path, text)
			}
		}
		l.run("plan", "-detailed-exitcode").must(t, 0)
		l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
		delete(l.dss, "clone")
		l.nothingMade("clone")
	}
	all := l.places(apply...)
	made("undisturbed")
	// Most of them are the files of the copy: of these, a few will do.
	chosen := choose(all, records(9))
	killed := 0
	for n, at := range chosen {
		way := []string{"-resume", "-rollback"}[n%2]
		where := fmt.Sprintf("killed %s, %s", at, way)
		if o := l.killedAt(at, apply...); o.killed {
			killed++
			if rec := l.run("recover", way); rec.code != 0 && rec.code != 6 {
				t.Fatalf("%s: %s", where, rec)
			}
		} else {
			o.must(t, 0)
		}
		if !l.running("design") {
			t.Fatalf("%s: the source does not run", where)
		}
		for path, text := range l.scenarios("design") {
			if theirs[path] != text {
				t.Errorf("%s: the source's %s has changed", where, path)
			}
		}
		if _, err := os.Stat(l.place("clone")); err == nil {
			made(where)
		} else {
			l.nothingMade("clone")
			l.run("plan", "-detailed-exitcode").must(t, 2)
		}
		if diff := cmp.Diff(tables, l.tables()); diff != "" {
			t.Errorf("%s: other tables are left:\n%s", where, diff)
		}
		if rows := l.liveRows("design"); rows < history {
			t.Errorf("%s: the source had %d rows of history, and now there are %d", where, history, rows)
		}
		l.whole(where)
	}
	t.Logf("%d places, %d tried, %d killed", len(all), len(chosen), killed)
	if killed < 4 {
		t.Errorf("only %d of %d were reached", killed, len(chosen))
	}
}

// A fresh install that is killed ahead of its journal records, or while the kit's
// installer or DSS's first start is on its way, is there and runs afterwards, or
// nothing of it is left. At some of the places, or with `make test-long` at all.
func TestOriginInstallKilledThenRecover(t *testing.T) {
	t.Parallel()
	l := newLab(t, 96)
	port := l.freePort()
	write(t, l.dir, "main.dss.hcl", fmt.Sprintf(`
instance "fresh" {
  data_dir  = %q
  node_type = "automation"
  port      = %d

  origin "install" { kit = %q }
}
`, l.place("fresh"), port, kit(t, kitVersion, l.seed)))
	made := func(where string) {
		t.Helper()
		l.adopt("fresh", port)
		if !l.running("fresh") {
			t.Fatalf("%s: the instance does not run", where)
		}
		l.run("plan", "-detailed-exitcode").must(t, 0)
		l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
		delete(l.dss, "fresh")
		l.nothingMade("fresh")
	}
	all := l.places(apply...)
	made("undisturbed")
	chosen := choose(all, some(9, once))
	killed, left := 0, 0
	for n, at := range chosen {
		way := []string{"-resume", "-rollback"}[n%2]
		where := fmt.Sprintf("killed %s, %s", at, way)
		o := l.killedAt(at, apply...)
		if !o.killed {
			o.must(t, 0)
		} else {
			killed++
			if rec := l.run("recover", way); rec.code != 0 && rec.code != 6 {
				t.Fatalf("%s: %s", where, rec)
			}
		}
		l.whole(where)
		if _, err := os.Stat(l.place("fresh")); err == nil {
			left++
			made(where)
			continue
		}
		l.nothingMade("fresh")
		l.run("plan", "-detailed-exitcode").must(t, 2)
	}
	t.Logf("%d places, %d tried, %d killed, there in the end %d times", len(all), len(chosen), killed, left)
	if killed < len(chosen)*3/4 || left == 0 || left == len(chosen) {
		t.Errorf("of %d places %d were reached, and the instance was there in the end %d times", len(chosen), killed, left)
	}
}

// once chooses the first of each kind of journal record in each action, and of
// the moments inside of commands: looking at DSS's state comes again and again.
func once(all []place) []place {
	type kind struct {
		call string
		soon bool
	}
	seen := map[kind]bool{}
	return slices.DeleteFunc(records(1)(all), func(p place) bool {
		k := kind{p.call, p.soon}
		known := seen[k]
		seen[k] = true
		return known
	})
}
