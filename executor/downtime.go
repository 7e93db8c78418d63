package executor

import (
	"slices"
	"time"
)

// Downtime is how long DSS of one instance was down.
type Downtime struct {
	// Run is that of the run's windows, also of those that failed and were
	// undone at once.
	Run time.Duration
	// Rollback is that of undoing the finished run later, in windows of its own.
	Rollback time.Duration
}

// outage is one end of a time in which DSS was down, as its performer noted it.
type outage struct {
	seq    int
	at     time.Time
	down   bool
	stayed bool // with an up: it was not down at all
}

// measured replaces what begins and ends of actions suggest by what was noted of
// an instance's DSS; missed says that it ran when the plan was made. Runs of a former dssctl have noted nothing.
func (r *Result) measured(address string, all []outage, since time.Time, missed bool) {
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b outage) int { return a.seq - b.seq })
	var d Downtime
	var from time.Time
	for _, o := range all {
		switch {
		case o.down && from.IsZero():
			from = o.at
		case o.down || from.IsZero():
		case o.stayed:
			from = time.Time{}
		default:
			took := max(0, o.at.Sub(from))
			if since.IsZero() || from.Before(since) {
				d.Run += took
			} else {
				d.Rollback += took
			}
			from = time.Time{}
		}
	}
	if !from.IsZero() && missed { // one that was found stopped is not
		r.Down[address] = from
	} else {
		delete(r.Down, address)
	}
	delete(r.Downtime, address)
	if d != (Downtime{}) {
		r.Downtime[address] = d
	}
}

// add counts one window by its actions: from its stop to its start, or back to where the stop
// was undone. A window that was whole and was undone was down twice: the second
// time belongs to the rollback where that began since.
func (d *Downtime) add(stop, start *progress, since time.Time) {
	if stop == nil {
		return
	}
	undone := start.phase == undone && start.err == ""
	switch {
	case start.phase == done, undone && !start.ended.IsZero():
		d.Run += max(0, start.ended.Sub(stop.began))
	case !stop.undone.IsZero():
		d.Run += max(0, stop.undone.Sub(stop.began))
		return
	}
	if !undone || stop.undone.IsZero() {
		return
	}
	again := max(0, stop.undone.Sub(start.undoBegan))
	if since.IsZero() || start.undoBegan.Before(since) {
		d.Run += again
		return
	}
	d.Rollback += again
}
