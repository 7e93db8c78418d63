package method

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// hashed is an entry whose hash is being made.
type hashed struct {
	entry *entry
	done  chan struct{}
}

// index writes the index of what the tree holds now, and sums it up. Hashes of
// files that did not change are taken over; the others are made of what was
// written.
func (f *filling) index(ctx context.Context) (p Part, err error) {
	seen, err := openIndex(f.seen, "")
	if err != nil {
		return p, err
	}
	defer seen.close()
	base, err := f.openBase()
	if err != nil {
		return p, err
	}
	defer base.close()
	partial := filepath.Join(f.j.Folder, treeIndex+".part")
	w, err := createIndex(partial)
	if err != nil {
		return p, err
	}
	g, ctx := errgroup.WithContext(ctx)
	queue := make(chan hashed, 64)
	work := make(chan hashed, 64)
	g.Go(func() error {
		defer close(queue)
		defer close(work)
		return f.compare(ctx, seen, base, &p, func(e *entry, hash bool) error {
			h := hashed{e, make(chan struct{})}
			if !hash {
				close(h.done)
			} else if err := send(ctx, work, h); err != nil {
				return err
			}
			return send(ctx, queue, h)
		})
	})
	for range hashers {
		g.Go(func() error {
			for h := range work {
				sum, err := sumFile(filepath.Join(f.tree, h.entry.Path))
				if err != nil {
					return err
				}
				h.entry.SHA256 = sum
				close(h.done)
			}
			return nil
		})
	}
	g.Go(func() error {
		for h := range queue {
			select {
			case <-h.done:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if err := w.add(*h.entry); err != nil {
				return err
			}
		}
		return nil
	})
	waitErr := g.Wait()
	sum, err := w.close()
	if err := errors.Join(waitErr, err); err != nil {
		return p, err
	}
	p.SHA256 = sum
	return p, os.Rename(partial, filepath.Join(f.j.Folder, treeIndex))
}

func send(ctx context.Context, to chan<- hashed, h hashed) error {
	select {
	case to <- h:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// compare walks the tree beside what was seen of the view and what base knows.
func (f *filling) compare(ctx context.Context, seen, base *indexReader, p *Part, add func(e *entry, hash bool) error) error {
	var changed changes
	unstill := func(rel string) error {
		if !f.j.Live {
			return fmt.Errorf("%q changed or vanished while it was copied, although nothing should write to the data directory; look for who does", rel)
		}
		changed.add(rel)
		return nil
	}
	missing := func(e *entry) error {
		switch _, err := os.Lstat(filepath.Join(f.view, e.Path)); {
		case errors.Is(err, fs.ErrNotExist):
			return unstill(e.Path)
		case err != nil:
			return err
		}
		if e.Kind == "device" {
			p.LeftOut = append(p.LeftOut, e.Path)
			return nil
		}
		return fmt.Errorf("rsync did not copy %q and gave no reason", e.Path)
	}
	err := walk(ctx, f.tree, func(e *entry) error {
		from, err := seen.at(e.Path, missing)
		if err != nil {
			return err
		}
		if from == nil {
			// What a killed rsync left, or what went since a broken-off pass.
			if err := removeAll(filepath.Join(f.tree, e.Path)); err != nil {
				return err
			}
			if e.Kind == "folder" {
				return fs.SkipDir
			}
			return nil
		}
		was, err := base.at(e.Path, nil)
		if err != nil {
			return err
		}
		e.CTime = from.CTime
		if e.Kind == "folder" {
			p.Folders++
			return add(e, false)
		}
		p.Files++
		if e.Kind != "socket" {
			p.Names++
		}
		p.Bytes += e.Size
		linked := f.linked(e)
		if !linked {
			p.Stored += e.Size
		}
		if was != nil && was.Kind == e.Kind && was.Size == e.Size && (f.inPlace && was.CTime == from.CTime || !f.inPlace && linked) {
			e.SHA256 = was.SHA256
			return add(e, false)
		}
		if now, err := lookAt(f.view, e.Path); err != nil || now.CTime != from.CTime {
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if err := unstill(e.Path); err != nil {
				return err
			}
		}
		return add(e, e.Kind == "file")
	})
	if err == nil {
		err = seen.rest(missing)
	}
	p.Changed, p.ChangedTotal = changed.names, changed.total
	return err
}

// linked tells whether it is the same file as the previous set's.
func (f *filling) linked(e *entry) bool {
	if f.previous == "" || e.links < 2 {
		return false
	}
	was, err := lookAt(f.previous, e.Path)
	return err == nil && was.inode == e.inode
}
