package cron

import (
	"fmt"
	"time"
)

// Warnings says what of a valid expression may be meant otherwise. Clock
// changes are those of the year after now, in now's zone.
func (e Expr) Warnings(now time.Time) []string {
	var out []string
	if e.Either() {
		out = append(out, "day of month and day of week are both given: it runs on days that fit either of them, not only on those that fit both")
	}
	switch shortest := e.day.min(); {
	case e.starDay || e.Either() || shortest <= 28:
	case e.month == 1<<2:
		out = append(out, "it runs on 29 February only, so in leap years")
	case e.shortestMonth() < shortest:
		out = append(out, fmt.Sprintf("months that have no day %d are left out", shortest))
	}
	if e.Fixed() {
		out = append(out, e.clockChanges(now)...)
	}
	return out
}

func (e Expr) shortestMonth() int {
	shortest := 31
	for m := 1; m <= 12; m++ {
		if e.month.has(m) {
			shortest = min(shortest, daysIn[m])
		}
	}
	return shortest
}

// clockChanges names the first run of the coming year that is skipped, and the
// first that is doubled.
func (e Expr) clockChanges(now time.Time) []string {
	var out []string
	skipped, doubled := false, false
	for at := change(now); !at.IsZero() && at.Before(now.AddDate(1, 0, 0)); at = change(at) {
		// The day before too, where the clock goes back at midnight.
		for _, day := range []time.Time{at.AddDate(0, 0, -1), at} {
			year, month, date := day.Date()
			if !e.On(year, month, date) {
				continue
			}
			run, m, found := e.affected(year, month, date, now.Location())
			if !found || m.skipped && skipped || m.doubled && doubled {
				continue
			}
			what := "comes twice: cron runs it once, systemd may run it twice"
			if m.skipped {
				what = "does not exist: cron runs it when the clock goes on, systemd may leave it out"
			}
			skipped, doubled = skipped || m.skipped, doubled || m.doubled
			out = append(out, fmt.Sprintf("on %04d-%02d-%02d the clock changes in %s, and %s %s; another hour is safer",
				year, month, date, now.Location(), run, what))
		}
	}
	return out
}

// change returns when the clock is changed next; the zero time is never.
func change(t time.Time) time.Time {
	_, end := t.ZoneBounds()
	return end
}

// affected returns the first run of a day at a time that is skipped or doubled.
func (e Expr) affected(year int, month time.Month, day int, zone *time.Location) (run string, m moment, found bool) {
	for hour := range 24 {
		for minute := range 60 {
			if !e.hour.has(hour) || !e.minute.has(minute) {
				continue
			}
			m := wall(time.Date(year, month, day, hour, minute, 0, 0, zone), hour, minute)
			if m.skipped || m.doubled {
				return fmt.Sprintf("%02d:%02d", hour, minute), m, true
			}
		}
	}
	return "", moment{}, false
}
