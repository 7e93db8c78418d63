package still

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/proc"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounts: only root can; scripts/test runs it so")
	}
	probe := t.TempDir()
	if out, err := exec.Command("mount", "--bind", probe, probe).CombinedOutput(); err != nil {
		t.Skipf("nothing can be mounted here: %s", out)
	}
	command(t, "umount", probe)
}

// unmountAfter takes away what is mounted below dir, also when the test fails.
func unmountAfter(t *testing.T, dir string) {
	t.Cleanup(func() {
		all, err := readMounts()
		if err != nil {
			t.Error(err)
		}
		for _, at := range slices.Backward(all.below(dir)) {
			command(t, "umount", "-l", at)
		}
	})
}

// TestCommandsMount mounts with the kernel what the commands make.
func TestCommandsMount(t *testing.T) {
	needRoot(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	unmountAfter(t, dir)
	data := filepath.Join(dir, "dss")
	makeDataDir(t, data)
	copies := filepath.Join(dir, "copies")
	if err := os.Mkdir(copies, 0o700); err != nil {
		t.Fatal(err)
	}
	o := Options{DataDir: data, Companion: data + ".dssctl", Commands: Commands{
		Create:  []string{"cp", "-a", "${data_dir}", copies + "/${id}"},
		Mount:   []string{"mount", "--bind", "-o", "ro", copies + "/${id}", "${mount}"},
		Destroy: []string{"rm", "-rf", copies + "/${id}"},
	}}
	build := func(r proc.Runner) Snapshotter {
		o := o
		o.Runner = r
		s, err := New(Custom, o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	suite(t, build, data, func() {
		t.Helper()
		all, err := readMounts()
		if err != nil {
			t.Fatal(err)
		}
		left := slices.Concat(all.below(dir), entries(t, copies), entries(t, filepath.Join(o.Companion, "still", "commands")))
		if len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	})

	o.Commands.Mount = []string{"mount", "--bind", copies + "/${id}", "${mount}"}
	if _, err := build(proc.New(proc.Options{})).Create(context.Background(), "a"); err == nil || !strings.Contains(err.Error(), "can be written to") {
		t.Errorf("found %v", err)
	}
	o.Commands.Mount = []string{"mount", "-t", "tmpfs", "-o", "ro", "none", "${mount}"}
	if _, err := build(proc.New(proc.Options{})).Create(context.Background(), "a"); err == nil || !strings.Contains(err.Error(), "no install.ini") {
		t.Errorf("found %v", err)
	}
	if left := entries(t, filepath.Join(o.Companion, "still", "commands")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// TestLVMMount mounts a device that is what LVM's snapshot would be: the same
// file system a second time, taken while it was frozen.
func TestLVMMount(t *testing.T) {
	needRoot(t)
	for _, fsType := range []string{"xfs", "ext4"} {
		t.Run(fsType, func(t *testing.T) {
			ctx := context.Background()
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			unmountAfter(t, dir)
			image, volume := filepath.Join(dir, "image"), filepath.Join(dir, "volume")
			command(t, "truncate", "-s", "320M", image)
			command(t, "mkfs."+fsType, "-q", image)
			if err := os.Mkdir(volume, 0o700); err != nil {
				t.Fatal(err)
			}
			command(t, "mount", "-o", "loop", image, volume)
			o := Options{DataDir: filepath.Join(volume, "apps", "dss"), Companion: filepath.Join(dir, "c")}.withDefaults()
			makeDataDir(t, o.DataDir)
			command(t, "fsfreeze", "-f", volume)
			out, err := exec.Command("cp", "--sparse=always", image, image+".snap").CombinedOutput()
			command(t, "fsfreeze", "-u", volume)
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			put(t, filepath.Join(o.DataDir, "later"), "")
			device, err := exec.Command("losetup", "--find", "--show", image+".snap").Output()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { command(t, "losetup", "-d", strings.TrimSpace(string(device))) })
			l, err := newLVM(o)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.begin(ctx, "a"); err != nil {
				t.Fatal(err)
			}
			all, err := readMounts()
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time it is there
				view, err := l.mount(ctx, "a", all.at(volume), strings.TrimSpace(string(device)))
				if err != nil {
					t.Fatal(err)
				}
				if want := filepath.Join(o.Companion, "still", "lvm", "a", "apps", "dss"); view != want {
					t.Errorf("found %s, expected %s", view, want)
				}
				if _, err := os.Stat(filepath.Join(view, "later")); err == nil {
					t.Error("it is not the snapshot")
				}
			}
			if err := l.unmount(ctx, "a", umount(l.path("a"))); err != nil {
				t.Error(err)
			}
		})
	}
}
