package method

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dssctl/dssctl/providers/backup/exclude"
)

// filling is one pass of rsync over a view.
type filling struct {
	r *rsync
	j Job
	// tree is what is filled, seen the index of the view as the walk before
	// the copy found it, base an index of what tree, or previous, holds.
	tree, view, seen, base string
	baseSum                string
	// inPlace: tree holds what base says. Otherwise it is empty, and previous,
	// when there is one, is what unchanged files are linked from.
	inPlace  bool
	previous string

	plain, compared listFile
	total           int64 // bytes on the lists
}

// fill brings Folder/datadir to what the view holds, and writes its index.
func (r *rsync) fill(ctx context.Context, j Job) (Part, error) {
	doing := "back up " + j.View
	f := &filling{
		r: r, j: j, tree: filepath.Join(j.Folder, treeName), seen: filepath.Join(j.Folder, "datadir.seen.gz"),
		view: mustReal(j.View),
	}
	if err := f.begin(); err != nil {
		return Part{}, fmt.Errorf("%s: %w", doing, err)
	}
	defer f.end()
	if err := f.look(ctx); err != nil {
		return Part{}, fmt.Errorf("%s: look for what has changed: %w", doing, err)
	}
	if f.compared.n > 0 {
		args := []string{"--checksum", "--ignore-missing-args", "--from0", "--files-from", f.compared.name}
		if f.previous != "" {
			args = append(args, "--link-dest", f.previous)
		}
		if err := r.transfer(ctx, doing, f.total, f.view, f.tree, args...); err != nil {
			return Part{}, err
		}
	}
	args := []string{"--ignore-missing-args", "--from0", "--files-from", f.plain.name}
	if f.previous != "" {
		args = append(args, "--link-dest", f.previous)
	}
	if err := r.transfer(ctx, doing, f.total, f.view, f.tree, args...); err != nil {
		return Part{}, err
	}
	p, err := f.index(ctx)
	if err != nil {
		return Part{}, fmt.Errorf("%s: %w", doing, err)
	}
	if err := syncBelow(j.Folder); err != nil {
		return p, fmt.Errorf("write set %s to disk: %w", j.Set, err)
	}
	return p, nil
}

// begin finds out what there is to build on.
func (f *filling) begin() error {
	own := filepath.Join(f.j.Folder, treeIndex)
	switch index, err := openIndex(own, ""); {
	case err == nil:
		index.close()
		f.base, f.inPlace = own, true
	case !errors.Is(err, fs.ErrNotExist):
		return err
	default:
		// Without an index nobody knows what a broken-off pass left.
		if err := removeAll(f.tree); err != nil {
			return err
		}
	}
	if p := f.j.Previous; p != nil && p.Part.Method == f.r.Name() {
		name := filepath.Join(p.Folder, treeIndex)
		index, err := openIndex(name, p.Part.SHA256)
		if err != nil {
			f.r.o.Notice(fmt.Sprintf("the index of set %s cannot be used (%v): all files are copied", p.Set, err))
		} else {
			index.close()
			f.previous = mustReal(filepath.Join(p.Folder, treeName))
			if !f.inPlace {
				f.base, f.baseSum = name, p.Part.SHA256
			}
		}
	}
	if err := os.MkdirAll(f.tree, 0o700); err != nil {
		return err
	}
	return errors.Join(f.plain.create(f.j.Folder, "datadir.list"), f.compared.create(f.j.Folder, "datadir.list2"))
}

func (f *filling) end() {
	f.plain.remove()
	f.compared.remove()
	_ = os.Remove(f.seen) // nothing reads it any more
}

// look walks the view, sorts its names into lists, and in place removes what
// could differ.
func (f *filling) look(ctx context.Context) (err error) {
	matcher, err := exclude.Compile(f.j.Rules)
	if err != nil {
		return err
	}
	base, err := f.openBase()
	if err != nil {
		return err
	}
	defer base.close()
	seen, err := createIndex(f.seen)
	if err != nil {
		return err
	}
	gone := func(e *entry) error {
		if !f.inPlace {
			return nil
		}
		return removeAll(filepath.Join(f.tree, e.Path))
	}
	walkErr := walkKept(ctx, f.view, matcher, func(e *entry) error {
		was, err := base.at(e.Path, gone)
		if err != nil {
			return err
		}
		if err := seen.add(*e); err != nil {
			return err
		}
		return f.sort(e, was)
	})
	if walkErr == nil {
		walkErr = base.rest(gone)
	}
	_, err = seen.close()
	return errors.Join(walkErr, err, f.plain.close(), f.compared.close())
}

func (f *filling) openBase() (*indexReader, error) {
	if f.base == "" {
		return &indexReader{}, nil
	}
	return openIndex(f.base, f.baseSum)
}

// sort puts a name on the list that it belongs to.
func (f *filling) sort(e, was *entry) error {
	same := was != nil && was.Kind == e.Kind && was.CTime == e.CTime
	if e.Kind == "folder" {
		if f.inPlace && was != nil && was.Kind != e.Kind {
			if err := os.Remove(filepath.Join(f.tree, e.Path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return f.plain.add(e.Path) // its times change with what is put into it
	}
	if f.inPlace {
		if same {
			return nil
		}
		if err := removeAll(filepath.Join(f.tree, e.Path)); err != nil {
			return err
		}
		f.total += e.Size
		// Not plain: the set before may hold another file of this size and time.
		return f.compared.add(e.Path)
	}
	f.total += e.Size
	// All names of a file go to one list, or they would be copied apart. Making
	// a name changes the ctime, so that they are all the same or all not.
	if f.previous != "" && !same && (was != nil || e.links > 1) {
		return f.compared.add(e.Path)
	}
	return f.plain.add(e.Path)
}

// listFile is a list of names for --files-from.
type listFile struct {
	name string
	f    *os.File
	w    *bufio.Writer
	n    int64
}

func (l *listFile) create(dir, name string) (err error) {
	l.name = filepath.Join(dir, name)
	if l.f, err = os.OpenFile(l.name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return err
	}
	l.w = bufio.NewWriter(l.f)
	return nil
}

func (l *listFile) add(rel string) error {
	l.n++
	_, err := l.w.WriteString(listed(rel))
	return err
}

func (l *listFile) close() error { return errors.Join(l.w.Flush(), l.f.Close()) }

func (l *listFile) remove() {
	if l.f != nil {
		_ = l.f.Close() // closed already, unless look failed
	}
	_ = os.Remove(l.name) // a list left over is written anew
}
