package method

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/xattr"
)

// rootName is the file, in a set's folder, of what belongs to the data
// directory itself rather than to what is in it. Programs that are given "."
// do not keep it.
const rootName = "datadir.root.json"

type rootMeta struct {
	Mode    uint32            `json:"mode"`
	UID     int               `json:"uid"`
	GID     int               `json:"gid"`
	ModTime time.Time         `json:"mod_time"`
	Xattrs  map[string][]byte `json:"xattrs,omitempty"` // ACLs too
}

func readRoot(dir string) (m rootMeta, err error) {
	info, err := os.Stat(dir)
	if err != nil {
		return m, err
	}
	m.ModTime = info.ModTime()
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		m.Mode, m.UID, m.GID = st.Mode&0o7777, int(st.Uid), int(st.Gid)
	}
	if m.Xattrs, err = readXattrs(dir); err != nil {
		return m, fmt.Errorf("read the extended attributes of %s: %w", dir, err)
	}
	return m, nil
}

// giveTo gives a folder what m says, as far as the account may.
func (m rootMeta) giveTo(dir string) error {
	root := os.Geteuid() == 0
	if root {
		if err := os.Chown(dir, m.UID, m.GID); err != nil {
			return err
		}
	}
	if err := unix.Chmod(dir, m.Mode&0o7777); err != nil {
		return &os.PathError{Op: "chmod", Path: dir, Err: err}
	}
	for name, value := range m.Xattrs {
		if err := unix.Setxattr(dir, name, value, 0); err != nil && (root || !errors.Is(err, unix.EPERM)) && !errors.Is(err, unix.ENOTSUP) {
			return fmt.Errorf("set the extended attribute %s of %s: %w", name, dir, err)
		}
	}
	return os.Chtimes(dir, time.Time{}, m.ModTime)
}

func saveRoot(view, folder string) error {
	m, err := readRoot(view)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, rootName), append(b, '\n'), 0o600)
}

// restoreRoot gives into what saveRoot saw.
func restoreRoot(folder, into string) error {
	b, err := os.ReadFile(filepath.Join(folder, rootName))
	if err != nil {
		return err
	}
	var m rootMeta
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Join(folder, rootName), err)
	}
	return m.giveTo(into)
}

// readXattrs follows no symlink. Where there can be none, there are none.
func readXattrs(path string) (map[string][]byte, error) {
	names, err := xattr.List(path)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	out := map[string][]byte{}
	for _, name := range names {
		value, err := xattr.Get(path, name)
		if errors.Is(err, unix.ENODATA) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	return out, nil
}
