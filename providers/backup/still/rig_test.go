package still

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"

	"github.com/dssctl/dssctl/internal/proc"
)

const installINI = "[general]\nnodetype = design\ninstallid = abcdefghijklmnopqrstuvwx\n\n[server]\nport = 11200\n"

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// makeDataDir makes what is enough of a data directory.
func makeDataDir(t *testing.T, dir string) {
	t.Helper()
	put(t, filepath.Join(dir, "install.ini"), installINI)
	put(t, filepath.Join(dir, "config", "general-settings.json"), "{}\n")
}

// rig is a machine with stand-ins for programs that want root, and for what
// they would change: a mount table of its own, and a folder of "volumes".
type rig struct {
	t                  *testing.T
	dir, data, volumes string
	table              string
	o                  Options
}

// newRig makes one whose data directory is VOLUME/dss on a file system of this
// type, mounted at VOLUME from this source.
func newRig(t *testing.T, fsType, source string) *rig {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{
		t: t, dir: dir, data: filepath.Join(dir, "volume", "dss"),
		volumes: filepath.Join(dir, "volumes"), table: filepath.Join(dir, "mountinfo"),
	}
	makeDataDir(t, r.data)
	for _, d := range []string{r.volumes, filepath.Join(dir, "bin")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	put(t, r.table, fmt.Sprintf("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 253:3 / %s rw - %s %s rw\n", filepath.Join(dir, "volume"), fsType, source))
	t.Setenv("PATH", filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	r.o = Options{DataDir: r.data, Companion: r.data + ".dssctl", Runner: proc.New(proc.Options{})}
	return r
}

// program puts a stand-in on the PATH, a shell script. $RIG, $VOLUME, $VOLUMES
// and $TABLE are the rig's.
func (r *rig) program(name, script string) {
	r.t.Helper()
	head := fmt.Sprintf("#!/bin/sh\nset -eu\nRIG='%s' VOLUME='%s/volume' VOLUMES='%s' TABLE='%s'\n", r.dir, r.dir, r.volumes, r.table)
	path := filepath.Join(r.dir, "bin", name)
	put(r.t, path, head+script)
	if err := os.Chmod(path, 0o700); err != nil {
		r.t.Fatal(err)
	}
}

// mounter makes the stand-ins for mount and umount: what is "mounted" is a
// copy of VOLUMES/NAME, NAME being the end of the device's path.
func (r *rig) mounter() {
	r.program("mount", `
[ "$1" = -t ] && [ "$3" = -o ]
[ -d "$VOLUMES/${5##*/}" ] || { echo "mount: special device $5 does not exist." >&2; exit 32; }
cp -a "$VOLUMES/${5##*/}/." "$6"
echo "9 2 253:9 / $6 $4 - $2 $5 ro" >>"$TABLE"
`)
	r.program("umount", `
grep -q " $1 " "$TABLE" || { echo "umount: $1: not mounted." >&2; exit 32; }
find "$1" -mindepth 1 -delete
grep -v " $1 " "$TABLE" >"$TABLE.new"; mv "$TABLE.new" "$TABLE"
`)
}

func (r *rig) mounts() (mounts, error) {
	f, err := os.Open(r.table)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := mountinfo.GetMountsFromReader(f, nil)
	return all, err
}

// clean checks that nothing is left: no mount, no volume, no file.
func (r *rig) clean() {
	r.t.Helper()
	all, err := r.mounts()
	if err != nil || len(all) != 2 {
		r.t.Errorf("%d things are mounted (%v), expected 2", len(all), err)
	}
	if left := entries(r.t, r.volumes); len(left) > 0 {
		r.t.Errorf("volumes are left: %q", left)
	}
	for _, kind := range entries(r.t, filepath.Join(r.o.Companion, "still")) {
		if left := entries(r.t, filepath.Join(r.o.Companion, "still", kind)); len(left) > 0 {
			r.t.Errorf("left for %s: %q", kind, left)
		}
	}
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}

// counting runs commands, keeps what they were, and has the nth go wrong.
type counting struct {
	next proc.Runner
	seen []string
	// nth counts from 1; 0 for none.
	nth int
	// after: the command does its work before it goes wrong.
	after bool
	// die: dssctl is killed, by a panic, instead of the command failing.
	die bool
}

type killed struct{}

func (c *counting) Run(ctx context.Context, cmd proc.Cmd) (proc.Result, error) {
	c.seen = append(c.seen, filepath.Base(cmd.Path)+" "+strings.Join(cmd.Args, " "))
	if len(c.seen) != c.nth {
		return c.next.Run(ctx, cmd)
	}
	if c.after {
		if result, err := c.next.Run(ctx, cmd); err != nil && !c.die {
			return result, err
		}
	} else if cmd.Started != nil && c.die {
		// A process that has ended meanwhile.
		cmd.Started(proc.Process{PID: 1 << 30})
	}
	if c.die {
		panic(killed{})
	}
	cmd.Path, cmd.Args = "sh", []string{"-c", "echo out of luck >&2; exit 7"}
	return c.next.Run(ctx, cmd)
}

// isKilled runs f, which may be killed on the way.
func isKilled(f func()) (dead bool) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case killed{}:
			dead = true
		default:
			panic(p)
		}
	}()
	f()
	return false
}

// suite is what every kind that runs commands has to stand, one with stand-ins
// like one that is real. build returns a Snapshotter of the same data directory
// with this runner; clean checks that nothing is left.
func suite(t *testing.T, build func(proc.Runner) Snapshotter, dataDir string, clean func()) {
	ctx := context.Background()
	system := proc.New(proc.Options{})
	good := build(system)
	if err := good.Check(ctx); err != nil {
		t.Fatal(err)
	}
	clean()
	if err := good.Destroy(ctx, "never-made"); err != nil {
		t.Errorf("destroy what is not there: %v", err)
	}
	clean()

	// Made, found again, seen, removed.
	count := &counting{next: system}
	view, err := build(count).Create(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	steps := len(count.seen)
	put(t, filepath.Join(dataDir, "config", "later"), "x")
	if _, err := os.Lstat(filepath.Join(view, "config", "later")); err == nil {
		t.Error("the view is not still")
	}
	if raw, err := os.ReadFile(filepath.Join(view, "config", "general-settings.json")); err != nil || string(raw) != "{}\n" {
		t.Errorf("read from the view: %q, %v", raw, err)
	}
	again, err := build(system).Create(ctx, "one")
	if err != nil || again != view {
		t.Errorf("the second time: %q, %v, expected %q", again, err, view)
	}
	if _, err := os.Lstat(filepath.Join(again, "config", "later")); err == nil {
		t.Error("the same id has got another view")
	}
	if err := Healthy(ctx, good, "one"); err != nil {
		t.Error(err)
	}
	if _, err := good.Create(ctx, "two.2"); err != nil {
		t.Errorf("a second view beside the first: %v", err)
	}
	if ids, err := good.List(ctx); err != nil || !slices.Equal(ids, []string{"one", "two.2"}) {
		t.Errorf("found %q (%v)", ids, err)
	}
	count = &counting{next: system}
	if err := build(count).Destroy(ctx, "one"); err != nil {
		t.Error(err)
	}
	destroySteps := len(count.seen)
	if ids, err := good.List(ctx); err != nil || !slices.Equal(ids, []string{"two.2"}) {
		t.Errorf("found %q (%v)", ids, err)
	}
	if err := good.Destroy(ctx, "two.2"); err != nil {
		t.Error(err)
	}
	if err := good.Destroy(ctx, "two.2"); err != nil {
		t.Errorf("the second time: %v", err)
	}
	clean()

	for n := 1; n <= steps; n++ {
		for _, after := range []bool{false, true} {
			c := &counting{next: system, nth: n, after: after}
			if _, err := build(c).Create(ctx, "failed"); err == nil || !strings.Contains(err.Error(), "exit code 7") || !strings.Contains(err.Error(), "out of luck") {
				t.Errorf("%s failed (after its work: %v): found %v, expected its exit code and output", c.seen[n-1], after, err)
			}
			clean()
			c = &counting{next: system, nth: n, after: after, die: true}
			if !isKilled(func() { _, _ = build(c).Create(ctx, "killed") }) {
				t.Fatalf("step %d of %d was not reached", n, steps)
			}
			what := fmt.Sprintf("killed in %s (after its work: %v)", c.seen[n-1], after)
			if n%2 == 0 {
				if _, err := good.Create(ctx, "killed"); err != nil {
					t.Errorf("%s: create again: %v", what, err)
				}
			}
			sweep(t, good, what)
			clean()
		}
	}
	for n := 1; n <= destroySteps; n++ {
		for _, after := range []bool{false, true} {
			if _, err := good.Create(ctx, "half"); err != nil {
				t.Fatal(err)
			}
			c := &counting{next: system, nth: n, after: after, die: true}
			if !isKilled(func() { _ = build(c).Destroy(ctx, "half") }) {
				t.Fatalf("step %d of %d was not reached", n, destroySteps)
			}
			sweep(t, good, fmt.Sprintf("killed in %s (after its work: %v)", c.seen[n-1], after))
			clean()
		}
	}

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := good.Create(cancelled, "cancelled"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: found %v", err)
	}
	clean()
	for _, bad := range []string{"", ".x", "-x", "a/b", "a b", "../x", strings.Repeat("x", 65)} {
		if _, err := good.Create(ctx, bad); err == nil || !strings.Contains(err.Error(), "no name of a snapshot") {
			t.Errorf("id %q: found %v", bad, err)
		}
		if err := good.Destroy(ctx, bad); err == nil {
			t.Errorf("destroy %q: expected an error", bad)
		}
	}
}

func sweep(t *testing.T, s Snapshotter, what string) {
	t.Helper()
	ctx := context.Background()
	ids, err := s.List(ctx)
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	for _, id := range ids {
		if err := s.Destroy(ctx, id); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}
