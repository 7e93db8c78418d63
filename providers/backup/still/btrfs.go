package still

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// btrfsKind takes read-only snapshots of the subvolume that the data directory
// is, or lies in. They are made below the companion folder, and are there at
// once: nothing is mounted.
type btrfsKind struct{ site }

func newBtrfs(o Options) *btrfsKind { return &btrfsKind{newSite(Btrfs, o)} }

// subvolume returns the root of the data directory's subvolume, and the data
// directory relative to it.
func (b *btrfsKind) subvolume() (root, rel string, err error) {
	dir := b.o.DataDir
	on, err := onBtrfs(dir)
	if err != nil {
		return "", "", err
	}
	if !on {
		all, err := b.mounts()
		if err != nil {
			return "", "", err
		}
		i, err := all.of(dir)
		if err != nil {
			return "", "", err
		}
		return "", "", fmt.Errorf("the data directory %s is on %s, expected btrfs", dir, i.FSType)
	}
	device, err := deviceOf(dir)
	if err != nil {
		return "", "", err
	}
	// Within a subvolume all has one device number, its root the inode 256.
	for root = dir; ; root = filepath.Dir(root) {
		here, err := deviceOf(root)
		if err != nil {
			return "", "", err
		}
		is := false
		if here == device {
			if is, err = isSubvolume(root); err != nil {
				return "", "", err
			}
		}
		if is {
			break
		}
		if here != device || root == "/" {
			return "", "", fmt.Errorf("the root of the Btrfs subvolume that holds %s is not to be seen: what is mounted at %s is only a part of it; mount the whole subvolume", dir, root)
		}
	}
	rel, err = filepath.Rel(root, dir)
	return root, rel, err
}

func deviceOf(path string) (uint64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.New("this system does not tell the device of " + path)
	}
	return st.Dev, nil
}

// guard returns the subvolume when a snapshot of it holds the whole data
// directory.
func (b *btrfsKind) guard() (root, rel string, err error) {
	root, rel, err = b.subvolume()
	if err != nil {
		return "", "", err
	}
	if err := b.noMountsInside(); err != nil {
		return "", "", err
	}
	inside, err := nested(b.o.DataDir)
	if err != nil {
		return "", "", err
	}
	if len(inside) > 0 {
		return "", "", fmt.Errorf("subvolumes in the data directory %s would be empty in a snapshot: %s; make folders of them (move each aside, mkdir, cp -a --reflink=auto), or choose another consistency", b.o.DataDir, strings.Join(inside, ", "))
	}
	return root, rel, nil
}

// asRoot reports whether commands of Btrfs may do everything.
func (b *btrfsKind) asRoot() bool { return len(b.o.Sudo) > 0 || os.Geteuid() == 0 }

// Check implements Snapshotter.
func (b *btrfsKind) Check(context.Context) error {
	doing := "check whether Btrfs can hold the data directory still"
	if _, err := exec.LookPath("btrfs"); err != nil && len(b.o.Sudo) == 0 {
		return fmt.Errorf("%s: the program btrfs is not on the PATH: install it (apt-get install btrfs-progs, dnf install btrfs-progs)", doing)
	}
	root, _, err := b.guard()
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	place := existing(b.dir)
	if on, err := onBtrfs(place); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	} else if !on {
		return b.elsewhere(doing, place)
	}
	mine, err := fsid(b.o.DataDir)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	its, err := fsid(place)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if mine != its {
		return b.elsewhere(doing, place)
	}
	if b.asRoot() {
		return nil
	}
	info, err := os.Stat(root)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s: only its owner (uid %d) or root may make a snapshot of the subvolume %s, and this is uid %d: make the data directory a subvolume of its own account, or allow sudo", doing, st.Uid, root, os.Geteuid())
	}
	return nil
}

func (b *btrfsKind) elsewhere(doing, place string) error {
	return fmt.Errorf("%s: a snapshot has to be on the file system of the data directory %s, and the companion folder %s is not (%s is on another one): mount the volume a folder higher, so that both lie in it, or choose the consistency \"commands\"", doing, b.o.DataDir, b.o.Companion, place)
}

// Create implements Snapshotter.
func (b *btrfsKind) Create(ctx context.Context, id string) (string, error) {
	if err := b.begin(ctx, id); err != nil {
		return "", err
	}
	root, rel, err := b.guard()
	if err != nil {
		return "", fmt.Errorf("make a Btrfs snapshot of %s: %w", b.o.DataDir, err)
	}
	at := b.path(id)
	view := filepath.Join(at, rel)
	if b.whole(at) && b.same(view) == nil {
		return view, nil
	}
	if err := b.Destroy(ctx, id); err != nil {
		return "", err
	}
	if err := b.sync(ctx, b.o.DataDir); err != nil {
		return "", err
	}
	_, err = b.run(ctx, id, step{
		doing: "make a Btrfs snapshot of " + root, root: true,
		argv:   []string{"btrfs", "subvolume", "snapshot", "-r", root, at},
		remedy: "only the owner of " + root + " or root may make one",
	})
	if err == nil {
		err = b.same(view)
	}
	if err != nil {
		return "", b.undo(ctx, id, err, b.Destroy)
	}
	return view, nil
}

// whole reports whether a read-only snapshot is there. One that is being
// removed without root is not read-only any more.
func (b *btrfsKind) whole(at string) bool {
	is, err := isSubvolume(at)
	if err != nil || !is {
		return false
	}
	readOnly, err := isReadOnlySubvolume(at)
	return err == nil && readOnly
}

// Destroy implements Snapshotter. Without root and without the mount option
// user_subvol_rm_allowed, the owner may empty a snapshot like a folder, which
// takes longer.
func (b *btrfsKind) Destroy(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	if err := b.settle(ctx, id); err != nil {
		return err
	}
	at := b.path(id)
	is, err := isSubvolume(at)
	if err != nil {
		return fmt.Errorf("remove the Btrfs snapshot: %w", err)
	}
	if !is {
		// Not RemoveAll: what is no snapshot is not dssctl's.
		if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what is in the place of a Btrfs snapshot: %w", err)
		}
		return nil
	}
	if !b.asRoot() {
		_, err := b.run(ctx, id, step{
			doing: "make the Btrfs snapshot removable",
			argv:  []string{"btrfs", "property", "set", "-ts", at, "ro", "false"},
		})
		if err != nil {
			return err
		}
	}
	_, err = b.run(ctx, id, step{
		doing: "remove the Btrfs snapshot", root: true,
		argv:   []string{"btrfs", "subvolume", "delete", at},
		remedy: "remove it by hand: btrfs subvolume delete " + at,
	})
	if err == nil || b.asRoot() || ctx.Err() != nil {
		return err
	}
	if rm := removeTree(ctx, at); rm != nil {
		return fmt.Errorf("%w\nits owner could not empty it either: %w", err, rm)
	}
	return nil
}

// List implements Snapshotter.
func (b *btrfsKind) List(context.Context) ([]string, error) { return b.listed() }
