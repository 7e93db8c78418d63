package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"

	"golang.org/x/sys/unix"
)

// file opens a regular file and reads it when it is small. Of a large one it
// returns the open file.
func (r *reader) file(j *job, flags int) (large int) {
	fd, err := openNoAtime(j.dir.fd, j.name, flags)
	switch {
	case errors.Is(err, unix.ENOENT):
		r.vary(j, "it vanished", true)
		return -1
	case errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO):
		r.vary(j, "it has become something else", true)
		return -1
	case err != nil:
		r.fail(j, err)
		return -1
	}
	if r.opened(j, fd) {
		return fd
	}
	unix.Close(fd)
	return -1
}

// opened looks at an open file and says whether its content is to be streamed.
func (r *reader) opened(j *job, fd int) bool {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		r.fail(j, err)
		return false
	}
	r.fill(j, &st)
	if j.Type != File {
		r.vary(j, "it has become something else", true)
		return false
	}
	r.attributes(j, xattrsOf(fd))
	if j.err != nil || j.left != "" {
		return false
	}
	if st.Size > 4096 && st.Blocks*512 < st.Size {
		var err error
		if j.sparse, err = findExtents(fd, st.Size); err != nil {
			r.fail(j, err)
			return false
		}
	}
	if j.sparse != nil || st.Size > smallFile {
		return true
	}
	r.whole(j, fd)
	return false
}

// whole reads a small file.
func (r *reader) whole(j *job, fd int) {
	b, grown := j.room(j.Size)
	r.allocated.Add(grown)
	n, err := readFull(fd, b, 0)
	if err != nil {
		r.fail(j, err)
		return
	}
	clear(b[n:])
	r.still(j, fd, int64(n))
	sum := sha256.Sum256(b)
	j.content, j.SHA256 = b, hex.EncodeToString(sum[:])
}

// stream sends the content of a large file, holes left out.
func (r *reader) stream(j *job, fd int) {
	extents := j.sparse
	if extents == nil {
		extents = []extent{{0, j.Size}}
	}
	sum := sha256.New()
	at, found := int64(0), j.Size
	for _, e := range extents {
		if err := hashZeros(r.ctx, sum, e.offset-at); err != nil {
			r.fail(j, err)
			return
		}
		for at = e.offset; at < e.offset+e.length; {
			b, err := r.chunk()
			if err != nil {
				r.fail(j, err)
				return
			}
			b = b[:min(chunkSize, e.offset+e.length-at)]
			n, err := readFull(fd, b, at)
			if err != nil {
				r.fail(j, err)
				return
			}
			if n < len(b) {
				found = min(found, at+int64(n))
				clear(b[n:])
			}
			sum.Write(b)
			at += int64(len(b))
			j.chunks <- b // has room for all that the reader has
		}
	}
	r.still(j, fd, found)
	j.SHA256 = hex.EncodeToString(sum.Sum(nil))
}

// chunk takes a free one, when there is one.
func (r *reader) chunk() ([]byte, error) {
	select {
	case b := <-r.chunks:
		if b == nil {
			b = make([]byte, chunkSize)
			r.allocated.Add(chunkSize)
		}
		return b[:chunkSize], nil
	case <-r.ctx.Done():
		return nil, context.Cause(r.ctx)
	}
}

// still sees whether the file is what it was when it was opened; n bytes of it
// were there.
func (r *reader) still(j *job, fd int, n int64) {
	var now unix.Stat_t
	if err := unix.Fstat(fd, &now); err != nil {
		r.fail(j, err)
		return
	}
	was := &j.stat
	switch {
	case n < was.Size:
		r.vary(j, fmt.Sprintf("it shrank from %d bytes to %d (filled up with zeros)", was.Size, n), false)
	case now.Size != was.Size:
		r.vary(j, fmt.Sprintf("it went from %d bytes to %d (cut to what it had)", was.Size, now.Size), false)
	case now.Mtim != was.Mtim:
		r.vary(j, "it was written to", false)
	case now.Ctim != was.Ctim:
		r.vary(j, "its attributes or names changed", false)
	}
}

// readFull reads until b is full or the file ends.
func readFull(fd int, b []byte, at int64) (int, error) {
	n := 0
	for n < len(b) {
		m, err := again(func() (int, error) { return unix.Pread(fd, b[n:], at+int64(n)) })
		if err != nil {
			return n, err
		}
		if m == 0 {
			break
		}
		n += m
	}
	return n, nil
}

// hashZeros hashes a hole as whoever reads the file would.
func hashZeros(ctx context.Context, sum hash.Hash, n int64) error {
	for i := 0; n > 0; i++ {
		if i%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		part := min(n, int64(len(zeros)))
		sum.Write(zeros[:part])
		n -= part
	}
	return nil
}
