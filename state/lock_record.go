package state

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/proc"
)

// lockRecord is the file beside a lock.
type lockRecord struct {
	Holder
	// Token tells this lease from any other.
	Token string `json:"token"`
	// StartTicks and PIDSpace make the process number mean something: it is
	// reused in time, and counted apart in containers.
	StartTicks uint64 `json:"start_ticks,omitempty"`
	PIDSpace   string `json:"pid_space,omitempty"`

	written time.Time // by the file system's clock
}

func newLockRecord(why string, now time.Time) lockRecord {
	r := lockRecord{Holder: Self(why, now), Token: rand.Text()}
	if p, err := proc.Self(); err == nil {
		r.StartTicks = p.StartTicks
	}
	r.PIDSpace, _ = os.Readlink("/proc/self/ns/pid")
	return r
}

func recordPath(lock string) string { return lock + ".json" }

// readLockRecord returns nil when there is no record.
func readLockRecord(lock string) (*lockRecord, error) {
	path := recordPath(lock)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read who holds the lock: %w", err)
	}
	var r lockRecord
	if err := json.Unmarshal(b, &r); err != nil || r.PID <= 0 {
		return nil, &FileError{
			Path: path, Found: "it does not say who holds the lock",
			Advice: "Make sure that no other dssctl runs here, then remove it with `dssctl state unlock`",
		}
	}
	if fi, err := os.Stat(path); err == nil {
		r.written = fi.ModTime()
	}
	return &r, nil
}

func (r lockRecord) write(lock string) error {
	b, err := encode(r)
	if err != nil {
		return err
	}
	path := recordPath(lock)
	if err := atomicfile.Sweep(filepath.Dir(path), filepath.Base(path)); err != nil { // the lock is held
		return err
	}
	return atomicfile.Write(path, b, fileMode)
}

// gone reports whether the holder is known to have ended. self is a record of
// this process; fileNow is the present by the file system's clock, zero when
// not known.
func (r *lockRecord) gone(self lockRecord, now, fileNow time.Time) bool {
	knowBoot := r.BootID != "" && self.BootID != ""
	switch {
	case knowBoot && r.BootID == self.BootID && r.PIDSpace == self.PIDSpace:
		return !proc.Alive(proc.Process{PID: r.PID, StartTicks: r.StartTicks, BootID: r.BootID})
	case knowBoot && r.BootID != self.BootID && r.Host == self.Host:
		return true // the machine was started anew since
	}
	// Elsewhere only the heartbeat tells. Two machines' clocks differ, so the
	// file server's clock has to agree.
	old := now.Sub(r.Beat) > staleAfter
	if !fileNow.IsZero() {
		old = old && fileNow.Sub(r.written) > staleAfter
	}
	return old
}

// fileTime returns the present by the clock of the file system that the lock
// is on.
func fileTime(lock string) (time.Time, error) {
	f, err := os.CreateTemp(filepath.Dir(lock), ".clock-")
	if err != nil {
		return time.Time{}, fmt.Errorf("read the file system's clock: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return time.Time{}, fmt.Errorf("read the file system's clock: %w", err)
	}
	return fi.ModTime(), nil
}
