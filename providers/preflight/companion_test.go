package preflight

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dssctl/dssctl/internal/smallfs"
	"github.com/dssctl/dssctl/providers/dss"
)

func companion(t *testing.T, in *dss.Instance) (found []Finding) {
	t.Helper()
	as(t, func() { found = Companion(in) })
	return found
}

func TestCompanion(t *testing.T) {
	in := newInstance(t)
	expect(t, companion(t, in))
	if _, err := os.Lstat(in.Companion()); !os.IsNotExist(err) {
		t.Errorf("the look has made the folder: %v", err)
	}
	above := filepath.Dir(in.DataDir)
	chmod(t, above, 0o555)
	expect(t, companion(t, in), "error: |cannot keep anything|"+above)
	must(t, os.Chmod(above, 0o755))

	must(t, os.WriteFile(in.Companion(), nil, 0o600))
	expect(t, companion(t, in), "error: |it is no folder|companion_dir")
	must(t, os.Remove(in.Companion()))

	safety := filepath.Join(in.Companion(), "safety")
	must(t, os.MkdirAll(safety, 0o700))
	if os.Geteuid() == 0 {
		ownAll(t, above)
	}
	expect(t, companion(t, in))
	chmod(t, safety, 0o500)
	expect(t, companion(t, in), "error: |cannot keep anything|"+safety)
	must(t, os.Chmod(safety, 0o700))

	if os.Geteuid() == 0 {
		must(t, os.Chown(safety, 0, 0))
		expect(t, companion(t, in), "error: |"+safety+"|belongs to root|chown -R")
		ownAll(t, above)
		lock := filepath.Join(in.Companion(), "lock")
		must(t, os.WriteFile(lock, []byte("{}"), 0o644))
		expect(t, companion(t, in), "error: |"+lock+"|belongs to root|chown ")
	}
}

func TestCompanionOnAFullDisk(t *testing.T) {
	small := smallfs.Hold(t)
	if small == "" {
		t.Skip("DSSCTL_TEST_SMALLFS names no small file system")
	}
	dir, err := os.MkdirTemp(small, "companion-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 600<<10), 0o600))
	if os.Geteuid() == 0 {
		ownAll(t, dir)
	}
	in := newInstanceWith(t, filepath.Join(dir, "companion"))
	expect(t, companion(t, in), "error: |cannot keep anything|no room")
	found, err := SafetyBackup(t.Context(), in)
	must(t, err)
	expect(t, found, "error: There is no room for the safety backup|at least 64|companion_dir")
}
