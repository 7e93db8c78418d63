package state

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/proc"
)

func TestFilesOfAnotherUser(t *testing.T) {
	l, err := OpenLocal(t.TempDir(), LocalOptions{Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Meta(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.uid++
	_, metaErr := l.Meta(t.Context())
	_, lockErr := l.Lock(t.Context(), "x")
	for _, err := range []error{
		metaErr, lockErr,
		l.Update(t.Context(), "instance.a", func(*Instance) error { return nil }),
	} {
		if err == nil || !strings.Contains(err.Error(), "belongs to the user with id") || !strings.Contains(err.Error(), "chown") {
			t.Errorf("the files of another user gave %v", err)
		}
	}
}

func TestGone(t *testing.T) {
	now := time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)
	self := newLockRecord("test", now)
	if self.BootID == "" || self.StartTicks == 0 {
		t.Skip("this machine does not tell its boot id")
	}
	me := func(change func(*lockRecord)) *lockRecord {
		r := self
		r.written = now
		change(&r)
		return &r
	}
	for _, c := range []struct {
		name string
		rec  *lockRecord
		want bool
	}{
		{"this process, whatever its heartbeat", me(func(r *lockRecord) { r.Beat = now.Add(-time.Hour); r.written = r.Beat }), false},
		{"the number was given to another process", me(func(r *lockRecord) { r.StartTicks++ }), true},
		{"no such process", me(func(r *lockRecord) { r.PID = 1 << 30 }), true},
		{"the machine was started anew", me(func(r *lockRecord) { r.BootID = "other" }), true},
		{"another machine, alive", me(func(r *lockRecord) { r.BootID, r.Host = "other", "other" }), false},
		{"another machine, silent", me(func(r *lockRecord) {
			r.BootID, r.Host = "other", "other"
			r.Beat, r.written = now.Add(-3*time.Minute), now.Add(-3*time.Minute)
		}), true},
		{"another machine whose clock is slow", me(func(r *lockRecord) {
			r.BootID, r.Host = "other", "other"
			r.Beat = now.Add(-time.Hour)
		}), false},
		{"another machine whose clock is fast", me(func(r *lockRecord) {
			r.BootID, r.Host = "other", "other"
			r.Beat, r.written = now.Add(time.Hour), now.Add(-3*time.Minute)
		}), false},
		{"another container, its number unknown here", me(func(r *lockRecord) { r.PIDSpace, r.PID = "pid:[1]", 1<<30 }), false},
		{"another container, silent", me(func(r *lockRecord) {
			r.PIDSpace = "pid:[1]"
			r.Beat, r.written = now.Add(-3*time.Minute), now.Add(-3*time.Minute)
		}), true},
		{"a machine that does not tell its boot", me(func(r *lockRecord) { r.BootID = "" }), false},
	} {
		if got := c.rec.gone(self, now, now); got != c.want {
			t.Errorf("%s: gone = %v", c.name, got)
		}
	}
	if !proc.Alive(proc.Process{PID: self.PID, StartTicks: self.StartTicks, BootID: self.BootID}) {
		t.Error("this process counts as gone")
	}
}

// A lease that cannot be renewed is lost before others may count it as gone.
func TestLostBeforeStale(t *testing.T) {
	if d := maxMissed * defaultHeartbeat; d >= staleAfter {
		t.Errorf("a lease is lost after %v, and stale after %v", d, staleAfter)
	}
}

func TestBeatsThatFail(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lock")
	lease, err := lockFile(t.Context(), path, lockOptions{What: "x", Clock: clock.System{}, Heartbeat: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	// The record cannot be written any more: a folder is in its way.
	for range 100 {
		if os.Remove(recordPath(path)) == nil && os.Mkdir(recordPath(path), 0o700) == nil {
			break
		}
	}
	select {
	case <-lease.Lost():
	case <-time.After(time.Minute):
		t.Error("the lease is not lost though it cannot be renewed")
	}
	_ = os.Remove(recordPath(path))
	if err := lease.Release(t.Context()); err != nil {
		t.Error(err)
	}
}
