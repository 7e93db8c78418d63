// Package realpath compares paths as the kernel sees them: links are followed,
// also those in the folders above what is not there yet, and a folder that is
// mounted at two places (a bind mount) is one folder. Words never tell whether two
// paths are one: whoever compares paths does it here.
//
// Start with Same and Inside. Everything only looks.
package realpath

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxLinks is the kernel's own bound on links in a row.
const maxLinks = 40

// Resolve returns the path without links, as far as it is there: what follows the
// last folder that is there stays as it is. A link that leads to nothing is
// followed to where that would be. Where it cannot be looked at, the words stay.
func Resolve(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	return resolve(abs, 0)
}

func resolve(path string, links int) string {
	if found, err := filepath.EvalSymlinks(path); err == nil {
		return found
	}
	if path == filepath.Dir(path) || links > maxLinks {
		return path
	}
	path = filepath.Join(resolve(filepath.Dir(path), links), filepath.Base(path))
	to, err := os.Readlink(path)
	if err != nil {
		return path
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(filepath.Dir(path), to)
	}
	return resolve(to, links+1)
}

// Same reports whether two paths lead to one file or folder, or would.
func Same(a, b string) bool {
	m := Look()
	return m.Inside(a, b) && m.Inside(b, a)
}

// Inside reports whether child is the folder parent, or in it.
func Inside(child, parent string) bool { return Look().Inside(child, parent) }

// Overlap reports whether one of two folders is the other, or in it.
func Overlap(a, b string) bool {
	m := Look()
	return m.Inside(a, b) || m.Inside(b, a)
}

// Inside reports whether child is the folder parent, or in it.
func (m *Mounts) Inside(child, parent string) bool {
	child, parent = Resolve(child), Resolve(parent)
	if below(child, parent) {
		return true
	}
	// A folder that is mounted elsewhere, too, has another path there.
	if is, err := os.Stat(parent); err == nil {
		for dir := child; ; dir = filepath.Dir(dir) {
			if info, err := os.Stat(dir); err == nil && os.SameFile(info, is) {
				return true
			} else if err != nil && !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
				break
			}
		}
	}
	c, p := m.spot(child), m.spot(parent)
	return c.known && p.known && c.volume == p.volume && below(c.path, p.path)
}

// Key is equal for paths that are Same: for looking up one among many.
func (m *Mounts) Key(path string) string {
	path = Resolve(path)
	if s := m.spot(path); s.known {
		return s.volume + "\x00" + s.path
	}
	return path
}

// below compares the words of two clean paths.
func below(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}
