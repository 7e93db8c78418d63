package dsskit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// linkOut moves parts of a data directory elsewhere and leaves links to them, as administrators do whose disk is full.
func linkOut(dataDir string, links map[string]string) error {
	for name, target := range links {
		from, to := filepath.Join(dataDir, name), target
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(from), to)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return fmt.Errorf("link %s of an instance: %w", name, err)
		}
		if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("link %s of an instance: %s must not be there yet", name, to)
		}
		switch _, err := os.Lstat(from); {
		case errors.Is(err, fs.ErrNotExist):
			// The installer makes no such folder: it is made by whoever links it.
			err = os.Mkdir(to, 0o755)
			if err != nil {
				return fmt.Errorf("link %s of an instance: %w", name, err)
			}
		case err != nil:
			return fmt.Errorf("link %s of an instance: %w", name, err)
		default:
			// Also to another file system.
			if out, err := exec.Command("mv", from, to).CombinedOutput(); err != nil {
				return fmt.Errorf("link %s of an instance: %w\n%s", name, err, out)
			}
		}
		if err := os.Symlink(target, from); err != nil {
			return fmt.Errorf("link %s of an instance: %w", name, err)
		}
	}
	return nil
}
