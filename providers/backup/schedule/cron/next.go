package cron

import "time"

// Fixed reports whether the runs are at times of day, rather than every so many
// minutes or hours: cron takes care of these at clock changes.
func (e Expr) Fixed() bool { return !e.starMinute && !e.starHour }

// On reports whether there are runs on a day.
func (e Expr) On(year int, month time.Month, day int) bool {
	if !e.month.has(int(month)) {
		return false
	}
	inMonth := e.day.has(day)
	inWeek := e.dow.has(int(time.Date(year, month, day, 12, 0, 0, 0, time.UTC).Weekday()))
	if e.Either() {
		return inMonth || inWeek
	}
	return inMonth && inWeek
}

// horizon is how many days are looked through: 29 February on a Sunday can be
// forty years away.
const horizon = 41 * 366

// Next returns the first run after a time, in that time's zone, as cron has it
// at clock changes: a run at a fixed time that is skipped comes when the clock
// goes on, and one at a time that comes twice comes once. The zero time is never.
func (e Expr) Next(after time.Time) time.Time {
	year, month, day := after.Date()
	for range horizon {
		if e.On(year, month, day) {
			if t := e.firstOf(year, month, day, after); !t.IsZero() {
				return t
			}
		}
		year, month, day = time.Date(year, month, day+1, 12, 0, 0, 0, time.UTC).Date()
	}
	return time.Time{}
}

// firstOf returns the first run of a day that is after a time, or the zero time.
func (e Expr) firstOf(year int, month time.Month, day int, after time.Time) (first time.Time) {
	for hour := range 24 {
		if !e.hour.has(hour) {
			continue
		}
		for minute := range 60 {
			if !e.minute.has(minute) {
				continue
			}
			w := wall(time.Date(year, month, day, hour, minute, 0, 0, after.Location()), hour, minute)
			for _, t := range e.runs(w) {
				if t.After(after) && (first.IsZero() || t.Before(first)) {
					first = t
				}
			}
		}
	}
	return first
}

// runs returns when the run of a time of day comes.
func (e Expr) runs(w moment) []time.Time {
	switch {
	case w.skipped && !e.Fixed():
		return nil
	case w.doubled && !e.Fixed():
		return []time.Time{w.at, w.again}
	default:
		return []time.Time{w.at}
	}
}

// moment is a time of day in a zone.
type moment struct {
	at      time.Time // when it comes; of a skipped one, when the clock goes on
	again   time.Time // of a doubled one, the second time
	skipped bool
	doubled bool
}

// wall tells what becomes of a time of day that time.Date returned t for: at a
// clock change that is any of two.
func wall(t time.Time, hour, minute int) moment {
	start, end := t.ZoneBounds()
	if asked, got := hour*60+minute, t.Hour()*60+t.Minute(); asked != got {
		// One of them is past midnight where the clock changes there.
		if d := (got - asked + 36*60) % (24 * 60); d > 12*60 {
			return moment{at: start, skipped: true}
		}
		return moment{at: end, skipped: true}
	}
	if !end.IsZero() {
		if again := t.Add(back(t, end)); again.After(t) && !again.Before(end) {
			return moment{at: t, again: again, doubled: true}
		}
	}
	if !start.IsZero() {
		if first := t.Add(-back(start.Add(-1), t)); first.Before(start) {
			return moment{at: first, again: t, doubled: true}
		}
	}
	return moment{at: t}
}

// back is how far the clock goes back between two times.
func back(before, after time.Time) time.Duration {
	_, was := before.Zone()
	_, is := after.Zone()
	return max(time.Duration(was-is)*time.Second, 0)
}
