package archive

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Write archives a tree: the archive to one writer, its index to the other.
func Write(ctx context.Context, archive, index io.Writer, src Source, o Options) (Report, error) {
	r, _, err := write(ctx, archive, index, src, o)
	return r, err
}

// write also says how many bytes of buffers it needed.
//
//	walker ─jobs─▶ readers ─▶ (in order) sequencer ─tar─▶ packer ─blocks─▶ compressors ─▶ (in order) output
func write(ctx context.Context, archive, index io.Writer, src Source, o Options) (report Report, buffers int64, err error) {
	if o.Sync && (syncer(archive) == nil || syncer(index) == nil) {
		return report, 0, fmt.Errorf("write the archive: Sync needs writers that can, such as files; found %T and %T", archive, index)
	}
	readers, workers := o.Readers, o.Workers
	if readers <= 0 {
		readers = 8
	}
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if _, err := newCompressor(o); err != nil {
		return report, 0, err
	}
	x, err := newIndexWriter(index, o.Compression)
	if err != nil {
		return report, 0, err
	}
	var allocated atomic.Int64
	notes := &notes{}
	out := newOutput(archive, x)

	g, gctx := errgroup.WithContext(ctx)
	w := &walker{
		ctx: gctx, src: src, notes: notes,
		free: make(chan *job, window), work: make(chan *job, window), order: make(chan *job, window),
	}
	for range window {
		w.free <- newJob()
	}
	g.Go(w.run)
	known := newAccounts()
	for range readers {
		r := newReader(gctx, &src, known, notes, &allocated)
		g.Go(func() error { return r.run(w.work) })
	}
	s := &sequencer{ctx: gctx, packer: newPacker(gctx, g, o, workers, out, &allocated), notes: notes, seen: map[inode]*name{}, progress: teller{f: o.Progress}}
	g.Go(func() error { return s.run(w.order, w.free) })
	if err := g.Wait(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return report, 0, err
	}

	report = s.report
	report.Changed, report.LeftOut, report.Followed = notes.changed, notes.leftOut, notes.followed
	report.Raw, report.Stored, report.SHA256 = s.packer.size, out.stored, out.sha256()
	report.IndexSHA256, err = x.close(endRecord{End: true, Members: out.members, Raw: report.Raw, Stored: report.Stored, SHA256: report.SHA256})
	if err != nil {
		return report, 0, err
	}
	if o.Sync {
		for what, f := range map[string]io.Writer{"archive": archive, "index": index} {
			if err := syncer(f).Sync(); err != nil {
				return report, 0, fmt.Errorf("write the %s to disk: %w", what, err)
			}
		}
	}
	return report, allocated.Load(), nil
}

func syncer(w io.Writer) interface{ Sync() error } {
	s, _ := w.(interface{ Sync() error })
	return s
}

// sequencer puts the members into the archive, in order.
type sequencer struct {
	ctx    context.Context
	packer *packer
	notes  *notes
	report Report
	// seen holds the files with several names, until all of them came.
	seen     map[inode]*name
	progress teller
	buf      []byte
}

// name is the first one of a file, and how many more there are.
type name struct {
	path string
	left int64
}

func (s *sequencer) run(order <-chan *job, free chan<- *job) error {
	defer s.packer.stop()
	for j := range order {
		select {
		case <-j.ready:
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
		if err := s.put(j); err != nil {
			return err
		}
		free <- j
		s.progress.member()
	}
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	// Two empty sectors end a tar.
	if _, err := s.packer.Write(zeros[:2*sector]); err != nil {
		return err
	}
	s.packer.hand()
	s.progress.tell()
	return nil
}

// put archives one member.
func (s *sequencer) put(j *job) error {
	// What is still being read has neither yet.
	if j.chunks == nil && j.err != nil {
		return j.err
	}
	if j.chunks == nil && j.left != "" {
		if j.changed != "" {
			s.notes.change(j.Path + ": " + j.changed)
		} else {
			s.notes.leave(j.Path + ": " + j.left)
		}
		return nil
	}
	linked := j.names() > 1 && s.link(j)
	number, skip, err := s.packer.begin()
	if err != nil {
		return err
	}
	j.Skip = skip
	s.buf = appendHeader(s.buf[:0], &j.header)
	if j.sparse != nil {
		s.buf = append(s.buf, sparseMap(j.sparse)...)
	}
	if _, err := s.packer.Write(s.buf); err != nil {
		return err
	}
	if !linked {
		if err := s.content(j); err != nil {
			return err
		}
	}
	s.packer.end(j.Member, number)
	s.count(j)
	if j.changed != "" {
		s.notes.change(j.Path + ": " + j.changed)
	}
	return nil
}

// link makes another name of a file that stands in the archive a link to it.
func (s *sequencer) link(j *job) bool {
	first := s.seen[j.inode()]
	wanted := first == nil
	if j.chunks != nil {
		j.wanted <- wanted
	}
	if wanted {
		s.seen[j.inode()] = &name{j.Path, j.names() - 1}
		return false
	}
	if first.left--; first.left <= 0 {
		delete(s.seen, j.inode())
	}
	j.Type, j.Link, j.Size, j.SHA256 = HardLink, first.path, 0, ""
	j.sparse, j.records, j.content, j.changed = nil, nil, nil, ""
	return true
}

// content writes what a file holds, as its headers announced it.
func (s *sequencer) content(j *job) error {
	n := int64(len(j.content))
	s.progress.bytes(n)
	if _, err := s.packer.Write(j.content); err != nil {
		return err
	}
	if j.chunks != nil {
		for open := true; open; {
			var b []byte
			select {
			case b, open = <-j.chunks:
			case <-s.ctx.Done():
				return context.Cause(s.ctx)
			}
			if !open {
				break
			}
			_, err := s.packer.Write(b)
			j.back <- b
			if err != nil {
				return err
			}
			n += int64(len(b))
			s.progress.bytes(int64(len(b)))
		}
		if j.err != nil {
			return j.err
		}
	}
	_, err := s.packer.Write(zeros[:padding(n)])
	return err
}

func (s *sequencer) count(j *job) {
	r := &s.report
	switch j.Type {
	case File:
		r.Files++
		r.Bytes += j.Size
	case Dir:
		r.Dirs++
	case Symlink:
		r.Links++
	case HardLink:
		r.HardLinks++
	default:
		r.Other++
		if j.Type != FIFO {
			r.Special.add(j.Path)
		}
	}
}
