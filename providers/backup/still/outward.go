package still

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/realpath"
)

// Treatment says what a copy gets in the place of a link that leads out of what
// is copied.
type Treatment int

const (
	// Keep makes a link that leads to the same place.
	Keep Treatment = iota
	// Follow copies what the link leads to, as if it were there itself.
	Follow
	// Empty makes an empty folder.
	Empty
)

// Links say how a copy treats links. Those that stay inside are kept, and lead to
// their like in the copy, never back into the original.
type Links struct {
	// Live is the folder itself, where what is read is a view of it; "" for none.
	Live string
	// Out decides about a link that leads out of the folder, to a file or folder:
	// rel is its path in the folder, path is where it leads, without links. One
	// that leads to nothing, or to a device, is kept.
	Out func(rel, path string) (Treatment, error)
}

// outward knows, while a tree is read, where its links lead. It is safe for use
// from several goroutines.
type outward struct {
	Links
	mu sync.RWMutex
	// roots are folders whose content is in the copy, by their real paths: where.
	roots map[string]string
	top   string // what is read, without links
	to    string // the copy; "" where none is made
}

// newOutward looks at the links at the top first: whatever else leads into what
// they lead to stays inside.
func newOutward(from, to string, l Links) (*outward, error) {
	o := &outward{Links: l, top: realpath.Resolve(from), to: to, roots: map[string]string{}}
	o.roots[o.top] = "."
	if l.Live != "" {
		o.roots[realpath.Resolve(l.Live)] = "."
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 {
			continue
		}
		if _, err := o.look(filepath.Join(from, e.Name()), e.Name()); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// seen is what a link turned out to be.
type seen struct {
	treatment Treatment
	real      string // where it leads
	folder    bool   // that is a folder
}

// look decides about the link at a path, which is rel in the copy.
func (o *outward) look(path, rel string) (seen, error) {
	s := seen{real: realpath.Resolve(path)}
	at, in := o.mapped(s.real)
	if in && at != rel {
		return s, nil
	}
	info, err := os.Stat(s.real)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ELOOP) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("%s leads out of %s, to what cannot be looked at: %w", rel, o.top, err)
	}
	s.folder = info.IsDir()
	if !s.folder && !info.Mode().IsRegular() {
		return s, nil // such as /dev/null
	}
	if s.treatment, err = o.Out(rel, s.real); err != nil || s.treatment != Follow {
		return s, err
	}
	if !s.folder {
		return s, nil
	}
	for what, dir := range map[string]string{"the data directory itself": o.home(), "the copy": o.to} {
		if dir != "" && realpath.Inside(dir, s.real) {
			return s, fmt.Errorf("%s leads to %s, which holds %s (%s), so it cannot be copied: put a folder in the place of the link, or choose another place for the copy", rel, s.real, what, dir)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, known := o.roots[s.real]; !known {
		o.roots[s.real] = rel
	}
	return s, nil
}

func (o *outward) home() string {
	if o.Live != "" {
		return o.Live
	}
	return o.top
}

// mapped returns where in the copy something of this real path is.
func (o *outward) mapped(path string) (string, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for dir := path; ; dir = filepath.Dir(dir) {
		if at, ok := o.roots[dir]; ok {
			rel, err := filepath.Rel(dir, path)
			return filepath.Join(at, rel), err == nil
		}
		if dir == filepath.Dir(dir) {
			return "", false
		}
	}
}

// text is what a link says in the copy: what it says in the original wherever
// that leads to the right place.
func (o *outward) text(path, rel, text string) string {
	above := filepath.Dir(rel)
	here := filepath.Join(above, text) // where the words of a relative link lead
	relative := !filepath.IsAbs(text)
	inTree := realpath.Resolve(filepath.Dir(path)) == filepath.Join(o.top, above)
	if relative && inTree && filepath.IsLocal(here) {
		return text
	}
	words := text
	if relative {
		words = filepath.Join(realpath.Resolve(filepath.Dir(path)), text)
	}
	// By its own words first: what it leads to may be a link, too.
	for _, target := range []string{filepath.Clean(words), realpath.Resolve(path)} {
		at, in := o.mapped(target)
		if !in {
			continue
		}
		if relative && at == here {
			return text
		}
		if to, err := filepath.Rel(above, at); err == nil {
			return to
		}
	}
	if relative {
		return filepath.Clean(words)
	}
	return text
}

// Measured is how large a copy will be.
type Measured struct {
	Bytes, Files int64
	// Followed are the links that are not copied as links.
	Followed []FollowedLink
}

// FollowedLink is a link in whose place a copy has something else.
type FollowedLink struct {
	Rel, Real string
	Treatment Treatment
	Bytes     int64
}

// Measure looks at what CopyTree would copy. Where ctx ends, what was seen till
// then is returned with its cause.
func Measure(ctx context.Context, from string, l Links) (Measured, error) {
	var m Measured
	o, err := newOutward(from, "", l)
	if err != nil {
		return m, err
	}
	// The names at the top are all seen before the first folder is gone into.
	err = o.measure(ctx, from, ".", &m)
	return m, err
}

// MeasureTop looks at the links at the top alone.
func MeasureTop(from string, l Links) ([]FollowedLink, error) {
	o, err := newOutward(from, "", l)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return nil, err
	}
	var out []FollowedLink
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 {
			continue
		}
		s, err := o.look(filepath.Join(from, e.Name()), e.Name())
		if err != nil {
			return nil, err
		}
		if s.treatment != Keep {
			out = append(out, FollowedLink{Rel: e.Name(), Real: s.real, Treatment: s.treatment})
		}
	}
	return out, nil
}

func (o *outward) measure(ctx context.Context, dir, rel string, m *Measured) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	type next struct{ dir, rel string }
	var below []next
	followed := map[string]int{}
	for _, e := range entries {
		path, at := filepath.Join(dir, e.Name()), filepath.Join(rel, e.Name())
		switch {
		case e.IsDir():
			below = append(below, next{path, at})
		case e.Type()&fs.ModeSymlink != 0:
			s, err := o.look(path, at)
			if err != nil {
				return err
			}
			if s.treatment == Keep {
				continue
			}
			m.Followed = append(m.Followed, FollowedLink{Rel: at, Real: s.real, Treatment: s.treatment})
			last := len(m.Followed) - 1
			switch {
			case s.treatment == Empty:
			case s.folder:
				followed[at] = last
				below = append(below, next{s.real, at})
			default:
				if info, err := os.Stat(s.real); err == nil && info.Mode().IsRegular() {
					m.Followed[last].Bytes = info.Size()
					m.Bytes, m.Files = m.Bytes+info.Size(), m.Files+1
				}
			}
		case e.Type().IsRegular():
			if info, err := e.Info(); err == nil {
				m.Bytes, m.Files = m.Bytes+info.Size(), m.Files+1
			}
		}
	}
	for _, n := range below {
		before := m.Bytes
		if err := o.measure(ctx, n.dir, n.rel, m); err != nil {
			return err
		}
		if i, ok := followed[n.rel]; ok {
			m.Followed[i].Bytes = m.Bytes - before
		}
	}
	return nil
}
