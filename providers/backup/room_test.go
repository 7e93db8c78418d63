package backup

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/dssctl/dssctl/internal/smallfs"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/dss"
)

// A restore that would fill the volume is refused before anything is stopped or
// unpacked; parts of a set go where the user says, and are small.
func TestNoRoomForARestore(t *testing.T) {
	small := smallfs.Hold(t)
	if small == "" {
		t.Skip("no small file system: scripts/test makes one when root starts it")
	}
	entry := set.Entry{ID: "20261125-061500-4f2a", Manifest: set.Manifest{Part: method.Part{Bytes: 10 << 20, Files: 1 << 10}}}
	room := func(dataDir string, paths ...string) error {
		t.Helper()
		in, err := dss.Open(dataDir, dss.Options{Bare: true, UID: func() int { return 1 }})
		if err != nil {
			t.Fatal(err)
		}
		c := &call{Call: &providers.Call{Run: "run", Instance: in}, args: args{Restore: &restoreArgs{Elsewhere: &Elsewhere{DataDir: dataDir}, Paths: paths}}}
		return c.roomFor(entry)
	}
	err := room(filepath.Join(small, "restored"))
	said := regexp.MustCompile(`^the set 20261125-061500-4f2a needs 75\.0 MiB at ` + regexp.QuoteMeta(small) + `, beside what is there now, and [0-9.]+ [KM]iB are free: free some there, or restore it to a data directory on a larger volume$`)
	if err == nil || !said.MatchString(err.Error()) {
		t.Errorf("got %v", err)
	}
	if err := room(filepath.Join(small, "restored"), "config/license.json"); err != nil {
		t.Errorf("one file: %v", err)
	}
	if err := room(filepath.Join(t.TempDir(), "restored")); err != nil {
		t.Errorf("where there is room: %v", err)
	}
}
