package dss

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// empty reports whether the data directory has none of what DSS is started and
// known by: its content is on its way in or out.
func (in *Instance) empty() bool {
	for _, name := range marks {
		_, err := os.Stat(filepath.Join(in.DataDir, name))
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			continue
		}
		return true
	}
	return false
}

// SameVolume reports whether names can be moved between the data directory and
// the path, or the nearest folder above it that is there.
func (in *Instance) SameVolume(path string) bool {
	here, ok := device(in.DataDir)
	for {
		if there, found := device(path); found {
			return ok && here == there
		}
		if path == filepath.Dir(path) {
			return false
		}
		path = filepath.Dir(path)
	}
}

func device(path string) (uint64, bool) {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return 0, false
	}
	return uint64(st.Dev), true //nolint:unconvert // its type differs between machines
}
