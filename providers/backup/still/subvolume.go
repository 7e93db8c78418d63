package still

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of Btrfs that any account may make. `btrfs subvolume list`
// and `show` want root for what is asked here.

const (
	// subvolumeInode is the inode number of every subvolume's root.
	subvolumeInode = 256

	ioctlFSInfo       = 0x8400941f // BTRFS_IOC_FS_INFO, _IOR(0x94, 31, 1024)
	ioctlSubvolFlags  = 0x80089419 // BTRFS_IOC_SUBVOL_GETFLAGS, _IOR(0x94, 25, 8)
	ioctlRootRefs     = 0xd000943d // BTRFS_IOC_GET_SUBVOL_ROOTREF, _IOWR(0x94, 61, 4096)
	ioctlInoLookup    = 0xd000943e // BTRFS_IOC_INO_LOOKUP_USER, _IOWR(0x94, 62, 4096)
	subvolReadOnly    = 1 << 1     // BTRFS_SUBVOL_RDONLY
	rootRefsAtOnce    = 255
	subvolNameMax     = 255
	inoLookupPathSize = 4080 - subvolNameMax - 1
)

type btrfsFSInfo struct {
	_    [2]uint64 // highest device, number of devices
	fsid [16]byte
	_    [992]byte
}

type btrfsRootRefs struct {
	_     uint64 // the least tree to tell; the kernel moves it on
	refs  [rootRefsAtOnce]struct{ tree, dir uint64 }
	count uint8
	_     [7]byte
}

type btrfsInoLookup struct {
	dir, tree uint64
	name      [subvolNameMax + 1]byte
	path      [inoLookupPathSize]byte
}

func ioctl[T any](f *os.File, request uintptr, arg *T) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(unsafe.Pointer(arg)))
	if errno != 0 {
		return errno
	}
	return nil
}

func onBtrfs(path string) (bool, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return false, fmt.Errorf("look at the file system of %s: %w", path, err)
	}
	return int64(st.Type) == unix.BTRFS_SUPER_MAGIC, nil
}

// isSubvolume reports whether the root of a subvolume is at path.
func isSubvolume(path string) (bool, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if inodeOf(info) != subvolumeInode || !info.IsDir() {
		return false, nil
	}
	return onBtrfs(path)
}

func inodeOf(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}

// isReadOnlySubvolume asks the subvolume at path.
func isReadOnlySubvolume(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var flags uint64
	if err := ioctl(f, ioctlSubvolFlags, &flags); err != nil {
		return false, fmt.Errorf("ask for the flags of the subvolume %s: %w", path, err)
	}
	return flags&subvolReadOnly != 0, nil
}

// fsid tells Btrfs file systems apart.
func fsid(path string) ([16]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return [16]byte{}, err
	}
	defer f.Close()
	var info btrfsFSInfo
	if err := ioctl(f, ioctlFSInfo, &info); err != nil {
		return [16]byte{}, fmt.Errorf("ask for the Btrfs file system of %s: %w", path, err)
	}
	return info.fsid, nil
}

// nested returns the subvolumes below a folder, not those inside of them,
// relative to it. One in a folder that this account may not read is not seen;
// such a folder cannot be backed up anyhow.
func nested(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []string
	refs := btrfsRootRefs{}
	for {
		err := ioctl(f, ioctlRootRefs, &refs)
		more := errors.Is(err, unix.EOVERFLOW)
		if err != nil && !more {
			return nil, fmt.Errorf("list the subvolumes in %s: %w", dir, err)
		}
		for _, r := range refs.refs[:refs.count] {
			l := btrfsInoLookup{dir: r.dir, tree: r.tree}
			switch err := ioctl(f, ioctlInoLookup, &l); {
			case err == nil:
				out = append(out, filepath.Join(cString(l.path[:]), cString(l.name[:])))
			case errors.Is(err, unix.EACCES), errors.Is(err, unix.ENOENT):
				// Elsewhere in the same subvolume, or removed meanwhile.
			default:
				return nil, fmt.Errorf("list the subvolumes in %s: %w", dir, err)
			}
		}
		if !more {
			slices.Sort(out)
			return out, nil
		}
		refs.count = 0
	}
}

func cString(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}
