package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/clock"
)

const (
	defaultHeartbeat = 5 * time.Second
	// staleAfter is the age of a heartbeat from which a holder on another
	// machine, or in a container that cannot be looked into, counts as gone.
	staleAfter = 2 * time.Minute
)

// lockFlags: writing, because NFS grants exclusive locks only then, and no
// symlink, because the file may lie in a folder that others write to.
var lockFlags = flock.SetFlag(os.O_CREATE | os.O_RDWR | syscall.O_NOFOLLOW)

// lockOptions describe a lock.
type lockOptions struct {
	// What is locked, and why, in words for messages.
	What string
	Why  string
	// Clock is required.
	Clock clock.Clock
	// Heartbeat is how often the holder says that it lives; 5 s when zero.
	Heartbeat time.Duration
}

// lockFile takes the lock at path, or returns a *LockedError. Exclusion comes
// from flock(2) on path, which the kernel lifts when the process ends however
// it ends. Beside it, path.json says who holds it: for messages, and for the
// cases that flock does not see (a network file system without locks, a lock
// file removed by hand). A lock whose holder is known to be gone is taken over;
// see Former.
func lockFile(ctx context.Context, path string, o lockOptions) (Lease, error) {
	if o.Heartbeat <= 0 {
		o.Heartbeat = defaultHeartbeat
	}
	self := newLockRecord(o.Why, o.Clock.Now())
	// A busy lock without a record is one that is being taken or given back
	// right now: look again for a moment.
	const tries = 40
	for try := 1; ; try++ {
		lease, busy, err := tryLock(path, self, o)
		if err != nil || lease != nil {
			return lease, err
		}
		if busy.PID != 0 || try == tries {
			return nil, &LockedError{What: o.What, Holder: busy}
		}
		if err := (clock.System{}).Sleep(ctx, 25*time.Millisecond); err != nil {
			return nil, fmt.Errorf("lock %s: %w", o.What, err)
		}
	}
}

// tryLock returns a lease, or who is in the way; the zero Holder for nobody
// known.
func tryLock(path string, self lockRecord, o lockOptions) (_ Lease, _ Holder, err error) {
	fl := flock.New(path, lockFlags, flock.SetPermissions(fileMode))
	ok, err := fl.TryLock()
	if err != nil {
		return nil, Holder{}, fmt.Errorf("lock %s with the file %s: %w", o.What, path, err)
	}
	if !ok {
		rec, err := readLockRecord(path)
		if err != nil || rec == nil || rec.gone(self, o.Clock.Now(), time.Time{}) {
			return nil, Holder{}, nil
		}
		return nil, rec.Holder, nil
	}
	defer func() {
		if err != nil {
			_ = fl.Close()
		}
	}()
	if !sameFile(fl, path) { // broken by `unlock` between open and lock
		return nil, Holder{}, fl.Close()
	}
	former, err := readLockRecord(path)
	if err != nil {
		return nil, Holder{}, err
	}
	if former != nil {
		fileNow, err := fileTime(path)
		if err != nil {
			return nil, Holder{}, fmt.Errorf("lock %s: %w", o.What, err)
		}
		if !former.gone(self, o.Clock.Now(), fileNow) {
			return nil, former.Holder, fl.Close()
		}
	}
	if err := self.write(path); err != nil {
		return nil, Holder{}, fmt.Errorf("lock %s: %w", o.What, err)
	}
	l := &fileLease{path: path, fl: fl, rec: self, o: o, lost: make(chan struct{}), ended: make(chan struct{})}
	if former != nil {
		l.former = &former.Holder
	}
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	go l.keep(ctx)
	return l, Holder{}, nil
}

// breakLock takes the lock at path away from whoever holds it. A living holder
// notices at its next heartbeat.
func breakLock(path string) error {
	// The lock file first: without it, the holder does not renew the record.
	for _, p := range []string{path, recordPath(path)} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("break the lock: %w", err)
		}
	}
	return nil
}

// lockHolder returns who holds the lock at path; nil when nobody does, or when
// the holder is known to be gone.
func lockHolder(path string, now time.Time) (*Holder, error) {
	rec, err := readLockRecord(path)
	if err != nil || rec == nil || rec.gone(newLockRecord("", now), now, time.Time{}) {
		return nil, err
	}
	return &rec.Holder, nil
}

// Former returns from whom the lease was taken over because that process is
// gone; nil when the lock was free.
func Former(l Lease) *Holder {
	if f, ok := l.(*fileLease); ok {
		return f.former
	}
	return nil
}

// fileLease is a held lock.
type fileLease struct {
	path   string
	fl     *flock.Flock
	rec    lockRecord
	o      lockOptions
	former *Holder
	stop   context.CancelFunc
	lost   chan struct{}
	ended  chan struct{} // keep has returned
	once   sync.Once
}

func (l *fileLease) Lost() <-chan struct{} { return l.lost }

// Release gives the lock back. It leaves alone what meanwhile belongs to
// somebody else.
func (l *fileLease) Release(context.Context) (err error) {
	l.once.Do(func() {
		l.stop()
		<-l.ended
		if l.mine() == nil {
			err = atomicfile.Remove(recordPath(l.path))
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		}
		err = errors.Join(err, l.fl.Close())
		if err != nil {
			err = fmt.Errorf("release the lock of %s: %w", l.o.What, err)
		}
	})
	return err
}
