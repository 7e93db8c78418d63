package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/atomicfile"
)

// newRun is what the folder of a run is called until it is whole.
const newRun = ".new-"

// CreateRun makes the run's folder with head, plan and an empty journal, and
// shows it under its name in one step. The caller holds the estate's lock.
func (l *Local) CreateRun(_ context.Context, r Run, plan []byte) (Journal, error) {
	now := l.o.Clock.Now()
	if r.ID == "" {
		id, err := NewRunID(now)
		if err != nil {
			return nil, err
		}
		newest, err := l.newestRun()
		if err != nil {
			return nil, err
		}
		if r.ID, err = after(id, newest); err != nil {
			return nil, err
		}
	}
	if !ValidRunID(r.ID) {
		return nil, fmt.Errorf("create a run: %q is not a run id such as 20261120-143907-4f2a", r.ID)
	}
	if r.Started.IsZero() {
		r.Started = now
	}
	if r.Status == "" {
		r.Status = Running
	}
	if r.Who.PID == 0 {
		r.Who = Self(r.Why, now)
	}
	if err := l.writeRun(r, plan); err != nil {
		return nil, fmt.Errorf("create the run %s: %w", r.ID, err)
	}
	return &localJournal{dir: l.path("runs", r.ID), clock: l.o.Clock, run: r}, nil
}

// newestRun is the highest name of a run, "" for none.
func (l *Local) newestRun() (string, error) {
	entries, err := os.ReadDir(l.path("runs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("look for the newest run: %w", err)
	}
	for _, e := range slices.Backward(entries) { // in the order of their names
		if ValidRunID(e.Name()) {
			return e.Name(), nil
		}
	}
	return "", nil
}

func (l *Local) writeRun(r Run, plan []byte) error {
	if err := l.ensure(); err != nil {
		return err
	}
	runs := l.path("runs")
	if err := os.Mkdir(runs, folderMode); err == nil {
		if err := atomicfile.SyncDir(l.dir); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(filepath.Join(runs, r.ID)); err == nil {
		return fmt.Errorf("a run of that name exists")
	}
	// What a crash left of an earlier attempt; the caller holds the lock.
	left, err := filepath.Glob(filepath.Join(runs, newRun+"*"))
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	dir := filepath.Join(runs, newRun+r.ID)
	if err := os.Mkdir(dir, folderMode); err != nil {
		return err
	}
	head, err := encode(r)
	for name, b := range map[string][]byte{headName: head, planName: plan, journalName: {}} {
		if err == nil {
			err = atomicfile.Write(filepath.Join(dir, name), b, fileMode)
		}
	}
	if err == nil {
		err = os.Rename(dir, filepath.Join(runs, r.ID))
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	return atomicfile.SyncDir(runs)
}

// LogPath is a file in the run's folder.
func (l *Local) LogPath(id string) string { return l.path("runs", id, logName) }

// DropRun removes a run's folder. Half removed it must not look like a run: it
// first gets a name that the next run's making sweeps away.
func (l *Local) DropRun(_ context.Context, id string) error {
	if !ValidRunID(id) {
		return fmt.Errorf("forget the run %q: not a run id such as 20261120-143907-4f2a: %w", id, ErrNotFound)
	}
	r, err := l.readHead(id)
	if err != nil {
		return err
	}
	if r.Status.Open() {
		return fmt.Errorf("forget the run %s: it is still open; close it with `dssctl recover %s`", id, id)
	}
	gone := l.path("runs", newRun+id)
	err = os.Rename(l.path("runs", id), gone)
	if err == nil {
		err = atomicfile.SyncDir(l.path("runs"))
	}
	if err == nil {
		err = os.RemoveAll(gone)
	}
	if err != nil {
		return fmt.Errorf("forget the run %s: %w", id, err)
	}
	return nil
}

// OpenRun returns a run's journal, or ErrNotFound.
func (l *Local) OpenRun(_ context.Context, id string) (Journal, error) {
	if _, err := l.check(); err != nil {
		return nil, err
	}
	if !ValidRunID(id) {
		return nil, fmt.Errorf("open the run %q: not a run id such as 20261120-143907-4f2a: %w", id, ErrNotFound)
	}
	r, err := l.readHead(id)
	if err != nil {
		return nil, err
	}
	return &localJournal{dir: l.path("runs", id), clock: l.o.Clock, run: r}, nil
}

// Runs returns all heads, the newest first. A folder without a head is not a
// run; a damaged head is an error, since it may be that of an open run.
func (l *Local) Runs(ctx context.Context) ([]Run, error) {
	if _, err := l.check(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(l.path("runs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the runs: %w", err)
	}
	var out []Run
	for _, e := range entries {
		if !e.IsDir() || !ValidRunID(e.Name()) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := l.readHead(e.Name())
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Run) int {
		if c := b.Started.Compare(a.Started); c != 0 {
			return c
		}
		return strings.Compare(b.ID, a.ID)
	})
	return out, nil
}

func (l *Local) readHead(id string) (Run, error) {
	path := l.path("runs", id, headName)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Run{}, fmt.Errorf("open the run %s in %s: %w", id, l.dir, ErrNotFound)
	}
	if err != nil {
		return Run{}, fmt.Errorf("open the run %s: %w", id, err)
	}
	var r Run
	const advice = "Put a good copy back, or, when you are sure that the run is over, move its folder away"
	if len(bytes.TrimSpace(b)) == 0 {
		return Run{}, &FileError{Path: path, Found: "it is empty", Advice: advice}
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return Run{}, &FileError{Path: path, Found: fmt.Sprintf("it is damaged or cut off (%v)", err), Advice: advice}
	}
	if r.ID != id || !known(r.Status) {
		return Run{}, &FileError{Path: path, Found: fmt.Sprintf("it says run %q, status %q, expected run %q and a known status", r.ID, r.Status, id), Advice: advice}
	}
	return r, nil
}

func known(s RunStatus) bool {
	switch s {
	case Running, Failed, Done, RolledBack, Interrupted:
		return true
	}
	return false
}
