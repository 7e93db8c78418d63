// Package set is a folder of backup sets: what one block `backup` has kept. A
// set is a folder with a manifest, checksums, and what the method and pg_dump
// wrote. It is made under another name and becomes visible by one rename, so
// that one that was interrupted never counts; it goes in the same way.
//
//	DESTINATION/
//	  dssctl-backup.json            whose sets these are
//	  20261125-061500-4f2a/         a set
//	    manifest.json               what it is of
//	    datadir.tar.zst …           what the method wrote
//	    postgresql.dump             with external runtime databases
//	    SHA256SUMS                  of the files above; `sha256sum -c` reads it
//	    DAMAGED, INCOMPLETE,        why it does not count, after a verification
//	    RESTORE-FAILED              or a restore test
//	  .part-20261126-061500-09c1/   one that is being made
//	  .gone-…/                      one that is being removed
package set

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/lazyregexp"
)

const (
	partPrefix = ".part-"
	gonePrefix = ".gone-"
)

// Store is a destination.
type Store struct{ Dir string }

// validID is the shape of a run's id, which names the set that it makes.
var validID = lazyregexp.New(`^[0-9]{8}-[0-9]{6}-[0-9a-f]{4}$`)

// ValidID reports whether id can name a set: it becomes a folder, so nothing
// else may get through.
func ValidID(id string) bool { return validID.MatchString(id) }

// Folder is the folder of a published set.
func (s Store) Folder(id string) string { return filepath.Join(s.Dir, id) }

// Part is the folder of the set while it is made.
func (s Store) Part(id string) string { return filepath.Join(s.Dir, partPrefix+id) }

// Begin makes the unfinished folder, or finds it.
func (s Store) Begin(id string) (string, error) {
	if !ValidID(id) {
		return "", fmt.Errorf("%q cannot name a backup set", id)
	}
	part := s.Part(id)
	if err := os.MkdirAll(part, 0o700); err != nil {
		return "", fmt.Errorf("begin a backup set in %s: %w", s.Dir, err)
	}
	return part, nil
}

// Publish makes the set visible. Everything in it must be on disk already but
// for the folder itself. A set that is published already is no error.
func (s Store) Publish(id string) error {
	if published(s.Folder(id)) {
		return nil
	}
	if err := atomicfile.SyncDir(s.Part(id)); err != nil {
		return fmt.Errorf("publish the backup set %s: %w", id, err)
	}
	if err := os.Rename(s.Part(id), s.Folder(id)); err != nil {
		return fmt.Errorf("publish the backup set %s: %w", id, err)
	}
	return atomicfile.SyncDir(s.Dir)
}

func published(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, SumsName))
	return err == nil
}

// Abandon removes the unfinished folder.
func (s Store) Abandon(id string) error {
	if !ValidID(id) {
		return fmt.Errorf("%q cannot name a backup set", id)
	}
	if err := RemoveAll(s.Part(id)); err != nil {
		return fmt.Errorf("remove the unfinished backup set %s: %w", id, err)
	}
	return nil
}

// Remove removes a published set. From the first moment on it is not listed any
// more, so that half of one is never taken for a whole one.
func (s Store) Remove(id string) error {
	if !ValidID(id) {
		return fmt.Errorf("%q cannot name a backup set", id)
	}
	gone := filepath.Join(s.Dir, gonePrefix+id)
	if err := os.Rename(s.Folder(id), gone); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the backup set %s: %w", id, err)
	}
	if err := atomicfile.SyncDir(s.Dir); err != nil {
		return fmt.Errorf("remove the backup set %s: %w", id, err)
	}
	if err := RemoveAll(gone); err != nil {
		return fmt.Errorf("remove the backup set %s: %w", id, err)
	}
	return nil
}

// Sweep removes what dead runs left, but for the unfinished set current, and
// returns the ids of sets that were never finished. It is for the one run that
// may use the destination.
func (s Store) Sweep(current string) (unfinished []string, err error) {
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for unfinished backup sets in %s: %w", s.Dir, err)
	}
	var errs []error
	for _, e := range entries {
		name := e.Name()
		part, isPart := strings.CutPrefix(name, partPrefix)
		gone, isGone := strings.CutPrefix(name, gonePrefix)
		switch {
		case isPart && ValidID(part) && part != current:
			unfinished = append(unfinished, part)
		case isGone && ValidID(gone):
		default:
			continue
		}
		errs = append(errs, RemoveAll(filepath.Join(s.Dir, name)))
	}
	return unfinished, errors.Join(errs...)
}

// RemoveAll removes a tree whose folders may forbid it: a generation of rsync
// keeps the modes of the original.
func RemoveAll(path string) error { return atomicfile.RemoveAll(path) }

// Entry is a set that is there.
type Entry struct {
	ID       string
	Folder   string
	Manifest Manifest
	// Broken says why the set cannot be used, see StateOf; nil for one that looks
	// good. Its content was not read.
	Broken error
}

// List returns the published sets, the newest first. A destination that is not
// there has none.
func (s Store) List() ([]Entry, error) {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the backup sets in %s: %w", s.Dir, err)
	}
	var out []Entry
	for _, e := range entries {
		if !e.IsDir() || !ValidID(e.Name()) {
			continue
		}
		out = append(out, s.entry(e.Name()))
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(b.ID, a.ID) })
	return out, nil
}

// Get returns one set.
func (s Store) Get(id string) (Entry, error) {
	if !ValidID(id) {
		return Entry{}, fmt.Errorf("%q is no name of a backup set: they look like 20261125-061500-4f2a, see `dssctl backup list`", id)
	}
	if _, err := os.Stat(s.Folder(id)); errors.Is(err, fs.ErrNotExist) {
		return Entry{}, fmt.Errorf("there is no backup set %s in %s: `dssctl backup list` shows those that are", id, s.Dir)
	}
	e := s.entry(id)
	return e, e.Broken
}

func (s Store) entry(id string) Entry {
	e := Entry{ID: id, Folder: s.Folder(id)}
	e.Manifest, e.Broken = readChecked(e.Folder)
	if e.Broken == nil {
		e.Broken = marked(e.Folder)
	}
	if e.Broken != nil && unreadable(e.Broken) {
		e.Broken = &StateError{Set: id, State: Unknown, Why: e.Broken.Error()}
	}
	if e.Broken == nil && e.Manifest.ID != id {
		e.Broken = fmt.Errorf("the folder %s holds the set %s: somebody renamed it", e.Folder, e.Manifest.ID)
	}
	return e
}
