package exclude

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Concrete walks root as far as it is kept, and as far as a rule reaches, and
// returns the exact paths that are left out, relative and slash-separated, in
// the order of a walk: folders that stay empty, and names that are dropped.
// Programs that match patterns in their own way are given these. What vanishes
// meanwhile is not listed.
func (m *Matcher) Concrete(root string) (emptied, dropped []string, err error) {
	w := walk{m: m}
	if err := w.folder(root, nil); err != nil {
		return nil, nil, fmt.Errorf("look for what the backup of %s leaves out: %w", root, err)
	}
	return w.emptied, w.dropped, nil
}

type walk struct {
	m                *Matcher
	emptied, dropped []string
}

// folder lists one folder; at is its path as names, nil for the root.
func (w *walk) folder(dir string, at []string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && len(at) > 0 {
			return nil
		}
		return err
	}
	prefix := ""
	for _, name := range at {
		prefix += name + "/"
	}
	for _, e := range entries {
		rel := prefix + e.Name()
		switch w.m.Verdict(rel, e.IsDir()) {
		case KeepEmpty:
			w.emptied = append(w.emptied, rel)
		case Drop:
			w.dropped = append(w.dropped, rel)
		case Keep:
			below := append(slices.Clip(at), e.Name())
			if !e.IsDir() || !w.m.reaches(below) {
				continue
			}
			if err := w.folder(filepath.Join(dir, e.Name()), below); err != nil {
				return err
			}
		}
	}
	return nil
}

// reaches reports whether a rule may leave out something below a kept folder.
func (m *Matcher) reaches(folder []string) bool {
	if len(folder) == 1 && m.thinned[folder[0]] {
		return true
	}
	if isProtected(folder[0]) {
		return false
	}
	for _, g := range m.globs {
		if g.reaches(folder) {
			return true
		}
	}
	return false
}
