package still

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/event"
)

var keepLinks = Links{Out: func(string, string) (Treatment, error) { return Keep, nil }}

// A tree is copied also where blocks cannot be shared: files, several names of
// one, links, modes and times.
func TestCopyTree(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	content := bytes.Repeat([]byte("0123456789"), 300_000)
	ok(os.MkdirAll(filepath.Join(from, "a", "b"), 0o750))
	ok(os.WriteFile(filepath.Join(from, "a", "file"), content, 0o640))
	ok(os.Link(filepath.Join(from, "a", "file"), filepath.Join(from, "a", "b", "again")))
	ok(os.Symlink("../nowhere", filepath.Join(from, "a", "link")))
	old := time.Date(2020, 2, 3, 4, 5, 6, 7000, time.UTC)
	ok(os.Chtimes(filepath.Join(from, "a", "file"), old, old))
	ok(os.Chmod(filepath.Join(from, "a", "b"), 0o500))
	t.Cleanup(func() {
		for _, d := range []string{from, to} {
			_ = os.Chmod(filepath.Join(d, "a", "b"), 0o700)
		}
	})

	told, err := CopyTree(context.Background(), from, to, keepLinks, func(event.Progress) {})
	if err != nil || len(told) > 0 {
		t.Fatal(told, err)
	}
	got, err := os.ReadFile(filepath.Join(to, "a", "b", "again"))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	one, err := os.Stat(filepath.Join(to, "a", "file"))
	ok(err)
	two, err := os.Stat(filepath.Join(to, "a", "b", "again"))
	ok(err)
	if !os.SameFile(one, two) || one.Mode().Perm() != 0o640 || !one.ModTime().Equal(old) {
		t.Errorf("the file: same %v, %v, %v", os.SameFile(one, two), one.Mode(), one.ModTime())
	}
	if target, err := os.Readlink(filepath.Join(to, "a", "link")); err != nil || target != "../nowhere" {
		t.Errorf("the link: %s, %v", target, err)
	}
	if d, err := os.Stat(filepath.Join(to, "a", "b")); err != nil || d.Mode().Perm() != 0o500 {
		t.Errorf("the folder: %v, %v", d.Mode(), err)
	}

	if _, err := CopyTree(context.Background(), from, to, keepLinks, func(event.Progress) {}); !errors.Is(err, os.ErrExist) {
		t.Errorf("onto what is there: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := CopyTree(ctx, from, filepath.Join(dir, "third"), keepLinks, func(event.Progress) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
