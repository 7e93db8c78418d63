package state

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/dssctl/dssctl/internal/clock"
)

// FolderName is the folder of the local state, beside the estate's files.
const FolderName = ".dssctl"

// LocalOptions tune a local store.
type LocalOptions struct {
	// Clock is required.
	Clock clock.Clock
	// Notice is told what was put right silently otherwise, such as a mode
	// that was too wide. May be nil.
	Notice func(string)
	// Heartbeat is how often a held lock says that it lives; 5 s when zero.
	Heartbeat time.Duration
}

// Local keeps the state in a folder:
//
//	.dssctl/                0700
//	  state.json            identity and instances
//	  key                   the key of the fingerprints
//	  state.lock            held for the moment of a change
//	  lock, lock.json       the estate's lock, and who holds it
//	  runs/ID/              run.json, plan.json, journal.jsonl, guard.log
//
// Every file is 0600. A mode that is wider is tightened and told to Notice; a
// folder or file of another user is an error, since what it says cannot be
// trusted and what is written would not be readable to its owner.
type Local struct {
	dir string // .dssctl itself
	uid int    // whose files they must be
	o   LocalOptions
	mu  sync.Mutex // one change at a time in this process
}

// OpenLocal opens the state beside the estate's files in dir. Nothing is
// created before something is written.
func OpenLocal(dir string, o LocalOptions) (*Local, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the state in %s: %w", dir, err)
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = defaultHeartbeat
	}
	l := &Local{dir: filepath.Join(abs, FolderName), uid: os.Geteuid(), o: o}
	if _, err := l.check(); err != nil {
		return nil, err
	}
	return l, nil
}

// Where returns the folder.
func (l *Local) Where() string { return l.dir }

// Close does nothing: a Local holds nothing open.
func (l *Local) Close() error { return nil }

func (l *Local) path(elem ...string) string {
	return filepath.Join(append([]string{l.dir}, elem...)...)
}

func (l *Local) notice(format string, args ...any) {
	if l.o.Notice != nil {
		l.o.Notice(fmt.Sprintf(format, args...))
	}
}

// change runs f as the only one who changes state.json, here or in another
// process.
func (l *Local) change(ctx context.Context, f func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.ensure(); err != nil {
		return err
	}
	fl := flock.New(l.path("state.lock"), lockFlags)
	if ok, err := fl.TryLockContext(ctx, 5*time.Millisecond); err != nil || !ok {
		return fmt.Errorf("wait for another change of the state in %s: %w", l.dir, err)
	}
	defer fl.Close()
	return f()
}

var _ Store = (*Local)(nil)
