package still

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"

	"github.com/dssctl/dssctl/internal/humanize"
)

// lvmKind takes snapshots of the logical volume that the data directory lies
// on, and mounts them read-only below the companion folder. LVM freezes the
// file system for the moment of the snapshot. A snapshot of a volume that is
// not thin has a fixed room for what changes while it lives, and is worthless
// when that runs out.
type lvmKind struct{ site }

func newLVM(o Options) (*lvmKind, error) {
	if err := checkSize(o.Size); err != nil {
		return nil, err
	}
	return &lvmKind{newSite(LVM, o)}, nil
}

// origin returns the mount and the logical volume of the data directory.
func (l *lvmKind) origin(ctx context.Context) (*mountinfo.Info, volume, error) {
	all, err := l.mounts()
	if err != nil {
		return nil, volume{}, err
	}
	i, err := all.of(l.o.DataDir)
	if err != nil {
		return nil, volume{}, err
	}
	found, err := l.lvs(ctx, "find the logical volume of "+l.o.DataDir, i.Source)
	if err != nil {
		return nil, volume{}, err
	}
	if len(found) != 1 {
		return nil, volume{}, fmt.Errorf("find the logical volume of %s: lvs tells %d volumes for %s, expected one", l.o.DataDir, len(found), i.Source)
	}
	return i, found[0], nil
}

// snapshots returns those of the data directory in a volume group.
func (l *lvmKind) snapshots(ctx context.Context, group string) ([]volume, error) {
	all, err := l.lvs(ctx, "list the snapshots in the volume group "+group, "-S", `lv_name=~"^`+l.prefix()+`"`, group)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(v volume) bool { return !strings.HasPrefix(v.Name, l.prefix()) }), nil
}

func (l *lvmKind) find(ctx context.Context, group, id string) (*volume, error) {
	all, err := l.snapshots(ctx, group)
	if err != nil {
		return nil, err
	}
	for _, v := range all {
		if v.Name == l.prefix()+id {
			return &v, nil
		}
	}
	return nil, nil
}

// Check implements Snapshotter.
func (l *lvmKind) Check(ctx context.Context) error {
	doing := "check whether LVM can hold the data directory still"
	if len(l.o.Sudo) == 0 {
		for _, program := range []string{"lvs", "lvcreate", "lvremove", "mount", "umount"} {
			if _, err := exec.LookPath(program); err != nil {
				return fmt.Errorf("%s: the program %s is not on the PATH: install it (apt-get install lvm2), or add /usr/sbin to the PATH", doing, program)
			}
		}
	}
	_, v, err := l.origin(ctx)
	if err == nil {
		err = l.noMountsInside()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if v.Pool != "" {
		return nil
	}
	free, err := strconv.ParseFloat(v.Free, 64)
	if err != nil {
		return fmt.Errorf("%s: lvs tells %q as the free bytes of %s, expected a number", doing, v.Free, v.Group)
	}
	if need := v.room(l.o.Size); free <= 0 || free < need {
		return fmt.Errorf("%s: a snapshot of %s/%s needs room for what changes while it lives (snapshot_size = %q, that is %s), and the volume group has %s free: add a disk (vgextend) or choose a smaller size",
			doing, v.Group, v.Name, l.o.Size, humanize.Bytes(int64(need)), humanize.Bytes(int64(free)))
	}
	return nil
}

// Create implements Snapshotter.
func (l *lvmKind) Create(ctx context.Context, id string) (string, error) {
	if err := l.begin(ctx, id); err != nil {
		return "", err
	}
	if err := l.noMountsInside(); err != nil {
		return "", fmt.Errorf("make an LVM snapshot: %w", err)
	}
	i, v, err := l.origin(ctx)
	if err != nil {
		return "", err
	}
	view, err := l.create(ctx, id, i, v)
	if err == nil {
		err = l.Healthy(ctx, id)
	}
	if err != nil {
		return "", l.undo(ctx, id, err, l.Destroy)
	}
	return view, nil
}

func (l *lvmKind) create(ctx context.Context, id string, i *mountinfo.Info, v volume) (string, error) {
	found, err := l.find(ctx, v.Group, id)
	if err != nil {
		return "", err
	}
	// Killed at the wrong moment, lvcreate leaves a volume that is no snapshot.
	if found != nil && (found.Origin != v.Name || found.bad() != "") {
		if err := l.Destroy(ctx, id); err != nil {
			return "", err
		}
		found = nil
	}
	name := l.prefix() + id
	if found == nil {
		if err := l.sync(ctx, l.o.DataDir); err != nil {
			return "", err
		}
		argv := []string{"lvcreate", "-s", "-n", name}
		if v.Pool == "" {
			argv = append(argv, sizeArgs(l.o.Size)...)
		} else {
			// Thin snapshots are not activated unless one says so.
			argv = append(argv, "-kn", "-ay")
		}
		_, err := l.run(ctx, id, step{
			doing: "make an LVM snapshot", root: true,
			argv: append(argv, v.Group+"/"+v.Name),
		})
		if err != nil {
			return "", err
		}
	}
	return l.mount(ctx, id, i, "/dev/"+v.Group+"/"+name)
}

// mount shows a snapshot's device, and returns where the data directory is.
func (l *lvmKind) mount(ctx context.Context, id string, i *mountinfo.Info, device string) (string, error) {
	at, err := l.mountPoint(id)
	if err != nil {
		return "", err
	}
	all, err := l.mounts()
	if err != nil {
		return "", err
	}
	if all.at(at) == nil {
		options := "ro,nosuid,nodev"
		if i.FSType == "xfs" {
			// The origin, which has the same UUID, is mounted.
			options += ",nouuid"
		}
		_, err := l.run(ctx, id, step{
			doing: "mount the LVM snapshot", root: true,
			argv: []string{"mount", "-t", i.FSType, "-o", options, device, at},
		})
		if err != nil {
			return "", err
		}
	}
	rel, err := inside(i, l.o.DataDir)
	if err != nil {
		return "", err
	}
	view := filepath.Join(at, rel)
	return view, l.trust(at, view)
}

// Healthy implements Perishable.
func (l *lvmKind) Healthy(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	_, v, err := l.origin(ctx)
	if err != nil {
		return err
	}
	found, err := l.find(ctx, v.Group, id)
	if err != nil {
		return err
	}
	name := v.Group + "/" + l.prefix() + id
	if found == nil {
		return fmt.Errorf("the LVM snapshot %s is gone", name)
	}
	if why := found.bad(); why != "" {
		return fmt.Errorf("the LVM snapshot %s cannot be trusted: %s; what was read of it is not to be used: give it more room (snapshot_size, now %q) or back up when less is written", name, why, l.o.Size)
	}
	return nil
}

// Destroy implements Snapshotter.
func (l *lvmKind) Destroy(ctx context.Context, id string) error {
	if err := l.begin(ctx, id); err != nil {
		return err
	}
	if err := l.unmount(ctx, id, umount(l.path(id))); err != nil {
		return err
	}
	_, v, err := l.origin(ctx)
	if err != nil {
		return err
	}
	found, err := l.find(ctx, v.Group, id)
	if err != nil || found == nil {
		return err
	}
	name := v.Group + "/" + found.Name
	_, err = l.run(ctx, id, step{
		doing: "remove the LVM snapshot", root: true,
		argv:   []string{"lvremove", "-f", name},
		remedy: "remove it by hand: lvremove " + name,
	})
	if err != nil {
		return err
	}
	found, err = l.find(ctx, v.Group, id)
	if err == nil && found != nil {
		err = fmt.Errorf("remove the LVM snapshot %s: the command ended well, and it is still there", name)
	}
	return err
}

// List implements Snapshotter.
func (l *lvmKind) List(ctx context.Context) ([]string, error) {
	_, v, err := l.origin(ctx)
	if err != nil {
		return nil, err
	}
	have, err := l.snapshots(ctx, v.Group)
	if err != nil {
		return nil, err
	}
	ids, err := l.listed()
	for _, s := range have {
		ids = append(ids, strings.TrimPrefix(s.Name, l.prefix()))
	}
	slices.Sort(ids)
	return slices.Compact(ids), err
}
