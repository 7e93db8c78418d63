package settings_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	other "github.com/dssctl/dssctl/internal/nobody"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// TestFileOfRoot: somebody edited general-settings.json with sudo. The plan says
// so; where it happened in the window, the edit fails, and its undo works.
func TestFileOfRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	w := newWorld(t, live)
	w.declare(`{ maxRunningActivities = 20 }`)
	path := w.instance.Path(dss.SettingsFile)
	if err := os.Chown(path, 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	for d := filepath.Dir(w.instance.DataDir); d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	other.Do(t, func() {
		c := w.call("run", w.mustPropose())
		found, err := w.performer().(providers.Preflighter).Preflight(context.Background(), c)
		if err != nil || len(found) != 1 || !strings.Contains(found[0].String(), "belongs to root") || !strings.Contains(found[0].Remedy, "chown ") {
			t.Errorf("found %v, %v", found, err)
		}
		if err := w.performer().Do(context.Background(), c); err == nil || !strings.Contains(err.Error(), "keep the owner 0:0") {
			t.Errorf("it was done: %v", err)
		}
		if err := w.performer().Undo(context.Background(), c); err != nil {
			t.Errorf("nothing was changed, and it cannot be undone: %v", err)
		}
	})
	if w.file() != live {
		t.Error("the file has changed")
	}
}
