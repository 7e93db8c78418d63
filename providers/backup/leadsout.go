package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/realpath"
	"github.com/dssctl/dssctl/providers/backup/exclude"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/owners"
)

// A set may hold links that lead out of the data directory that it is of. Back in
// that place they are right. An instance at another place would work through them
// on what may be the original's.

// settler goes over what was unpacked for an instance at another place.
type settler struct {
	in     string // where it was unpacked to
	place  string // where it will be
	from   string // the data directory that the set is of
	notice func(string)
}

// settle gives links that lead into the original their like in the new place, and
// refuses those through which the new instance would work on what is another's.
func (c *call) settle(e set.Entry) error {
	s := settler{in: c.staging(), place: c.Instance.DataDir, from: e.Manifest.DataDir, notice: c.Notice}
	if realpath.Same(s.place, s.from) {
		return nil // it comes back to where it was
	}
	var bad []error
	err := filepath.WalkDir(s.in, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink == 0 {
			return err
		}
		rel, err := filepath.Rel(s.in, path)
		if err == nil {
			err = s.link(path, rel)
		}
		var refused *sharedError
		if errors.As(err, &refused) {
			bad = append(bad, err)
			return nil
		}
		return err
	})
	if err == nil && len(bad) > 0 {
		err = fmt.Errorf("%w; an instance made of the set %s at another place would work on that. Clone the instance instead (origin \"clone\" copies what links lead to), or take the files out with --to", errors.Join(bad...), e.ID)
	}
	return err
}

// sharedError says that a link must not be in a new instance.
type sharedError struct{ rel, real, why string }

func (e *sharedError) Error() string {
	return fmt.Sprintf("%s is a link to %s, %s", e.rel, e.real, e.why)
}

func (s *settler) link(path, rel string) error {
	text, err := os.Readlink(path)
	if err != nil {
		return err
	}
	if inner, ok := s.inOriginal(text); ok {
		to, err := filepath.Rel(filepath.Dir(rel), inner)
		if err != nil {
			return err
		}
		return replaceLink(path, to)
	}
	words := text
	if !filepath.IsAbs(text) {
		words = filepath.Join(s.place, filepath.Dir(rel), text)
	}
	resolved := realpath.Resolve(words)
	if realpath.Inside(words, s.place) && realpath.Inside(resolved, s.place) {
		return nil
	}
	return s.outside(path, rel, resolved)
}

// inOriginal returns where in a data directory the words of a link lead that go
// into the original.
func (s *settler) inOriginal(text string) (string, bool) {
	for _, from := range []string{s.from, realpath.Resolve(s.from)} {
		if rel, err := filepath.Rel(from, text); err == nil && filepath.IsAbs(text) && s.from != "" && filepath.IsLocal(rel) {
			return rel, true
		}
	}
	return "", false
}

// outside decides about a link that leads out of the new place.
func (s *settler) outside(path, rel, resolved string) error {
	top, _, deeper := strings.Cut(rel, "/")
	must := slices.Contains(exclude.Protected(), top)
	if owners.OfSystem(resolved) || deeper && !must {
		return nil
	}
	info, err := os.Stat(resolved)
	here := err == nil
	whose := owners.Found(resolved)
	switch {
	case slices.ContainsFunc(whose, func(h owners.Holding) bool { return h.Kind == owners.Kit }):
		return nil // DSS's installer makes these links
	case must && deeper && here && info.Mode().IsRegular():
		return s.takeContent(path, rel, resolved)
	case must && (here || !deeper):
		return &sharedError{rel, resolved, "and the set does not hold its content"}
	case deeper:
		return nil // to what is not there
	case temporary(top):
		return replaceByFolder(path)
	case len(whose) > 0:
		return &sharedError{rel, resolved, "which is in " + whose[0].String()}
	case owners.Uses(s.from, resolved):
		return &sharedError{rel, resolved, fmt.Sprintf("which %s, of which the set is, works on", s.from)}
	}
	s.notice(fmt.Sprintf("%s is a link to %s, and stays one: no instance that dssctl knows works on that", rel, resolved))
	return nil
}

// temporary reports whether DSS or its installer makes a folder's content.
func temporary(top string) bool {
	return top == "pyenv" || slices.ContainsFunc(exclude.Classes(), func(c exclude.Class) bool {
		return c.Name == "temporary" && slices.Contains(c.All(), top)
	})
}

// takeContent puts a copy of the file that a link leads to in its place.
func (s *settler) takeContent(path, rel, resolved string) error {
	data, err := os.ReadFile(resolved)
	if err != nil {
		return &sharedError{rel, resolved, fmt.Sprintf("which cannot be read: %v", err)}
	}
	s.notice(fmt.Sprintf("%s was a link to %s: it has the content that is there now", rel, resolved))
	return instead(path, func() error { return os.WriteFile(path, data, 0o600) })
}

func replaceByFolder(path string) error {
	return instead(path, func() error { return os.Mkdir(path, 0o755) })
}

// instead makes something in the place of a link, also in a folder that nobody may
// write to.
func instead(path string, put func() error) (err error) {
	above := filepath.Dir(path)
	info, err := os.Stat(above)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o300 != 0o300 {
		if err := os.Chmod(above, 0o700); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.Chmod(above, info.Mode().Perm())) }()
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	err = put()
	return errors.Join(err, os.Chtimes(above, time.Time{}, info.ModTime()))
}

// replaceLink gives a link other words and keeps its time.
func replaceLink(path, to string) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	if err := instead(path, func() error { return os.Symlink(to, path) }); err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}
