package still

import (
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/xattr"
)

func lstat(path string) (*unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return nil, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	return &st, nil
}

// attributes gives a copy what the original is besides its content: owner,
// extended attributes with the ACLs, mode and times, in the order in which one
// does not undo the other.
func (c *cloner) attributes(from, to string, st *unix.Stat_t) error {
	now, err := lstat(to)
	if err != nil {
		return err
	}
	if now.Uid != st.Uid || now.Gid != st.Gid {
		if err := unix.Lchown(to, int(st.Uid), int(st.Gid)); err != nil {
			return fmt.Errorf("the copy of %s cannot be given its owner %d:%d, which only root can: %w; choose another consistency", from, st.Uid, st.Gid, err)
		}
	}
	symlink := st.Mode&unix.S_IFMT == unix.S_IFLNK
	if !symlink {
		if err := c.extended(from, to); err != nil {
			return err
		}
		if err := unix.Chmod(to, st.Mode&0o7777); err != nil {
			return &fs.PathError{Op: "chmod", Path: to, Err: err}
		}
	}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, to, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &fs.PathError{Op: "set the times of", Path: to, Err: err}
	}
	return nil
}

// extended copies the extended attributes. What belongs to the machine's
// security (SELinux, capabilities) is set where the system lets us.
func (c *cloner) extended(from, to string) error {
	names, err := xattr.List(from)
	if err != nil {
		return &fs.PathError{Op: "list the extended attributes of", Path: from, Err: err}
	}
	for _, name := range names {
		value, err := xattr.Get(from, name)
		if err == nil {
			err = unix.Lsetxattr(to, name, value, 0)
		}
		if err == nil {
			continue
		}
		if !strings.HasPrefix(name, "security.") {
			return &fs.PathError{Op: "copy the attribute " + name + " of", Path: from, Err: err}
		}
		c.labels.Add(1)
	}
	return nil
}
