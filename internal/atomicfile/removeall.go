package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dssctl/dssctl/internal/realpath"
)

// RemoveAll is os.RemoveAll that also gets into folders that nobody may write
// to: a copy keeps the modes of its original. It follows no link, and refuses
// before anything is removed where something is mounted at the folder, or in it:
// that is another's content.
func RemoveAll(path string) error {
	at := filepath.Join(realpath.Resolve(filepath.Dir(path)), filepath.Base(path)) // a link is removed as one
	if mounted := realpath.Look().In(at); len(mounted) > 0 {
		return fmt.Errorf("remove %s: something is mounted at %s, and what is there belongs elsewhere: nothing is removed; unmount it first (umount %s)", path, mounted[0], mounted[0])
	}
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	werr := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
		if d != nil && d.IsDir() {
			return os.Chmod(p, 0o700)
		}
		return nil
	})
	return errors.Join(werr, os.RemoveAll(path))
}
