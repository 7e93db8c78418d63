package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// keptRuns is how many runs' safety backups are kept in any case.
const keptRuns = 3

// pruneSafety removes the safety backups of all but the newest runs, and what
// broken-off removals left. Those of needed runs are never removed: of one for
// each instance at the most, the newest that can still be undone, and of the run
// at work. The names of runs are in the order of their times.
func pruneSafety(companion string, needed map[string]bool) error {
	root := safetyRoot(companion)
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for old safety backups: %w", err)
	}
	var runs []string
	var errs []error
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), partPrefix):
			errs = append(errs, os.RemoveAll(filepath.Join(root, e.Name())))
		case e.IsDir():
			runs = append(runs, e.Name())
		}
	}
	slices.Sort(runs)
	for _, run := range runs[:max(0, len(runs)-keptRuns)] {
		if needed[run] {
			continue
		}
		// Half removed it must not look like a backup.
		gone := filepath.Join(root, partPrefix+run)
		if err := os.Rename(filepath.Join(root, run), gone); err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, os.RemoveAll(gone))
	}
	return errors.Join(errs...)
}
