package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gofrs/flock"

	"github.com/dssctl/dssctl/internal/clock"
)

// maxMissed heartbeats in a row, and the lease counts as lost. They must come
// to less than staleAfter: then nobody else has taken the lock yet.
const maxMissed = 12

var errTaken = errors.New("the lock was taken away")

// keep renews the record until ctx ends. The pause is real time even where a
// test moves the clock: other processes look at the file.
func (l *fileLease) keep(ctx context.Context) {
	defer close(l.ended)
	for missed := 0; ; {
		if (clock.System{}).Sleep(ctx, l.o.Heartbeat) != nil {
			return
		}
		err := l.beat()
		switch {
		case err == nil:
			missed = 0
		case errors.Is(err, errTaken):
			close(l.lost)
			return
		default:
			if missed++; missed == maxMissed {
				close(l.lost)
				return
			}
		}
	}
}

// beat renews the record if the lock is still ours.
func (l *fileLease) beat() error {
	if err := l.mine(); err != nil {
		return err
	}
	l.rec.Beat = l.o.Clock.Now()
	if err := l.rec.write(l.path); err != nil {
		return err
	}
	// Broken just now: the record must not outlive the lock.
	if err := l.mine(); err != nil {
		if rec, _ := readLockRecord(l.path); rec != nil && rec.Token == l.rec.Token {
			_ = os.Remove(recordPath(l.path))
		}
		return err
	}
	return nil
}

// mine returns errTaken when the lock is somebody else's, or nobody's.
func (l *fileLease) mine() error {
	held, err := l.fl.Stat()
	if err != nil {
		return fmt.Errorf("look at the held lock: %w", err)
	}
	there, err := os.Lstat(l.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(held, there) {
		return errTaken
	}
	if err != nil {
		return fmt.Errorf("look at the lock: %w", err)
	}
	// A missing or damaged record is simply written again.
	if rec, err := readLockRecord(l.path); err == nil && rec != nil && rec.Token != l.rec.Token {
		return errTaken
	}
	return nil
}

func sameFile(fl *flock.Flock, path string) bool {
	held, err := fl.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(held, there)
}
