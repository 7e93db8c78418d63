package set

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dssctl/dssctl/internal/atomicfile"
)

// DamagedName is the file that a verification leaves in a set that is not what
// was written: such a set does not count, whatever becomes of dssctl's state.
const DamagedName = "DAMAGED"

// DamagedError says that a verification found a set damaged.
type DamagedError struct{ Set, Why string }

func (e *DamagedError) Error() string {
	return fmt.Sprintf("a verification found the set %s damaged: %s", e.Set, e.Why)
}

// MarkDamaged makes the set not count any more.
func (s Store) MarkDamaged(id, why string) error {
	return atomicfile.Write(filepath.Join(s.Folder(id), DamagedName), []byte(why+"\n"), 0o600)
}

// MarkGood takes that back: the set was verified, and is whole.
func (s Store) MarkGood(id string) error {
	if err := os.Remove(filepath.Join(s.Folder(id), DamagedName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("mark the set %s as good again: %w", id, err)
	}
	return nil
}

func damage(folder string) error {
	raw, err := readBounded(filepath.Join(folder, DamagedName), 1<<16)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return &DamagedError{Set: filepath.Base(folder), Why: strings.TrimSpace(string(raw))}
}
