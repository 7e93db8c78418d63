package dss

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dssctl/dssctl/internal/atomicfile"
)

// EnsureCompanion makes the companion folder, for its owner alone, and returns
// the path below it, made as well. The error is a *CompanionError.
func (in *Instance) EnsureCompanion(elem ...string) (string, error) {
	path := filepath.Join(append([]string{in.companion}, elem...)...)
	if err := makePrivate(in.companion); err != nil {
		return "", &CompanionError{Companion: in.companion, Err: err}
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", &CompanionError{Companion: in.companion, Err: err}
	}
	return path, nil
}

// makePrivate makes the folder, or takes an existing one away from others.
func makePrivate(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		return atomicfile.SyncDir(filepath.Dir(dir))
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("it exists and is no folder")}
	}
	if info.Mode().Perm()&0o077 != 0 {
		return os.Chmod(dir, 0o700)
	}
	return nil
}
