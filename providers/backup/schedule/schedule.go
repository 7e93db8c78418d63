// Package schedule has a command line run at times of the day: by an entry in
// the account's crontab, or by a systemd timer. It installs, observes and
// removes exactly one thing for each id, says when that was edited by hand, and
// can put back what was there. What others wrote stays byte for byte.
package schedule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/providers/backup/schedule/cron"
)

// Entry is a command line and when it runs. It holds no secret: crontabs and
// unit files are read by others.
type Entry struct {
	ID      string   `json:"id"`
	Expr    string   `json:"expr"` // see cron.Parse
	Command []string `json:"command"`
	Dir     string   `json:"dir"` // where the command runs
	// Environment is given to the command. Without PATH it gets DefaultPath.
	Environment map[string]string `json:"environment,omitempty"`
}

// DefaultPath is where programs are looked for: cron's own is too short for
// what lies in /usr/local/bin or /usr/sbin.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Scheduler installs, observes and removes entries. Everything may be done
// twice, and again after a crash anywhere.
type Scheduler interface {
	// Check looks whether entries can be installed at all. It changes nothing.
	Check(ctx context.Context) error
	// Observe returns the entry that is there, nil for none, or for one that
	// can no longer be read as an entry. drift says in words what is not as
	// dssctl writes it; "" for nothing.
	Observe(ctx context.Context, id string) (found *Entry, drift string, err error)
	// Save returns what is there of an id, for Restore.
	Save(ctx context.Context, id string) (Saved, error)
	// Install makes the entry, or replaces the one of the same id.
	Install(ctx context.Context, e Entry) error
	// Remove removes the entry; an absent one is no error.
	Remove(ctx context.Context, id string) error
	// Files are those that Install and Remove write themselves, by their paths.
	Files(id string) []string
	// Restore puts back what Save returned.
	Restore(ctx context.Context, id string, s Saved) error
}

// Saved is what was there of an id: plain data, for a receipt.
type Saved struct {
	// Texts are the bytes: of the block in a crontab ("crontab"), or of the
	// unit files by name.
	Texts map[string]string `json:"texts,omitempty"`
	// Line is how many lines of the crontab were before the block.
	Line int `json:"line,omitempty"`
	// Enabled and Active are those of the timer.
	Enabled bool `json:"enabled,omitempty"`
	Active  bool `json:"active,omitempty"`
}

// Options are what schedulers are made with.
type Options struct {
	Runner proc.Runner
	Clock  clock.Clock
	// TempDir is for short-lived files; os.TempDir() when "".
	TempDir string
	// Home is the account's, locked while its crontab is edited; "" for no lock.
	Home string
	// Units is the folder of the unit files: /etc/systemd/system, or
	// ~/.config/systemd/user.
	Units string
	// User says that the units are those of the account's own systemd.
	User bool
	// Account runs the command of a system unit.
	Account string
	// Sudo is put in front of what needs root; empty where dssctl may itself.
	Sudo []string
}

// commandTimeout bounds crontab and systemctl, which answer at once.
const commandTimeout = time.Minute

var (
	idForm   = lazyregexp.New(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$`)
	unfit    = lazyregexp.New(`[^A-Za-z0-9_.]+`)
	nameForm = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// ID makes an id of a name, such as an address and a data directory. Names that
// differ get ids that differ.
func ID(name string) string {
	id := strings.Trim(unfit.ReplaceAllString(name, "-"), "-.")
	if id == name && idForm.MatchString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(name))
	readable := strings.TrimRight(id[:min(len(id), 80)], "-.")
	return strings.TrimLeft(readable+"-"+hex.EncodeToString(sum[:4]), "-")
}

// CheckID says what is wrong with an id.
func CheckID(id string) error {
	if !idForm.MatchString(id) {
		return fmt.Errorf("schedule: the id %q cannot be used: expected 1 to 100 of A-Z a-z 0-9 _ . -, not beginning with . or -", id)
	}
	return nil
}

// Check says what is wrong with an entry. The same holds for all schedulers, so
// that an entry can move from one to the other.
func (e Entry) Check() error {
	wrong := []error{CheckID(e.ID)}
	if _, err := cron.Parse(e.Expr); err != nil {
		wrong = append(wrong, err)
	}
	if len(e.Command) == 0 {
		wrong = append(wrong, errors.New("the command is empty"))
	} else if !filepath.IsAbs(e.Command[0]) {
		wrong = append(wrong, fmt.Errorf("the program %q is not absolute: schedulers have a PATH of their own", e.Command[0]))
	}
	if !filepath.IsAbs(e.Dir) {
		wrong = append(wrong, fmt.Errorf("the folder %q is not absolute", e.Dir))
	}
	for _, text := range append(slices.Clone(e.Command), e.Dir) {
		wrong = append(wrong, checkText(text))
	}
	if e.Dir != strings.TrimSpace(e.Dir) {
		wrong = append(wrong, fmt.Errorf("the folder %q begins or ends with a space, which unit files cannot say", e.Dir))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Environment)) {
		if !nameForm.MatchString(name) {
			wrong = append(wrong, fmt.Errorf("the variable %q has no valid name", name))
		}
		wrong = append(wrong, checkText(e.Environment[name]))
	}
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("the schedule %q cannot be installed: %w", e.ID, err)
	}
	return nil
}

// checkText refuses what crontabs cannot hold, or hold differently by the cron
// program: some take \\ for \, and some do not.
func checkText(s string) error {
	switch {
	case !utf8.ValidString(s):
		return fmt.Errorf("%q is not UTF-8", s)
	case strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%q holds a control character", s)
	case strings.Contains(s, `\`):
		return fmt.Errorf(`%q holds a \, which cron programs read differently`, s)
	}
	return nil
}

// normal is the entry as it is read back.
func (e Entry) normal() Entry {
	if x, err := cron.Parse(e.Expr); err == nil {
		e.Expr = x.String()
	}
	e.Environment = maps.Clone(e.Environment)
	if e.Environment == nil {
		e.Environment = map[string]string{}
	}
	if e.Environment["PATH"] == "" {
		e.Environment["PATH"] = DefaultPath
	}
	return e
}

// Equal reports whether two entries do the same.
func (e Entry) Equal(o Entry) bool {
	a, b := e.normal(), o.normal()
	return a.ID == b.ID && a.Expr == b.Expr && a.Dir == b.Dir && slices.Equal(a.Command, b.Command) && maps.Equal(a.Environment, b.Environment)
}

// variables returns "NAME=value", sorted.
func (e Entry) variables() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(e.Environment)) {
		out = append(out, name+"="+e.Environment[name])
	}
	return out
}

// read puts "NAME=value" into the environment.
func (e *Entry) read(variable string) bool {
	name, value, ok := strings.Cut(variable, "=")
	if !ok || !nameForm.MatchString(name) {
		return false
	}
	if e.Environment == nil {
		e.Environment = map[string]string{}
	}
	e.Environment[name] = value
	return true
}

// difference names the first line that is not as it should be.
func difference(what, found, want string) string {
	f, w := strings.Split(found, "\n"), strings.Split(want, "\n")
	for i := range max(len(f), len(w)) {
		switch {
		case i >= len(f) || i >= len(w) || f[i] != w[i]:
			return fmt.Sprintf("%s was edited by hand: line %d is %s; dssctl writes %s", what, i+1, lineOf(f, i), lineOf(w, i))
		}
	}
	return ""
}

func lineOf(lines []string, i int) string {
	if i >= len(lines) {
		return "not there"
	}
	return fmt.Sprintf("%q", lines[i])
}
