package state_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/smallfs"
	"github.com/dssctl/dssctl/state"
)

func TestCheckRoom(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	open := func(dir string) *state.Local {
		t.Helper()
		l, err := state.OpenLocal(dir, state.LocalOptions{Clock: clock.System{}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Meta(t.Context()); err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open(t.TempDir())
	if err := l.CheckRoom(); err != nil {
		t.Error(err)
	}
	runs := filepath.Join(l.Where(), "runs")
	if err := os.MkdirAll(runs, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := l.CheckRoom(); err == nil || !strings.Contains(err.Error(), runs) || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a folder that may not be written: %v", err)
	}
	small := smallfs.Hold(t)
	if small == "" {
		return
	}
	dir, err := os.MkdirTemp(small, "state-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := open(dir).CheckRoom(); err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("no room: %v", err)
	}
}
