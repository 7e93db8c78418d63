package main

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/killpoint"
)

// downCase is a command that stops DSS.
type downCase struct {
	name string
	// prepare brings a fresh estate to where the command starts from, and says
	// whether DSS is up there.
	prepare func(q *quick) (args []string, up bool)
}

var downCases = []downCase{
	{"apply", func(*quick) ([]string, bool) { return apply, true }},
	{"apply of a plan file", func(q *quick) ([]string, bool) {
		q.run("plan", "-out", "p.plan").must(q.t, 0)
		return []string{"apply", "p.plan"}, true
	}},
	{"rollback", func(q *quick) ([]string, bool) {
		q.run(apply...).must(q.t, 0)
		return []string{"rollback", q.newest().ID, "-auto-approve"}, true
	}},
	{"recover, onwards", func(q *quick) ([]string, bool) { q.broken(); return []string{"recover", "-resume"}, false }},
	{"recover, back", func(q *quick) ([]string, bool) { q.broken(); return []string{"recover", "-rollback"}, false }},
	{"backup", func(q *quick) ([]string, bool) { return q.withBackups("run"), true }},
	{"restore", func(q *quick) ([]string, bool) {
		q.run(q.withBackups("run")...).must(q.t, 0)
		write(q.t, q.data, "design/config/projects/LATER/params.json", "{}")
		return []string{"backup", "restore", "instance.design", "-auto-approve", "-allow", "data-loss"}, true
	}},
}

// broken leaves a run open in the middle of its window.
func (q *quick) broken() {
	q.t.Helper()
	o := q.traced(func(p place) killpoint.Fate {
		if strings.HasPrefix(p.call, "journal design/5 begin") {
			return killpoint.Die
		}
		return killpoint.Live
	}, apply...)
	if !o.killed || q.up() {
		q.t.Fatalf("not killed in the window (up %v): %s", q.up(), o)
	}
}

// withBackups declares a policy and returns the words of a command on it.
func (q *quick) withBackups(verb string) []string {
	q.edit("  general_settings", "  backup \"nightly\" {\n    destination = \""+q.root+"/sets\"\n  }\n  general_settings")
	return []string{"backup", verb, "-auto-approve"}
}

// atRecords chooses the places of a command that are records of the journal: each,
// or for `make test` about n of them, evenly.
func (q *quick) atRecords(n int, args []string) []place {
	q.t.Helper()
	all := records(1)(q.places(args...))
	if long() {
		return all
	}
	return some(n, func(all []place) []place { return all })(steady(all))
}

// Killed at any record of a run, or a moment into a command: DSS is up again soon,
// by itself, and each run that took DSS down is closed.
func TestKilledAnywhereDSSComesBack(t *testing.T) {
	t.Parallel()
	eachRecord(t, 9, func(q *quick, at place, up bool) {
		fate := killpoint.Die
		if at.soon {
			fate, at.soon = killpoint.Soon, false
		}
		o := q.guarded(func(p place) killpoint.Fate {
			if p == at {
				return fate
			}
			return killpoint.Live
		}, q.args...)
		q.quiet()
		if !q.up() {
			q.t.Fatalf("killed %s: DSS is down; run %+v\n%s\n%s", at, q.newest(), o, q.log())
		}
		if q.open() {
			// Killed where DSS was up, or had come up again, there was no need.
			if !up && o.killed && !q.cameUp() {
				q.t.Fatalf("killed %s: the run is open\n%s\n%s", at, o, q.log())
			}
			q.run("recover", "-rollback", "-allow", "data-loss").must(q.t, 0)
		}
	})
}

// A hang-up at any record: the run ends in a clean place, DSS is up, and the exit
// status says so.
func TestHangUpAtEachRecord(t *testing.T) {
	t.Parallel()
	eachRecord(t, 6, func(q *quick, at place, _ bool) {
		at.soon = false
		hung := false
		o := q.guarded(func(p place) killpoint.Fate {
			if p == at && !hung {
				hung = true
				return killpoint.HangUp
			}
			return killpoint.Live
		}, q.args...)
		if o.killed || !slices.Contains([]int{0, 143}, o.code) || !q.up() || q.open() {
			q.t.Fatalf("hung up %s: up %v, run %+v\n%s", at, q.up(), q.newest(), o)
		}
		if len(q.guards()) > 0 {
			q.t.Fatalf("hung up %s: the guard outlives an orderly end", at)
		}
	})
}

// The reader of the output goes away at any record: the run goes on to its end,
// with the exit status of one whose output was read.
func TestReaderGoneAtEachRecord(t *testing.T) {
	t.Parallel()
	eachRecord(t, 6, func(q *quick, at place, _ bool) {
		at.soon = false
		r, w, err := os.Pipe()
		q.ok(err)
		defer w.Close()
		defer r.Close()
		go func() { _, _ = io.Copy(io.Discard, r) }()
		args := slices.Clone(q.args)
		if at.nth%2 == 0 { // as a stream, too
			args = append(args, "-json")
		}
		o := q.tracedAs(killpoint.Cmd{Output: [2]*os.File{w, w}}, func(p place) killpoint.Fate {
			if p == at {
				r.Close()
			}
			return killpoint.Live
		}, args...)
		if o.killed || o.code != 0 || !q.up() || q.open() {
			q.t.Fatalf("reader gone %s: up %v, run %+v\n%s", at, q.up(), q.newest(), o)
		}
		if diff := cmp.Diff(q.after, configs(q.t, q.data)); diff != "" {
			q.t.Fatalf("reader gone %s: not done: %s", at, diff)
		}
	})
}

// eachRecord tries something at records of each command, n of them in a short
// test, and checks that the data directory is wholly before or wholly after.
func eachRecord(t *testing.T, n int, try func(q *quick, at place, up bool)) {
	for _, c := range downCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := newQuick(t, "")
			found := q.before
			args, up := c.prepare(q)
			q.args = args
			back := q.keep("begin")
			begin := configs(t, q.data)
			all := q.atRecords(n, args)
			q.after = configs(t, q.data)
			for _, at := range all {
				back()
				try(q, at, up)
				// A window that was open already is undone to what was found ahead of it.
				begin, now := map[bool]map[string]string{true: begin, false: found}[up], configs(t, q.data)
				if !cmp.Equal(begin, now) && !cmp.Equal(q.after, now) {
					t.Fatalf("%s: neither before nor after: %s", at, cmp.Diff(begin, now))
				}
			}
			if len(all) < min(n, 5) {
				t.Errorf("only %d places", len(all))
			}
		})
	}
}

// cameUp reports whether the newest run has noted that DSS answers again.
func (q *quick) cameUp() bool {
	raw, err := os.ReadFile(q.dir + "/.dssctl/runs/" + q.newest().ID + "/journal.jsonl")
	q.ok(err)
	down, up := strings.LastIndex(string(raw), `"type":"down"`), strings.LastIndex(string(raw), `"type":"up"`)
	return up > down
}

// log is what the guard of the newest run has written.
func (q *quick) log() string {
	raw, err := os.ReadFile(q.dir + "/.dssctl/runs/" + q.newest().ID + "/guard.log")
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// howToStart reads what is told last: the commands on lines of their own.
func howToStart(t *testing.T, text string) (words []string, start string) {
	t.Helper()
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	m := regexp.MustCompile(`^  (\S+/bin/dss start)    \(as the account (\S.*)\)$`).FindStringSubmatch(lines[len(lines)-1])
	if m == nil {
		t.Fatalf("the last line does not say how to start DSS: %q\n%s", lines[len(lines)-1], text)
	}
	for _, l := range lines {
		if text, ok := strings.CutPrefix(l, "  dssctl "); ok {
			words = strings.Fields(text)
		}
	}
	if len(words) == 0 {
		t.Fatalf("no command of dssctl is told:\n%s", text)
	}
	return words, m[1]
}
