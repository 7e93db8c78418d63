package retention

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// dice turns bytes into sets and policies.
type dice struct{ b []byte }

func (d *dice) roll(n int) int {
	if len(d.b) == 0 {
		return 0
	}
	v := int(d.b[0])
	d.b = d.b[1:]
	return v % n
}

func (d *dice) policy() Policy {
	return Policy{
		KeepLast: d.roll(4), KeepHourly: d.roll(4), KeepDaily: d.roll(4), KeepWeekly: d.roll(4), KeepMonthly: d.roll(3), KeepYearly: d.roll(3),
		KeepWithin: Span{Years: d.roll(2), Months: d.roll(2), Days: d.roll(9), Hours: d.roll(9)},
	}
}

// grow returns a policy that is at least as generous.
func (d *dice) grow(p Policy) Policy {
	q := d.policy()
	return Policy{
		KeepLast: p.KeepLast + q.KeepLast, KeepHourly: p.KeepHourly + q.KeepHourly, KeepDaily: p.KeepDaily + q.KeepDaily,
		KeepWeekly: p.KeepWeekly + q.KeepWeekly, KeepMonthly: p.KeepMonthly + q.KeepMonthly, KeepYearly: p.KeepYearly + q.KeepYearly,
		KeepWithin: Span{
			p.KeepWithin.Years + q.KeepWithin.Years, p.KeepWithin.Months + q.KeepWithin.Months,
			p.KeepWithin.Days + q.KeepWithin.Days, p.KeepWithin.Hours + q.KeepWithin.Hours,
		},
	}
}

var epoch = time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC)

func (d *dice) sets() []Set {
	at := epoch
	var out []Set
	for n := d.roll(40); n > 0; n-- {
		at = at.Add(time.Duration(d.roll(200)*d.roll(20)) * 17 * time.Minute)
		s := Set{ID: fmt.Sprintf("s%d", len(out)), Time: at, State: State(min(d.roll(6), 3)+1) % 3, Pinned: d.roll(20) == 1}
		for d.roll(3) == 1 {
			s.Needs = append(s.Needs, fmt.Sprintf("s%d", d.roll(len(out)+2)))
		}
		out = append(out, s)
	}
	return out
}

func kept(decisions []Decision) map[string]bool {
	out := map[string]bool{}
	for _, d := range decisions {
		if d.Keep {
			out[d.Set] = true
		}
	}
	return out
}

// FuzzDecide holds what is promised for any sets under any policy.
func FuzzDecide(f *testing.F) {
	seed := make([]byte, 400)
	for i := range 20 {
		for j := range seed {
			seed[j] = byte((i*7919 + j*j*31 + j*17) % 251)
		}
		f.Add(slices.Clone(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		zone := paris(t)
		d := &dice{b}
		p := d.policy()
		more := d.grow(p)
		now := epoch.Add(time.Duration(d.roll(256)) * 24 * time.Hour)
		in := d.sets()
		decisions := Decide(in, p, now, zone)
		keep := kept(decisions)

		if len(decisions) != len(in) {
			t.Fatalf("%d decisions for %d sets", len(decisions), len(in))
		}
		byID := map[string]Set{}
		for _, s := range in {
			byID[s.ID] = s
		}
		// whole is the oracle for "good with all that it needs".
		var whole func(id string, above []string) bool
		whole = func(id string, above []string) bool {
			s, ok := byID[id]
			if !ok || s.State != Good || slices.Contains(above, id) {
				return false
			}
			for _, n := range s.Needs {
				if !whole(n, append(slices.Clone(above), id)) {
					return false
				}
			}
			return true
		}
		var newest *Set
		good := 0
		for i, s := range in {
			if s.Time.After(now) || !whole(s.ID, nil) {
				continue
			}
			good++
			if newest == nil || !s.Time.Before(newest.Time) {
				newest = &in[i]
			}
		}
		if newest != nil {
			same := slices.ContainsFunc(in, func(s Set) bool {
				return s.Time.Equal(newest.Time) && keep[s.ID] && whole(s.ID, nil)
			})
			if !same {
				t.Errorf("the last good set %s is removed", newest.ID)
			}
		} else if len(keep) != len(in) {
			t.Error("a set is removed, and none is good")
		}
		count := 0
		for _, s := range in {
			if keep[s.ID] && whole(s.ID, nil) && !s.Time.After(now) {
				count++
			}
			if s.Pinned && !keep[s.ID] {
				t.Errorf("the pinned set %s is removed", s.ID)
			}
			for _, n := range s.Needs {
				if _, there := byID[n]; there && keep[s.ID] && !keep[n] {
					t.Errorf("%s is kept, and %s that it needs is removed", s.ID, n)
				}
			}
		}
		if want := min(good, p.KeepLast); count < want {
			t.Errorf("%d good sets are kept; expected %d at least", count, want)
		}
		for i, d := range decisions {
			if len(d.Reasons) == 0 {
				t.Errorf("no reason for %s", d.Set)
			}
			if i > 0 && decisions[i-1].Time.Before(d.Time) {
				t.Error("not the newest first")
			}
		}

		// The order of what goes in does not matter, and a second look after
		// the removal removes nothing more.
		turned := slices.Clone(in)
		slices.Reverse(turned)
		if diff := cmp.Diff(decisions, Decide(turned, p, now, zone)); diff != "" {
			t.Error(diff)
		}
		left := slices.DeleteFunc(slices.Clone(in), func(s Set) bool { return !keep[s.ID] })
		if again := kept(Decide(left, p, now, zone)); len(again) != len(left) {
			t.Errorf("a second look keeps %d of %d", len(again), len(left))
		}

		// What does not shrink keeps all that was kept.
		other := d.policy()
		for _, next := range []Policy{more, other} {
			if Shrinks(p, next) {
				continue
			}
			after := kept(Decide(in, next, now, zone))
			for id := range keep {
				if !after[id] {
					t.Errorf("from %+v to %+v shrinks: it loses %s", p, next, id)
				}
			}
		}
		if !p.Empty() && Shrinks(p, more) {
			t.Errorf("from %+v to %+v is said to shrink", p, more)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	var in []Set
	for i := range 10_000 {
		s := Set{ID: fmt.Sprintf("s%d", i), Time: epoch.Add(time.Duration(i) * time.Hour), State: Good}
		if i%30 > 0 {
			s.Needs = []string{fmt.Sprintf("s%d", i-1)}
		}
		in = append(in, s)
	}
	p := Policy{KeepLast: 3, KeepHourly: 48, KeepDaily: 30, KeepWeekly: 10, KeepMonthly: 12, KeepYearly: 5}
	for b.Loop() {
		Decide(in, p, epoch.AddDate(3, 0, 0), time.UTC)
	}
}
