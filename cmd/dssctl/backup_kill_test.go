package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// goodSets are the ids of the sets that can be used.
func goodSets(t *testing.T, l *lab) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, r := range l.sets() {
		if r.Broken == "" {
			out[r.Set] = true
		}
	}
	return out
}

// lostSets are those of the newest that are not there any more: only older ones
// may go.
func lostSets(before, after map[string]bool, kept int) []string {
	all := maps.Clone(before)
	maps.Copy(all, after)
	newest := slices.Sorted(maps.Keys(all))
	slices.Reverse(newest)
	return slices.DeleteFunc(newest[:min(kept, len(newest))], func(id string) bool { return after[id] })
}

// unpacked are files that are kept or taken out: one is like another.
var unpacked = regexp.MustCompile(`(/(restoring|replaced)/\*)(/.*)?|(/data/\w+)/.*`)

// kindsOfBackup chooses the first place of each kind, and of these each fourth.
func kindsOfBackup(all []place) []place {
	seen := map[string]bool{}
	return every(4)(slices.DeleteFunc(slices.Clone(all), func(p place) bool {
		kind := p.kind()
		if !p.record() {
			kind = unpacked.ReplaceAllString(kind, "$1$4")
		}
		known := seen[kind]
		seen[kind] = true
		return known
	}))
}

// Killed at any point of a backup: no good set is lost, no half one is listed,
// and DSS runs, after `recover` in any direction or the next scheduled backup.
func TestBackupKilledAnywhere(t *testing.T) {
	t.Parallel()
	l := newLab(t, 72)
	l.install("design", dsskit.InstallOptions{})
	dest := l.backupEstate(`
    retention {
      keep_last = 2
    }`)
	l.run("apply", "-auto-approve").must(t, 0)
	args := []string{"backup", "run", "-auto-approve"}
	l.run(args...).must(t, 0)
	l.run(args...).must(t, 0)
	all := l.places(args...) // it prunes, too
	ways := [][]string{{"recover"}, {"recover", "-rollback", "-allow", "data-loss"}, args}
	tried := 0
	for _, at := range choose(all, kindsOfBackup) {
		before := goodSets(t, l)
		o := l.killedAt(at, args...)
		if !o.killed {
			o.must(t, 0) // not on its way this time
			continue
		}
		tried++
		way := ways[tried%len(ways)]
		rec := l.run(way...)
		where := fmt.Sprintf("killed %s, then %s: %s", at, strings.Join(way, " "), rec)
		if rec.code != 0 && rec.code != 6 {
			t.Fatal(where)
		}
		after := goodSets(t, l)
		if lost := lostSets(before, after, 2); len(lost) > 0 {
			t.Fatalf("good sets were lost: %v; before %v, after %v\n%s", lost, before, after, where)
		}
		for _, r := range l.sets() {
			if r.Broken != "" {
				t.Fatalf("a broken set is listed: %+v\n%s", r, where)
			}
		}
		if !l.running("design") {
			t.Fatalf("DSS does not run\n%s", where)
		}
		l.whole(where)
	}
	if tried < 10 {
		t.Errorf("too few places were tried: %d of %d", tried, len(all))
	}
	l.run(args...).must(t, 0)
	left, err := filepath.Glob(filepath.Join(dest, ".*"))
	l.ok(err)
	if len(left) > 0 {
		t.Errorf("unfinished sets were left behind a good backup: %v", left)
	}
	for id := range goodSets(t, l) {
		l.run("backup", "verify", "-set", id).must(t, 0)
	}
	t.Logf("%d places, killed at %d of them", len(all), tried)
}

// Killed at any point of a restore, then recovered: the data directory is wholly
// the set's or wholly what was there, and DSS runs.
func TestRestoreKilledAnywhere(t *testing.T) {
	t.Parallel()
	l := newLab(t, 73)
	l.install("design", dsskit.InstallOptions{})
	l.backupEstate("")
	l.run("apply", "-auto-approve").must(t, 0)
	l.run("backup", "run", "-auto-approve").must(t, 0)
	ofSet := configs(t, l.data)
	mark := filepath.Join(l.dss["design"].DataDir, "config", "projects", "LATER", "params.json")
	ways := [][]string{{"recover"}, {"recover", "-resume"}, {"recover", "-rollback", "-allow", "data-loss"}}
	args := []string{"backup", "restore", "instance.design", "-auto-approve", "-allow", "data-loss"}
	all, tried := l.places(args...), map[bool]int{}
	for i, at := range choose(all, kindsOfBackup) {
		write(t, filepath.Dir(mark), "params.json", "{}")
		asBefore := configs(t, l.data)
		o := l.killedAt(at, args...)
		if !o.killed {
			o.must(t, 0)
			continue
		}
		way := ways[i%len(ways)]
		rec := l.run(way...)
		where := fmt.Sprintf("killed %s, then %s: %s", at, strings.Join(way, " "), rec)
		if rec.code != 0 && rec.code != 6 {
			t.Fatal(where)
		}
		if !l.running("design") {
			t.Fatalf("DSS does not run\n%s", where)
		}
		_, err := os.Stat(mark)
		want := ofSet
		if err == nil {
			want = asBefore
		}
		if diff := cmp.Diff(want, configs(t, l.data)); diff != "" {
			t.Fatalf("the data directory is neither before nor after (mark there: %v):\n%s\n%s", err == nil, diff, where)
		}
		l.whole(where)
		tried[err == nil]++
	}
	if tried[true] < 3 || tried[false] < 3 {
		t.Errorf("too few places ended before (%d) or after (%d)", tried[true], tried[false])
	}
	t.Logf("%d places; ended before: %d, after: %d", len(all), tried[true], tried[false])
}
