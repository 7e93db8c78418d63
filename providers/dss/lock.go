package dss

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/dssctl/dssctl/internal/atomicfile"
)

// Holder says who works on an instance.
type Holder struct {
	Host  string    `json:"host"`
	PID   int       `json:"pid"`
	User  string    `json:"user"`
	Dir   string    `json:"dir"` // where it was started: its estate
	Why   string    `json:"why"`
	Since time.Time `json:"since"`
}

// sweep removes what a killed dssctl left where it edits files: whole new ones
// under names that DSS does not know. The lock keeps other writers away.
func (in *Instance) sweep() error {
	for _, dir := range []string{in.companion, in.DataDir, in.Path("config"), in.Path("bin")} {
		if err := atomicfile.Sweep(dir, ""); err != nil {
			return fmt.Errorf("remove what a killed dssctl left: %w", err)
		}
	}
	return nil
}

// LockBeside keeps every other dssctl off the instance, also one with another
// estate or another companion folder: the lock is on the data directory itself
// (a flock, which changes nothing in it and ends with the process). Who holds
// it stands in the file "lock" of the companion folder. The error is a *LockedError
// when somebody else does.
func (in *Instance) LockBeside(why string) (release func() error, err error) {
	locked := in.DataDir
	if _, err := os.Stat(locked); errors.Is(err, fs.ErrNotExist) && in.o.Bare {
		// It is about to be made: the folder beside it stands for it.
		if locked, err = in.EnsureCompanion(); err != nil {
			return nil, err
		}
	}
	lock := flock.New(locked, flock.SetFlag(os.O_RDONLY))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the instance at %s: %w", in.DataDir, err)
	}
	about := filepath.Join(in.companion, "lock")
	if !held {
		e := &LockedError{DataDir: in.DataDir}
		if raw, err := os.ReadFile(about); err == nil {
			e.Known = json.Unmarshal(raw, &e.Holder) == nil && e.Holder.PID != 0
		}
		return nil, e
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = "?"
	}
	raw, err := json.Marshal(Holder{
		Host: host, PID: os.Getpid(), User: accountName(os.Getuid()), Dir: dir, Why: why, Since: in.o.Clock.Now(),
	})
	if err == nil {
		_, err = in.EnsureCompanion()
	}
	if err == nil {
		err = in.sweep()
	}
	if err == nil {
		err = atomicfile.Write(about, append(raw, '\n'), 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the instance at %s: %w", in.DataDir, err), lock.Unlock())
	}
	return func() error {
		// Before the lock goes: after it the file may be somebody else's.
		err := os.Remove(about)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return errors.Join(err, lock.Unlock())
	}, nil
}
