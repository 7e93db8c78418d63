package still

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// zfsKind takes snapshots of the ZFS dataset that the data directory lies on.
// They are read below the dataset's hidden folder .zfs: nothing is mounted by
// dssctl.
type zfsKind struct{ site }

func newZFS(o Options) *zfsKind { return &zfsKind{newSite(ZFS, o)} }

// dataset returns the name, and the data directory in a snapshot called name.
func (z *zfsKind) dataset() (dataset string, view func(name string) string, err error) {
	all, err := z.mounts()
	if err != nil {
		return "", nil, err
	}
	i, err := all.of(z.o.DataDir)
	if err != nil {
		return "", nil, err
	}
	if i.FSType != "zfs" {
		return "", nil, fmt.Errorf("the data directory %s is on %s, expected zfs", z.o.DataDir, i.FSType)
	}
	if i.Root != "/" {
		return "", nil, fmt.Errorf("what is mounted at %s is only a part of the dataset %s, in which snapshots are not to be seen; mount the whole dataset", i.Mountpoint, i.Source)
	}
	rel, err := filepath.Rel(i.Mountpoint, z.o.DataDir)
	if err != nil {
		return "", nil, err
	}
	return i.Source, func(name string) string {
		return filepath.Join(i.Mountpoint, ".zfs", "snapshot", name, rel)
	}, nil
}

// Check implements Snapshotter.
func (z *zfsKind) Check(ctx context.Context) error {
	doing := "check whether ZFS can hold the data directory still"
	if _, err := exec.LookPath("zfs"); err != nil && len(z.o.Sudo) == 0 {
		return fmt.Errorf("%s: the program zfs is not on the PATH: install it (apt-get install zfsutils-linux), or add /usr/sbin to the PATH", doing)
	}
	dataset, _, err := z.dataset()
	if err == nil {
		err = z.noMountsInside()
	}
	if err == nil {
		_, err = z.snapshots(ctx, dataset)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// snapshots lists those of this data directory, by full name.
func (z *zfsKind) snapshots(ctx context.Context, dataset string) ([]string, error) {
	result, err := z.run(ctx, "", step{
		doing: "list the snapshots of the dataset " + dataset, root: true,
		argv: []string{"zfs", "list", "-H", "-o", "name", "-t", "snapshot", "-d", "1", dataset},
	})
	if err != nil {
		return nil, err
	}
	var out []string
	for name := range strings.FieldsSeq(string(result.Stdout)) {
		if strings.HasPrefix(name, dataset+"@"+z.prefix()) {
			out = append(out, name)
		}
	}
	return out, nil
}

// Create implements Snapshotter.
func (z *zfsKind) Create(ctx context.Context, id string) (string, error) {
	if err := z.begin(ctx, id); err != nil {
		return "", err
	}
	dataset, view, err := z.dataset()
	if err != nil {
		return "", fmt.Errorf("make a ZFS snapshot: %w", err)
	}
	if err := z.noMountsInside(); err != nil {
		return "", fmt.Errorf("make a ZFS snapshot: %w", err)
	}
	name := z.prefix() + id
	have, err := z.snapshots(ctx, dataset)
	if err != nil {
		return "", err
	}
	if !slices.Contains(have, dataset+"@"+name) {
		if err := z.sync(ctx, z.o.DataDir); err != nil {
			return "", err
		}
		_, err = z.run(ctx, id, step{
			doing: "make a ZFS snapshot", root: true,
			argv:   []string{"zfs", "snapshot", dataset + "@" + name},
			remedy: "without root, an account needs: zfs allow -u ACCOUNT snapshot,destroy,mount " + dataset,
		})
	}
	if err == nil {
		err = z.same(view(name))
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w\nsnapshots of %s are read below its folder .zfs/snapshot, which has to be there", err, dataset)
		}
	}
	if err != nil {
		return "", z.undo(ctx, id, err, z.Destroy)
	}
	return view(name), nil
}

// Destroy implements Snapshotter.
func (z *zfsKind) Destroy(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	if err := z.settle(ctx, id); err != nil {
		return err
	}
	dataset, _, err := z.dataset()
	if err != nil {
		return fmt.Errorf("remove the ZFS snapshot: %w", err)
	}
	name := dataset + "@" + z.prefix() + id
	have, err := z.snapshots(ctx, dataset)
	if err != nil || !slices.Contains(have, name) {
		return err
	}
	if err := z.begin(ctx, id); err != nil {
		return err
	}
	_, err = z.run(ctx, id, step{
		doing: "remove the ZFS snapshot", root: true,
		argv:   []string{"zfs", "destroy", name},
		remedy: "if it is busy, somebody reads below .zfs/snapshot, or a clone or a hold keeps it (zfs holds " + name + ")",
	})
	if err != nil {
		return err
	}
	have, err = z.snapshots(ctx, dataset)
	if err == nil && slices.Contains(have, name) {
		err = fmt.Errorf("remove the ZFS snapshot %s: the command ended well, and it is still there", name)
	}
	return err
}

// List implements Snapshotter.
func (z *zfsKind) List(ctx context.Context) ([]string, error) {
	dataset, _, err := z.dataset()
	if err != nil {
		return nil, fmt.Errorf("list the ZFS snapshots: %w", err)
	}
	have, err := z.snapshots(ctx, dataset)
	if err != nil {
		return nil, err
	}
	ids, err := z.listed()
	for _, name := range have {
		ids = append(ids, strings.TrimPrefix(name, dataset+"@"+z.prefix()))
	}
	slices.Sort(ids)
	return slices.Compact(ids), err
}
