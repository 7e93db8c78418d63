package backup

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/providers/backup/exclude"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/preflight"
)

// What cannot be read is found before DSS is stopped, for every method but the
// one that reads as root; what is left out may be closed.
func TestUnreadableFilesAreForeseen(t *testing.T) {
	t.Parallel()
	for _, name := range method.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, name)
			for rel, mode := range map[string]fs.FileMode{"config/users.json": 0, "pyenv/lib": 0o100, "jobs/log": 0} {
				path := r.in.Path(rel)
				if err := os.Chmod(path, mode); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = os.Chmod(path, 0o700) })
			}
			bad := preflight.Errors(r.foresee())
			if name == method.XFSDump {
				if len(bad) > 0 {
					t.Errorf("found %v", bad)
				}
				return
			}
			if len(bad) != 1 || !strings.Contains(bad[0].What, "3 files and folders") || !strings.Contains(bad[0].Found, "config/users.json (mode 0000), jobs/log (mode 0000), pyenv/lib (mode 0100)") {
				t.Fatalf("found %v", bad)
			}
			r.a.Rules = exclude.Rules{Classes: []string{"logs"}, Globs: []string{"pyenv"}}
			if bad := preflight.Errors(r.foresee()); len(bad) != 1 || !strings.Contains(bad[0].Found, "config/users.json (mode 0000)") {
				t.Errorf("with exclusions: %v", bad)
			}
		})
	}
}

// In what a link leads to, too.
func TestUnreadableFilesElsewhereAreForeseen(t *testing.T) {
	t.Parallel()
	r := newRig(t, method.Archive)
	r.move("config")
	if err := os.Chmod(filepath.Join(r.away, "config/users.json"), 0); err != nil {
		t.Fatal(err)
	}
	if bad := preflight.Errors(r.foresee()); len(bad) != 1 || !strings.Contains(bad[0].Found, "config/users.json (mode 0000)") {
		t.Errorf("found %v", bad)
	}
}

// The first pass, with DSS up, finds them as well, should they have come since.
func TestFirstPassFindsUnreadableFiles(t *testing.T) {
	t.Parallel()
	for _, name := range method.Names() {
		if !method.Warms(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, name)
			r.needs(name)
			const run = "20261125-061500-0001"
			if err := r.do(KindPrepare, run, r.a); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(r.in.Path("config/users.json"), 0); err != nil {
				t.Fatal(err)
			}
			if err := r.do(KindWarm, run, r.a); err == nil || !strings.Contains(err.Error(), "config/users.json") {
				t.Errorf("the first pass: %v", err)
			}
		})
	}
}

// The destination is looked at before DSS is stopped.
func TestDestinationIsForeseen(t *testing.T) {
	t.Parallel()
	r := newRig(t, method.Archive)
	if found := r.foresee(); len(found) > 0 {
		t.Fatal(found)
	}
	r.a.Known = true
	if bad := preflight.Errors(r.foresee()); len(bad) == 0 || !strings.Contains(bad[0].String(), "Mount the volume that holds it") {
		t.Errorf("gone: %v", bad)
	}
	r.a.Known = false
	if _, err := r.run(); err != nil {
		t.Fatal(err)
	}
	r.a.Known = true
	if found := r.foresee(); len(found) > 0 {
		t.Fatal(found)
	}
	closed := r.a.Destination
	if err := os.Chmod(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(closed, 0o700) })
	if bad := preflight.Errors(r.foresee()); len(bad) == 0 || !strings.Contains(bad[0].String(), "may write there") {
		t.Errorf("closed: %v", bad)
	}
	r.a.Destination = filepath.Join(r.root, "not", "there")
	r.a.Known = false
	if bad := preflight.Errors(r.foresee()); len(bad) == 0 || !strings.Contains(bad[0].String(), "is not there") {
		t.Errorf("not there: %v", bad)
	}
	r = newRig(t, method.Restic)
	r.a.Repository = filepath.Join(r.root, "no", "repository")
	if bad := preflight.Errors(r.foresee()); len(bad) == 0 || !strings.Contains(bad[0].What, "the repository of the backup") {
		t.Errorf("the repository: %v", bad)
	}
}

// A destination that says nothing of its owner and holds a set of this policy, as
// where sets were copied by hand, is not gone: it is taken. Another policy's is
// found with DSS up.
func TestDestinationOfSetsCopiedByHand(t *testing.T) {
	t.Parallel()
	r := newRig(t, method.Archive)
	if _, err := r.run(); err != nil {
		t.Fatal(err)
	}
	r.a.Known = true
	owner := filepath.Join(r.a.Destination, set.OwnerName)
	if err := os.Remove(owner); err != nil {
		t.Fatal(err)
	}
	if found := r.foresee(); len(found) > 0 {
		t.Errorf("found %v", found)
	}
	if _, err := r.run(); err != nil {
		t.Errorf("the next backup: %v", err)
	}
	if _, err := os.Stat(owner); err != nil {
		t.Errorf("it was not taken: %v", err)
	}
	r.a.Name = "weekly"
	found := preflight.Errors(r.foresee())
	if len(found) == 0 || !strings.Contains(found[0].Found, "instance.design.backup.nightly") || !strings.Contains(found[0].Expected, "instance.design.backup.weekly") {
		t.Errorf("another policy's: %v", found)
	}
	foreseen, err := adopter{}.Preflight(t.Context(), r.call(KindAdopt, "20261125-061500-0001", r.a))
	if err != nil || len(preflight.Errors(foreseen)) != 1 {
		t.Errorf("another policy's, to be taken: %v, %v", foreseen, err)
	}
	// Sets of another policy do not make it this one's.
	if err := os.Remove(owner); err != nil {
		t.Fatal(err)
	}
	if bad := preflight.Errors(r.foresee()); len(bad) == 0 || !strings.Contains(bad[0].Remedy, "Mount the volume") {
		t.Errorf("sets of another policy: %v", bad)
	}
}
