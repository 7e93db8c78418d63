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
