// Package volume says what room a file system has.
package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Existing returns the path, or the nearest folder above it that is there.
func Existing(path string) string {
	for {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

// Space returns the size of the file system of a path, and what is free in it
// for an ordinary account, in bytes. A path that is not there yet is where it
// would be made.
func Space(path string) (total, free int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(Existing(path), &st); err != nil {
		return 0, 0, fmt.Errorf("ask for the free space at %s: %w", path, err)
	}
	unit := int64(st.Bsize) //nolint:unconvert // its type differs between machines
	return int64(st.Blocks) * unit, int64(st.Bavail) * unit, nil
}

// Free returns the second of what Space does.
func Free(path string) (int64, error) {
	_, free, err := Space(path)
	return free, err
}

// Inodes returns how many files can still be made in the file system of a path;
// false where it has no bound but its room, as Btrfs.
func Inodes(path string) (free int64, bounded bool, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(Existing(path), &st); err != nil {
		return 0, false, fmt.Errorf("ask for the free inodes at %s: %w", path, err)
	}
	return int64(st.Ffree), st.Files > 0, nil
}

// SharesBlocks reports whether a copy of file in the folder dir, or in the nearest
// one above it that is there, would share its blocks (XFS, Btrfs). It is tried
// with a file without a name, which leaves no trace.
func SharesBlocks(file, dir string) bool {
	src, err := os.Open(file)
	if err != nil {
		return false
	}
	defer src.Close()
	fd, err := unix.Open(Existing(dir), unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.IoctlFileClone(fd, int(src.Fd())) == nil
}
