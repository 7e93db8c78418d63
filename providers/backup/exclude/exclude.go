// Package exclude says what of a data directory a backup leaves out: named
// classes from DSS's documentation, and globs of the administrator's. A folder
// that is left out stays, empty; what nobody knows is kept.
package exclude

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

// Matcher decides by compiled rules.
type Matcher struct {
	rules Rules
}

// Compile checks the rules. The error names the class or glob that is wrong.
func Compile(r Rules) (*Matcher, error) { return &Matcher{rules: r}, nil }

// Verdict tells what becomes of a path relative to the data directory,
// slash-separated. It is asked for a folder before what is below it.
func (m *Matcher) Verdict(rel string, dir bool) Verdict { return Keep }

// Concrete walks root as far as it is kept and returns the exact paths that are
// left out: folders that stay empty, and names that are dropped. Programs that
// match patterns in their own way are given these.
func (m *Matcher) Concrete(root string) (emptied, dropped []string, err error) {
	return nil, nil, nil
}
