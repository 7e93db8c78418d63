package still

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/proc"
)

// newLVMRig has stand-ins for LVM's commands: device-mapper does not work
// everywhere. A snapshot is a copy in the folder of volumes.
func newLVMRig(t *testing.T, fsType, pool string) *rig {
	r := newRig(t, fsType, "/dev/mapper/vg0-data")
	r.mounter()
	r.program("lvs", `
[ "$1 $2 $3 $4 $5 $6" = "--reportformat json --units b --nosuffix -o" ]
shift 7
row() { printf '%s{"vg_name":"vg0","lv_name":"%s","pool_lv":"`+pool+`","origin":"%s","lv_size":"107374182400","vg_free":"'$(cat "$RIG/free")'","lv_snapshot_invalid":"%s","lv_health_status":"","data_percent":"%s"}' "$1" "$2" "$3" "$4" "$5"; }
echo '{ "report": [ {"lv": ['
if [ "$1" = /dev/mapper/vg0-data ]; then
	row '' data '' unknown ''
elif [ "$1" = -S ] && [ "$3" = vg0 ]; then
	sep=
	for v in "$VOLUMES"/*; do
		[ -e "$v" ] || continue
		invalid=; percent=2.14; origin=data
		[ ! -e "$v/.invalid" ] || invalid='snapshot invalid' percent=100.00
		[ ! -e "$v/.plain" ] || origin=
		row "$sep" "${v##*/}" "$origin" "$invalid" "$percent"; sep=,
	done
	row "$sep" someone-elses '' '' ''
else
	echo "  Failed to find logical volume $1" >&2; exit 5
fi
echo ']} ] }'
`)
	r.program("lvcreate", `
[ "$1 $2" = "-s -n" ]; name=$3; shift 3
[ "$*" = "$(cat "$RIG/lvcreate-args")" ] || { echo "  unexpected $*" >&2; exit 3; }
[ ! -e "$VOLUMES/$name" ] || { echo '  Logical Volume "'$name'" already exists' >&2; exit 5; }
cp -a "$VOLUME" "$VOLUMES/$name"
`)
	r.program("lvremove", `
[ "$1" = -f ]; name=${2#vg0/}
! grep -q "/dev/vg0/$name " "$TABLE" || { echo "  Logical volume $2 contains a filesystem in use." >&2; exit 5; }
rm -r "$VOLUMES/$name"
`)
	put(t, filepath.Join(r.dir, "lvcreate-args"), "-l 20%ORIGIN vg0/data")
	put(t, filepath.Join(r.dir, "free"), "53687091200") // half of the volume
	return r
}

func (r *rig) lvm(runner proc.Runner) *lvmKind {
	o := r.o
	o.Runner = runner
	l, err := newLVM(o.withDefaults())
	if err != nil {
		r.t.Fatal(err)
	}
	l.mounts = r.mounts
	return l
}

func TestLVM(t *testing.T) {
	r := newLVMRig(t, "ext4", "")
	suite(t, func(p proc.Runner) Snapshotter { return r.lvm(p) }, r.data, r.clean)
}

func TestLVMCommands(t *testing.T) {
	for name, tt := range map[string]struct{ fsType, pool, size, args, mount string }{
		"ext4":  {"ext4", "", "", "-l 20%ORIGIN vg0/data", "mount -t ext4 -o ro,nosuid,nodev"},
		"xfs":   {"xfs", "", "10G", "-L 10G vg0/data", "mount -t xfs -o ro,nosuid,nodev,nouuid"},
		"thin":  {"xfs", "pool0", "", "-kn -ay vg0/data", "mount -t xfs -o ro,nosuid,nodev,nouuid"},
		"%FREE": {"ext4", "", "50%FREE", "-l 50%FREE vg0/data", "mount -t ext4 -o ro,nosuid,nodev"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newLVMRig(t, tt.fsType, tt.pool)
			r.o.Size = tt.size
			put(t, filepath.Join(r.dir, "lvcreate-args"), tt.args)
			c := &counting{next: r.o.Runner}
			l := r.lvm(c)
			view, err := l.Create(context.Background(), "a")
			if err != nil {
				t.Fatal(err)
			}
			if want := filepath.Join(r.o.Companion, "still", "lvm", "a", "dss"); view != want {
				t.Errorf("found %s, expected %s", view, want)
			}
			if err := l.Destroy(context.Background(), "a"); err != nil {
				t.Fatal(err)
			}
			r.clean()
			snapshot := l.prefix() + "a"
			at := filepath.Join(r.o.Companion, "still", "lvm", "a")
			var did []string
			for _, s := range c.seen {
				if !strings.HasPrefix(s, "lvs ") {
					did = append(did, s)
				}
			}
			want := []string{
				"lvcreate -s -n " + snapshot + " " + tt.args,
				tt.mount + " /dev/vg0/" + snapshot + " " + at,
				"umount " + at,
				"lvremove -f vg0/" + snapshot,
			}
			if !slices.Equal(did, want) {
				t.Errorf("found    %q\nexpected %q", did, want)
			}
		})
	}
}

// TestLVMOverflow: a snapshot that had too little room is not trusted, neither
// before nor after it is read, and made anew.
func TestLVMOverflow(t *testing.T) {
	ctx := context.Background()
	r := newLVMRig(t, "ext4", "")
	l := r.lvm(r.o.Runner)
	if _, err := l.Create(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if err := Healthy(ctx, l, "a"); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(r.volumes, l.prefix()+"a", ".invalid"), "")
	if err := Healthy(ctx, l, "a"); err == nil || !strings.Contains(err.Error(), "more was changed in the meantime than it had room for") || !strings.Contains(err.Error(), "snapshot_size") {
		t.Errorf("found %v", err)
	}
	if _, err := l.Create(ctx, "a"); err != nil {
		t.Errorf("create again: %v", err)
	}
	if err := Healthy(ctx, l, "a"); err != nil {
		t.Errorf("made anew: %v", err)
	}
	if err := l.Destroy(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if err := Healthy(ctx, l, "a"); err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("found %v", err)
	}

	// Invalid as soon as it is made.
	lvcreate, err := os.ReadFile(filepath.Join(r.dir, "bin", "lvcreate"))
	if err != nil {
		t.Fatal(err)
	}
	r.program("lvcreate", strings.SplitN(string(lvcreate), "\n", 4)[3]+"\ntouch \"$VOLUMES/$name/.invalid\"\n")
	if _, err := l.Create(ctx, "b"); err == nil || !strings.Contains(err.Error(), "cannot be trusted") {
		t.Errorf("found %v", err)
	}
	r.clean()

	// Killed, lvcreate has left a volume that is no snapshot.
	r.program("lvcreate", strings.SplitN(string(lvcreate), "\n", 4)[3])
	put(t, filepath.Join(r.volumes, l.prefix()+"c", ".plain"), "")
	view, err := l.Create(ctx, "c")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.same(view); err != nil {
		t.Error(err)
	}
	sweep(t, l, "")
	r.clean()
}

func TestLVMRefuses(t *testing.T) {
	ctx := context.Background()
	for _, size := range []string{"20", "1.5g", "15%ORIGIN", "50%FREE"} {
		if _, err := newLVM(Options{Size: size}); err != nil {
			t.Error(err)
		}
	}
	for _, size := range []string{"x", "-1G", "20%", "20%origin", "1 G", "--help"} {
		if _, err := newLVM(Options{Size: size}); err == nil || !strings.Contains(err.Error(), "no size") {
			t.Errorf("size %q: found %v", size, err)
		}
	}
	r := newLVMRig(t, "ext4", "")
	for size, ok := range map[string]bool{"50%ORIGIN": true, "51%ORIGIN": false, "50G": true, "50.1G": false, "52000": false, "90%FREE": true} {
		r.o.Size = size
		if err := r.lvm(r.o.Runner).Check(ctx); (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "vgextend") {
			t.Errorf("size %s: found %v", size, err)
		}
	}
	put(t, filepath.Join(r.dir, "free"), "107374182400")
	r.o.Size = "300G" // LVM takes no more than the volume has
	if err := r.lvm(r.o.Runner).Check(ctx); err != nil {
		t.Error(err)
	}
	r.o.Size = ""
	r.program("umount", "echo 'umount: target is busy.' >&2; exit 32\n")
	l := r.lvm(r.o.Runner)
	if _, err := l.Create(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if err := l.Destroy(ctx, "a"); err == nil || !strings.Contains(err.Error(), "target is busy") || !strings.Contains(err.Error(), "fuser -vm") {
		t.Errorf("found %v", err)
	}
	r.program("umount", "exit 0\n")
	if err := l.Destroy(ctx, "a"); err == nil || !strings.Contains(err.Error(), "is still mounted") {
		t.Errorf("found %v", err)
	}
	r.mounter()
	if err := l.Destroy(ctx, "a"); err != nil {
		t.Error(err)
	}
	r.clean()
	r.program("lvs", "echo '  WARNING: Running as a non-root user.' >&2; exit 5\n")
	if err := l.Check(ctx); err == nil || !strings.Contains(err.Error(), "non-root user") || !strings.Contains(err.Error(), "sudo") {
		t.Errorf("found %v", err)
	}
}

// TestSudo: what needs root is run through it.
func TestSudo(t *testing.T) {
	r := newLVMRig(t, "ext4", "")
	r.program("sudo", `echo "$*" >>"$RIG/sudo"; [ "$1" = -n ]; shift; exec "$@"`)
	r.o.Sudo = []string{"sudo", "-n"}
	l := r.lvm(r.o.Runner)
	for _, err := range []error{l.Check(context.Background()), func() error { _, err := l.Create(context.Background(), "a"); return err }(), l.Destroy(context.Background(), "a")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(r.dir, "sudo"))
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"lvs", "lvcreate", "mount", "umount", "lvremove"} {
		if !strings.Contains(string(raw), "-n "+program+" ") {
			t.Errorf("%s was not run through sudo", program)
		}
	}
	r.clean()
}
