package still

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/proc"
)

// newZFSRig has a stand-in for zfs. A snapshot is a copy in the folder of
// volumes, which is what the dataset shows as .zfs/snapshot.
func newZFSRig(t *testing.T) *rig {
	r := newRig(t, "zfs", "tank/data")
	r.program("zfs", `
case $1 in
list)
	[ "$*" = "list -H -o name -t snapshot -d 1 tank/data" ] || { echo "unexpected $*" >&2; exit 2; }
	echo "tank/data@daily-1"
	for s in "$VOLUMES"/*; do [ ! -e "$s" ] || echo "tank/data@${s##*/}"; done ;;
snapshot)
	name=${2#tank/data@}
	[ ! -e "$VOLUMES/$name" ] || { echo "cannot create snapshot '$2': dataset already exists" >&2; exit 1; }
	mkdir "$VOLUMES/$name"; cp -a "$VOLUME/dss" "$VOLUMES/$name/"
	mkdir -p "$VOLUME/.zfs"; [ -e "$VOLUME/.zfs/snapshot" ] || ln -s "$VOLUMES" "$VOLUME/.zfs/snapshot" ;;
destroy)
	rm -r "$VOLUMES/${2#tank/data@}" ;;
*) exit 2 ;;
esac
`)
	return r
}

func (r *rig) zfs(runner proc.Runner) *zfsKind {
	o := r.o
	o.Runner = runner
	z := newZFS(o.withDefaults())
	z.mounts = r.mounts
	return z
}

func TestZFS(t *testing.T) {
	r := newZFSRig(t)
	suite(t, func(p proc.Runner) Snapshotter { return r.zfs(p) }, r.data, r.clean)
}

func TestZFSView(t *testing.T) {
	ctx := context.Background()
	r := newZFSRig(t)
	z := r.zfs(r.o.Runner)
	view, err := z.Create(ctx, "a")
	if want := filepath.Join(r.dir, "volume", ".zfs", "snapshot", z.prefix()+"a", "dss"); err != nil || view != want {
		t.Errorf("found %q (%v), expected %q", view, err, want)
	}
	if err := z.Destroy(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	r.clean()
}

func TestZFSRefuses(t *testing.T) {
	ctx := context.Background()
	r := newZFSRig(t)
	z := r.zfs(r.o.Runner)
	volume := filepath.Join(r.dir, "volume")
	for table, want := range map[string]string{
		"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n":                                                                                                   "is on ext4, expected zfs",
		"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 /sub " + volume + " rw - zfs tank/data rw\n":                                                "only a part of the dataset tank/data",
		"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / " + volume + " rw - zfs tank/data rw\n3 2 0:10 / " + r.data + "/config rw - zfs t/c rw\n": r.data + "/config",
	} {
		put(t, r.table, table)
		if err := z.Check(ctx); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("check: found %v, expected … %s …", err, want)
		}
		if _, err := z.Create(ctx, "a"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("create: found %v, expected … %s …", err, want)
		}
	}
}
