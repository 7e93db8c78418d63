package archive

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// placer makes what the archive holds below a folder. It opens every folder on
// the way by itself and never through a symlink, so that no member can be put
// elsewhere. A folder gets its attributes when all in it is there.
type placer struct {
	ctx context.Context
	o   ExtractOptions
	// anyOrder says that folders may come after what is in them, as in the tars
	// of other programs.
	anyOrder bool
	// instead is where files go that are wanted by another name only.
	instead map[string]string
	crew    *crew
	look    *accounts
	root    *outFolder
	stack   []*outFolder // from the root down to where members come

	mu   sync.Mutex
	live map[string]*outFolder // the open ones
	// flying are files that are being written, for the hard links to them.
	flying  map[string]chan struct{}
	leftOut Notes
}

// outFolder is an open folder.
type outFolder struct {
	fd   int
	path string
	refs int // under the placer's lock
	// What it gets at the end; nil leaves it as it is.
	final *found
	made  bool // on the way to a member, and not by a member of its own
}

func newPlacer(ctx context.Context, fd int, anyOrder bool, o ExtractOptions) *placer {
	root := &outFolder{fd: fd, path: ".", refs: 1, made: true}
	return &placer{
		ctx: ctx, o: o, anyOrder: anyOrder, look: newAccounts(), root: root, stack: []*outFolder{root},
		live: map[string]*outFolder{".": root}, flying: map[string]chan struct{}{},
	}
}

func (p *placer) fail(rel string, err error) error {
	if errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("%w: %.200q is in the archive twice", ErrRefused, rel)
	}
	return fmt.Errorf("make %.200q: %w", rel, err)
}

// parent returns the folder that a member stands in, and its name there. The
// folder is of the stack, which holds it open.
func (p *placer) parent(rel string) (*outFolder, string, error) {
	dir, base := path.Split(rel)
	dir = strings.TrimSuffix(dir, "/")
	if dir == "" {
		dir = "."
	}
	for !holds(p.top().path, dir) {
		if err := p.pop(); err != nil {
			return nil, "", err
		}
	}
	for p.top().path != dir {
		rest := dir
		if at := p.top().path; at != "." {
			rest = dir[len(at)+1:]
		}
		name, _, _ := strings.Cut(rest, "/")
		if err := p.enter(name); err != nil {
			return nil, "", err
		}
	}
	return p.top(), base, nil
}

// holds says whether dir is folder or below it.
func holds(folder, dir string) bool {
	return folder == "." || dir == folder || strings.HasPrefix(dir, folder) && dir[len(folder)] == '/'
}

func (p *placer) top() *outFolder { return p.stack[len(p.stack)-1] }

func (p *placer) pop() error {
	d := p.top()
	p.stack = p.stack[:len(p.stack)-1]
	return p.release(d)
}

// enter pushes a folder that no member of its own came for just now: it is there
// already, or is made for the owner alone.
func (p *placer) enter(name string) error {
	in := p.top()
	rel := in.join(name)
	p.mu.Lock()
	d := p.live[rel]
	if d != nil {
		d.refs++
	}
	p.mu.Unlock()
	if d != nil {
		p.stack = append(p.stack, d)
		return nil
	}
	made := true
	if err := unix.Mkdirat(in.fd, name, 0o700); err != nil {
		if !errors.Is(err, unix.EEXIST) {
			return p.fail(rel, err)
		}
		made = false
	}
	d, err := p.open(in, name)
	if err != nil {
		return err
	}
	if d.made = made; !made {
		// It had its time already.
		if d.final, err = remember(d); err != nil {
			return p.fail(rel, err)
		}
	}
	return nil
}

func (d *outFolder) join(name string) string {
	if d.path == "." {
		return name
	}
	return d.path + "/" + name
}

// open opens a folder in a folder and pushes it.
func (p *placer) open(in *outFolder, name string) (*outFolder, error) {
	rel := in.join(name)
	fd, err := unix.Openat(in.fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%w: a member stands below %.200q, which is no folder", ErrRefused, rel)
	}
	if err != nil {
		return nil, p.fail(rel, err)
	}
	d := &outFolder{fd: fd, path: rel, refs: 1}
	p.mu.Lock()
	p.live[rel] = d
	p.mu.Unlock()
	p.stack = append(p.stack, d)
	return d, nil
}

// release lets go of a folder. Whoever is the last gives it its attributes.
func (p *placer) release(d *outFolder) error {
	p.mu.Lock()
	if d.refs--; d.refs > 0 {
		p.mu.Unlock()
		return nil
	}
	delete(p.live, d.path)
	// In any order, the folder may be entered again right after.
	if !p.anyOrder {
		p.mu.Unlock()
	}
	err := p.finish(d)
	if p.anyOrder {
		p.mu.Unlock()
	}
	unix.Close(d.fd)
	return err
}

// finish gives a folder its attributes.
func (p *placer) finish(d *outFolder) error {
	if d.final == nil {
		return nil
	}
	if err := p.attributes(target{fd: d.fd, dir: -1, locked: p.anyOrder}, d.final); err != nil {
		return fmt.Errorf("the folder %.200q: %w", d.path, err)
	}
	return nil
}

// end lets go of all folders; whole says that nothing went wrong.
func (p *placer) end(whole bool) error {
	var err error
	for len(p.stack) > 1 {
		d := p.top()
		if !whole {
			d.final = nil
		}
		err = errors.Join(err, p.pop())
	}
	if whole {
		err = errors.Join(err, p.finish(p.root))
	}
	return err
}

// close closes what is still open.
func (p *placer) close() {
	for _, d := range p.live {
		unix.Close(d.fd)
	}
}

// other makes what is no file.
func (p *placer) other(f *found) error {
	if to := p.instead[f.Path]; to != "" {
		f.Path = to
	}
	if f.Path == "." {
		p.root.final = f
		return nil
	}
	if f.Type == Dir {
		return p.folder(f)
	}
	in, base, err := p.parent(f.Path)
	if err != nil {
		return err
	}
	switch f.Type {
	case Symlink:
		err = unix.Symlinkat(f.Link, in.fd, base)
	case HardLink:
		return p.link(f, in, base)
	case FIFO:
		err = unix.Mknodat(in.fd, base, unix.S_IFIFO|0o600, 0)
	case Char, Block:
		if !p.o.Devices {
			return fmt.Errorf("%w: %.200q is a device node, and those were not asked for", ErrRefused, f.Path)
		}
		kind := uint32(unix.S_IFCHR)
		if f.Type == Block {
			kind = unix.S_IFBLK
		}
		err = unix.Mknodat(in.fd, base, kind|0o600, int(unix.Mkdev(f.Major, f.Minor)))
	}
	if err != nil {
		return p.fail(f.Path, err)
	}
	if err := p.attributes(target{fd: -1, dir: in.fd, name: base}, f); err != nil {
		return fmt.Errorf("%.200q: %w", f.Path, err)
	}
	return nil
}

// folder makes a folder and pushes it.
func (p *placer) folder(f *found) error {
	in, base, err := p.parent(f.Path)
	if err != nil {
		return err
	}
	err = unix.Mkdirat(in.fd, base, 0o700)
	if errors.Is(err, unix.EEXIST) && p.anyOrder {
		// Made on the way to a member that came before it.
		if err := p.enter(base); err != nil {
			return err
		}
		p.top().final = f
		return nil
	}
	if err != nil {
		return p.fail(f.Path, err)
	}
	d, err := p.open(in, base)
	if err != nil {
		return err
	}
	d.final = f
	return nil
}

// link makes another name of a file, once that is there.
func (p *placer) link(f *found, in *outFolder, base string) error {
	if to := p.instead[f.Link]; to != "" {
		if f.Link = to; f.Link == f.Path {
			return nil // it is there under this name
		}
	}
	p.mu.Lock()
	flying := p.flying[f.Link]
	p.mu.Unlock()
	if flying != nil {
		select {
		case <-flying:
		case <-p.ctx.Done():
			return context.Cause(p.ctx)
		}
	}
	dir, name := path.Split(f.Link)
	from, err := p.walk(dir)
	if err == nil {
		err = unix.Linkat(from, name, in.fd, base, 0)
		unix.Close(from)
	}
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return fmt.Errorf("%w: %.200q is a hard link to %.200q, which stands below what is no folder", ErrRefused, f.Path, f.Link)
	}
	if errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%.200q is a hard link to %.200q, which is not there: extract that too", f.Path, f.Link)
	}
	if err != nil {
		return p.fail(f.Path, err)
	}
	return nil
}

// walk opens a folder from the root, never through a symlink.
func (p *placer) walk(dir string) (int, error) {
	fd, err := unix.FcntlInt(uintptr(p.root.fd), unix.F_DUPFD_CLOEXEC, 0)
	for name := range strings.SplitSeq(dir, "/") {
		if name == "" || err != nil {
			continue
		}
		var next int
		next, err = unix.Openat(fd, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		unix.Close(fd)
		fd = next
	}
	return fd, err
}

// small hands a file to the crew.
func (p *placer) small(t *task) error { return p.give(t) }

func (p *placer) large(t *task) error { return p.give(t) }

func (p *placer) give(t *task) error {
	if to := p.instead[t.Path]; to != "" {
		t.Path = to
	}
	in, base, err := p.parent(t.Path)
	if err != nil {
		return err
	}
	t.dir, t.base = in, base
	p.mu.Lock()
	in.refs++
	_, twice := p.flying[t.Path]
	p.flying[t.Path] = make(chan struct{})
	p.mu.Unlock()
	if twice {
		return p.fail(t.Path, unix.EEXIST)
	}
	return p.crew.give(t)
}

// finished notes that a file is whole.
func (p *placer) finished(t *task) error {
	p.mu.Lock()
	close(p.flying[t.Path])
	delete(p.flying, t.Path)
	p.mu.Unlock()
	return p.release(t.dir)
}
