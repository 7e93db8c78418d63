package dss

import (
	"os"
	"path/filepath"
	"testing"

	ordinary "github.com/dssctl/dssctl/internal/nobody"
)

// TestPutBackLeavesWhatIsUnchanged: after a write that failed there is nothing to
// put back, and an account may not set again what root owns.
func TestPutBackLeavesWhatIsUnchanged(t *testing.T) {
	dir := newDataDir(t)
	in := open(t, dir, nil)
	path := in.Path(SettingsFile)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := in.SaveOriginal("run", SettingsFile); err != nil {
		t.Fatal(err)
	}
	putBack := func() {
		t.Helper()
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := in.PutBack("run", SettingsFile); err != nil {
			t.Error(err)
		}
		after, err := os.Stat(path)
		if err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) || before.Mode() != after.Mode() {
			t.Errorf("the file was touched: %v, %v, %v", before, after, err)
		}
	}
	if os.Geteuid() != 0 {
		if err := os.Chmod(in.Path("config"), 0o555); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(in.Path("config"), 0o755) //nolint:errcheck // for the clean-up
		putBack()
		return
	}
	// Everything but the file is the account's, and can be reached.
	for d := filepath.Dir(dir); d != filepath.Dir(d) && d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	account(t, in.Companion())
	if err := os.Chown(path, 0, 0); err != nil {
		t.Fatal(err)
	}
	ordinary.Do(t, putBack)
}
