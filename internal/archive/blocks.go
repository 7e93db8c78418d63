package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"
)

// blockSize is how much of the tar stream a block holds. Larger ones compress
// hardly better, and cost memory for each compressor.
const blockSize = 2 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// block is a piece of the tar stream on its way through the compressors.
type block struct {
	number int64
	raw    []byte
	stored []byte
	// members that end in this block.
	members []placed
	ready   chan error
}

// placed is a member and the block where it begins.
type placed struct {
	Member
	block int64
}

// packer cuts the tar stream into blocks. It hands each to the compressors, and
// in order to the one that writes. As many blocks are made as can be busy, and
// used again: that bounds the memory.
type packer struct {
	ctx   context.Context
	free  chan *block
	work  chan *block
	order chan *block
	cur   *block
	begun int64 // blocks
	size  int64 // bytes
}

// newPacker starts workers and the writer in g.
func newPacker(ctx context.Context, g *errgroup.Group, o Options, workers int, out *output, allocated *atomic.Int64) *packer {
	blocks := workers + 3 // one filled, one written, one waiting
	p := &packer{ctx: ctx, free: make(chan *block, blocks), work: make(chan *block, blocks), order: make(chan *block, blocks)}
	for range blocks {
		b := &block{raw: make([]byte, 0, blockSize), ready: make(chan error, 1)}
		allocated.Add(blockSize)
		p.free <- b
	}
	for range workers {
		g.Go(func() error {
			pack, err := newCompressor(o)
			if err != nil {
				return err
			}
			for b := range p.work {
				before := cap(b.stored)
				b.stored, err = pack(b.stored[:0], b.raw)
				allocated.Add(int64(cap(b.stored) - before))
				b.ready <- err
			}
			return nil
		})
	}
	g.Go(func() error {
		for b := range p.order {
			select {
			case err := <-b.ready:
				if err != nil {
					return fmt.Errorf("compress: %w", err)
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if err := out.block(b); err != nil {
				return err
			}
			p.free <- b
		}
		return nil
	})
	return p
}

// Write appends to the tar stream.
func (p *packer) Write(data []byte) (int, error) {
	n := len(data)
	for len(data) > 0 {
		// A full block is handed on only when there is more, so that a member
		// which ends with it belongs to it.
		if err := p.room(); err != nil {
			return n - len(data), err
		}
		part := min(len(data), blockSize-len(p.cur.raw))
		p.cur.raw = append(p.cur.raw, data[:part]...)
		p.size += int64(part)
		data = data[part:]
	}
	return n, nil
}

// room makes sure that the current block is not full.
func (p *packer) room() error {
	if p.cur != nil && len(p.cur.raw) < blockSize {
		return nil
	}
	p.hand()
	select {
	case b := <-p.free:
		b.number, b.raw, b.members = p.begun, b.raw[:0], b.members[:0]
		p.cur = b
		p.begun++
		return nil
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	}
}

func (p *packer) hand() {
	if p.cur == nil {
		return
	}
	p.work <- p.cur // has room for all blocks, as has order
	p.order <- p.cur
	p.cur = nil
}

// begin says where the next member will begin.
func (p *packer) begin() (number, skip int64, err error) {
	if err := p.room(); err != nil {
		return 0, 0, err
	}
	return p.cur.number, int64(len(p.cur.raw)), nil
}

// end notes a member that is written.
func (p *packer) end(m Member, number int64) {
	p.cur.members = append(p.cur.members, placed{m, number})
}

// stop lets the compressors and the writer end, when they are through.
func (p *packer) stop() {
	close(p.work)
	close(p.order)
}

// newCompressor returns what compresses a block, for one goroutine.
func newCompressor(o Options) (func(dst, raw []byte) ([]byte, error), error) {
	switch o.Compression {
	case Zstd:
		level := max(o.Level, 1)
		if level > int(zstd.SpeedBestCompression) {
			return nil, fmt.Errorf("compress with zstd: expected a level of 1 to %d, found %d", zstd.SpeedBestCompression, o.Level)
		}
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.EncoderLevel(level)),
			zstd.WithWindowSize(blockSize), zstd.WithLowerEncoderMem(true))
		if err != nil {
			return nil, err
		}
		return func(dst, raw []byte) ([]byte, error) { return enc.EncodeAll(raw, dst), nil }, nil
	case Gzip:
		level := o.Level
		if level == 0 {
			level = 6
		}
		enc, err := gzip.NewWriterLevel(nil, level)
		if err != nil || level < 1 {
			return nil, fmt.Errorf("compress with gzip: expected a level of 1 to 9, found %d", o.Level)
		}
		return func(dst, raw []byte) ([]byte, error) {
			w := appender(dst)
			enc.Reset(&w)
			_, err := enc.Write(raw)
			return w, errors.Join(err, enc.Close())
		}, nil
	case None:
		return func(dst, raw []byte) ([]byte, error) { return append(dst, raw...), nil }, nil
	default:
		return nil, fmt.Errorf("compress: there is no compression %d", o.Compression)
	}
}

type appender []byte

func (a *appender) Write(b []byte) (int, error) {
	*a = append(*a, b...)
	return len(b), nil
}

// output writes blocks in order, and tells the index of them.
type output struct {
	archive io.Writer
	index   *indexWriter
	sum     hash.Hash
	stored  int64
	members int64
	// Where the blocks begin that a member may still have begun in; first is the
	// number of the first of them.
	places []int64
	first  int64
}

func newOutput(archive io.Writer, index *indexWriter) *output {
	return &output{archive: archive, index: index, sum: sha256.New()}
}

func (o *output) block(b *block) error {
	if _, err := o.archive.Write(b.stored); err != nil {
		return fmt.Errorf("write the archive: %w", err)
	}
	o.sum.Write(b.stored)
	o.places = append(o.places, o.stored)
	o.index.block(blockRecord{
		At: o.stored, Stored: int64(len(b.stored)), Raw: int64(len(b.raw)), CRC: crc32.Checksum(b.stored, castagnoli),
	})
	o.stored += int64(len(b.stored))
	for i := range b.members {
		m := &b.members[i]
		o.places = o.places[m.block-o.first:]
		o.first = m.block
		m.Block = o.places[0]
		o.index.member(&m.Member)
		o.members++
	}
	return o.index.err
}

func (o *output) sha256() string { return hex.EncodeToString(o.sum.Sum(nil)) }
