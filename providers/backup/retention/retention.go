// Package retention decides which backup sets are kept. It is pure: sets, a
// policy and a time go in, and a decision with every reason in words comes out
// for each set. It looks at nothing and removes nothing.
//
// A set is kept when any rule keeps it. Beside the rules, the last good set, a
// pinned set, and a set that a kept one needs are always kept. Only good sets
// fill the places of the rules, so that a bad or unverified one never pushes a
// good one out; and without any rule everything is kept.
package retention

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// State is what is known of a set.
type State int

// The states.
const (
	// Unverified is a set that is complete and has not been read back yet.
	Unverified State = iota
	// Good is a set that passed the verification that was asked for.
	Good
	// Damaged is a set that did not.
	Damaged
	// Incomplete is a set that lacks what every set must hold.
	Incomplete
	// RestoreFailed is a set that could not be restored for trial.
	RestoreFailed
	// Unreadable is a set of which nothing is known here. It is kept.
	Unreadable
)

// flaws say in words why a set is not good.
var flaws = map[State]string{
	Unverified: "not verified", Damaged: "damaged", Incomplete: "incomplete", RestoreFailed: "not restored in a test", Unreadable: "not readable here",
}

// Set is what retention knows of a backup set.
type Set struct {
	ID     string
	Time   time.Time
	State  State
	Pinned bool
	// Needs are the sets without which this one cannot be restored.
	Needs []string
}

// Decision is what becomes of a set.
type Decision struct {
	Set  string    `json:"set"`
	Time time.Time `json:"time"`
	Keep bool      `json:"keep"`
	// Reasons has at least one: "daily 3 of 7 (2026-11-22)", "needed by …".
	Reasons []string `json:"reasons"`
}

// Decide returns a decision for each set, the newest first. Days and weeks are
// those of zone. Whoever removes sets in this order removes a set before the
// older ones that it needs.
func Decide(sets []Set, p Policy, now time.Time, zone *time.Location) []Decision {
	d := newDecider(sets, now, zone)
	if p.Empty() {
		for i := range d.all {
			d.keep(i, "no rule removes anything")
		}
	} else {
		d.byState()
		d.byRules(p)
		d.byNeed()
	}
	return d.decisions()
}

// entry is a set on its way to a decision.
type entry struct {
	Set
	local time.Time
	// good: it, and all that it needs, is there and good.
	good bool
	// flaw says why it is not good; "" where it is.
	flaw string
	// ahead: its time is yet to come, so that it says nothing of the present.
	ahead   bool
	keep    bool
	reasons []string
}

type decider struct {
	all  []entry // newest first
	byID map[string]int
	// newest is the newest good set that is not ahead; -1 for none.
	newest int
}

func newDecider(sets []Set, now time.Time, zone *time.Location) *decider {
	d := &decider{byID: make(map[string]int, len(sets)), newest: -1}
	for _, s := range sets {
		d.all = append(d.all, entry{Set: s, local: s.Time.In(zone), ahead: s.Time.After(now)})
	}
	slices.SortStableFunc(d.all, func(a, b entry) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.ID, a.ID))
	})
	for i, e := range d.all {
		d.byID[e.ID] = i
	}
	d.judge()
	for i, e := range d.all {
		if e.good && !e.ahead {
			d.newest = i
			break
		}
	}
	return d
}

// judge tells which sets are good together with all that they need. It goes
// depth first without recursion: a chain of increments can be long.
func (d *decider) judge() {
	const (
		untouched = iota
		open
		closed
	)
	mark := make([]int, len(d.all))
	for start := range d.all {
		for stack := []int{start}; len(stack) > 0; {
			i := stack[len(stack)-1]
			if mark[i] == untouched {
				mark[i] = open
				for _, id := range d.all[i].Needs {
					if j, ok := d.byID[id]; ok && mark[j] == untouched {
						stack = append(stack, j)
					}
				}
				continue
			}
			stack = stack[:len(stack)-1]
			if mark[i] == closed {
				continue
			}
			e := &d.all[i]
			e.flaw = d.flaw(e, func(j int) bool { return mark[j] != closed })
			e.good = e.flaw == ""
			mark[i] = closed
		}
	}
}

// flaw says why a set is not good, once those that it needs have been judged.
func (d *decider) flaw(e *entry, unjudged func(int) bool) string {
	if e.State != Good {
		return flaws[e.State]
	}
	for _, id := range e.Needs {
		j, ok := d.byID[id]
		switch {
		case !ok:
			return fmt.Sprintf("without the set %s that it needs", id)
		case unjudged(j):
			return fmt.Sprintf("in a circle of needs with the set %s", id)
		case !d.all[j].good:
			return fmt.Sprintf("in need of the set %s, which is %s", id, d.short(j))
		}
	}
	return ""
}

// short is a flaw without the chain that led to it.
func (d *decider) short(i int) string {
	if s := d.all[i].State; s != Good {
		return flaws[s]
	}
	return "not whole itself"
}

func (d *decider) keep(i int, reason string) {
	d.all[i].keep = true
	d.all[i].reasons = append(d.all[i].reasons, reason)
}

// byState keeps what no rule may remove.
func (d *decider) byState() {
	for i := range d.all {
		e := &d.all[i]
		if e.Pinned {
			d.keep(i, "pinned")
		}
		switch {
		case e.ahead:
			d.keep(i, fmt.Sprintf("its time %s is yet to come: a clock is or was wrong", e.local.Format(time.RFC3339)))
		case i == d.newest:
			d.keep(i, "the last good set")
		case e.State == Unreadable:
			d.keep(i, "it cannot be read here, which says nothing of the set itself")
		case !e.good && e.Pinned:
			e.reasons = append(e.reasons, e.flaw)
		case !e.good && (d.newest < 0 || i < d.newest):
			d.keep(i, e.flaw+", and no newer set is good")
		case !e.good:
			e.reasons = append(e.reasons, e.flaw+", and a newer set is good")
		}
	}
}

// byNeed keeps what kept sets need, and what those need.
func (d *decider) byNeed() {
	const named = 3
	needed := make([]int, len(d.all))
	var queue []int
	for i, e := range d.all {
		if e.keep {
			queue = append(queue, i)
		}
	}
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		for _, id := range d.all[i].Needs {
			j, ok := d.byID[id]
			if !ok {
				continue
			}
			if !d.all[j].keep {
				queue = append(queue, j)
				d.all[j].reasons = nil // why it would have gone
			}
			d.all[j].keep = true
			if needed[j]++; needed[j] <= named {
				d.keep(j, "needed by "+d.all[i].ID)
			}
		}
	}
	for j, n := range needed {
		if n > named {
			d.keep(j, fmt.Sprintf("needed by %d more", n-named))
		}
	}
}

func (d *decider) decisions() []Decision {
	out := make([]Decision, len(d.all))
	for i, e := range d.all {
		if len(e.reasons) == 0 {
			e.reasons = []string{"no rule keeps it"}
		}
		out[i] = Decision{Set: e.ID, Time: e.Time, Keep: e.keep, Reasons: e.reasons}
	}
	return out
}
