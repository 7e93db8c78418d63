package atomicfile

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// temp is a file that is not yet in its place. It has no name until rename,
// where the file system can do that.
type temp struct {
	file *os.File
	name string // where it shall be, or is, before the rename
	// linked says that name exists.
	linked bool
}

// openTemp opens a new file of mode 0600 in dir, to become base.
func openTemp(dir, base string) (*temp, error) {
	name := filepath.Join(dir, tempName(base))
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return &temp{file: os.NewFile(uintptr(fd), name), name: name}, nil
	}
	// Not every file system has nameless files. The error of this second try
	// is the one that tells, such as a folder that may not be written.
	return openNamed(name)
}

func openNamed(name string) (*temp, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &temp{file: f, name: name, linked: true}, nil
}

// maxName is the longest file name that Linux file systems take, in bytes.
const maxName = 255

func tempName(base string) string {
	tail := ".dssctl-" + rand.Text()
	if most := maxName - 1 - len(tail); len(base) > most {
		base = base[:most]
	}
	return "." + base + tail
}

// rename puts the file at target.
func (t *temp) rename(target string) error {
	if !t.linked {
		// A nameless file cannot replace another in one step: it gets a name
		// first, whole and synced as it is by now.
		self := "/proc/self/fd/" + strconv.Itoa(int(t.file.Fd()))
		err := unix.Linkat(unix.AT_FDCWD, self, unix.AT_FDCWD, t.name, unix.AT_SYMLINK_FOLLOW)
		if err != nil {
			return &fs.PathError{Op: "link", Path: t.name, Err: err}
		}
		t.linked = true
	}
	if err := os.Rename(t.name, target); err != nil {
		return err
	}
	t.linked = false
	return nil
}

// discard closes the file and removes its name, if it has one.
func (t *temp) discard() error {
	err := t.file.Close()
	if t.linked {
		err = errors.Join(err, os.Remove(t.name))
	}
	return err
}
