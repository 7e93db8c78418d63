package atomicfile

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/dssctl/dssctl/internal/smallfs"
)

// childFile tells a second start of the test to write to this file, with files
// limited to childLimit bytes.
const (
	childFile  = "DSSCTL_TEST_ATOMICFILE"
	childLimit = 4096
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		os.Exit(writeLimited(path))
	}
	os.Exit(m.Run())
}

// writeLimited returns 0 when the write failed as it must.
func writeLimited(path string) int {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: childLimit, Max: childLimit}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return 3
	}
	err := Write(path, bytes.Repeat([]byte("n"), 2*childLimit), 0o600)
	if !errors.Is(err, syscall.EFBIG) {
		return 4
	}
	return 0
}

// TestNoRoom: a limit of the file's size takes the same way as a full disk.
func TestNoRoom(t *testing.T) {
	for _, existing := range []bool{true, false} {
		dir := t.TempDir()
		path := filepath.Join(dir, "f")
		if existing {
			put(t, path, "old", 0o640)
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childFile+"="+path)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("the child: %v: %s", err, out)
		}
		if existing {
			expect(t, path, "old", 0o640)
			expectOnly(t, dir, "f")
		} else {
			expectOnly(t, dir)
		}
	}
}

// TestDiskFull runs where DSSCTL_TEST_SMALLFS names a folder on a file system of
// a few megabytes, such as a tmpfs.
func TestDiskFull(t *testing.T) {
	small := smallfs.Hold(t)
	if small == "" {
		t.Skip("DSSCTL_TEST_SMALLFS names no small file system")
	}
	dir, err := os.MkdirTemp(small, "atomicfile")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "f")
	put(t, path, "old", 0o640)
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		t.Fatal(err)
	}
	size := int64(stat.Bavail)*stat.Bsize + 1<<20
	if size > 256<<20 {
		t.Fatalf("%s has %d MiB free, which is not small", small, size>>20)
	}
	if err := Write(path, make([]byte, size), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("found %v, expected ENOSPC", err)
	}
	expect(t, path, "old", 0o640)
	expectOnly(t, dir, "f")
}
