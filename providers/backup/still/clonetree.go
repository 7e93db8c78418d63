package still

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/humanize"
)

// cloner copies a tree with files that share their blocks. One goroutine reads
// folders, a few make files; folders get their modes and times when all in them
// is made. What is held in memory is the folders in work and the files that
// have more names to come.
type cloner struct {
	progress func(event.Progress)
	// skip is a folder that is left out: the copy itself, where it lies in
	// what is copied.
	skip string
	// out says what is made of links that lead out; nil keeps every link.
	out *outward
	// share makes dst share the blocks of src; shareBlocks when nil.
	share func(dst, src *os.File) error

	links links

	files, bytes      atomic.Int64
	copies, copyBytes atomic.Int64 // files whose blocks could not be shared
	special           atomic.Int64 // sockets and devices
	labels            atomic.Int64 // security attributes that could not be set
	telling           sync.Mutex
}

// CopyTree copies the folder from, which nobody changes, to to, which must not
// be there, with all that its files are: owners, modes, times, ACLs, extended
// attributes, several names of one file. Where the file system can, they share
// their blocks; elsewhere the bytes are copied. Links are treated as l says. What
// is worth knowing of the copy is returned in words.
func CopyTree(ctx context.Context, from, to string, l Links, progress func(event.Progress)) ([]string, error) {
	out, err := newOutward(from, to, l)
	if err != nil {
		return nil, err
	}
	c := &cloner{progress: progress, out: out, share: func(dst, src *os.File) error {
		err := shareBlocks(dst, src)
		for _, cannot := range []error{unix.EXDEV, unix.EOPNOTSUPP, unix.ENOTTY, unix.ENOSYS} {
			if errors.Is(err, cannot) {
				return unix.EINVAL // copied
			}
		}
		return err
	}}
	err = c.tree(ctx, from, to)
	c.copies.Store(0) // here, that is no surprise
	return c.told(), err
}

// cloneWorkers make files side by side.
const cloneWorkers = 8

// names is some files of one folder.
type names struct {
	folder *folder
	names  []source
}

// source is a name in the copy, and what it is made of.
type source struct {
	name, from string
	followed   bool // a link leads there
}

// folder is one that is being copied.
type folder struct {
	from, to string
	rel      string // its path in the copy
	parent   *folder
	// followed: it was reached through a link, by which files of other owners
	// may be reached.
	followed bool
	// pending counts what is still being made in it, and its being read.
	pending atomic.Int64
}

// tree copies the folder from to to, which must not be there.
func (c *cloner) tree(ctx context.Context, from, to string) error {
	if c.share == nil {
		c.share = shareBlocks
	}
	g, ctx := errgroup.WithContext(ctx)
	work := make(chan names, cloneWorkers)
	g.Go(func() error {
		defer close(work)
		return c.walk(ctx, &folder{from: from, to: to, rel: "."}, work)
	})
	for range cloneWorkers {
		g.Go(func() error {
			for n := range work {
				for _, s := range n.names {
					if ctx.Err() != nil {
						return context.Cause(ctx)
					}
					if err := c.entry(ctx, n.folder, s); err != nil {
						return err
					}
				}
				if err := c.release(n.folder); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// walk makes a folder, hands out its files, and goes into its folders.
func (c *cloner) walk(ctx context.Context, f *folder, work chan<- names) error {
	f.pending.Add(1)
	if err := makeFolder(f.to, f.parent == nil); err != nil {
		return err
	}
	dir, err := os.Open(f.from)
	if err != nil {
		return err
	}
	var below []source
	for {
		entries, err := dir.ReadDir(batch / 8)
		var files []source
		for _, e := range entries {
			s := source{name: e.Name(), from: filepath.Join(f.from, e.Name())}
			switch {
			case e.IsDir() && s.from != c.skip:
				below = append(below, s)
			case e.IsDir():
			case e.Type()&fs.ModeSymlink != 0 && c.out != nil:
				folder, err := c.link(f, &s)
				switch {
				case err != nil:
					return errors.Join(err, dir.Close())
				case folder:
					below = append(below, s)
				case s.from != "":
					files = append(files, s)
				}
			default:
				files = append(files, s)
			}
		}
		if len(files) > 0 {
			f.pending.Add(1)
			select {
			case work <- names{f, files}:
			case <-ctx.Done():
				return errors.Join(context.Cause(ctx), dir.Close())
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(err, dir.Close())
		}
	}
	if err := dir.Close(); err != nil {
		return err
	}
	for _, s := range below {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		f.pending.Add(1)
		child := &folder{
			from: s.from, to: filepath.Join(f.to, s.name), rel: filepath.Join(f.rel, s.name), parent: f, followed: f.followed || s.followed,
		}
		if err := c.walk(ctx, child, work); err != nil {
			return err
		}
	}
	return c.release(f)
}

// link decides what comes in the place of a link, and reports whether that is a
// folder's content. s.from is "" where all of it is made.
func (c *cloner) link(f *folder, s *source) (folder bool, err error) {
	found, err := c.out.look(s.from, filepath.Join(f.rel, s.name))
	if err != nil {
		return false, err
	}
	switch found.treatment {
	case Follow:
		s.from, s.followed = found.real, true
		return found.folder, nil
	case Empty:
		s.from = ""
		return false, os.Mkdir(filepath.Join(f.to, s.name), 0o755)
	}
	return false, nil
}

// release tells a folder that something in it is made. With the last, the
// folder gets what it is besides its content.
func (c *cloner) release(f *folder) error {
	for ; f != nil && f.pending.Add(-1) == 0; f = f.parent {
		st, err := lstat(f.from)
		if err != nil {
			return err
		}
		if err := c.attributes(f.from, f.to, f.owned(st)); err != nil {
			return err
		}
	}
	return nil
}

// owned is st with this account as the owner of what was reached through a link
// and is another account's: it was only read there, and is the copy's now.
func (f *folder) owned(st *unix.Stat_t) *unix.Stat_t {
	me := os.Geteuid()
	if !f.followed || me == 0 {
		return st
	}
	groups, err := os.Getgroups()
	if int(st.Uid) != me || err != nil || !slices.Contains(append(groups, os.Getegid()), int(st.Gid)) {
		st.Uid, st.Gid = uint32(me), uint32(os.Getegid()) //nolint:gosec // ids of accounts are no larger
	}
	return st
}

// makeFolder makes one for its owner alone. The first of a tree must not hand
// down the ACL that it may have got from the folder above.
func makeFolder(path string, first bool) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	if !first {
		return nil
	}
	for _, acl := range []string{"system.posix_acl_default", "system.posix_acl_access"} {
		err := unix.Lremovexattr(path, acl)
		if err != nil && !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.EOPNOTSUPP) {
			return &fs.PathError{Op: "drop the inherited ACL of", Path: path, Err: err}
		}
	}
	return nil
}

// entry copies all that is no folder.
func (c *cloner) entry(ctx context.Context, f *folder, s source) error {
	from, to := s.from, filepath.Join(f.to, s.name)
	st, err := lstat(from)
	if err != nil {
		return err
	}
	in := folder{followed: f.followed || s.followed}
	st = in.owned(st)
	build := func() error { return c.file(ctx, from, to, st) }
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFLNK:
		build = func() error { return c.symlink(from, to, filepath.Join(f.rel, s.name), st) }
	case unix.S_IFIFO:
		build = func() error {
			if err := unix.Mkfifo(to, 0o600); err != nil {
				return &fs.PathError{Op: "mkfifo", Path: to, Err: err}
			}
			return c.attributes(from, to, st)
		}
	case unix.S_IFDIR:
		return fmt.Errorf("%s has become a folder meanwhile: DSS, or something else, still writes in the data directory", from)
	default:
		c.special.Add(1)
		return nil
	}
	if st.Nlink > 1 {
		err = c.links.link(st, to, build)
	} else {
		err = build()
	}
	if err == nil {
		c.tell()
	}
	return err
}

func (c *cloner) symlink(from, to, rel string, st *unix.Stat_t) error {
	target, err := os.Readlink(from)
	if err != nil {
		return err
	}
	if c.out != nil {
		target = c.out.text(from, rel, target)
	}
	if err := os.Symlink(target, to); err != nil {
		return err
	}
	return c.attributes(from, to, st)
}

func (c *cloner) file(ctx context.Context, from, to string, st *unix.Stat_t) (err error) {
	src, err := os.OpenFile(from, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	err = c.share(dst, src)
	if errors.Is(err, unix.EINVAL) {
		// Files of Btrfs that are not copied on write, for one.
		err = c.copy(ctx, dst, src)
	}
	if err != nil {
		return fmt.Errorf("share the blocks of %s: %w", from, err)
	}
	c.bytes.Add(st.Size)
	return c.attributes(from, to, st)
}

// copy copies the bytes of a file, some at a time, so that it can be cancelled.
func (c *cloner) copy(ctx context.Context, dst, src *os.File) error {
	const some = 16 << 20
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := io.CopyN(dst, src, some)
		c.copyBytes.Add(n)
		if errors.Is(err, io.EOF) {
			c.copies.Add(1)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// shareBlocks is a reflink. A file that Btrfs does not copy on write shares
// blocks only with one of its kind.
func shareBlocks(dst, src *os.File) error {
	err := unix.IoctlFileClone(int(dst.Fd()), int(src.Fd()))
	if !errors.Is(err, unix.EINVAL) {
		return err
	}
	const noCopyOnWrite = 0x00800000 // FS_NOCOW_FL
	flags, ferr := unix.IoctlGetInt(int(src.Fd()), unix.FS_IOC_GETFLAGS)
	if ferr != nil || flags&noCopyOnWrite == 0 {
		return err
	}
	if unix.IoctlSetPointerInt(int(dst.Fd()), unix.FS_IOC_SETFLAGS, noCopyOnWrite) != nil {
		return err
	}
	return unix.IoctlFileClone(int(dst.Fd()), int(src.Fd()))
}

// tellEvery is how many files pass between two reports.
const tellEvery = 5000

func (c *cloner) tell() {
	n := c.files.Add(1)
	if n%tellEvery == 0 {
		c.telling.Lock()
		defer c.telling.Unlock()
		c.progress(event.Progress{Done: n, Unit: "files"})
	}
}

// told returns what is worth knowing of a tree that is copied.
func (c *cloner) told() []string {
	var out []string
	if n := c.copies.Load(); n > 0 {
		out = append(out, fmt.Sprintf("%s could not share blocks with the original: %s were copied", humanize.Count(n, "file", "files"), humanize.Bytes(c.copyBytes.Load())))
	}
	if n := c.special.Load(); n > 0 {
		out = append(out, humanize.Count(n, "socket or device was", "sockets and devices were")+" left out of the copy")
	}
	if n := c.labels.Load(); n > 0 {
		out = append(out, humanize.Count(n, "security attribute", "security attributes")+" (SELinux labels, capabilities) could not be set on the copy without root")
	}
	return out
}

// links gives files with several names several names again.
type links struct {
	mu    sync.Mutex
	known map[inode]*linked
}

type inode struct{ dev, ino uint64 }

type linked struct {
	mu   sync.Mutex
	path string // the first name of the copy, once it is made
	left uint64 // names that are still to come
}

// link makes the file's copy, or another name of it.
func (l *links) link(st *unix.Stat_t, to string, build func() error) error {
	key := inode{st.Dev, st.Ino}
	l.mu.Lock()
	if l.known == nil {
		l.known = map[inode]*linked{}
	}
	k := l.known[key]
	if k == nil {
		k = &linked{left: uint64(st.Nlink)}
		l.known[key] = k
	}
	if k.left--; k.left == 0 {
		delete(l.known, key)
	}
	l.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.path != "" {
		return os.Link(k.path, to)
	}
	if err := build(); err != nil {
		return err
	}
	k.path = to
	return nil
}
