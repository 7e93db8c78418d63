package preflight_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/providers/preflight"
)

func write(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x"), mode); err != nil {
		t.Fatal(err)
	}
}

func everything(string, fs.FileMode) (bool, bool) { return true, true }

// All that cannot be read is counted, folders too, and the first are named with
// the reason.
func TestReadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	root := t.TempDir()
	for i := range 30 {
		write(t, filepath.Join(root, "config", fmt.Sprintf("f%02d", i)), 0)
	}
	for _, name := range []string{"jobs/log", "tmp/x/y", "ok/file"} {
		write(t, filepath.Join(root, name), 0o600)
	}
	closed := []string{"jobs", "tmp/x", "listed"}
	if err := os.Mkdir(filepath.Join(root, "listed"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, name := range closed {
		if err := os.Chmod(filepath.Join(root, name), []fs.FileMode{0, 0, 0o300}[i]); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, name := range closed {
			_ = os.Chmod(filepath.Join(root, name), 0o700)
		}
	})
	if err := unix.Mkfifo(filepath.Join(root, "pipe"), 0); err != nil {
		t.Fatal(err) // nobody reads it
	}
	tree, err := preflight.LookThrough(context.Background(), root, func(rel string, _ fs.FileMode) (bool, bool) {
		return rel != "tmp", true // it is left out
	})
	if err != nil || tree.UnreadableTotal != 32 || tree.Files != 31 {
		t.Fatalf("%d of %d, %v", tree.UnreadableTotal, tree.Files, err)
	}
	found := preflight.Readable(tree, "the backup")
	if len(found) != 1 || found[0].Severity != preflight.Error {
		t.Fatal(found)
	}
	for _, want := range []string{"32 files and folders cannot be read", "config/f00 (mode 0000), config/f01 (mode 0000)", " and 29 more", "exclude_paths"} {
		if !strings.Contains(found[0].String(), want) {
			t.Errorf("%q is not said: %s", want, found[0])
		}
	}
	// A folder that stays empty in the set is not looked into, and must be open.
	tree, err = preflight.LookThrough(context.Background(), root, func(rel string, _ fs.FileMode) (bool, bool) {
		return !strings.HasPrefix(rel, "config"), rel == "ok"
	})
	if err != nil || tree.UnreadableTotal != 2 || tree.Unreadable[0].Path != "jobs" || tree.Unreadable[1].Path != "listed" {
		t.Errorf("%v, %v", tree.Unreadable, err)
	}
	if found := preflight.Readable(preflight.Tree{}, "the backup"); len(found) > 0 {
		t.Error(found)
	}
}

// File systems that are mounted inside are told, and looked through.
func TestMountsInside(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root mounts; scripts/test runs this as root")
	}
	root := t.TempDir()
	mounted := filepath.Join(root, "managed_datasets")
	if err := os.Mkdir(mounted, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("dssctl-test", mounted, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("nothing can be mounted: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(mounted, unix.MNT_DETACH) })
	write(t, filepath.Join(mounted, "a"), 0o600)
	tree, err := preflight.LookThrough(context.Background(), root, everything)
	if err != nil || !slices.Equal(tree.Mounts, []string{"managed_datasets"}) || tree.Files != 1 {
		t.Errorf("%+v, %v", tree, err)
	}
}

func TestLinksOut(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "in/file"), 0o600)
	for name, to := range map[string]string{"in/near": "file", "in/far": "/usr/bin/env", "away": t.TempDir()} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := preflight.LookThrough(context.Background(), root, everything)
	if err != nil || len(tree.Out) != 2 || tree.Out[0].Path != "away" || tree.Out[1].Path != "in/far" {
		t.Errorf("%+v, %v", tree.Out, err)
	}
	if _, err := preflight.LookThrough(context.Background(), filepath.Join(root, "gone"), everything); err == nil {
		t.Error("a folder that is not there was looked through")
	}
}

func TestWritable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, 0o600)
	tab := filepath.Join(dir, "fstab")
	text := "# comment " + dir + "\nUUID=1 / ext4 defaults 0 1\nnfs:/x " + strings.ReplaceAll(dir, " ", `\040`) + "/mnt nfs defaults 0 0\nproc /proc proc defaults 0 0\nnone none swap sw 0 0\n"
	if err := os.WriteFile(tab, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		t    preflight.Target
		want string
	}{
		"there":         {t: preflight.Target{Dir: dir}},
		"to be made":    {t: preflight.Target{Dir: dir + "/new", Tab: tab}},
		"too deep":      {t: preflight.Target{Dir: dir + "/a/b"}, want: "is not there"},
		"a file":        {t: preflight.Target{Dir: file}, want: "is not a folder"},
		"below a file":  {t: preflight.Target{Dir: file + "/x"}, want: "not a directory"},
		"full":          {t: preflight.Target{Dir: dir, Need: 1 << 60}, want: "no room"},
		"not mounted":   {t: preflight.Target{Dir: dir + "/mnt/backups", Tab: tab}, want: "nothing is mounted at " + dir + "/mnt"},
		"mount point":   {t: preflight.Target{Dir: dir + "/mnt", Tab: tab}, want: "is not mounted"},
		"mounted":       {t: preflight.Target{Dir: "/proc", Tab: tab}, want: "Nothing can be written"},
		"beside it":     {t: preflight.Target{Dir: dir + "/mnt2", Tab: tab}},
		"no such table": {t: preflight.Target{Dir: dir, Tab: dir + "/none"}},
	} {
		if os.Geteuid() == 0 && name == "mounted" {
			continue
		}
		c.t.What = "the backup destination"
		found := preflight.Writable(c.t)
		switch {
		case c.want == "" && len(found) > 0, c.want != "" && len(found) != 1:
			t.Errorf("%s: found %v", name, found)
		case c.want != "" && (!strings.Contains(found[0].String(), c.want) || found[0].Severity != preflight.Error):
			t.Errorf("%s: %q is not said: %s", name, c.want, found[0])
		}
	}
	if os.Geteuid() == 0 {
		return
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	if found := preflight.Writable(preflight.Target{Dir: dir + "/new"}); len(found) != 1 || !strings.Contains(found[0].String(), "may write there") {
		t.Errorf("a closed folder: %v", found)
	}
}

// A look at as many files as a large instance has takes seconds.
func BenchmarkLookThrough(b *testing.B) {
	root := b.TempDir()
	for i := range 200 {
		dir := filepath.Join(root, fmt.Sprint(i))
		if err := os.Mkdir(dir, 0o700); err != nil {
			b.Fatal(err)
		}
		for j := range 1000 {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(j)), nil, 0o600); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		if _, err := preflight.LookThrough(context.Background(), root, everything); err != nil {
			b.Fatal(err)
		}
	}
}
