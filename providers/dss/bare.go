package dss

import (
	"path/filepath"
	"syscall"
)

// empty reports whether the data directory has none of what DSS is started and
// known by: its content is on its way in or out.
func (in *Instance) empty() bool {
	for _, name := range marks {
		if found, err := hasMark(in.DataDir, name); err == nil && !found {
			return true
		}
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

// Absent reports whether there is no DSS in the data directory, or not a whole
// one: a run makes or exchanges its content.
func (in *Instance) Absent() bool { return in.o.Bare && in.empty() }
