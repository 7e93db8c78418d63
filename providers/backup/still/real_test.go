package still

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// onDisk returns a new folder on a file system that scripts/test has made and
// mounted for an account that is not root.
func onDisk(t *testing.T, variable string) string {
	t.Helper()
	at := os.Getenv(variable)
	if at == "" {
		t.Skip(variable + " names no file system: scripts/test, started by root, makes one")
	}
	dir, err := os.MkdirTemp(at, "still-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// writer writes like a database does: the change into a log, and then to its
// place, each on disk before the next. Whenever all is stopped, the log is
// ahead by at most one.
type writer struct {
	stop chan struct{}
	done chan error
}

const places = 32

func startWriter(t *testing.T, dir string) *writer {
	t.Helper()
	put(t, filepath.Join(dir, "log"), "")
	put(t, filepath.Join(dir, "db"), string(make([]byte, 8*places)))
	w := &writer{make(chan struct{}), make(chan error, 1)}
	running := make(chan struct{})
	go func() { w.done <- w.write(dir, running) }()
	<-running
	return w
}

// passes waits until the writer is behind a change.
func (w *writer) passes(t *testing.T, dir string, change uint64) {
	t.Helper()
	for {
		log, err := os.ReadFile(filepath.Join(dir, "log"))
		if err != nil {
			t.Fatal(err)
		}
		if len(log) == 8 && binary.LittleEndian.Uint64(log) > change {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func (w *writer) write(dir string, running chan struct{}) error {
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer log.Close()
	db, err := os.OpenFile(filepath.Join(dir, "db"), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer db.Close()
	for n := uint64(1); ; n++ {
		b := binary.LittleEndian.AppendUint64(nil, n)
		if err := writeThrough(log, b, 0); err != nil {
			return err
		}
		if err := writeThrough(db, b, int64(8*(n%places))); err != nil {
			return err
		}
		if n == 2*places {
			close(running)
		}
		select {
		case <-w.stop:
			return nil
		default:
		}
	}
}

// writeThrough returns when the bytes are on disk. Without that, a snapshot of
// Btrfs may have a later write and not an earlier one, as after a power failure.
func writeThrough(f *os.File, b []byte, at int64) error {
	if _, err := f.WriteAt(b, at); err != nil {
		return err
	}
	return unix.Fdatasync(int(f.Fd()))
}

func (w *writer) end(t *testing.T) {
	t.Helper()
	close(w.stop)
	if err := <-w.done; err != nil {
		t.Error(err)
	}
}

// readWritten returns the newest change of the log, and checks that the
// database has every change up to it, the newest perhaps not yet.
func readWritten(t *testing.T, dir string) uint64 {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil || len(log) != 8 {
		t.Fatalf("the log has %d bytes (%v)", len(log), err)
	}
	db, err := os.ReadFile(filepath.Join(dir, "db"))
	if err != nil || len(db) != 8*places {
		t.Fatalf("the database has %d bytes (%v)", len(db), err)
	}
	newest := binary.LittleEndian.Uint64(log)
	for n := newest - places + 1; n <= newest; n++ {
		got := binary.LittleEndian.Uint64(db[8*(n%places):])
		if got != n && (n != newest || got != n-places) {
			t.Fatalf("place %d has change %d, expected %d: the log is at %d", n%places, got, n, newest)
		}
	}
	return newest
}
