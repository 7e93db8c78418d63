package lsp

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// overlay is an estate's folder as it would be if all that is open in the
// editor were saved. It remembers what was read.
type overlay struct {
	dir  string
	open map[string]*document // by base name
	read map[string]string
	// elsewhere is asked for a file of a module, whose folder is another one: nil
	// where it is not open.
	elsewhere func(path string) *document
}

// Open opens what is on disk.
func (o *overlay) Open(name string) (fs.File, error) { return os.DirFS(o.dir).Open(name) }

// ReadFile returns a file's text.
func (o *overlay) ReadFile(name string) ([]byte, error) {
	if d := o.open[name]; d != nil {
		o.read[name] = d.src
		return []byte(d.src), nil
	}
	full := filepath.Join(o.dir, filepath.FromSlash(name))
	if o.elsewhere != nil && strings.Contains(name, "/") {
		if d := o.elsewhere(full); d != nil {
			o.read[name] = d.src
			return []byte(d.src), nil
		}
	}
	info, err := os.Stat(full)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a file")
	case info.Size() > maxFile:
		return nil, errors.New("it is too large")
	}
	src, err := os.ReadFile(full)
	if err == nil {
		o.read[name] = string(src)
	}
	return src, err
}

// maxFile is what config reads at most.
const maxFile = 16 << 20

// ReadDir lists a folder.
func (o *overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	out, err := os.ReadDir(filepath.Join(o.dir, filepath.FromSlash(name)))
	if name != "." {
		return out, err
	}
	if errors.Is(err, fs.ErrNotExist) && len(o.open) > 0 {
		err = nil // nothing of it is saved yet
	}
	there := make(map[string]bool, len(out))
	for _, e := range out {
		there[e.Name()] = true
	}
	for n := range o.open {
		if !there[n] {
			out = append(out, unsaved(n))
		}
	}
	return out, err
}

// unsaved is a file that is in the editor only.
type unsaved string

// Name is the file's.
func (u unsaved) Name() string { return string(u) }

// IsDir is false.
func (u unsaved) IsDir() bool { return false }

// Type is that of a file.
func (u unsaved) Type() fs.FileMode { return 0 }

// Info knows nothing.
func (u unsaved) Info() (fs.FileInfo, error) { return nil, fs.ErrNotExist }
