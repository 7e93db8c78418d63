package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
)

// tarStream is what members are read from: a source along the index, or a tar
// without one.
type tarStream interface {
	io.Reader
	seek(run) error
	// expect returns what the index says of the member just read.
	expect(path string) (Member, error)
}

// sink takes the members. What it does with files happens in its workers.
type sink interface {
	// other takes what is no file.
	other(f *found) error
	// small takes a whole file; large one that comes in chunks.
	small(t *task) error
	large(t *task) error
}

// task is a file for the workers. Tasks are used again, with their buffers.
type task struct {
	found
	content []byte
	// Of a large file; sum counts once chunks is closed.
	chunks chan []byte
	sum    string // what the index says; "" without one
	broken bool   // the rest does not come

	dir  *outFolder
	base string
	buf  []byte
}

// unpacker reads members one after the other and gives them to the sink.
type unpacker struct {
	ctx      context.Context
	in       tarStream
	indexed  bool
	sink     sink
	limits   Limits
	only     func(string) bool // of a tar without index
	tasks    chan *task
	chunks   chan []byte
	progress teller
	report   Report
}

const (
	unpackWindow = 128
	unpackChunks = 6
)

func newUnpacker(ctx context.Context, in tarStream, indexed bool, limits Limits, progress func(Progress)) *unpacker {
	u := &unpacker{
		ctx: ctx, in: in, indexed: indexed, limits: limits, progress: teller{f: progress},
		tasks: make(chan *task, unpackWindow), chunks: make(chan []byte, unpackChunks),
	}
	for range unpackWindow {
		u.tasks <- &task{}
	}
	for range unpackChunks {
		u.chunks <- nil // made when it is needed
	}
	return u
}

// all reads the whole stream.
func (u *unpacker) all() error {
	tr := tar.NewReader(u.in)
	for {
		err := u.next(tr)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	n, err := io.Copy(io.Discard, io.LimitReader(onlyZeros{u.in}, mostTail))
	if err == nil && n == mostTail {
		err = fmt.Errorf("%w: there is more than tars are filled up with", ErrRefused)
	}
	if err != nil {
		return fmt.Errorf("read behind the end of the tar, after %d bytes: %w", n, err)
	}
	u.progress.tell()
	return nil
}

// mostTail is how many empty sectors may stand behind the end; tar itself fills up
// to 10 KiB.
const mostTail = 4 << 20

// onlyZeros lets nothing else through: a tar ends with empty sectors.
type onlyZeros struct{ io.Reader }

func (z onlyZeros) Read(b []byte) (int, error) {
	n, err := z.Reader.Read(b)
	for _, c := range b[:n] {
		if c != 0 {
			return n, fmt.Errorf("%w: found more than zeros", ErrDamaged)
		}
	}
	return n, err
}

// some reads the runs.
func (u *unpacker) some(runs []run) error {
	for _, r := range runs {
		if err := u.in.seek(r); err != nil {
			return err
		}
		tr := tar.NewReader(u.in)
		for range r.count {
			err := u.next(tr)
			if errors.Is(err, io.EOF) {
				err = fmt.Errorf("%w: the tar ends too early", ErrDamaged)
			}
			if err != nil {
				return err
			}
		}
	}
	// Whoever reads ahead may wait for that.
	if _, err := io.Copy(io.Discard, u.in); err != nil {
		return err
	}
	u.progress.tell()
	return nil
}

// next reads one member; io.EOF at the end of the tar.
func (u *unpacker) next(tr *tar.Reader) error {
	h, err := tr.Next()
	if err != nil {
		return tarError(err)
	}
	if h.Typeflag == tar.TypeXGlobalHeader && !u.indexed {
		return nil // of git archive, for one
	}
	f, err := memberOf(h)
	if err != nil {
		return err
	}
	if !u.indexed && u.only != nil && !u.only(f.Path) {
		return nil
	}
	if err := u.count(&f); err != nil {
		return err
	}
	if f.Type == File {
		err = u.file(&f, tr)
	} else if err = u.indexSays(&f); err == nil {
		err = u.sink.other(&f)
	}
	u.progress.member()
	return err
}

// tarError says of the errors of archive/tar what they mean.
func tarError(err error) error {
	switch {
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
		return fmt.Errorf("read the tar: %w: %w", ErrDamaged, err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("read the tar: %w: it ends too early", ErrDamaged)
	}
	return err
}

// count keeps the limits.
func (u *unpacker) count(f *found) error {
	r := &u.report
	switch f.Type {
	case File:
		if most := u.limits.File; most > 0 && f.Size > most {
			return fmt.Errorf("%w: %.200q has %d bytes, more than the %d that are allowed", ErrRefused, f.Path, f.Size, most)
		}
		if r.Bytes += f.Size; r.Bytes < 0 || u.limits.Bytes > 0 && r.Bytes > u.limits.Bytes {
			return fmt.Errorf("%w: with %.200q the files have more than the %d bytes that are allowed", ErrRefused, f.Path, u.limits.Bytes)
		}
		r.Files++
	case Dir:
		r.Dirs++
	case Symlink:
		r.Links++
	case HardLink:
		r.HardLinks++
	default:
		r.Other++
		if f.Type != FIFO {
			r.Special.add(f.Path)
		}
	}
	n := r.Files + r.Dirs + r.Links + r.HardLinks + r.Other
	if most := u.limits.Members; most > 0 && n > most {
		return fmt.Errorf("%w: there are more than the %d members that are allowed", ErrRefused, most)
	}
	return nil
}

// indexSays compares a member that was read with the index, and takes over the
// sum.
func (u *unpacker) indexSays(f *found) error {
	if !u.indexed {
		return nil
	}
	m, err := u.in.expect(f.Path)
	if err != nil {
		return err
	}
	f.SHA256 = m.SHA256
	return f.compare(m)
}

// file reads a file and hands it to the workers.
func (u *unpacker) file(f *found, tr *tar.Reader) error {
	var t *task
	select {
	case t = <-u.tasks:
	case <-u.ctx.Done():
		return context.Cause(u.ctx)
	}
	*t = task{found: *f, buf: t.buf}
	if f.Size > smallFile || f.sparse {
		return u.large(t, tr)
	}
	if int64(cap(t.buf)) < f.Size {
		size := 4096
		for int64(size) < f.Size {
			size *= 2
		}
		t.buf = make([]byte, size)
	}
	t.content = t.buf[:f.Size]
	if _, err := io.ReadFull(tr, t.content); err != nil {
		return fmt.Errorf("read %.200q: %w", f.Path, tarError(err))
	}
	u.progress.bytes(f.Size)
	if err := u.indexSays(&t.found); err != nil {
		return err
	}
	t.sum = t.SHA256
	return u.sink.small(t)
}

// large streams a file to its worker.
func (u *unpacker) large(t *task, tr *tar.Reader) (err error) {
	t.chunks = make(chan []byte, unpackChunks)
	f := t.found // the sink may rename it
	if err := u.sink.large(t); err != nil {
		return err
	}
	defer func() {
		t.broken = err != nil
		close(t.chunks)
	}()
	for left := t.Size; left > 0; {
		var b []byte
		select {
		case b = <-u.chunks:
		case <-u.ctx.Done():
			return context.Cause(u.ctx)
		}
		if b == nil {
			b = make([]byte, chunkSize)
		}
		b = b[:min(chunkSize, left)]
		if _, err := io.ReadFull(tr, b); err != nil {
			return fmt.Errorf("read %.200q: %w", t.Path, tarError(err))
		}
		left -= int64(len(b))
		u.progress.bytes(int64(len(b)))
		t.chunks <- b // has room for all
	}
	if err := u.indexSays(&f); err != nil {
		return err
	}
	t.sum = f.SHA256
	return nil
}
