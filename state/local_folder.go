package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/dssctl/dssctl/internal/atomicfile"
)

const (
	folderMode fs.FileMode = 0o700
	fileMode   fs.FileMode = 0o600
)

// check looks at the folder without creating it; false when there is none.
func (l *Local) check() (bool, error) {
	fi, err := os.Stat(l.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("open the state folder: %w", err)
	case !fi.IsDir():
		return false, fmt.Errorf("open the state folder %s: it is a file, expected a folder; move it away", l.dir)
	}
	return true, l.tighten(l.dir, fi, folderMode)
}

// ensure makes the folder.
func (l *Local) ensure() error {
	there, err := l.check()
	if err != nil || there {
		return err
	}
	if err := os.Mkdir(l.dir, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the state folder beside the estate's files, which the account that runs dssctl must be able to write: %w", err)
	}
	return atomicfile.SyncDir(filepath.Dir(l.dir))
}

// tighten refuses what another user owns and takes away rights that are too
// wide.
func (l *Local) tighten(path string, fi fs.FileInfo, mode fs.FileMode) error {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && int(st.Uid) != l.uid {
		return fmt.Errorf("%s belongs to the user with id %d, and dssctl runs as id %d: run dssctl as that user, or give the folder %s to this one (chown -R)",
			path, st.Uid, l.uid, l.dir)
	}
	if fi.Mode().Perm()&^mode == 0 {
		return nil
	}
	if err := os.Chmod(path, fi.Mode().Perm()&mode); err != nil {
		return fmt.Errorf("%s can be read by others (mode %#o), and taking that away failed: %w", path, fi.Mode().Perm(), err)
	}
	l.notice("%s could be read by others (mode %#o): set to %#o", path, fi.Mode().Perm(), fi.Mode().Perm()&mode)
	return nil
}

// read returns a file's content; nil when there is none.
func (l *Local) read(name string) ([]byte, error) {
	path := l.path(name)
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("read the state: %s is no plain file; move it away", path)
	}
	if err := l.tighten(path, fi, fileMode); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	if b == nil {
		b = []byte{}
	}
	return b, nil
}
