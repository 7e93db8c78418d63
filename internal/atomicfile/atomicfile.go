// Package atomicfile replaces files so that a reader, a crash or a full disk
// sees either the old content or the new, never a part. What an existing file
// is besides its bytes stays: mode, owner, group, ACL, extended attributes.
//
// It is own code rather than google/renameio because DSS's files ask for more:
// the content is written to a file without a name (O_TMPFILE), so that a
// SIGKILL leaves no half-written file with secrets beside the real one; owner
// and ACL are kept; a symlink is followed; the folder is synced.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Write creates the file at path with this content, or replaces its content.
// An existing file keeps its mode, owner, group, ACL and extended attributes;
// a new one gets exactly perm, whatever the umask. A symlink at path stays,
// and the file that it leads to is replaced. Another hard link to the old file
// keeps the old content.
//
// When Write returns nil the content and the name are on disk. On an error
// before the rename, path is as it was and nothing is left beside it. Where the
// owner or the ACL cannot be kept, that is such an error; Check tells it before.
// A group that cannot be kept is no error: the file then has one of the
// account's, which gets no more than everybody else. Replace tells that.
func Write(path string, data []byte, perm fs.FileMode) error {
	_, err := Replace(path, data, perm)
	return err
}

// Replace is Write, and says whether the file has lost its group.
func Replace(path string, data []byte, perm fs.FileMode) (lostGroup bool, err error) {
	if lostGroup, err = write(path, data, perm); err != nil {
		return lostGroup, fmt.Errorf("write %s: %w", path, err)
	}
	return lostGroup, nil
}

func write(path string, data []byte, perm fs.FileMode) (lostGroup bool, err error) {
	target, err := follow(path)
	if err != nil {
		return false, err
	}
	old, err := lookAt(target)
	if err != nil {
		return false, err
	}
	temp, err := openTemp(filepath.Dir(target), filepath.Base(target))
	if err != nil {
		return false, err
	}
	defer func() {
		err = errors.Join(err, temp.discard())
	}()
	if _, err := temp.file.Write(data); err != nil {
		return false, err
	}
	if old == nil {
		err = temp.file.Chmod(perm)
	} else {
		lostGroup, err = old.copyTo(temp.file)
	}
	if err != nil {
		return lostGroup, err
	}
	if err := temp.file.Sync(); err != nil {
		return lostGroup, err
	}
	if err := temp.rename(target); err != nil {
		return lostGroup, err
	}
	return lostGroup, SyncDir(filepath.Dir(target))
}

// maxLinks is the kernel's own bound on symlinks in a row.
const maxLinks = 40

// follow returns the path that path leads to when its last element is a
// symlink, also where nothing is there yet.
func follow(path string) (string, error) {
	for range maxLinks {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return path, nil
		}
		to, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(to) {
			// The kernel resolves the link from the folder it is really in.
			dir, err := filepath.EvalSymlinks(filepath.Dir(path))
			if err != nil {
				return "", err
			}
			to = filepath.Join(dir, to)
		}
		path = to
	}
	return "", &fs.PathError{Op: "follow", Path: path, Err: syscall.ELOOP}
}

// SyncDir makes the names in a folder durable: what was created, renamed or
// removed in it. File systems that cannot do so are taken as they are.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync the folder: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return fmt.Errorf("sync the folder: %w", err)
	}
	return nil
}

// Remove removes a file, symlink or empty folder, durably. An absent one is an
// error that is fs.ErrNotExist.
func Remove(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}
