// Package statetest is the conformance suite of state stores: what the rest of
// dssctl relies on, whatever keeps the state. A store's own tests call Run.
package statetest

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/dssctl/dssctl/state"
)

// Backend is one fresh, empty state that can be opened several times, as
// several processes do.
type Backend struct {
	// Open opens the state; the suite closes it. Where the store has a
	// heartbeat, it should be 50 ms or less.
	Open func() state.Store
	// Tear leaves a half-written record at the end of the run's journal, as a
	// crash does; nil where that cannot happen.
	Tear func(run string)
	// Damage changes a whole record in the middle of the run's journal; nil
	// where that cannot happen.
	Damage func(run string)
	// Folder holds the store's files; "" where it has none.
	Folder string
}

// patience is how long the suite waits for what happens by itself.
const patience = 20 * time.Second

// Run checks a store. fresh returns a new empty state each time.
func Run(t *testing.T, fresh func(t *testing.T) Backend) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *bench)
	}{
		{"reading makes nothing", readingMakesNothing},
		{"meta is stable", metaIsStable},
		{"instances", instances},
		{"update fails", updateFails},
		{"update all", updateAll},
		{"concurrent updates", concurrentUpdates},
		{"run heads", runHeads},
		{"run dropped", runDropped},
		{"runs order", runsOrder},
		{"unknown run", unknownRun},
		{"journal", journal},
		{"torn journal", tornJournal},
		{"damaged journal", damagedJournal},
		{"lock excludes", lockExcludes},
		{"one of many gets the lock", oneGetsTheLock},
		{"unlock", unlock},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bench{T: t, Backend: fresh(t)}
			c.test(t, b)
			b.modes()
		})
	}
}

// bench is the set-up of one test.
type bench struct {
	*testing.T
	Backend
}

func (b *bench) open() state.Store {
	b.Helper()
	s := b.Open()
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Errorf("close the store: %v", err)
		}
	})
	return s
}

func (b *bench) ctx() context.Context { return b.Context() }

func (b *bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// modes checks that nobody else can read what the store wrote.
func (b *bench) modes() {
	if b.Folder == "" {
		return
	}
	b.ok(filepath.WalkDir(b.Folder, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		if fi.Mode().Perm()&0o077 != 0 {
			b.Errorf("%s has mode %#o: others can read it", path, fi.Mode().Perm())
		}
		return nil
	}))
}
