package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"os"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// crew hashes contents and compares them with the index, several at a time, and
// puts them into their folder, where there is one.
type crew struct {
	ctx    context.Context
	work   chan *task
	tasks  chan<- *task
	chunks chan<- []byte
	place  *placer // nil to compare only
}

func newCrew(ctx context.Context, g *errgroup.Group, n int, u *unpacker, p *placer) *crew {
	c := &crew{ctx: ctx, work: make(chan *task, unpackWindow), tasks: u.tasks, chunks: u.chunks, place: p}
	for range n {
		g.Go(func() error {
			sum := sha256.New()
			for t := range c.work {
				if err := c.do(t, sum); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return c
}

// give hands over a task.
func (c *crew) give(t *task) error {
	select {
	case c.work <- t:
		return nil
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
}

func (c *crew) do(t *task, sum hash.Hash) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	out := -1
	if c.place != nil {
		fd, err := again(func() (int, error) {
			return unix.Openat(t.dir.fd, t.base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		})
		if err != nil {
			return c.place.fail(t.Path, err)
		}
		out = fd
	}
	err := c.content(t, sum, out)
	if out >= 0 {
		if err == nil {
			err = c.place.attributes(target{fd: out, dir: t.dir.fd, name: t.base}, &t.found)
		}
		if cerr := unix.Close(out); err == nil && cerr != nil {
			err = cerr
		}
	}
	if err != nil {
		return fmt.Errorf("%.200q: %w", t.Path, err)
	}
	if c.place != nil {
		if err := c.place.finished(t); err != nil {
			return err
		}
	}
	c.tasks <- t // has room for all
	return nil
}

// content writes and compares.
func (c *crew) content(t *task, sum hash.Hash, out int) error {
	if t.chunks == nil {
		if out >= 0 {
			if err := writeFull(out, t.content); err != nil {
				return err
			}
		}
		got := sha256.Sum256(t.content)
		return sameSum(got[:], t.sum)
	}
	sum.Reset()
	at := int64(0)
	for {
		var b []byte
		open := true
		select {
		case b, open = <-t.chunks:
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
		if !open {
			break
		}
		sum.Write(b)
		var err error
		if out >= 0 {
			err = writeChunk(out, b, at, t.sparse)
		}
		at += int64(len(b))
		c.chunks <- b // has room for all
		if err != nil {
			return err
		}
	}
	if t.broken {
		return nil // whoever read it says why
	}
	if out >= 0 && t.sparse {
		if err := unix.Ftruncate(out, t.Size); err != nil {
			return os.NewSyscallError("ftruncate", err)
		}
	}
	return sameSum(sum.Sum(nil), t.sum)
}

func sameSum(got []byte, expected string) error {
	if text := hex.EncodeToString(got); expected != "" && text != expected {
		return fmt.Errorf("%w: the SHA-256 of its content is %s, expected %s", ErrDamaged, text, expected)
	}
	return nil
}

// page is what holes are made of.
const page = 4096

// writeChunk writes; in a sparse file, pages of zeros are left out.
func writeChunk(fd int, b []byte, at int64, sparse bool) error {
	if !sparse {
		return writeFull(fd, b)
	}
	for len(b) > 0 {
		n := 0 // bytes of data
		for n < len(b) && !allZero(b[n:min(n+page, len(b))]) {
			n = min(n+page, len(b))
		}
		if n > 0 {
			if err := pwriteFull(fd, b[:n], at); err != nil {
				return err
			}
		}
		for n < len(b) && allZero(b[n:min(n+page, len(b))]) {
			n = min(n+page, len(b))
		}
		b, at = b[n:], at+int64(n)
	}
	return nil
}

func allZero(b []byte) bool { return string(b) == string(zeros[:len(b)]) }

func writeFull(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := again(func() (int, error) { return unix.Write(fd, b) })
		if err != nil {
			return os.NewSyscallError("write", err)
		}
		b = b[n:]
	}
	return nil
}

func pwriteFull(fd int, b []byte, at int64) error {
	for len(b) > 0 {
		n, err := again(func() (int, error) { return unix.Pwrite(fd, b, at) })
		if err != nil {
			return os.NewSyscallError("write", err)
		}
		b, at = b[n:], at+int64(n)
	}
	return nil
}
