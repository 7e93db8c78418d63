package method

import (
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"strings"

	"github.com/dssctl/dssctl/providers/backup/exclude"
)

// escapeGlob makes a pattern that matches the name alone.
var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

func escapeGlob(name string) string { return globEscaper.Replace(name) }

// concrete returns what is left out of a view, by exact path.
func concrete(rules exclude.Rules, view string) (emptied, dropped []string, err error) {
	if len(rules.Classes)+len(rules.Globs) == 0 {
		return nil, nil, nil
	}
	m, err := exclude.Compile(rules)
	if err != nil {
		return nil, nil, err
	}
	return m.Concrete(view)
}

// changes are names with a bound on how many are kept.
type changes struct {
	names []string
	total int64
}

const keptNames = 20

func (c *changes) add(name string) {
	c.total++
	if len(c.names) < keptNames {
		c.names = append(c.names, name)
	}
}

// firstOf shows the first names of a list.
func firstOf(names []string) string {
	const shown = 3
	quoted := make([]string, 0, shown)
	for _, n := range names[:min(shown, len(names))] {
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	s := strings.Join(quoted, ", ")
	if more := len(names) - shown; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

func mapKeys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

// mustReal resolves symlinks where that is possible.
func mustReal(dir string) string {
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		return resolved
	}
	return dir
}
