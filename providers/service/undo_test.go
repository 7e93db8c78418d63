package service

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/providers"
)

// A safety backup is asked whether it is whole: at a glance for its files, and
// otherwise for all that is in them.
func TestCheckPutBack(t *testing.T) {
	w := newWorld(t)
	w.setState("STOPPED")
	c, _ := w.call(KindBackup, backupArgs{})
	if err := (protector{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	dir, err := copyPath(c)
	if err != nil {
		t.Fatal(err)
	}
	w.setState("RUNNING") // it only looks
	check := func(glance bool) error { c.Glance = glance; return (protector{}).CheckPutBack(t.Context(), c) }
	for _, glance := range []bool{true, false} {
		if err := check(glance); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, filesName, "databases/jobs.mv.db")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	raw[100] ^= 1
	put(t, file, string(raw), 0o600)
	gone := func(err error, want string) {
		t.Helper()
		var e *providers.GoneError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v", err)
		}
	}
	if err := check(true); err != nil {
		t.Errorf("a glance reads files: %v", err)
	}
	gone(check(false), "is not whole any more")
	put(t, file, "short", 0o600)
	gone(check(true), "has 5 bytes, expected 8192")
	if err := os.RemoveAll(filepath.Dir(dir)); err != nil {
		t.Fatal(err)
	}
	gone(check(true), "is not there any more")
	gone(check(false), "is not there any more")
}

// The backup of a run that can still be undone stays, however many came later.
func TestSafetyBackupsOfStandingRunsStay(t *testing.T) {
	w := newWorld(t)
	w.setState("STOPPED")
	root := safetyRoot(w.inst.Companion())
	for _, run := range []string{"20250101-a", "20250102-b", "20250103-c", "20250104-d", "20250105-e"} {
		put(t, filepath.Join(root, run, "1", manifestName), "{}", 0o600)
	}
	c, _ := w.call(KindStart, withKey(nil))
	c.Standing = func(context.Context) ([]providers.StandingRun, error) {
		return []providers.StandingRun{{Run: "20250101-a"}}, nil
	}
	if err := (starter{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(root, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range left {
		left[i] = filepath.Base(left[i])
	}
	if got := strings.Join(left, " "); got != "20250101-a 20250103-c 20250104-d 20250105-e" {
		t.Errorf("left are %s", got)
	}
	// Where that is not known, all of them stay.
	put(t, filepath.Join(root, "20250106-f", "1", manifestName), "{}", 0o600)
	w.setState("STOPPED")
	c.Standing = func(context.Context) ([]providers.StandingRun, error) { return nil, errors.New("no state") }
	if err := (starter{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(root, "*")); err != nil || len(left) != 5 {
		t.Errorf("left are %v, %v", left, err)
	}
}
