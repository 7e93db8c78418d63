package atomicfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/atomicfile"
)

// Removing a copy reaches nothing that a link or a mount in it leads to.
func TestRemoveAllStaysInside(t *testing.T) {
	base := t.TempDir()
	for _, dir := range []string{"copy/config", "copy/mnt", "disk/data"} {
		if err := os.MkdirAll(filepath.Join(base, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	kept := filepath.Join(base, "disk", "data", "x")
	if err := os.WriteFile(kept, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(base, "disk"), filepath.Join(base, "copy", "link")); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(base, "copy", "mnt")
	mounted := os.Getuid() == 0 && unix.Mount(filepath.Join(base, "disk"), at, "", unix.MS_BIND, "") == nil
	if mounted {
		if err := os.Symlink(at, filepath.Join(base, "to-mount")); err != nil {
			t.Fatal(err)
		}
		if err := atomicfile.RemoveAll(filepath.Join(base, "to-mount")); err != nil {
			t.Errorf("a link to a mount: %v", err)
		}
		if err := atomicfile.RemoveAll(at); err == nil {
			t.Error("the mount's content was removed")
		}
		t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
		err := atomicfile.RemoveAll(filepath.Join(base, "copy"))
		if err == nil || !strings.Contains(err.Error(), "something is mounted at "+at) {
			t.Errorf("with a mount in it: %v", err)
		}
		if _, err := os.Stat(filepath.Join(base, "copy", "config")); err != nil {
			t.Errorf("something was removed: %v", err)
		}
		if err := unix.Unmount(at, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := atomicfile.RemoveAll(filepath.Join(base, "copy")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("what a link leads to is gone: %v", err)
	}
}
