package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Extract puts the members into a folder, which is made if it is missing and
// must be empty. Every content is compared with the index. index may be "" for
// a tar made by others: then only what the compression itself checks is checked.
// After an error the folder holds a part.
func Extract(ctx context.Context, archive, index, into string, o ExtractOptions) (report Report, err error) {
	report, err = extract(ctx, archive, index, into, o)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return report, fmt.Errorf("extract %s into %s: %w", archive, into, err)
	}
	return report, nil
}

func extract(ctx context.Context, archive, index, into string, o ExtractOptions) (Report, error) {
	var runs []run
	var instead map[string]string
	if index != "" && o.Only != nil {
		var err error
		if instead, err = strangers(ctx, index, o.Only); err != nil {
			return Report{}, err
		}
		runs, err = selectRuns(ctx, index, o.Sums.Index, func(m *Member) bool { return instead[m.Path] != "" || o.Only(m.Path) })
		if err != nil {
			return Report{}, err
		}
	}
	fd, err := openTarget(into)
	if err != nil {
		return Report{}, err
	}
	g, gctx := errgroup.WithContext(ctx)
	// The source may have more than is read of it.
	gctx, cancel := context.WithCancel(gctx)
	defer cancel()
	p := newPlacer(gctx, fd, index == "" || len(instead) > 0, o)
	p.instead = instead
	defer p.close()
	var in tarStream
	var s *source
	if index == "" {
		f, err := openForeign(archive)
		if err != nil {
			return Report{}, err
		}
		defer f.Close()
		in = f
	} else {
		s, err = newSource(gctx, g, archive, index, runs, o.Workers, o.Sums, o.Sums.Archive != "" && o.Only == nil)
		if err != nil {
			return Report{}, err
		}
		in = s
	}
	u := newUnpacker(gctx, in, index != "", o.Limits, o.Progress)
	u.only = o.Only
	writers := o.Writers
	if writers <= 0 {
		writers = 8
	}
	p.crew = newCrew(gctx, g, writers, u, p)
	u.sink = p
	g.Go(func() error {
		defer close(p.crew.work)
		if runs != nil {
			return u.some(runs)
		}
		return u.all()
	})
	err = g.Wait()
	err = errors.Join(err, p.end(err == nil))
	if err != nil {
		return Report{}, err
	}
	report := u.report
	report.LeftOut = p.leftOut
	if s != nil && runs == nil {
		if report, err = s.sum(report); err != nil {
			return report, err
		}
	}
	if o.Sync {
		if err := unix.Syncfs(p.root.fd); err != nil {
			return report, os.NewSyscallError("syncfs", err)
		}
	}
	return report, nil
}

// openTarget opens the folder, which must be empty.
func openTarget(into string) (int, error) {
	if err := os.Mkdir(into, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return -1, err
	}
	f, err := os.Open(into)
	if err != nil {
		return -1, err
	}
	defer f.Close()
	switch names, err := f.Readdirnames(1); {
	case errors.Is(err, io.EOF):
	case errors.Is(err, syscall.ENOTDIR):
		return -1, errors.New("expected a folder, found something else")
	case err != nil:
		return -1, err
	default:
		return -1, fmt.Errorf("expected an empty folder, found %q in it", names[0])
	}
	fd, err := unix.Open(into, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	// What is made there would inherit it.
	if err := unix.Fremovexattr(fd, xattrACLDefault); err != nil && !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.ENOTSUP) {
		unix.Close(fd)
		return -1, fmt.Errorf("drop the folder's default ACL: %w", err)
	}
	return fd, nil
}

// selectRuns finds the members that are wanted, in an index of that SHA-256.
func selectRuns(ctx context.Context, index, sum string, wanted func(*Member) bool) ([]run, error) {
	x, err := openIndex(index)
	if err != nil {
		return nil, err
	}
	defer x.close()
	runs := []run{}
	var at, ordinal int64
	for adjacent := false; ; {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		b, m, err := x.next()
		switch {
		case err != nil:
			return nil, err
		case b != nil:
			at = b.At
			continue
		case m == nil:
			return runs, x.compare(sum)
		}
		if !wanted(m) {
			adjacent = false
		} else {
			if !adjacent {
				runs = append(runs, run{at: m.Block, skip: m.Skip, first: ordinal})
			}
			r := &runs[len(runs)-1]
			r.last = at
			r.count++
			adjacent = true
		}
		ordinal++
	}
}

// strangers finds files that are not wanted themselves, but by another name that
// stands in the archive as a hard link to them. It says under which name such a
// file is wanted first.
func strangers(ctx context.Context, index string, only func(string) bool) (map[string]string, error) {
	instead := map[string]string{}
	err := List(ctx, index, func(m Member) error {
		if m.Type == HardLink && instead[m.Link] == "" && only(m.Path) && !only(m.Link) {
			instead[m.Link] = m.Path
		}
		return nil
	})
	return instead, err
}
