package archive

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Verify reads all of an archive and compares every byte and every member with
// the index. An error that is ErrDamaged names the first difference.
func Verify(ctx context.Context, archive, index string, o VerifyOptions) (Report, error) {
	g, gctx := errgroup.WithContext(ctx)
	gctx, cancel := context.WithCancel(gctx)
	defer cancel()
	s, err := newSource(gctx, g, archive, index, nil, o.Workers, o.Sums, true)
	if err != nil {
		return Report{}, err
	}
	u := newUnpacker(gctx, s, true, o.Limits, o.Progress)
	c := newCrew(gctx, g, runtime.GOMAXPROCS(0), u, nil)
	u.sink = checker{c}
	g.Go(func() error {
		defer close(c.work)
		return u.all()
	})
	if err := g.Wait(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Report{}, fmt.Errorf("verify %s: %w", archive, err)
	}
	return s.sum(u.report)
}

// sum completes the report of what was read to its end.
func (s *source) sum(r Report) (Report, error) {
	if len(s.expected) > 0 {
		return r, fmt.Errorf("read %s: %w: it lacks %.200q, which is in the index", s.name, ErrDamaged, s.expected[0].Path)
	}
	if s.taken != s.end.Raw {
		return r, fmt.Errorf("read %s: %w: the tar has %d bytes, expected %d", s.name, ErrDamaged, s.taken, s.end.Raw)
	}
	r.Raw, r.Stored, r.SHA256, r.IndexSHA256 = s.end.Raw, s.end.Stored, s.archiveSum, s.indexSum
	return r, nil
}

// checker is the sink of Verify: only contents are left to compare.
type checker struct{ *crew }

func (c checker) other(*found) error  { return nil }
func (c checker) small(t *task) error { return c.give(t) }
func (c checker) large(t *task) error { return c.give(t) }
