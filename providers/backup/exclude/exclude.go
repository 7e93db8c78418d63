// Package exclude says what of a data directory a backup leaves out: named
// classes from DSS's documentation, and globs of the administrator's. A folder
// that is left out stays, empty; what nobody knows is kept; and what DSS cannot
// do without is kept whatever the rules say.
package exclude

import (
	"errors"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Rules are what is left out; the zero value leaves out nothing.
type Rules struct {
	Classes []string `json:"classes,omitempty"` // see Classes
	Globs   []string `json:"globs,omitempty"`   // relative to the data directory: "managed_folders/*/big", "**/*.bak"
}

// Verdict is what becomes of a name.
type Verdict int

// The verdicts.
const (
	Keep      Verdict = iota
	KeepEmpty         // a folder that stays, without its content
	Drop
)

// Matcher decides by compiled rules. It may be used by several goroutines.
type Matcher struct {
	rules Rules
	// emptied and thinned are the top-level folders of the classes, see Class.
	emptied, thinned map[string]bool
	// patterns are top-level folders that are known by a pattern only.
	patterns []string
	globs    []glob
}

// Own begins the names of dssctl's own folders at the top of a data directory
// that is a volume of its own, such as what a restore has replaced. They are
// never part of a backup.
const Own = ".dssctl-"

// Compile checks the rules. The error names each class and glob that is wrong.
func Compile(r Rules) (*Matcher, error) {
	m := &Matcher{rules: r, emptied: map[string]bool{}, thinned: map[string]bool{}}
	var wrong []error
	for _, name := range r.Classes {
		if err := CheckClass(name); err != nil {
			wrong = append(wrong, err)
			continue
		}
		m.add(classNamed(name))
	}
	for _, g := range r.Globs {
		if err := CheckGlob(g); err != nil {
			wrong = append(wrong, err)
			continue
		}
		m.globs = append(m.globs, split(g))
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return m, nil
}

func (m *Matcher) add(c Class) {
	for _, folder := range c.Folders {
		if strings.Contains(folder, "*") {
			m.patterns = append(m.patterns, folder)
			continue
		}
		m.emptied[folder] = true
	}
	for _, folder := range c.Thinned {
		m.thinned[folder] = true
	}
}

// Rules returns what the matcher was made from.
func (m *Matcher) Rules() Rules { return m.rules }

// Empty reports whether no rule leaves anything out.
func (m *Matcher) Empty() bool { return len(m.rules.Classes) == 0 && len(m.rules.Globs) == 0 }

// Verdict tells what becomes of a path relative to the data directory,
// slash-separated; dir is false for a symlink, whatever it leads to. It is asked
// for a folder before what is below it, and not for what is below a folder that
// is not kept.
func (m *Matcher) Verdict(rel string, dir bool) Verdict {
	if strings.HasPrefix(rel, Own) {
		return Drop
	}
	first, rest, below := strings.Cut(rel, "/")
	if v := m.byClass(first, rest, below, dir); v != Keep {
		return v
	}
	if len(m.globs) == 0 || isProtected(first) {
		return Keep
	}
	for _, g := range m.globs {
		if doublestar.MatchUnvalidated(g.text, rel) {
			return leftOut(dir)
		}
	}
	return Keep
}

func (m *Matcher) byClass(first, rest string, below, dir bool) Verdict {
	switch {
	case m.thinned[first]:
		switch {
		case !below:
			return Keep
		case !dir, strings.Contains(rest, "/"):
			return Drop
		default:
			return KeepEmpty
		}
	case m.emptied[first] || m.byPattern(first):
		switch {
		case below:
			return Drop
		case dir:
			return KeepEmpty
		}
		// A symlink to another disk is not what lies there: without it DSS
		// would begin to fill this one.
	}
	return Keep
}

func (m *Matcher) byPattern(first string) bool {
	for _, p := range m.patterns {
		if ok, err := path.Match(p, first); ok && err == nil {
			return true
		}
	}
	return false
}

func leftOut(dir bool) Verdict {
	if dir {
		return KeepEmpty
	}
	return Drop
}
