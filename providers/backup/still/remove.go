package still

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// removeTree removes a folder of dssctl's own with all that is in it, also
// where the folders' modes, which are copies, forbid it. Unlike os.RemoveAll
// it can be cancelled.
func removeTree(ctx context.Context, path string) error {
	err := os.Remove(path)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	info, lerr := os.Lstat(path)
	if lerr != nil || !info.IsDir() {
		return err
	}
	if info.Mode().Perm()&0o700 != 0o700 {
		if err := os.Chmod(path, 0o700); err != nil {
			return err
		}
	}
	for {
		names, err := firstNames(path)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			return os.Remove(path)
		}
		for _, name := range names {
			if ctx.Err() != nil {
				return fmt.Errorf("remove %s: %w", path, context.Cause(ctx))
			}
			if err := removeTree(ctx, filepath.Join(path, name)); err != nil {
				return err
			}
		}
	}
}

// firstNames reads some names of a folder: as they are removed, the next call
// finds others.
func firstNames(path string) ([]string, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(batch)
	if len(names) > 0 {
		return names, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return nil, nil
}

// batch is how many names of a folder are held at once.
const batch = 1024
