package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// walker goes through the tree in the order of the archive and makes a job of
// all that it finds: folders before what is in them, names in the order of
// their bytes. It reads folders only; the readers do the rest.
type walker struct {
	ctx   context.Context
	src   Source
	free  chan *job
	work  chan *job
	order chan *job
	dev   uint64
	notes *notes
}

// notes collects what the report names, from several goroutines.
type notes struct {
	mu                         sync.Mutex
	changed, leftOut, followed Notes
}

func (n *notes) follow(rel string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.followed.add(rel)
}

func (n *notes) change(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.changed.add(text)
}

func (n *notes) leave(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.leftOut.add(text)
}

// folder is an open folder. Files are opened from there, which is quicker than by
// long paths, and reaches the same folder whatever is renamed meanwhile. It is
// closed when all that is in it is read.
type folder struct {
	fd    int
	path  string // from the root; "." is the root
	stat  unix.Stat_t
	refs  atomic.Int32
	notes *notes
}

// join is the path of what is in the folder.
func (d *folder) join(name string) string {
	if d.path == "." {
		return name
	}
	return d.path + "/" + name
}

func (d *folder) keep() *folder {
	d.refs.Add(1)
	return d
}

// release closes the folder when nobody has it any more.
func (d *folder) release() {
	if d.refs.Add(-1) > 0 {
		return
	}
	var now unix.Stat_t
	if err := unix.Fstat(d.fd, &now); err == nil && now.Mtim != d.stat.Mtim {
		d.notes.change(d.path + ": names were added or removed while the folder was read")
	}
	unix.Close(d.fd)
}

// run walks all.
func (w *walker) run() error {
	defer close(w.work)
	defer close(w.order)
	fd, err := openNoAtime(unix.AT_FDCWD, w.src.Root, unix.O_DIRECTORY)
	if err != nil {
		return fmt.Errorf("archive %s: %w", w.src.Root, err)
	}
	root, err := w.folder(fd, ".")
	if err != nil {
		return err
	}
	w.dev = uint64(root.stat.Dev) //nolint:unconvert // int32 on some machines
	return w.visit(root, Keep)
}

// folder takes over an open folder.
func (w *walker) folder(fd int, path string) (*folder, error) {
	d := &folder{fd: fd, path: path, notes: w.notes}
	if err := unix.Fstat(fd, &d.stat); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("read the folder %s: %w", filepath.Join(w.src.Root, path), err)
	}
	return d.keep(), nil
}

// visit makes the jobs of a folder and of what is in it, and releases it.
func (w *walker) visit(d *folder, decision Decision) error {
	defer d.release()
	mounted := uint64(d.stat.Dev) != w.dev && !w.src.CrossDevices && decision != Follow //nolint:unconvert // int32 on some machines
	if mounted {
		w.notes.leave(d.path + ": another file system is mounted there")
	}
	if err := w.job(d, "", fs.ModeDir); err != nil {
		return err
	}
	if mounted || decision == KeepEmpty {
		return nil
	}
	entries, err := w.list(d)
	if err != nil {
		return err
	}
	for _, e := range entries {
		rel, typ := d.join(e.Name()), e.Type()
		decision := Keep
		if w.src.Decide != nil {
			decision = w.src.Decide(rel, typ)
		}
		if decision == Drop {
			continue
		}
		switch {
		case typ == fs.ModeDir:
			err = w.enter(d, e.Name(), decision, unix.O_NOFOLLOW)
		case typ == fs.ModeSymlink && decision == Follow:
			err = w.follow(d, e.Name())
		default:
			err = w.job(d, e.Name(), typ)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// follow visits what a symbolic link leads to. A link to nothing, or to what is
// neither a file nor a folder, stays one.
func (w *walker) follow(d *folder, name string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, 0); err != nil {
		return w.job(d, name, fs.ModeSymlink)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		w.notes.follow(d.join(name))
		return w.enter(d, name, Follow, 0)
	case unix.S_IFREG:
		w.notes.follow(d.join(name))
		return w.job(d, name, followed)
	}
	return w.job(d, name, fs.ModeSymlink)
}

// enter visits a folder in a folder.
func (w *walker) enter(d *folder, name string, decision Decision, flags int) error {
	rel := d.join(name)
	fd, err := openNoAtime(d.fd, name, unix.O_DIRECTORY|flags)
	if err != nil {
		full := filepath.Join(w.src.Root, rel)
		gone := errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)
		switch {
		case gone && w.src.Tolerant:
			w.notes.change(rel + ": the folder vanished")
			return nil
		case gone:
			return fmt.Errorf("read the folder %s: it %w (%w); %s", full, ErrChanged, err, whatToDo)
		case errors.Is(err, unix.EMFILE):
			return fmt.Errorf("read the folder %s: %w; raise the limit of open files (ulimit -n)", full, err)
		}
		return fmt.Errorf("read the folder %s: %w", full, err)
	}
	in, err := w.folder(fd, rel)
	if err != nil {
		return err
	}
	if decision == Follow && flags != 0 && in.stat.Dev != d.stat.Dev {
		w.notes.follow(rel)
	}
	return w.visit(in, decision)
}

// list reads the names, in order.
func (w *walker) list(d *folder) ([]fs.DirEntry, error) {
	full := filepath.Join(w.src.Root, d.path)
	fd, err := unix.FcntlInt(uintptr(d.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("read the folder %s: %w", full, err)
	}
	f := os.NewFile(uintptr(fd), full)
	entries, err := f.ReadDir(-1)
	f.Close()
	if err != nil {
		return nil, fmt.Errorf("read the folder %s: %w", full, err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// job hands a member to the readers.
func (w *walker) job(d *folder, name string, typ fs.FileMode) error {
	select {
	case j := <-w.free:
		j.reset(d.keep(), name, typ)
		w.order <- j // both have room for all jobs
		w.work <- j
		return nil
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
}

// openNoAtime opens for reading and leaves the access time alone, where that is
// allowed. It neither follows a FIFO's other end nor waits for it.
func openNoAtime(dir int, name string, flags int) (int, error) {
	flags |= unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK
	fd, err := again(func() (int, error) { return unix.Openat(dir, name, flags|unix.O_NOATIME, 0) })
	if errors.Is(err, unix.EPERM) {
		fd, err = again(func() (int, error) { return unix.Openat(dir, name, flags, 0) })
	}
	return fd, err
}

// again repeats what a signal interrupted.
func again(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
