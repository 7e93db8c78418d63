package service

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers"
)

// copier makes one safety backup. Files are copied a few at a time; the
// manifest grows as they are done.
type copier struct {
	ctx  context.Context
	call *providers.Call
	dir  string // with the folder "files"

	mu       sync.Mutex
	manifest *json.Encoder
	done     int64
	total    int64
	told     int64
	noClone  bool // the file system cannot share blocks
}

const copyWorkers = 4

func newCopier(ctx context.Context, c *providers.Call, dir string, total int64) *copier {
	return &copier{ctx: ctx, call: c, dir: dir, total: total}
}

func (k *copier) run(h header) (err error) {
	f, err := os.OpenFile(filepath.Join(k.dir, manifestName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	k.manifest = json.NewEncoder(w)
	if err := k.manifest.Encode(h); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(k.ctx)
	g.SetLimit(copyWorkers)
	k.ctx = ctx
	walkErr := k.call.Instance.WalkProtected(ctx, func(rel string, info fs.FileInfo) error {
		return k.visit(g, rel, info)
	})
	// A copy that failed ends the walk: its error is the reason.
	if err := g.Wait(); err != nil {
		return err
	}
	if walkErr != nil {
		return walkErr
	}
	return w.Flush()
}

func (k *copier) visit(g *errgroup.Group, rel string, info fs.FileInfo) error {
	var e entry
	e.setPath(rel)
	to := filepath.Join(k.dir, filesName, rel)
	if info == nil {
		e.Type = typeAbsent
		return k.add(&e)
	}
	e.Mode, e.ModTime = info.Mode()&(fs.ModePerm|fs.ModeSticky|fs.ModeSetgid), info.ModTime()
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		e.GID = int(st.Gid)
	}
	switch {
	case info.IsDir():
		e.Type = typeDir
		if err := os.MkdirAll(to, 0o700); err != nil {
			return err
		}
		return k.add(&e)
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(k.call.Instance.Path(rel))
		if err != nil {
			return err
		}
		e.Type, e.Target = typeLink, []byte(target)
		return k.add(&e)
	case !info.Mode().IsRegular():
		// Sockets and pipes hold nothing.
		return nil
	}
	e.Type = typeFile
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	g.Go(func() error {
		if err := k.copyFile(k.call.Instance.Path(rel), to, &e); err != nil {
			return fmt.Errorf("copy %s: %w", rel, err)
		}
		return k.add(&e)
	})
	return nil
}

func (k *copier) add(e *entry) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.manifest.Encode(e)
}

// copyFile copies one file for its owner alone, and fills in size and hash of
// what was written.
func (k *copier) copyFile(from, to string, e *entry) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	h := sha256.New()
	in, out := io.Reader(src), io.MultiWriter(dst, h)
	if k.clone(dst, src) {
		// The blocks are shared; what is stored is read once for the hash.
		in, out = dst, h
	}
	if e.Size, err = copyStream(k.ctx, out, in, k.tell); err != nil {
		return err
	}
	e.SHA256 = hex.EncodeToString(h.Sum(nil))
	// No wider than 0600, and readable again for verify and restore.
	return dst.Chmod(e.Mode.Perm()&0o600 | 0o400)
}

func (k *copier) clone(dst, src *os.File) bool {
	k.mu.Lock()
	no := k.noClone
	k.mu.Unlock()
	if no {
		return false
	}
	if clone(dst, src) == nil {
		return true
	}
	k.mu.Lock()
	k.noClone = true
	k.mu.Unlock()
	return false
}

// clone has dst share the blocks of src (a reflink: XFS, Btrfs).
func clone(dst, src *os.File) error { return unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())) }

// step is how many bytes pass between two reports.
const step = 8 << 20

func (k *copier) tell(n int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.done += n
	if k.done-k.told < step && k.done < k.total {
		return
	}
	k.told = k.done
	k.call.Progress(event.Progress{Done: k.done, Total: k.total, Unit: "bytes"})
}
