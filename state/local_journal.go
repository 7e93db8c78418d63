package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/clock"
)

const (
	headName    = "run.json"
	planName    = "plan.json"
	journalName = "journal.jsonl"
	logName     = "guard.log"
)

// localJournal is the folder of one run.
type localJournal struct {
	dir   string
	clock clock.Clock

	mu  sync.Mutex
	run Run
	// file is open for appending from the first Append on; then size and seq
	// are those of the last record that is surely on disk.
	file *os.File
	size int64
	seq  int
	// broken is set when it is not known any more what the disk holds.
	broken error
}

// Run returns the head.
func (j *localJournal) Run() Run {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.run
}

// Plan returns the plan's bytes.
func (j *localJournal) Plan(context.Context) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(j.dir, planName))
	if err != nil {
		return nil, fmt.Errorf("read the plan of the run %s: %w", j.Run().ID, err)
	}
	return b, nil
}

// Append writes one record and returns when it is on disk.
func (j *localJournal) Append(_ context.Context, r Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return fmt.Errorf("write the journal of the run %s: an earlier write failed and may be on disk in part: %w", j.run.ID, j.broken)
	}
	if err := j.open(); err != nil {
		return fmt.Errorf("open the journal of the run %s: %w", j.run.ID, err)
	}
	r.Seq = j.seq + 1
	if r.Time.IsZero() {
		r.Time = j.clock.Now()
	}
	line, err := encodeLine(r)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(line); err != nil {
		// A full disk leaves half a line: take it back, so that the next
		// record does not follow it.
		if back := j.file.Truncate(j.size); back != nil {
			j.broken = err
		}
		return fmt.Errorf("write the journal of the run %s: %w", j.run.ID, err)
	}
	if err := j.file.Sync(); err != nil {
		// After a failed fsync the kernel forgets what was not written.
		j.broken = err
		return fmt.Errorf("make the journal of the run %s durable: %w", j.run.ID, err)
	}
	j.size += int64(len(line))
	j.seq++
	return nil
}

// open opens the journal for appending and cuts a torn line off.
func (j *localJournal) open() error {
	if j.file != nil {
		return nil
	}
	path := filepath.Join(j.dir, journalName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, fileMode)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	records, size, err := decodeJournal(path, b)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if size < len(b) {
		if err := errors.Join(f.Truncate(int64(size)), f.Sync()); err != nil {
			return errors.Join(fmt.Errorf("cut off the torn last line: %w", err), f.Close())
		}
	}
	j.file, j.size, j.seq = f, int64(size), len(records)
	return nil
}

// Records returns all whole records.
func (j *localJournal) Records(context.Context) ([]Record, error) {
	path := filepath.Join(j.dir, journalName)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &FileError{
			Path: path, Found: "it is missing, though the run is known",
			Advice: "Put a good copy back, or look at the instance and move the run's folder away",
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal of the run %s: %w", j.Run().ID, err)
	}
	records, _, err := decodeJournal(path, b)
	return records, err
}

// SetStatus rewrites the head.
func (j *localJournal) SetStatus(_ context.Context, s RunStatus) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	run := j.run
	run.Status = s
	run.Ended = time.Time{}
	if s != Running {
		run.Ended = j.clock.Now()
	}
	b, err := encode(run)
	if err != nil {
		return fmt.Errorf("write the head of the run %s: %w", run.ID, err)
	}
	err = atomicfile.Sweep(j.dir, headName) // the caller holds the estate's lock
	if err == nil {
		err = atomicfile.Write(filepath.Join(j.dir, headName), b, fileMode)
	}
	if err != nil {
		return fmt.Errorf("note that the run %s is %s: %w", run.ID, s, err)
	}
	j.run = run
	return nil
}

// Close closes the journal's file.
func (j *localJournal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}
