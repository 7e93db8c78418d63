package state_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/state"
	"github.com/dssctl/dssctl/state/statetest"
)

func open(t testing.TB, dir string) *state.Local {
	t.Helper()
	s, err := state.OpenLocal(dir, state.LocalOptions{Clock: clock.System{}, Heartbeat: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	statetest.Run(t, func(t *testing.T) statetest.Backend {
		dir := t.TempDir()
		folder := filepath.Join(dir, state.FolderName)
		journal := func(run string) string { return filepath.Join(folder, "runs", run, "journal.jsonl") }
		return statetest.Backend{
			Folder: folder,
			Open:   func() state.Store { return open(t, dir) },
			Tear: func(run string) {
				b := read(t, journal(run))
				last := b[bytes.LastIndexByte(b[:len(b)-1], '\n')+1:]
				write(t, journal(run), append(b, last[:len(last)/2]...))
			},
			Damage: func(run string) {
				b := read(t, journal(run))
				write(t, journal(run), bytes.Replace(b, []byte(`"two"`), []byte(`"TWO"`), 1))
			},
		}
	})
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
