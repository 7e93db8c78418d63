package state_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/state"
)

// filled returns a folder with a state of one instance.
func filled(t *testing.T) (string, *state.Local) {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Meta(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), "instance.a", func(in *state.Instance) error {
		in.Aspects = map[string]json.RawMessage{"port": json.RawMessage(`{"x":1}`)}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return dir, s
}

func TestDamagedState(t *testing.T) {
	dir, s := filled(t)
	path := filepath.Join(dir, state.FolderName, "state.json")
	good := string(read(t, path))
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "it is empty"},
		{"cut off", good[:len(good)/2], "damaged or cut off"},
		{"something behind", good + "{}", "damaged or cut off"},
		{"not JSON", "\x7fELF", "damaged or cut off"},
		{"another tool's", `{"version": 4, "serial": 3, "lineage": "x", "resources": []}`, "not a state of dssctl"},
		{"newer", strings.Replace(good, `"1.0"`, `"2.0"`, 1), "newer than 1.0"},
		{"a bit newer", strings.Replace(good, `"1.0"`, `"1.1"`, 1), "newer than 1.0"},
		{"odd format", strings.Replace(good, `"1.0"`, `"one"`, 1), `expected "1.0"`},
		{"another shape", strings.Replace(good, `"serial": `, `"serial": "x`+`", "y": `, 1), "another shape"},
		{"no lineage", strings.Replace(good, `"lineage"`, `"linage"`, 1), "lineage or serial is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			write(t, path, []byte(c.text))
			_, metaErr := s.Meta(t.Context())
			_, readErr := s.Instances(t.Context())
			writeErr := s.Update(t.Context(), "instance.b", func(*state.Instance) error { return nil })
			for _, err := range []error{metaErr, readErr, writeErr} {
				var fe *state.FileError
				if !errors.As(err, &fe) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
					t.Fatalf("got %v, expected %q and the path", err, c.want)
				}
				if strings.Contains(err.Error(), "lock") {
					t.Errorf("a damaged file is reported as a lock problem: %v", err)
				}
			}
			if got := string(read(t, path)); got != c.text {
				t.Errorf("the damaged file was changed to %q", got)
			}
			// The lock has nothing to do with it.
			lease, err := s.Lock(t.Context(), "x")
			if err != nil {
				t.Fatal(err)
			}
			if err := lease.Release(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	// Moved away, as the message says, a new state begins.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if m, err := s.Meta(t.Context()); err != nil || m.Lineage == "" {
		t.Errorf("after moving it away: %+v, %v", m, err)
	}
}

func TestKey(t *testing.T) {
	dir, s := filled(t)
	path := filepath.Join(dir, state.FolderName, "key")
	first, err := s.Meta(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "abcd", "not a key"} {
		write(t, path, []byte(text))
		if _, err := s.Meta(t.Context()); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "move the file away") {
			t.Errorf("the key %q gave %v", text, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second, err := s.Meta(t.Context())
	if err != nil {
		t.Fatalf("a missing key: %v", err)
	}
	if second.Lineage != first.Lineage || string(second.Key) == string(first.Key) || len(second.Key) != 32 {
		t.Errorf("a missing key: lineage %q → %q, the key is the same: %v", first.Lineage, second.Lineage, string(second.Key) == string(first.Key))
	}
	all, err := s.Instances(t.Context())
	if err != nil || len(all) != 1 {
		t.Errorf("a missing key cost the records: %d, %v", len(all), err)
	}
}

func TestWideModesAreTightened(t *testing.T) {
	dir, _ := filled(t)
	folder := filepath.Join(dir, state.FolderName)
	paths := []string{folder, filepath.Join(folder, "key"), filepath.Join(folder, "state.json")}
	for _, p := range paths {
		if err := os.Chmod(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var notices []string
	s, err := state.OpenLocal(dir, state.LocalOptions{Clock: clock.System{}, Notice: func(n string) { notices = append(notices, n) }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Meta(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, p := range paths {
		fi, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s still has mode %#o", p, fi.Mode().Perm())
		}
		if !strings.Contains(strings.Join(notices, "\n"), p+" could be read by others (mode 0755)") {
			t.Errorf("no notice of path %d in %q", i, notices)
		}
	}
}

func TestOddPlaces(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, state.FolderName), []byte("x"))
	if _, err := state.OpenLocal(dir, state.LocalOptions{Clock: clock.System{}}); err == nil || !strings.Contains(err.Error(), "expected a folder") {
		t.Errorf("a file in the folder's place: %v", err)
	}
	gone := open(t, filepath.Join(dir, "nowhere"))
	if _, err := gone.Meta(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an estate's folder that does not exist: %v", err)
	}
	dir, s := filled(t)
	path := filepath.Join(dir, state.FolderName, "state.json")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path+".1", path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Instances(t.Context()); err == nil || !strings.Contains(err.Error(), "no plain file") {
		t.Errorf("a symlink in the file's place: %v", err)
	}
}

func TestDamagedHead(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	j, err := s.CreateRun(t.Context(), state.Run{Why: "apply"}, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	id := j.Run().ID
	path := filepath.Join(dir, state.FolderName, "runs", id, "run.json")
	good := string(read(t, path))
	for _, c := range []struct{ text, want string }{
		{"", "it is empty"},
		{good[:20], "damaged or cut off"},
		{strings.Replace(good, `"running"`, `"walking"`, 1), `status "walking"`},
		{strings.Replace(good, id, "20200101-000000-0000", 1), "expected run"},
	} {
		write(t, path, []byte(c.text))
		_, runsErr := s.Runs(t.Context())
		_, openErr := s.OpenRun(t.Context(), id)
		for _, err := range []error{runsErr, openErr} {
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("a damaged head gave %v, expected %q", err, c.want)
			}
		}
	}
	// A folder of somebody else's is no run, nor is what a crash left of one.
	half := filepath.Join(dir, state.FolderName, "runs", ".new-20260101-000000-0000")
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(half, "plan.json"), []byte("{"))
	write(t, path, []byte(good))
	if err := os.Mkdir(filepath.Join(dir, state.FolderName, "runs", "notes"), 0o700); err != nil {
		t.Fatal(err)
	}
	if runs, err := s.Runs(t.Context()); err != nil || len(runs) != 1 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	if _, err := s.CreateRun(t.Context(), state.Run{}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the next run did not clean up what a crash left: %v", err)
	}
}
