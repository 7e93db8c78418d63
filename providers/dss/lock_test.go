package dss

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLockBeside(t *testing.T) {
	dir := newDataDir(t)
	in := open(t, dir, func(o *Options) { o.Clock = newHandClock() })
	// Another estate, with another companion folder: the same lock.
	other := open(t, dir, func(o *Options) { o.Companion = filepath.Join(filepath.Dir(dir), "elsewhere") })
	release, err := in.LockBeside("dssctl apply")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(in.Companion(), "lock"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("lock file: %v, %v", info, err)
	}
	same := open(t, dir, nil)
	_, err = same.LockBeside("dssctl apply")
	var locked *LockedError
	if !errors.As(err, &locked) || !locked.Known || locked.Holder.PID != os.Getpid() {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"dssctl apply", "2026-11-20 12:00:00", itoa(os.Getpid())} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	if _, err := other.LockBeside("x"); !errors.As(err, &locked) || locked.Known {
		t.Errorf("with another companion: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(in.Companion(), "lock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock's file is still there: %v", err)
	}
	again, err := other.LockBeside("x")
	if err != nil {
		t.Fatal(err)
	}
	if err := again(); err != nil {
		t.Fatal(err)
	}
}

func TestLockLeavesTheDataDirAlone(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	before, err := os.Stat(in.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	release, err := in.LockBeside("x")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := release(); err != nil {
			t.Error(err)
		}
	}()
	after, err := os.Stat(in.DataDir)
	if err != nil || !before.ModTime().Equal(after.ModTime()) {
		t.Errorf("changed: %v, %v", after, err)
	}
}

func TestLockWithoutAPlace(t *testing.T) {
	dir := newDataDir(t)
	in := open(t, dir, func(o *Options) { o.Companion = filepath.Join(filepath.Dir(dir), "no", "such") })
	_, err := in.LockBeside("x")
	if !as[*CompanionError](err) || !strings.Contains(err.Error(), "companion_dir") {
		t.Errorf("got %v", err)
	}
	// It did not stay locked.
	if release, err := open(t, dir, nil).LockBeside("x"); err != nil {
		t.Error(err)
	} else if err := release(); err != nil {
		t.Error(err)
	}
}

func TestSize(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	write(t, in.Path("databases/a"), "12345", 0o600)
	write(t, in.Path("databases/x/b"), "123", 0o600)
	if err := os.Symlink("/etc", in.Path("databases/link")); err != nil {
		t.Fatal(err)
	}
	// A folder that is a link is as large as what it leads to.
	away := t.TempDir()
	write(t, filepath.Join(away, "c"), "1234567", 0o600)
	if err := os.Symlink(away, in.Path("timelines")); err != nil {
		t.Fatal(err)
	}
	for rel, want := range map[string][2]int64{"timelines": {7, 1}, "databases": {8, 2}, "databases/a": {5, 1}, "absent": {0, 0}} {
		bytes, files, err := in.Size(t.Context(), rel)
		if err != nil || bytes != want[0] || int64(files) != want[1] {
			t.Errorf("%s: %d %d %v", rel, bytes, files, err)
		}
	}
}
