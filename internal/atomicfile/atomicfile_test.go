package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func put(t *testing.T, path, content string, perm fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, perm); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, path, content string, perm fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != content {
		t.Errorf("%s holds %q, expected %q", path, got, content)
	}
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != perm {
		t.Errorf("%s has the mode %v, expected %v", path, info.Mode(), perm)
	}
}

// expectOnly checks that nothing is left beside the named files.
func expectOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("%s holds %q, expected %q", dir, got, names)
	}
}

func TestWrite(t *testing.T) {
	t.Run("new", func(t *testing.T) {
		dir := t.TempDir()
		old := syscall.Umask(0o077)
		defer syscall.Umask(old)
		path := filepath.Join(dir, "f")
		if err := Write(path, []byte("new"), 0o644); err != nil {
			t.Fatal(err)
		}
		expect(t, path, "new", 0o644)
		expectOnly(t, dir, "f")
	})
	for _, perm := range []fs.FileMode{0o600, 0o640, 0o444, 0o777, 0o755 | fs.ModeSetuid} {
		t.Run("keeps "+perm.String(), func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "f")
			put(t, path, "old", perm)
			if err := Write(path, []byte("new"), 0o600); err != nil {
				t.Fatal(err)
			}
			expect(t, path, "new", perm)
			expectOnly(t, dir, "f")
		})
	}
	t.Run("empty", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "f")
		put(t, path, "old", 0o600)
		if err := Write(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		expect(t, path, "", 0o600)
	})
	t.Run("a reader keeps the old content", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "f")
		put(t, path, "old", 0o600)
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := Write(path, []byte("new"), 0o600); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 10)
		if n, _ := f.Read(b); string(b[:n]) != "old" {
			t.Errorf("found %q", b[:n])
		}
	})
	t.Run("longest name", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), strings.Repeat("n", maxName))
		put(t, path, "old", 0o600)
		if err := Write(path, []byte("new"), 0o600); err != nil {
			t.Fatal(err)
		}
		expect(t, path, "new", 0o600)
	})
}

func TestWriteFollowsSymlinks(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "real")
	links := filepath.Join(dir, "links")
	for _, d := range []string{folder, links} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, at string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(links, at)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(folder, "f"), "old", 0o640)
	link("../real/f", "relative")
	link("relative", "chain")
	link("../real/new", "dangling")
	link("loop", "loop")
	// A folder reached through a symlink: .. is that of the real folder.
	if err := os.Symlink(links, filepath.Join(folder, "back")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"links/relative", "links/chain", "real/back/relative"} {
		if err := Write(filepath.Join(dir, path), []byte(path), 0o600); err != nil {
			t.Fatal(err)
		}
		expect(t, filepath.Join(folder, "f"), path, 0o640)
	}
	if err := Write(filepath.Join(links, "dangling"), []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, filepath.Join(folder, "new"), "new", 0o600)
	if err := Write(filepath.Join(links, "loop"), []byte("new"), 0o600); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("found %v, expected ELOOP", err)
	}
	for _, name := range []string{"relative", "chain", "dangling", "loop"} {
		if info, err := os.Lstat(filepath.Join(links, name)); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is no symlink any more (%v)", name, err)
		}
	}
	expectOnly(t, folder, "back", "f", "new")
	expectOnly(t, links, "chain", "dangling", "loop", "relative")
}

func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"folder": "expected a regular file, found a folder", "pipe": "expected a regular file, found a named pipe",
		"none/f": "no such file or directory",
	} {
		path := filepath.Join(dir, name)
		err := Write(path, []byte("new"), 0o600)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "write "+path) {
			t.Errorf("%s: found %v, expected … %s …", name, err, want)
		}
	}
	expectOnly(t, dir, "folder", "pipe")
}

func TestWritePermissionDenied(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	put(t, path, "old", 0o640)
	if err := os.Chmod(dir, 0o500); err != nil { //nolint:gosec // a folder
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700) //nolint:errcheck,gosec // for the clean-up
	if err := Write(path, []byte("new"), 0o600); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("found %v, expected permission denied", err)
	}
	if err := Remove(path); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("found %v, expected permission denied", err)
	}
	expect(t, path, "old", 0o640)
	expectOnly(t, dir, "f")
}

// TestNamedTemp takes the way of file systems without nameless files.
func TestNamedTemp(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "f")
	for _, finish := range []bool{false, true} {
		temp, err := openNamed(filepath.Join(dir, tempName("f")))
		if err != nil {
			t.Fatal(err)
		}
		info, err := temp.file.Stat()
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("the mode is %v (%v), expected 0600", info.Mode(), err)
		}
		if _, err := temp.file.WriteString("new"); err != nil {
			t.Fatal(err)
		}
		if finish {
			if err := temp.rename(target); err != nil {
				t.Fatal(err)
			}
		}
		if err := temp.discard(); err != nil {
			t.Fatal(err)
		}
		if finish {
			expect(t, target, "new", 0o600)
		} else {
			expectOnly(t, dir)
		}
	}
	expectOnly(t, dir, "f")
}

func TestRemoveAndSyncDir(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	put(t, path, "old", 0o600)
	if err := Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := Remove(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("found %v, expected fs.ErrNotExist", err)
	}
	expectOnly(t, dir)
	if err := SyncDir(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("found %v, expected fs.ErrNotExist", err)
	}
}
