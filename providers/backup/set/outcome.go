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

// State is what is known of a published set.
type State string

// The states. Only a good set counts.
const (
	Good State = "good"
	// Damaged: it is not what was written.
	Damaged State = "damaged"
	// Incomplete: it is what was written, and lacks what every set must hold.
	Incomplete State = "incomplete"
	// RestoreFailed: it could not be restored for trial.
	RestoreFailed State = "restore failed"
	// Unknown: it cannot be read by this account, or by this dssctl, which says
	// nothing of the set.
	Unknown State = "unknown"
)

// marks are the files that a check leaves in a set that does not count, whatever
// becomes of dssctl's state. The first one found tells.
var marks = []struct {
	state State
	file  string
}{
	{Damaged, "DAMAGED"},
	{Incomplete, "INCOMPLETE"},
	{RestoreFailed, "RESTORE-FAILED"},
}

// StateError says why a set does not count.
type StateError struct {
	Set   string
	State State
	Why   string
}

func (e *StateError) Error() string {
	switch e.State {
	case Damaged:
		return fmt.Sprintf("a verification found the set %s damaged: %s", e.Set, e.Why)
	case RestoreFailed:
		return fmt.Sprintf("a restore test of the set %s failed: %s", e.Set, e.Why)
	case Unknown:
		return fmt.Sprintf("the set %s cannot be read here, which says nothing of the set itself: %s", e.Set, e.Why)
	default:
		return fmt.Sprintf("the set %s is %s: %s", e.Set, e.State, e.Why)
	}
}

// StateOf is the state that an Entry's Broken tells.
func StateOf(broken error) State {
	var e *StateError
	switch {
	case broken == nil:
		return Good
	case errors.As(broken, &e):
		return e.State
	case unreadable(broken):
		return Unknown
	}
	return Damaged
}

// State is what is known of the set.
func (e *Entry) State() State { return StateOf(e.Broken) }

// unreadable tells errors of the reader from those of what was read.
func unreadable(err error) bool {
	var newer *FormatError
	return errors.Is(err, fs.ErrPermission) || errors.As(err, &newer)
}

// Mark makes the set not count any more.
func (s Store) Mark(id string, state State, why string) error {
	for _, m := range marks {
		if m.state == state {
			return atomicfile.Write(filepath.Join(s.Folder(id), m.file), []byte(why+"\n"), 0o600)
		}
	}
	return fmt.Errorf("the set %s cannot be marked as %s", id, state)
}

// Unmark takes marks back.
func (s Store) Unmark(id string, states ...State) error {
	var errs []error
	for _, m := range marks {
		for _, state := range states {
			if m.state != state {
				continue
			}
			if err := os.Remove(filepath.Join(s.Folder(id), m.file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("take back that the set %s is %s: %w", id, state, err))
			}
		}
	}
	return errors.Join(errs...)
}

func isMark(name string) bool {
	for _, m := range marks {
		if m.file == name {
			return true
		}
	}
	return false
}

// marked returns what an earlier check found.
func marked(folder string) error {
	for _, m := range marks {
		raw, err := readBounded(filepath.Join(folder, m.file), 1<<16)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		return &StateError{Set: filepath.Base(folder), State: m.state, Why: strings.TrimSpace(string(raw))}
	}
	return nil
}
