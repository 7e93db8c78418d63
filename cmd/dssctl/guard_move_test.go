package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/killpoint"
)

// Killed in the move of the runtime databases, whose undoing needs the password:
// the guard has it although nothing but dssctl's command line or its terminal held
// it, and neither the guard's arguments nor its log show it.
func TestGuardOfAMoveKnowsTheSecrets(t *testing.T) {
	t.Parallel()
	l := exampleOf("single").lab(t, 47)
	l.env = nil
	args := slices.Concat(apply, []string{"-var", "pg_password=" + l.password})
	before := configs(t, l.data)
	from := l.shelve("fresh", true)
	all := steady(records(1)(l.places(args...)))
	if !long() {
		all = some(3, func(all []place) []place { return all })(all)
	}
	undone := 0
	for i, at := range all {
		l.unshelve(from)
		fate := killpoint.Die
		if at.soon {
			fate, at.soon = killpoint.Soon, false
		}
		o := l.guarded(func(p place) killpoint.Fate {
			if p == at {
				return fate
			}
			return killpoint.Live
		}, args...)
		q := &quick{lab: l}
		q.quiet()
		if o.killed && q.open() {
			l.run("recover", "-rollback", "-var", "pg_password="+l.password).must(t, 0) // DSS was up
		}
		if !l.running("design") {
			t.Fatalf("%d: killed %s: DSS is down\n%s\n%s", i, at, o, q.log())
		}
		if q.newest().Status == "rolled_back" {
			if diff := cmp.Diff(before, configs(t, l.data)); diff != "" || len(l.tables()) > 0 {
				t.Errorf("%d: killed %s: tables %v, changed %s\n%s", i, at, l.tables(), diff, q.log())
			}
			undone++
		}
		noSecrets(t, l, q.log())
	}
	if undone == 0 {
		t.Error("the guard had nothing to undo")
	}
}
