// Package nobody lets a test that runs as root do something as an ordinary
// account: what sudo leaves behind can only be made by root, and only be in the
// way of somebody else.
package nobody

import (
	"os"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// ID is the account and its only group.
const ID = 65534

// Do calls f as that account, on a thread of its own: programs that f starts and
// goroutines that it makes are root's. The test is skipped where it is not run by
// root.
func Do(t testing.TB, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another account")
	}
	failed := make(chan syscall.Errno)
	go func() {
		// Never unlocked: the thread ends with the goroutine.
		runtime.LockOSThread()
		var errno syscall.Errno
		for _, call := range [][4]uintptr{
			{unix.SYS_SETGROUPS, 0, 0, 0},
			{unix.SYS_SETRESGID, ID, ID, ID},
			{unix.SYS_SETRESUID, ID, ID, ID},
		} {
			if _, _, errno = syscall.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
				break
			}
		}
		if errno == 0 {
			f()
		}
		failed <- errno
	}()
	if errno := <-failed; errno != 0 {
		t.Fatalf("become the account %d: %v", ID, errno)
	}
}

// Own gives paths to that account.
func Own(t testing.TB, paths ...string) {
	t.Helper()
	for _, p := range paths {
		if err := os.Lchown(p, ID, ID); err != nil {
			t.Fatal(err)
		}
	}
}

// TempDir is a folder that the account owns and can reach.
func TempDir(t testing.TB) string {
	t.Helper()
	return TempDirIn(t, "")
}

// TempDirIn is TempDir below another folder.
func TempDirIn(t testing.TB, above string) string {
	t.Helper()
	dir, err := os.MkdirTemp(above, "dssctl-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if os.Geteuid() == 0 {
		Own(t, dir)
	}
	return dir
}
