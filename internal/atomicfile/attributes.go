package atomicfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/xattr"
)

// accessACL is the extended attribute that holds a file's POSIX ACL.
const accessACL = "system.posix_acl_access"

// attributes are what a file is besides its content.
type attributes struct {
	mode     fs.FileMode
	uid, gid int
	extended []attribute
}

type attribute struct {
	name  string
	value []byte
}

// lookAt reads the attributes of the file at path; nil when there is none.
func lookAt(path string) (*attributes, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &KindError{Found: kindOf(info.Mode())}
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, errors.New("the system does not tell the owner of the file")
	}
	a := &attributes{mode: info.Mode(), uid: int(stat.Uid), gid: int(stat.Gid)}
	a.extended, err = readExtended(path)
	return a, err
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "a device or other special file"
	}
}

// readExtended reads the extended attributes, ACLs among them. A file system
// without any is fine.
func readExtended(path string) ([]attribute, error) {
	names, err := xattr.List(path)
	if err != nil {
		return nil, fmt.Errorf("list the extended attributes: %w", err)
	}
	var out []attribute
	for _, name := range names {
		value, err := xattr.Get(path, name)
		switch {
		case err == nil:
			out = append(out, attribute{name, value})
		case isACL(name):
			return nil, &ACLError{Err: err}
		}
	}
	return out, nil
}

// copyTo gives the file the attributes. The order keeps it closed to others
// until the end: owner, ACL, and the mode last. lostGroup says that the group
// could not be given: only one that the account is in can be.
func (a *attributes) copyTo(f *os.File) (lostGroup bool, err error) {
	if lostGroup, err = a.copyOwner(f); err != nil {
		return lostGroup, err
	}
	if lostGroup {
		a = a.narrowed()
	}
	fd := int(f.Fd())
	hasACL := false
	for _, x := range a.extended {
		err := unix.Fsetxattr(fd, x.name, x.value, 0)
		if isACL(x.name) {
			hasACL = hasACL || x.name == accessACL
			if err != nil {
				return lostGroup, &ACLError{Err: err}
			}
		}
		// Other attributes are kept where the system lets us.
	}
	if !hasACL {
		// A default ACL of the folder has been inherited: under the old mode
		// it could let in somebody whom the old file did not.
		if err := unix.Fremovexattr(fd, accessACL); err != nil && !unsupported(err) && !errors.Is(err, unix.ENODATA) {
			return lostGroup, fmt.Errorf("drop the folder's default ACL: %w", err)
		}
	}
	return lostGroup, f.Chmod(a.mode)
}

func (a *attributes) copyOwner(f *os.File) (lostGroup bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(stat.Uid) == a.uid && int(stat.Gid) == a.gid {
		return false, nil
	}
	err = f.Chown(a.uid, a.gid)
	switch {
	case err == nil:
		return false, nil
	case ok && int(stat.Uid) == a.uid && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL)):
		// EINVAL: a group that this container does not know.
		return true, nil
	default:
		return false, &OwnerError{UID: a.uid, GID: a.gid, Err: err}
	}
}

// narrowed are the attributes for a file of another group: its members get what
// everybody else gets, so that nobody can read more than before.
func (a *attributes) narrowed() *attributes {
	out := &attributes{mode: a.mode &^ fs.ModeSetgid, uid: a.uid, gid: a.gid}
	others := a.mode & 0o007
	hasACL := false
	for _, x := range a.extended {
		if x.name == accessACL {
			hasACL = true
			x.value = narrowACL(x.value)
		}
		out.extended = append(out.extended, x)
	}
	if !hasACL {
		// With an ACL these bits are its mask, which is for the named ones too.
		out.mode = out.mode&^0o070 | out.mode&(others<<3)
	}
	return out
}

// The parts of an ACL as the kernel writes it: a version, and entries of tag,
// permissions and id.
const (
	aclHead, aclEntry     = 4, 8
	aclOwnGroup, aclOther = 0x04, 0x20
)

// narrowACL takes from the owning group what others do not have.
func narrowACL(acl []byte) []byte {
	acl = bytes.Clone(acl)
	var others uint16
	each := func(f func(tag uint16, perm []byte)) {
		for at := aclHead; at+aclEntry <= len(acl); at += aclEntry {
			f(binary.LittleEndian.Uint16(acl[at:]), acl[at+2:at+4])
		}
	}
	each(func(tag uint16, perm []byte) {
		if tag == aclOther {
			others = binary.LittleEndian.Uint16(perm)
		}
	})
	each(func(tag uint16, perm []byte) {
		if tag == aclOwnGroup {
			binary.LittleEndian.PutUint16(perm, binary.LittleEndian.Uint16(perm)&others)
		}
	})
	return acl
}

// OwnerError says that the owner of a file cannot be kept.
type OwnerError struct {
	UID, GID int
	Err      error
}

func (e *OwnerError) Error() string {
	return fmt.Sprintf("keep the owner %d:%d (run as that account, or as root): %v", e.UID, e.GID, e.Err)
}

func (e *OwnerError) Unwrap() error { return e.Err }

// ACLError says that the ACL of a file cannot be kept.
type ACLError struct{ Err error }

func (e *ACLError) Error() string { return fmt.Sprintf("keep the ACL: %v", e.Err) }
func (e *ACLError) Unwrap() error { return e.Err }

// KindError says that there is something else than a regular file.
type KindError struct{ Found string }

func (e *KindError) Error() string { return "expected a regular file, found " + e.Found }

func isACL(name string) bool {
	return strings.HasPrefix(name, "system.") && strings.Contains(name, "acl")
}

func unsupported(err error) bool {
	return errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS)
}
