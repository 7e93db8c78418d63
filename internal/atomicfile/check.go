package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Reason is why a file cannot be replaced.
type Reason string

// The reasons. LostGroup alone does not make Write fail.
const (
	OtherOwner Reason = "another owner"
	LostGroup  Reason = "a group that cannot be kept"
	NoAccess   Reason = "a folder that may not be written"
	NoFolder   Reason = "a folder that is not there"
	ReadOnly   Reason = "a read-only file system"
	MountPoint Reason = "a mount point"
	Immutable  Reason = "an immutable flag"
	AppendOnly Reason = "an append-only flag"
	Sticky     Reason = "a sticky folder of another owner"
	Full       Reason = "no room"
	OverQuota  Reason = "a quota"
	BadACL     Reason = "an ACL that cannot be kept"
	NoFile     Reason = "no regular file"
	Unknown    Reason = "another reason"
)

// Obstacle is one thing that would make Write fail.
type Obstacle struct {
	Reason Reason
	// Path is the file or folder that is in the way, without symlinks at its end.
	Path string
	// Err is what the system said; nil where a flag or mode was seen.
	Err error
	// UID and GID are the owner of Path, or of the file for LostGroup; -1 when
	// not known.
	UID, GID int
	// Mode is that of Path.
	Mode fs.FileMode
}

// Check looks whether Write could replace the file at path by one of this many
// bytes, or make it. It tries as much as leaves no trace: a file without a name
// is made in the folder, gets its room, the owner, the group and the ACL, and is
// gone again.
func Check(path string, size int64) []Obstacle {
	target, err := follow(path)
	if err != nil {
		return []Obstacle{obstacle(Unknown, path, err)}
	}
	dir := filepath.Dir(target)
	old, err := lookAt(target)
	if err != nil {
		return []Obstacle{obstacle(reasonOf(err), target, err)}
	}
	var out []Obstacle
	if old != nil {
		out = append(out, InTheWay(target)...)
		if stickyFor(dir, old.uid) {
			out = append(out, obstacle(Sticky, dir, nil))
		}
	}
	return append(out, rehearse(dir, target, old, size)...)
}

// CheckFolder looks whether files of together this many bytes can be made in dir.
func CheckFolder(dir string, size int64) []Obstacle {
	return rehearse(dir, dir, nil, size)
}

// InTheWay finds the flags and mounts that keep a name from being given to another
// file, and what has it from being moved.
func InTheWay(path string) []Obstacle {
	var out []Obstacle
	a := attributesOf(path)
	for _, f := range []struct {
		bit    uint64
		reason Reason
	}{{unix.STATX_ATTR_IMMUTABLE, Immutable}, {unix.STATX_ATTR_APPEND, AppendOnly}, {unix.STATX_ATTR_MOUNT_ROOT, MountPoint}} {
		if a&f.bit != 0 {
			out = append(out, obstacle(f.reason, path, nil))
		}
	}
	return out
}

// attributesOf are the STATX_ATTR bits of a file or folder, as far as they can
// be told.
func attributesOf(path string) uint64 {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &st); err != nil {
		return 0
	}
	const flags = unix.STATX_ATTR_IMMUTABLE | unix.STATX_ATTR_APPEND
	out := st.Attributes & (flags | unix.STATX_ATTR_MOUNT_ROOT)
	if st.Attributes_mask&flags != flags {
		out |= inodeFlags(path)
	}
	return out
}

// inodeFlags asks in the older way, which needs the right to read.
func inodeFlags(path string) (out uint64) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return 0
	}
	defer f.Close()
	flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return 0
	}
	const immutable, appendOnly = 0x10, 0x20 // linux/fs.h
	if flags&immutable != 0 {
		out |= unix.STATX_ATTR_IMMUTABLE
	}
	if flags&appendOnly != 0 {
		out |= unix.STATX_ATTR_APPEND
	}
	return out
}

// stickyFor reports whether dir lets nobody but the owners of files and of itself
// give names away, and this account is neither.
func stickyFor(dir string, owner int) bool {
	me := os.Geteuid()
	info, err := os.Stat(dir)
	if err != nil || info.Mode()&fs.ModeSticky == 0 || me == 0 || owner == me {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) != me
}

// rehearse does in dir what replaces old, up to the name.
func rehearse(dir, target string, old *attributes, size int64) []Obstacle {
	if a := attributesOf(dir); a&unix.STATX_ATTR_IMMUTABLE != 0 {
		return []Obstacle{obstacle(Immutable, dir, nil)}
	} else if a&unix.STATX_ATTR_APPEND != 0 {
		// New names are fine there, and giving a file another one is not.
		return []Obstacle{obstacle(AppendOnly, dir, nil)}
	}
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		if unsupported(err) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EINVAL) {
			return lookOnly(dir, target, old, size)
		}
		return []Obstacle{obstacle(folderReason(err), dir, err)}
	}
	f := os.NewFile(uintptr(fd), target)
	defer f.Close()
	var out []Obstacle
	if err := makeRoom(f, size); err != nil {
		out = append(out, obstacle(reasonOf(err), dir, err))
	}
	if old == nil {
		return out
	}
	switch lostGroup, err := old.copyTo(f); {
	case err != nil:
		out = append(out, obstacle(reasonOf(err), target, err))
	case lostGroup:
		out = append(out, obstacle(LostGroup, target, nil))
	}
	return out
}

// makeRoom takes the room that the content needs.
func makeRoom(f *os.File, size int64) error {
	if size <= 0 {
		return nil
	}
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if unsupported(err) {
		return roomAt(f, size)
	}
	return err
}

// roomAt asks the file system instead.
func roomAt(f *os.File, size int64) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
		return err
	}
	if int64(st.Bavail)*int64(st.Bsize) < size { //nolint:unconvert // their types differ between machines
		return unix.ENOSPC
	}
	return nil
}

// lookOnly is for file systems without nameless files: nothing is tried there.
func lookOnly(dir, target string, old *attributes, size int64) []Obstacle {
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return []Obstacle{obstacle(folderReason(err), dir, err)}
	}
	var out []Obstacle
	if f, err := os.Open(dir); err == nil {
		err = roomAt(f, size)
		f.Close()
		if err != nil {
			out = append(out, obstacle(reasonOf(err), dir, err))
		}
	}
	if me := os.Geteuid(); old != nil && me != 0 && old.uid != me {
		out = append(out, obstacle(OtherOwner, target, nil))
	}
	return out
}

func folderReason(err error) Reason {
	if errors.Is(err, fs.ErrPermission) {
		return NoAccess
	}
	return reasonOf(err)
}

func reasonOf(err error) Reason {
	var owner *OwnerError
	var acl *ACLError
	var kind *KindError
	switch {
	case errors.As(err, &owner):
		return OtherOwner
	case errors.As(err, &acl):
		return BadACL
	case errors.As(err, &kind):
		return NoFile
	case errors.Is(err, unix.EROFS):
		return ReadOnly
	case errors.Is(err, unix.ENOSPC):
		return Full
	case errors.Is(err, unix.EDQUOT):
		return OverQuota
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return NoFolder
	default:
		return Unknown
	}
}

func obstacle(r Reason, path string, err error) Obstacle {
	o := Obstacle{Reason: r, Path: path, Err: err, UID: -1, GID: -1}
	if info, err := os.Lstat(path); err == nil {
		o.Mode = info.Mode()
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			o.UID, o.GID = int(st.Uid), int(st.Gid)
		}
	}
	return o
}
