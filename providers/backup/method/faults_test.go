package method

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMissing: a program that is not there, or is too old, is named with what
// to do.
func TestMissing(t *testing.T) {
	for _, k := range kinds(t) {
		if len(k.programs) == 0 || k.name == "xfsdump" { // it has no version to ask for
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			b := newBench(t, k)
			bin := t.TempDir()
			t.Setenv("PATH", bin)
			var missing *MissingError
			if err := b.m.Check(context.Background()); !errors.As(err, &missing) || missing.Found != "" || !strings.Contains(err.Error(), "apt-get install "+k.name) {
				t.Errorf("not there: %v", err)
			}
			if err := os.WriteFile(filepath.Join(bin, k.programs[0]), []byte("#!/bin/sh\necho "+k.name+" version 0.1.2\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := b.m.Check(context.Background()); !errors.As(err, &missing) || missing.Found != "0.1.2" {
				t.Errorf("too old: %v", err)
			}
			if err := os.WriteFile(filepath.Join(bin, k.programs[0]), []byte("#!/bin/sh\necho nonsense\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := b.m.Check(context.Background()); err == nil || !strings.Contains(err.Error(), "nonsense") {
				t.Errorf("no version: %v", err)
			}
		})
	}
}

// TestDestination: one that is gone or cannot be written is named.
func TestDestination(t *testing.T) {
	eachKind(t, func(b *bench) {
		gone := filepath.Join(b.o.Destination, "gone")
		b.o.Destination = filepath.Join(gone, "sets")
		b.open()
		if err := b.m.Check(context.Background()); err == nil || !strings.Contains(err.Error(), gone+": it is not there") {
			b.Errorf("gone: %v", err)
		}
		// One that is not there yet is made in the folder above it.
		b.o.Destination = gone
		b.open()
		if err := b.m.Check(context.Background()); err != nil && strings.Contains(err.Error(), "it is not there") {
			b.Errorf("not there yet: %v", err)
		}
		if os.Geteuid() == 0 {
			return // root writes everywhere
		}
		if err := os.Mkdir(gone, 0o500); err != nil {
			b.Fatal(err)
		}
		if err := b.m.Check(context.Background()); err == nil || !strings.Contains(err.Error(), "nothing can be written") {
			b.Errorf("not writable: %v", err)
		}
	})
}

// TestNoRoom: a full destination is a clear error, and with more room it goes
// on.
func TestNoRoom(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	eachKind(t, func(b *bench) {
		mountSmall(b.T, b.o.Destination, "2m")
		makeTree(b.T, b.view)
		b.prepare()
		j := b.job(nil)
		if _, err := b.m.Save(context.Background(), j); err == nil || !strings.Contains(strings.ToLower(err.Error()), "no space left on device") {
			b.Errorf("full: %v", err)
		}
		if err := unix.Mount("", b.o.Destination, "", unix.MS_REMOUNT, "size=200m"); err != nil {
			b.Fatal(err)
		}
		b.open()
		b.prepare()
		s := b.save(j)
		if err := b.m.Verify(context.Background(), s, true); err != nil {
			b.Error(err)
		}
		into := b.TempDir()
		mountSmall(b.T, into, "1m")
		var damage *DamageError
		err := b.m.Restore(context.Background(), s, into, Selection{})
		if err == nil || errors.As(err, &damage) || !strings.Contains(strings.ToLower(err.Error()), "no space left on device") {
			b.Errorf("restore without room: %v", err)
		}
	})
}

func mountSmall(t *testing.T, dir, size string) {
	t.Helper()
	if err := unix.Mount("dssctl-small", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no small file system can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func TestNew(t *testing.T) {
	for _, name := range Names() {
		m, err := New(name, Options{})
		if err != nil || m.Name() != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New("tar", Options{}); err == nil || !strings.Contains(err.Error(), "one of: archive, ") {
		t.Errorf("found %v", err)
	}
}
