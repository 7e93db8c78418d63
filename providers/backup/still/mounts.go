package still

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// mounts is the machine's mount table, in the order of the kernel: of two at
// one place the later hides the earlier.
type mounts []*mountinfo.Info

func readMounts() (mounts, error) {
	all, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, fmt.Errorf("read what is mounted: %w", err)
	}
	return all, nil
}

// of returns the mount that a path lies on.
func (m mounts) of(path string) (*mountinfo.Info, error) {
	var found *mountinfo.Info
	for _, i := range m {
		if within(path, i.Mountpoint) && (found == nil || len(i.Mountpoint) >= len(found.Mountpoint)) {
			found = i
		}
	}
	if found == nil {
		return nil, fmt.Errorf("find the file system of %s: it is on none of the %d mounts", path, len(m))
	}
	return found, nil
}

// at returns what is mounted at exactly this path, nil for nothing.
func (m mounts) at(path string) *mountinfo.Info {
	for _, i := range slices.Backward(m) {
		if i.Mountpoint == path {
			return i
		}
	}
	return nil
}

// count returns how many mounts lie upon each other at this path.
func (m mounts) count(path string) int {
	n := 0
	for _, i := range m {
		if i.Mountpoint == path {
			n++
		}
	}
	return n
}

// below returns the mount points in a folder, itself not counted.
func (m mounts) below(path string) []string {
	var out []string
	for _, i := range m {
		if i.Mountpoint != path && within(i.Mountpoint, path) {
			out = append(out, i.Mountpoint)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// within reports whether path is dir or below it; both are clean.
func within(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}

// inside returns where in the file system that i shows the path lies.
func inside(i *mountinfo.Info, path string) (string, error) {
	rel, err := filepath.Rel(i.Mountpoint, path)
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(filepath.Join(i.Root, rel), "/"), nil
}

// readOnly reports whether nobody can write below path.
func (s *site) readOnly(path string) (bool, error) {
	all, err := s.mounts()
	if err != nil {
		return false, err
	}
	i, err := all.of(path)
	if err != nil {
		return false, err
	}
	for _, options := range []string{i.Options, i.VFSOptions} {
		if slices.Contains(strings.Split(options, ","), "ro") {
			return true, nil
		}
	}
	// A snapshot of Btrfs or ZFS may be read-only without its mount being so.
	return errors.Is(unix.Access(path, unix.W_OK), unix.EROFS), nil
}

// mountPoint makes the folder that an id is mounted at.
func (s *site) mountPoint(id string) (string, error) {
	at := s.path(id)
	if err := os.Mkdir(at, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("make the mount point: %w", err)
	}
	return at, nil
}

// unmount takes away all that is mounted at the id's mount point, and then the
// mount point.
func (s *site) unmount(ctx context.Context, id string, t step) error {
	if err := s.unmountOnly(ctx, id, t); err != nil {
		return err
	}
	// Not RemoveAll: if anything is in there, it is not dssctl's.
	if err := os.Remove(s.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the mount point: %w", err)
	}
	return nil
}

// unmountOnly leaves the mount point. A crashed run may have mounted twice.
func (s *site) unmountOnly(ctx context.Context, id string, t step) error {
	at := s.path(id)
	all, err := s.mounts()
	if err != nil {
		return err
	}
	for left := all.count(at); left > 0; {
		if _, err := s.run(ctx, id, t); err != nil {
			return err
		}
		if all, err = s.mounts(); err != nil {
			return err
		}
		now := all.count(at)
		if now >= left {
			return fmt.Errorf("%s: the command ended well, and %s is still mounted at %s", t.doing, all.at(at).Source, at)
		}
		left = now
	}
	return nil
}

func umount(at string) step {
	return step{
		doing: "unmount the snapshot", argv: []string{"umount", at}, root: true,
		remedy: "if it is busy, `fuser -vm " + at + "` tells who reads there",
	}
}

// trust makes sure that something is mounted at the mount point, that nobody
// can write there, and that the view in it is of this data directory.
func (s *site) trust(at, view string) error {
	all, err := s.mounts()
	if err != nil {
		return err
	}
	if all.at(at) == nil {
		return fmt.Errorf("the snapshot was mounted without an error, and nothing is mounted at %s", at)
	}
	return s.still(view)
}

// still makes sure that a view cannot change and is of this data directory.
func (s *site) still(view string) error {
	if err := s.same(view); err != nil {
		return err
	}
	ro, err := s.readOnly(view)
	if err != nil {
		return err
	}
	if !ro {
		return fmt.Errorf("the view %s of the data directory can be written to: mount it read-only (-o ro)", view)
	}
	return nil
}
