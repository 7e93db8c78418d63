package executor

import "time"

// Downtime is how long DSS of one instance was down.
type Downtime struct {
	// Run is that of the run's windows, also of those that failed and were
	// undone at once.
	Run time.Duration
	// Rollback is that of undoing the finished run later, in windows of its own.
	Rollback time.Duration
}

// add counts one window: from its stop to its start, or back to where the stop
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
