package archive

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/xattr"
)

// xattrs are the two calls, on an open file or on a path.
type xattrs struct {
	list func([]byte) (int, error)
	get  func(name string, b []byte) (int, error)
}

func xattrsOf(fd int) xattrs {
	return xattrs{
		func(b []byte) (int, error) { return unix.Flistxattr(fd, b) },
		func(name string, b []byte) (int, error) { return unix.Fgetxattr(fd, name, b) },
	}
}

// xattrsAt are those of what cannot be opened, such as a symlink.
func xattrsAt(path string) xattrs {
	return xattrs{
		func(b []byte) (int, error) { return unix.Llistxattr(path, b) },
		func(name string, b []byte) (int, error) { return unix.Lgetxattr(path, name, b) },
	}
}

// records reads the extended attributes as PAX records. A file system without
// any is fine. few has room for the names of nearly all, so that a file without
// any takes one call.
func (x xattrs) records(few []byte) ([]record, error) {
	n, err := x.list(few)
	names := few[:max(n, 0)]
	if errors.Is(err, unix.ERANGE) {
		names, err = xattr.Sized(x.list)
	}
	if err != nil {
		if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS) {
			return nil, nil
		}
		return nil, fmt.Errorf("list the extended attributes: %w", err)
	}
	var out []record
	for _, name := range xattr.Names(names) {
		value, err := xattr.Sized(func(b []byte) (int, error) { return x.get(name, b) })
		if errors.Is(err, unix.ENODATA) {
			continue // gone since it was listed
		}
		if err != nil {
			return nil, fmt.Errorf("read the extended attribute %q: %w", name, err)
		}
		r := record{xattrKey(name), string(value)}
		switch name {
		case xattrACLAccess:
			r.key = paxACLAccess
			r.value, err = aclText(value)
		case xattrACLDefault:
			r.key = paxACLDefault
			r.value, err = aclText(value)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	sortRecords(out)
	return out, nil
}
