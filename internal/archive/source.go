package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"runtime"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"
)

// run is a stretch of members that stand one behind the other.
type run struct {
	at, skip int64 // where the first begins
	last     int64 // the block where the last ends
	first    int64 // the first one's place among all members
	count    int64
}

// unit is a block that was read, with the members that end in it.
type unit struct {
	blockRecord
	stored  []byte
	raw     []byte
	members []Member
	ready   chan error
}

// source reads blocks along the index, decompresses them side by side, and is
// the tar stream, as an io.Reader.
type source struct {
	ctx   context.Context
	name  string
	order chan *unit
	free  chan *unit
	cur   *unit
	pos   int
	// expected are members that end in what was read, and were not asked for yet.
	expected []Member
	taken    int64 // bytes of the tar stream
	// What fetch found at the end.
	end        endRecord
	archiveSum string
	indexSum   string
}

// fetcher reads the stored blocks.
type fetcher struct {
	*source
	file  *os.File
	index *indexReader
	work  chan *unit
	runs  []run // nil for all
	sum   hash.Hash
	sums  Sums
	// How far it is.
	at      int64
	ordinal int64
}

// newSource starts reading in g. With hashed, the sum of all that is stored is
// compared too.
func newSource(ctx context.Context, g *errgroup.Group, archive, index string, runs []run, workers int, sums Sums, hashed bool) (*source, error) {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	x, err := openIndex(index)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(archive)
	if err != nil {
		x.close()
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	units := workers + 3
	s := &source{ctx: ctx, name: archive, order: make(chan *unit, units), free: make(chan *unit, units)}
	for range units {
		s.free <- &unit{ready: make(chan error, 1)}
	}
	fetch := &fetcher{source: s, file: f, index: x, work: make(chan *unit, units), runs: runs, sums: sums}
	if hashed {
		fetch.sum = sha256.New()
	}
	g.Go(func() error {
		defer f.Close()
		defer x.close()
		defer close(fetch.work)
		// After an error nobody shall take the end of the blocks for that of the
		// archive.
		err := fetch.run()
		if err == nil {
			close(s.order)
		}
		return err
	})
	for range workers {
		g.Go(func() error {
			unpack, err := newDecompressor(x.kind)
			if err != nil {
				return err
			}
			for u := range fetch.work {
				u.ready <- s.unpack(u, unpack)
			}
			return nil
		})
	}
	return s, nil
}

func (s *source) unpack(u *unit, unpack func(dst, stored []byte, size int) ([]byte, error)) error {
	if got := crc32.Checksum(u.stored, castagnoli); got != u.CRC {
		return s.damaged(u, fmt.Errorf("its checksum is %08x, expected %08x", got, u.CRC))
	}
	raw, err := unpack(u.raw[:0], u.stored, int(u.Raw))
	if err != nil {
		return s.damaged(u, err)
	}
	if u.raw = raw; int64(len(raw)) != u.Raw {
		return s.damaged(u, fmt.Errorf("it holds %d bytes, expected %d", len(raw), u.Raw))
	}
	return nil
}

func (s *source) damaged(u *unit, err error) error {
	return fmt.Errorf("read %s, bytes %d to %d: %w: %w", s.name, u.At, u.At+u.Stored, ErrDamaged, err)
}

// run reads all blocks, or those that the runs need.
func (f *fetcher) run() error {
	var u *unit
	for {
		if f.ctx.Err() != nil {
			return context.Cause(f.ctx)
		}
		b, m, err := f.index.next()
		if err != nil {
			return err
		}
		if m != nil {
			if f.listed(f.ordinal) && u != nil {
				u.members = append(u.members, *m)
			}
			f.ordinal++
			continue
		}
		if u != nil {
			f.order <- u // has room for all units
			u = nil
		}
		if b == nil {
			return f.finish()
		}
		if b.At != f.at {
			return f.index.damaged(fmt.Errorf("a block begins at %d, expected at %d", b.At, f.at))
		}
		f.at += b.Stored
		if f.wanted(b.At) {
			if u, err = f.fetch(*b); err != nil {
				return err
			}
		} else if f.done() {
			return nil
		}
	}
}

// wanted says whether a block is needed, and forgets the runs before it.
func (f *fetcher) wanted(at int64) bool {
	if f.runs == nil {
		return true
	}
	for len(f.runs) > 0 && f.runs[0].last < at {
		f.runs = f.runs[1:]
	}
	return len(f.runs) > 0 && f.runs[0].at <= at
}

func (f *fetcher) done() bool { return f.runs != nil && len(f.runs) == 0 }

// listed says whether a member is in a run.
func (f *fetcher) listed(ordinal int64) bool {
	if f.runs == nil {
		return true
	}
	for _, r := range f.runs {
		if ordinal < r.first {
			return false
		}
		if ordinal < r.first+r.count {
			return true
		}
	}
	return false
}

// fetch reads one block and hands it to be decompressed.
func (f *fetcher) fetch(b blockRecord) (*unit, error) {
	var u *unit
	select {
	case u = <-f.free:
	case <-f.ctx.Done():
		return nil, context.Cause(f.ctx)
	}
	u.blockRecord, u.members = b, u.members[:0]
	if int64(cap(u.stored)) < b.Stored {
		u.stored = make([]byte, b.Stored)
	}
	u.stored = u.stored[:b.Stored]
	if _, err := f.file.ReadAt(u.stored, b.At); err != nil {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: it ends too early", ErrDamaged)
		}
		return nil, fmt.Errorf("read %s, bytes %d to %d: %w", f.name, b.At, b.At+b.Stored, err)
	}
	if f.sum != nil {
		f.sum.Write(u.stored)
	}
	f.work <- u
	return u, nil
}

// finish compares what is only known when all is read.
func (f *fetcher) finish() error {
	if f.runs == nil {
		// A damaged block says where the damage is, so it is told before what the
		// whole has: all blocks have been taken when they are back.
		for range cap(f.free) {
			select {
			case <-f.free:
			case <-f.ctx.Done():
				return context.Cause(f.ctx)
			}
		}
	}
	if err := f.index.compare(f.sums.Index); err != nil {
		return err
	}
	e := *f.index.end
	if e.Members != f.ordinal || e.Stored != f.at {
		return f.index.damaged(fmt.Errorf("it lists %d members and %d bytes, and says %d and %d", f.ordinal, f.at, e.Members, e.Stored))
	}
	f.end, f.indexSum = e, hex.EncodeToString(f.index.sum.Sum(nil))
	if info, err := f.file.Stat(); err != nil || info.Size() != e.Stored {
		if err != nil {
			return err
		}
		return fmt.Errorf("read %s: %w: it has %d bytes, expected %d", f.name, ErrDamaged, info.Size(), e.Stored)
	}
	if f.sum == nil {
		return nil
	}
	f.archiveSum = hex.EncodeToString(f.sum.Sum(nil))
	for _, expected := range []string{f.sums.Archive, e.SHA256} {
		if expected != "" && f.archiveSum != expected {
			return fmt.Errorf("read %s: %w: its SHA-256 is %s, expected %s", f.name, ErrDamaged, f.archiveSum, expected)
		}
	}
	return nil
}

// pull goes to the next block; false at the end.
func (s *source) pull() (bool, error) {
	if s.cur != nil {
		s.free <- s.cur
		s.cur = nil
	}
	select {
	case u, ok := <-s.order:
		if !ok {
			return false, nil
		}
		select {
		case err := <-u.ready:
			if err != nil {
				return false, err
			}
		case <-s.ctx.Done():
			return false, context.Cause(s.ctx)
		}
		s.cur, s.pos = u, 0
		s.expected = append(s.expected, u.members...)
		return true, nil
	case <-s.ctx.Done():
		return false, context.Cause(s.ctx)
	}
}

// Read is the tar stream.
func (s *source) Read(b []byte) (int, error) {
	for s.cur == nil || s.pos == len(s.cur.raw) {
		ok, err := s.pull()
		if err != nil {
			return 0, err
		}
		if !ok {
			return 0, io.EOF
		}
	}
	n := copy(b, s.cur.raw[s.pos:])
	s.pos += n
	s.taken += int64(n)
	return n, nil
}

// seek goes to where a run begins.
func (s *source) seek(r run) error {
	for s.cur == nil || s.cur.At != r.at {
		ok, err := s.pull()
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("read the index: %w: no block begins at %d, where a member should", ErrDamaged, r.at)
		}
	}
	if r.skip < int64(s.pos) || r.skip > int64(len(s.cur.raw)) {
		return fmt.Errorf("read the index: %w: a member begins at %d of a block of %d bytes, after one that ends at %d", ErrDamaged, r.skip, len(s.cur.raw), s.pos)
	}
	s.pos = int(r.skip)
	return nil
}

// expect returns what the index says of the member that was just read.
func (s *source) expect(path string) (Member, error) {
	if len(s.expected) == 0 {
		return Member{}, fmt.Errorf("read %s: %w: it has the member %.200q, which the index does not have there", s.name, ErrDamaged, path)
	}
	m := s.expected[0]
	s.expected[0] = Member{}
	if s.expected = s.expected[1:]; len(s.expected) == 0 {
		s.expected = nil
	}
	return m, nil
}

// newDecompressor returns what unpacks a block, for one goroutine. It never makes
// more than mostBlock of one.
func newDecompressor(c Compression) (func(dst, stored []byte, size int) ([]byte, error), error) {
	switch c {
	case Zstd:
		dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostBlock), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		return func(dst, stored []byte, size int) ([]byte, error) {
			return dec.DecodeAll(stored, grow(dst, size))
		}, nil
	case Gzip:
		var dec gzip.Reader
		return func(dst, stored []byte, size int) ([]byte, error) {
			if err := dec.Reset(bytes.NewReader(stored)); err != nil {
				return nil, err
			}
			dst = grow(dst, size+1)
			n, err := io.ReadFull(&dec, dst[:size+1])
			if errors.Is(err, io.ErrUnexpectedEOF) && n <= size {
				err = nil
			} else if err == nil {
				err = fmt.Errorf("it holds more than %d bytes", size)
			}
			return dst[:n], err
		}, nil
	default:
		return func(dst, stored []byte, _ int) ([]byte, error) { return append(dst, stored...), nil }, nil
	}
}

func grow(b []byte, size int) []byte {
	if cap(b) < size {
		return make([]byte, 0, size)
	}
	return b
}
