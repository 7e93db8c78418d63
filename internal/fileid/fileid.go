// Package fileid knows a file or folder again, whatever path leads to it by then:
// a path can be made again, or be a link that leads elsewhere.
package fileid

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// ID identifies a file for as long as it lives.
type ID struct {
	Dev uint64 `json:"dev"`
	Ino uint64 `json:"ino"`
	// Born is when it was made, in nanoseconds, 0 where the file system does not
	// tell: numbers of inodes are used again.
	Born int64 `json:"born,omitempty"`
}

// Of is the id of what the path leads to.
func Of(path string) (ID, error) { return stat(path, 0) }

// OfLink is the id of the path itself, also where that is a symbolic link.
func OfLink(path string) (ID, error) { return stat(path, unix.AT_SYMLINK_NOFOLLOW) }

func stat(path string, flags int) (ID, error) {
	var s unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, flags, unix.STATX_INO|unix.STATX_BTIME, &s); err != nil {
		return ID{}, fmt.Errorf("identify %s: %w", path, err)
	}
	id := ID{Dev: unix.Mkdev(s.Dev_major, s.Dev_minor), Ino: s.Ino}
	if s.Mask&unix.STATX_BTIME != 0 {
		id.Born = s.Btime.Sec*1e9 + int64(s.Btime.Nsec)
	}
	return id, nil
}

// Known reports whether there is an id at all.
func (i ID) Known() bool { return i.Ino != 0 }

// Is reports whether both are one file. With the time of birth the device does
// not count: its number can be another one after a restart of the machine.
func (i ID) Is(other ID) bool {
	if i.Born != 0 || other.Born != 0 {
		return i.Ino == other.Ino && i.Born == other.Born
	}
	return i == other
}
