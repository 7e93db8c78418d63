package retention

import (
	"errors"
	"fmt"
	"time"
)

// Policy is how many sets are kept. Each rule keeps sets for itself, and a set
// is kept when any of them does; the zero value keeps everything.
type Policy struct {
	KeepLast    int `json:"keep_last,omitempty"`
	KeepHourly  int `json:"keep_hourly,omitempty"`
	KeepDaily   int `json:"keep_daily,omitempty"`
	KeepWeekly  int `json:"keep_weekly,omitempty"`
	KeepMonthly int `json:"keep_monthly,omitempty"`
	KeepYearly  int `json:"keep_yearly,omitempty"`
	// KeepWithin keeps all sets that are at most so much older than the newest
	// good one: where no backup is made any more, nothing goes.
	KeepWithin Span `json:"keep_within,omitzero"`
}

// Empty reports whether there is no rule, so that everything is kept.
func (p Policy) Empty() bool {
	for _, r := range p.rules() {
		if r.count > 0 {
			return false
		}
	}
	return p.KeepWithin.zero()
}

// Check says which rules are wrong.
func (p Policy) Check() error {
	var wrong []error
	for _, r := range p.rules() {
		if r.count < 0 {
			wrong = append(wrong, fmt.Errorf("retention: keep_%s is %d; expected 0 for no such rule, or the number of sets to keep", r.name, r.count))
		}
	}
	return errors.Join(wrong...)
}

// Shrinks reports whether the new policy may remove a set that the old one
// keeps. Where that depends on the calendar it says so.
func Shrinks(old, now Policy) bool {
	if now.Empty() {
		return false
	}
	if old.Empty() {
		return true
	}
	after := now.rules()
	for i, before := range old.rules() {
		if max(after[i].count, 0) < max(before.count, 0) {
			return true
		}
	}
	return !now.KeepWithin.covers(old.KeepWithin)
}

// rule keeps the newest set of each of the newest count periods.
type rule struct {
	name   string
	count  int
	period func(local time.Time) string
}

func (p Policy) rules() []rule {
	return []rule{
		{"last", p.KeepLast, nil},
		{"hourly", p.KeepHourly, func(t time.Time) string {
			// With the offset, for the hour that a clock change doubles.
			return t.Format("2006-01-02 15h, UTC-07:00")
		}},
		{"daily", p.KeepDaily, func(t time.Time) string { return t.Format("2006-01-02") }},
		{"weekly", p.KeepWeekly, func(t time.Time) string {
			year, week := t.ISOWeek()
			return fmt.Sprintf("%d-W%02d", year, week)
		}},
		{"monthly", p.KeepMonthly, func(t time.Time) string { return t.Format("2006-01") }},
		{"yearly", p.KeepYearly, func(t time.Time) string { return t.Format("2006") }},
	}
}

// byRules gives the places of the rules to good sets, the newest first.
func (d *decider) byRules(p Policy) {
	for _, r := range p.rules() {
		taken, last := 0, ""
		for i := range d.all {
			if taken >= r.count {
				break
			}
			e := &d.all[i]
			if !e.good || e.ahead {
				continue
			}
			if r.period == nil {
				taken++
				d.keep(i, fmt.Sprintf("%s %d of %d", r.name, taken, r.count))
				continue
			}
			if period := r.period(e.local); taken == 0 || period != last {
				taken, last = taken+1, period
				d.keep(i, fmt.Sprintf("%s %d of %d (%s)", r.name, taken, r.count, period))
			}
		}
	}
	if p.KeepWithin.zero() || d.newest < 0 {
		return
	}
	since := p.KeepWithin.before(d.all[d.newest].local)
	for i := d.newest; i < len(d.all) && !d.all[i].Time.Before(since); i++ {
		if d.all[i].good {
			d.keep(i, fmt.Sprintf("within %s of the newest (since %s)", p.KeepWithin, since.Format("2006-01-02 15:04")))
		}
	}
}
