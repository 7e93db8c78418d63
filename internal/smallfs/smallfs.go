// Package smallfs lends tests the small file system that scripts/test makes for
// those that need a full one: one test at a time, of all packages that are tested
// side by side, for what one fills up another has no room in.
package smallfs

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Hold waits for the file system and keeps it until the test ends. It returns its
// folder, or "" where DSSCTL_TEST_SMALLFS names none. A test holds it once.
func Hold(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("DSSCTL_TEST_SMALLFS")
	if dir == "" {
		return ""
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	// Programs that the test leaves running must not keep it: os.Open's files are
	// closed on exec.
	t.Cleanup(func() { f.Close() })
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		t.Fatalf("hold %s: %v", dir, err)
	}
	return dir
}
