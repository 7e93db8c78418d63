package still

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/proc"
)

const btrfsVariable = "DSSCTL_TEST_BTRFS"

func btrfsDataDir(t *testing.T) Options {
	t.Helper()
	dir := onDisk(t, btrfsVariable)
	data := filepath.Join(dir, "dss")
	command(t, "btrfs", "subvolume", "create", data)
	makeDataDir(t, data)
	o := Options{DataDir: data, Companion: data + ".dssctl"}.withDefaults()
	// A read-only snapshot that a failed test left keeps its folder.
	t.Cleanup(func() { sweep(t, newBtrfs(o), "") })
	return o
}

func noSnapshots(t *testing.T, o Options) {
	t.Helper()
	if left := entries(t, filepath.Join(o.Companion, "still", "btrfs")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// TestBtrfs runs as the owner of the subvolume: nothing needs root.
func TestBtrfs(t *testing.T) {
	o := btrfsDataDir(t)
	suite(t, func(p proc.Runner) Snapshotter {
		o := o
		o.Runner = p
		return newBtrfs(o)
	}, o.DataDir, func() { t.Helper(); noSnapshots(t, o) })
}

// TestBtrfsMoment: a snapshot under constant writes is one moment, and stays.
func TestBtrfsMoment(t *testing.T) {
	ctx := context.Background()
	o := btrfsDataDir(t)
	w := startWriter(t, o.DataDir)
	b := newBtrfs(o)
	before := uint64(0)
	for n := range 5 {
		id := fmt.Sprint("s", n)
		w.passes(t, o.DataDir, before)
		view, err := b.Create(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		newest := readWritten(t, view)
		if newest <= before {
			t.Errorf("snapshot %d is at change %d, the one before at %d", n, newest, before)
		}
		before = newest
		if err := os.WriteFile(filepath.Join(view, "x"), nil, 0o600); err == nil {
			t.Error("the view can be written to")
		}
		if again := readWritten(t, view); again != newest {
			t.Errorf("it went on from %d to %d", newest, again)
		}
		if err := b.Destroy(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	w.end(t)
	noSnapshots(t, o)
}

// TestBtrfsBelow: the data directory is a folder of a subvolume.
func TestBtrfsBelow(t *testing.T) {
	ctx := context.Background()
	dir := onDisk(t, btrfsVariable)
	volume := filepath.Join(dir, "volume")
	command(t, "btrfs", "subvolume", "create", volume)
	o := Options{DataDir: filepath.Join(volume, "apps", "dss"), Companion: filepath.Join(volume, "apps", "dss.dssctl")}.withDefaults()
	makeDataDir(t, o.DataDir)
	put(t, filepath.Join(volume, "apps", "else"), "")
	command(t, "btrfs", "subvolume", "create", filepath.Join(volume, "apps", "beside"))
	b := newBtrfs(o)
	if err := b.Check(ctx); err != nil {
		t.Fatal(err)
	}
	view, err := b.Create(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(o.Companion, "still", "btrfs", "a", "apps", "dss"); view != want {
		t.Errorf("found %s, expected %s", view, want)
	}
	// The next snapshot has the first one's place in it, empty.
	if _, err := b.Create(ctx, "b"); err != nil {
		t.Error(err)
	}
	sweep(t, b, "")
	noSnapshots(t, o)
}

// TestBtrfsHalfRemoved: a snapshot that its owner was emptying when dssctl was
// killed is none any more.
func TestBtrfsHalfRemoved(t *testing.T) {
	ctx := context.Background()
	o := btrfsDataDir(t)
	b := newBtrfs(o)
	view, err := b.Create(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	command(t, "btrfs", "property", "set", "-ts", view, "ro", "false")
	if err := os.RemoveAll(filepath.Join(view, "config")); err != nil {
		t.Fatal(err)
	}
	again, err := b.Create(ctx, "a")
	if err != nil || again != view {
		t.Fatalf("found %q, %v", again, err)
	}
	if _, err := os.Stat(filepath.Join(view, "config", "general-settings.json")); err != nil {
		t.Errorf("half a snapshot counts: %v", err)
	}
	if err := b.Destroy(ctx, "a"); err != nil {
		t.Error(err)
	}
	noSnapshots(t, o)
}

// TestBtrfsNested: what a snapshot would silently not hold is named.
func TestBtrfsNested(t *testing.T) {
	ctx := context.Background()
	o := btrfsDataDir(t)
	b := newBtrfs(o)
	put(t, filepath.Join(o.DataDir, "managed_datasets", "P", "x"), "")
	// More than one answer of the kernel holds.
	for n := range rootRefsAtOnce + 3 {
		command(t, "btrfs", "subvolume", "create", filepath.Join(o.DataDir, "managed_datasets", "P", fmt.Sprintf("v%03d", n)))
	}
	command(t, "btrfs", "subvolume", "create", filepath.Join(o.DataDir, "top"))
	found, err := nested(o.DataDir)
	if err != nil || len(found) != rootRefsAtOnce+4 || found[0] != "managed_datasets/P/v000" || found[len(found)-1] != "top" {
		t.Errorf("found %d: %.200q (%v)", len(found), found, err)
	}
	for _, err := range []error{b.Check(ctx), func() error { _, err := b.Create(ctx, "a"); return err }()} {
		if err == nil || !strings.Contains(err.Error(), "managed_datasets/P/v000, managed_datasets/P/v001") || !strings.Contains(err.Error(), "would be empty in a snapshot") {
			t.Errorf("found %.300v", err)
		}
	}
	noSnapshots(t, o)
}

func TestBtrfsRefuses(t *testing.T) {
	ctx := context.Background()
	o := btrfsDataDir(t)
	other := Options{DataDir: o.DataDir, Companion: filepath.Join(t.TempDir(), "c")}.withDefaults()
	if err := newBtrfs(other).Check(ctx); err == nil || !strings.Contains(err.Error(), "companion folder") {
		t.Errorf("companion elsewhere: found %v", err)
	}
	tmp := t.TempDir()
	makeDataDir(t, tmp)
	other = Options{DataDir: tmp, Companion: tmp + ".dssctl"}.withDefaults()
	if err := newBtrfs(other).Check(ctx); err == nil || !strings.Contains(err.Error(), "expected btrfs") {
		t.Errorf("no Btrfs: found %v", err)
	}
	// A folder of somebody else's in the place of a snapshot stays.
	b := newBtrfs(o)
	put(t, filepath.Join(b.path("mine"), "x"), "")
	if err := b.Destroy(ctx, "mine"); err == nil {
		t.Error("removed a folder that was no snapshot")
	}
	if _, err := os.Stat(filepath.Join(b.path("mine"), "x")); err != nil {
		t.Error(err)
	}
	if kinds, err := b.List(ctx); err != nil || !slices.Equal(kinds, []string{"mine"}) {
		t.Errorf("found %q (%v)", kinds, err)
	}
	if err := os.RemoveAll(b.path("mine")); err != nil {
		t.Error(err)
	}
}

func TestAutoBtrfs(t *testing.T) {
	o := btrfsDataDir(t)
	s, err := New(Auto, o)
	if err != nil || s.Name() != Btrfs {
		t.Errorf("found %v, %v", s, err)
	}
}
