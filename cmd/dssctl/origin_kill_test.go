package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// Law 4 for the example of a clone: killed, it is made wholly or not at all, its
// source runs again with all that it had, and no scenario is changed but the
// clone's. At some of the places, or with `make test-long` at all.
func TestOriginCloneKilledThenRecover(t *testing.T) {
	t.Parallel()
	l := exampleOf("clone").lab(t, 94)
	port, tables, history := l.port["clone"], l.tables(), l.liveRows("design")
	theirs := l.scenarios("design")
	// Most of the places are the files of the copy: of these, a few will do.
	l.killClone(records(12), port, func(where string) {
		for path, text := range l.scenarios("clone") {
			if text != deactivated(theirs[path]) {
				t.Errorf("%s: %s is %s", where, path, text)
			}
		}
	}, func(where string) {
		for path, text := range l.scenarios("design") {
			if theirs[path] != text {
				t.Errorf("%s: the source's %s has changed", where, path)
			}
		}
		if diff := cmp.Diff(tables, l.tables()); diff != "" {
			t.Errorf("%s: other tables are left:\n%s", where, diff)
		}
		if rows := l.liveRows("design"); rows < history {
			t.Errorf("%s: the source had %d rows of history, and now there are %d", where, history, rows)
		}
	})
}

// The same of a Govern node, whose database is filled from its source's.
func TestOriginCloneOfGovernKilledThenRecover(t *testing.T) {
	t.Parallel()
	l := newLab(t, 103)
	l.installGovern(dsskit.InstallOptions{NodeType: "govern"})
	l.ok(l.pg.CreateDatabase(t.Context(), "clones", "dss"))
	port := l.freePort()
	l.governCloneEstate(port, "clones")
	properties := func() string {
		raw, err := os.ReadFile(filepath.Join(l.place("design"), "config", "dip.properties"))
		l.ok(err)
		return string(raw)
	}
	theirs, rows := properties(), l.rowsIn("dss")
	l.killClone(some(4, records(1)), port, func(where string) {
		if now := l.rowsIn("clones"); now < rows {
			t.Errorf("%s: the source had %d rows, its clone has %d", where, rows, now)
		}
	}, func(where string) {
		if left := l.tablesIn("clones"); left != "" {
			t.Errorf("%s: in the clone's database is left %s", where, left)
		}
		if now := l.rowsIn("dss"); now < rows || properties() != theirs {
			t.Errorf("%s: the source had %d rows and has %d, or its dip.properties has changed", where, rows, now)
		}
	})
}

// killClone kills an apply that clones at each of the places. What is left is a
// whole clone, which made looks at, or none. Where none is, untouched looks at
// the rest of the world.
func (l *lab) killClone(wanted func([]place) []place, port int, made, untouched func(where string)) {
	t := l.t
	t.Helper()
	whole := func(where string) {
		t.Helper()
		l.adopt("clone", port)
		if !l.running("clone") {
			t.Fatalf("%s: the clone does not run", where)
		}
		made(where)
		l.run("plan", "-detailed-exitcode").must(t, 0)
		l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
		delete(l.dss, "clone")
	}
	none := func(where string) {
		t.Helper()
		l.nothingMade("clone")
		if !l.running("design") {
			t.Fatalf("%s: the source does not run", where)
		}
		untouched(where)
		l.whole(where)
	}
	all := l.places(apply...)
	whole("undisturbed")
	none("undisturbed")
	chosen := choose(all, wanted)
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
		if _, err := os.Stat(l.place("clone")); err == nil {
			whole(where)
		} else {
			l.run("plan", "-detailed-exitcode").must(t, 2)
		}
		none(where)
	}
	t.Logf("%d places, %d tried, %d killed", len(all), len(chosen), killed)
	if killed < len(chosen)*3/4 {
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
