package dss

import (
	"errors"
	"io"
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

// TidyCompanion removes the folders that runs have left empty in the companion
// folder: those of a run in that of an aspect, and then that one. It looks no
// deeper, since what runs keep there may be large. The caller holds the lock.
func (in *Instance) TidyCompanion() error {
	aspects, err := folders(in.companion)
	errs := []error{err}
	for _, aspect := range aspects {
		runs, err := folders(aspect)
		errs = append(errs, err)
		for _, run := range runs {
			errs = append(errs, removeEmpty(run))
		}
		errs = append(errs, removeEmpty(aspect))
	}
	return errors.Join(errs...)
}

// folders are those in dir; none where dir is not there.
func folders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, err
}

// removeEmpty removes a folder in which nothing is, and leaves any other.
func removeEmpty(dir string) error {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Readdirnames(1); !errors.Is(err, io.EOF) {
		return err
	}
	return os.Remove(dir)
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
