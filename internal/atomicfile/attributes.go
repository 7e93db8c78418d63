package atomicfile

import (
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
		return nil, fmt.Errorf("expected a regular file, found %s", kindOf(info.Mode()))
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
			return nil, fmt.Errorf("read the ACL: %w", err)
		}
	}
	return out, nil
}

// copyTo gives the file the attributes. The order keeps it closed to others
// until the end: owner, ACL, and the mode last.
func (a *attributes) copyTo(f *os.File) error {
	if err := a.copyOwner(f); err != nil {
		return err
	}
	fd := int(f.Fd())
	hasACL := false
	for _, x := range a.extended {
		err := unix.Fsetxattr(fd, x.name, x.value, 0)
		if isACL(x.name) {
			hasACL = hasACL || x.name == accessACL
			if err != nil {
				return fmt.Errorf("keep the ACL: %w", err)
			}
		}
		// Other attributes are kept where the system lets us.
	}
	if !hasACL {
		// A default ACL of the folder has been inherited: under the old mode
		// it could let in somebody whom the old file did not.
		if err := unix.Fremovexattr(fd, accessACL); err != nil && !unsupported(err) && !errors.Is(err, unix.ENODATA) {
			return fmt.Errorf("drop the folder's default ACL: %w", err)
		}
	}
	return f.Chmod(a.mode)
}

func (a *attributes) copyOwner(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == a.uid && int(stat.Gid) == a.gid {
		return nil
	}
	if err := f.Chown(a.uid, a.gid); err != nil {
		return fmt.Errorf("keep the owner %d:%d (run as that account, or as root): %w", a.uid, a.gid, err)
	}
	return nil
}

func isACL(name string) bool {
	return strings.HasPrefix(name, "system.") && strings.Contains(name, "acl")
}

func unsupported(err error) bool {
	return errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS)
}
