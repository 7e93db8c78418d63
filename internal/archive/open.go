package archive

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"golang.org/x/sync/errgroup"
)

// Open returns the content of one file, read from the block where it begins. The
// last Read returns ErrDamaged instead of io.EOF when the content is not what
// the index says. A hard link opens the file that it is another name of. Closing
// it ends what reads ahead.
func Open(ctx context.Context, archive, index, path string) (io.ReadCloser, Member, error) {
	r, m, err := openMember(ctx, archive, index, path)
	if err != nil {
		return nil, m, fmt.Errorf("open %q of %s: %w", path, archive, err)
	}
	return r, m, nil
}

// errMissing: no member has that name.
var errMissing = errors.New("it is not in the archive")

func openMember(ctx context.Context, archive, index, path string) (io.ReadCloser, Member, error) {
	m, runs, err := find(ctx, index, path)
	if err == nil && m.Type == HardLink {
		m, runs, err = find(ctx, index, m.Link)
	}
	if err != nil {
		return nil, m, err
	}
	if m.Type != File {
		return nil, m, fmt.Errorf("expected a file, found a %s", m.Type)
	}
	ctx, cancel := context.WithCancel(ctx)
	g, gctx := errgroup.WithContext(ctx)
	s, err := newSource(gctx, g, archive, index, runs, 1, Sums{}, false)
	if err != nil {
		cancel()
		return nil, m, err
	}
	r := &memberReader{cancel: cancel, wait: g.Wait, sum: sha256.New(), expected: m.SHA256}
	if err := s.seek(runs[0]); err != nil {
		return nil, m, errors.Join(err, r.Close())
	}
	tr := tar.NewReader(s)
	h, err := tr.Next()
	if err != nil {
		return nil, m, errors.Join(tarError(err), r.Close())
	}
	f, err := memberOf(h)
	if err == nil {
		err = f.compare(m)
	}
	if err != nil {
		return nil, m, errors.Join(err, r.Close())
	}
	r.in = tr
	return r, m, nil
}

// find returns the member of that name.
func find(ctx context.Context, index, path string) (m Member, runs []run, err error) {
	runs, err = selectRuns(ctx, index, "", func(x *Member) bool {
		if x.Path != path {
			return false
		}
		m = *x
		return true
	})
	if err == nil && len(runs) == 0 {
		err = errMissing
	}
	if err == nil && (len(runs) > 1 || runs[0].count > 1) {
		err = fmt.Errorf("%w: it is in the archive twice", ErrRefused)
	}
	return m, runs, err
}

// memberReader reads the content of a member.
type memberReader struct {
	in       io.Reader
	cancel   context.CancelFunc
	wait     func() error
	sum      hash.Hash
	expected string
}

func (r *memberReader) Read(b []byte) (int, error) {
	n, err := r.in.Read(b)
	r.sum.Write(b[:n])
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if serr := sameSum(r.sum.Sum(nil), r.expected); serr != nil {
		return n, serr
	}
	return n, io.EOF
}

func (r *memberReader) Close() error {
	r.cancel()
	if err := r.wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
