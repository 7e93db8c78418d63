package method

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

func writable(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }

// beginRestore removes what a broken-off restore left.
func beginRestore(into, set string) error {
	if err := empty(into); err != nil {
		return fmt.Errorf("restore set %s: %w", set, err)
	}
	return nil
}

// endRestore looks whether all that was asked for is there: programs that find
// nothing of a name do not mind.
func endRestore(into, set string, paths []string) error {
	for _, p := range paths {
		if _, err := os.Lstat(filepath.Join(into, p)); err != nil {
			return fmt.Errorf("restore %q of set %s: the set does not hold it", p, set)
		}
	}
	return nil
}

// empty removes what is in a folder, which need not be there.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if err := removeAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// besideName is a folder inside the target, for programs that make the target
// themselves, or put the data directory further down.
const besideName = ".dssctl-restored"

// moveUp moves what is in from to into, and returns what belongs to from itself.
func moveUp(from, into string) (rootMeta, error) {
	m, err := readRoot(from)
	if err != nil {
		return m, err
	}
	if err := os.Chmod(from, 0o700); err != nil {
		return m, err
	}
	names, err := os.ReadDir(from)
	if err != nil {
		return m, err
	}
	for _, n := range names {
		if err := moveInto(filepath.Join(from, n.Name()), filepath.Join(into, n.Name())); err != nil {
			return m, err
		}
	}
	return m, nil
}

// moveInto is rename. A folder that may not be written to cannot be given
// another parent, unless by root.
func moveInto(old, name string) error {
	err := os.Rename(old, name)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	info, errInfo := os.Lstat(old)
	if errInfo != nil || !info.IsDir() {
		return err
	}
	if err := os.Chmod(old, 0o700); err != nil {
		return err
	}
	if err := os.Rename(old, name); err != nil {
		return err
	}
	return os.Chmod(name, info.Mode())
}

// putInPlace ends a restore that went to a folder inside the target.
func putInPlace(beside, into, set string, paths []string) error {
	top, err := moveUp(beside, into)
	if err == nil {
		err = os.Remove(beside)
	}
	if err != nil {
		return fmt.Errorf("restore set %s into %s: move everything to its place: %w", set, into, err)
	}
	if err := endRestore(into, set, paths); err != nil || len(paths) > 0 {
		return err
	}
	return top.giveTo(into)
}

// removeAll also removes folders whose mode forbids their owner to.
func removeAll(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(p, 0o700) // the removal below tells
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// clean checks paths that come from a command line.
func (s Selection) clean() ([]string, error) {
	var out []string
	for _, p := range s.Paths {
		c := path.Clean(p)
		if p == "" || c == "." || strings.HasPrefix(c, "/") || c == ".." || strings.HasPrefix(c, "../") || strings.ContainsRune(c, 0) {
			return nil, fmt.Errorf("restore %q: expected a path below the data directory, such as \"config/projects/SALES\"", p)
		}
		out = append(out, c)
	}
	return out, nil
}
