package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/dssctl/dssctl/internal/killpoint"
)

// place is a point on a command's way where it can be killed, by what does not
// differ from run to run.
type place struct {
	// after is the last journal record ahead of it: the action that it is inside of.
	after string
	// call is the system call that would come next.
	call string
	nth  int // of the same, from 1
	soon bool
}

func (p place) String() string {
	if p.soon {
		return fmt.Sprintf("a moment after %q", p.call)
	}
	return fmt.Sprintf("ahead of %q (%d), behind the record %q", p.call, p.nth, p.after)
}

// record reports whether it is ahead of a journal record.
func (p place) record() bool { return strings.HasPrefix(p.call, "journal ") }

// command reports whether it is where a command of DSS has been started.
func (p place) command() bool { return p.record() && strings.Contains(p.call, " process ") }

// kind is the place whatever the action, the instance and the table.
func (p place) kind() string {
	return fmt.Sprintf("%s %t", quoted.ReplaceAllString(inAction.ReplaceAllString(p.call, ""), ""), p.soon)
}

// traced runs a dssctl that meets its fate at each of its places. Its guard dies
// with it.
func (l *lab) traced(fate func(place) killpoint.Fate, args ...string) outcome {
	l.t.Helper()
	return l.tracedAs(killpoint.Cmd{Sessions: true}, fate, args...)
}

// guarded runs one whose guard lives.
func (l *lab) guarded(fate func(place) killpoint.Fate, args ...string) outcome {
	l.t.Helper()
	return l.tracedAs(killpoint.Cmd{}, fate, args...)
}

func (l *lab) tracedAs(c killpoint.Cmd, fate func(place) killpoint.Fate, args ...string) outcome {
	l.t.Helper()
	self, err := os.Executable()
	l.ok(err)
	dir, err := os.MkdirTemp("", "traced-")
	l.ok(err)
	defer os.RemoveAll(dir)
	c.Path, c.Args, c.Dir, c.Env = self, args, l.dir, append(append(os.Environ(), asDssctl+"="), l.env...)
	given := c.Output[0] != nil
	for i, name := range []string{"stdout", "stderr"} {
		if given {
			break // somebody reads it
		}
		c.Output[i], err = os.Create(filepath.Join(dir, name))
		l.ok(err)
		defer c.Output[i].Close()
	}
	after, seen := "", map[place]int{}
	end, err := killpoint.Run(c, func(p killpoint.Point) killpoint.Fate {
		here, record := place{after: after, call: p.Call + " " + l.told(p.What)}, ""
		if m := journalled.FindSubmatch(p.Data); m != nil && strings.HasSuffix(p.What, "/journal.jsonl") {
			record = strings.TrimSpace(fmt.Sprintf("%s %s %s", m[2], m[1], filepath.Base(string(m[3]))))
			record = strings.TrimSuffix(record, " .")
			here.call = "journal " + record
		}
		if timed.MatchString(here.call) {
			return killpoint.Live
		}
		seen[here]++
		here.nth = seen[here]
		if record != "" {
			after = record
		}
		return fate(here)
	})
	if errors.Is(err, killpoint.ErrNotAllowed) {
		l.t.Skip(err)
	}
	l.ok(err)
	o := outcome{code: end.ExitStatus(), killed: end.Signaled()}
	for i, to := range []*string{&o.stdout, &o.stderr} {
		if given {
			break
		}
		raw, err := os.ReadFile(c.Output[i].Name())
		l.ok(err)
		*to = string(raw)
	}
	return o
}

var (
	journalled = regexp.MustCompile(`"type":"(\w+)"(?:,"action":"([^"]+)")?(?:,"data":\{"command":"([^"]+)")?`)
	quoted     = regexp.MustCompile(`"[^"]*"?`)
	inAction   = regexp.MustCompile(`\S+/\d+ |\w+-\d+(/|$)`)
	// timed comes when its time has come: the beat of a lock.
	timed = regexp.MustCompile(`/\.dssctl/\.?lock\.json`)
	// varying is another one in each run: names of runs, random tails, numbers.
	varying = regexp.MustCompile(`\d{8}-\d{6}-[0-9a-f]{4}|\.dssctl-\w{20,}|_rehearsal_\w+|run \d+.*|\d{4,}`)
	// copied are the files of a safety backup: one is like another.
	copied = regexp.MustCompile(`(/\.part-[^/]+/files)/.+`)
)

// told is a path or statement without what varies.
func (l *lab) told(what string) string {
	what = strings.ReplaceAll(what, filepath.Dir(l.dir), "")
	what = copied.ReplaceAllString(what, "$1/*")
	return varying.ReplaceAllString(what, "*")
}

// places runs a dssctl undisturbed and returns where it can be killed.
func (l *lab) places(args ...string) []place {
	l.t.Helper()
	var all []place
	l.traced(func(p place) killpoint.Fate {
		all = append(all, p)
		if p.command() {
			p.soon = true
			all = append(all, p)
		}
		return killpoint.Live
	}, args...).must(l.t, 0)
	return all
}

// killedAt runs a dssctl and kills it there.
func (l *lab) killedAt(at place, args ...string) outcome {
	l.t.Helper()
	fate := killpoint.Die
	if at.soon {
		fate, at.soon = killpoint.Soon, false
	}
	return l.traced(func(p place) killpoint.Fate {
		if p == at {
			return fate
		}
		return killpoint.Live
	}, args...)
}
