// Package volume says what room a file system has.
package volume

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Space returns the size of the file system of a path, and what is free in it
// for an ordinary account, in bytes. A path that is not there yet is where it
// would be made.
func Space(path string) (total, free int64, err error) {
	for at := path; ; at = filepath.Dir(at) {
		var st unix.Statfs_t
		err := unix.Statfs(at, &st)
		if err == nil {
			unit := int64(st.Bsize) //nolint:unconvert // its type differs between machines
			return int64(st.Blocks) * unit, int64(st.Bavail) * unit, nil
		}
		if !errors.Is(err, unix.ENOENT) || at == filepath.Dir(at) {
			return 0, 0, fmt.Errorf("ask for the free space at %s: %w", path, err)
		}
	}
}

// Free returns the second of what Space does.
func Free(path string) (int64, error) {
	_, free, err := Space(path)
	return free, err
}
