package still

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/xattr"
)

const xfsVariable = "DSSCTL_TEST_XFS"

// shared are the file systems that can share blocks.
var shared = map[string]string{"xfs": xfsVariable, "btrfs": btrfsVariable}

// oddities fills a data directory with everything that a copy could lose.
func oddities(t *testing.T, dir string) {
	t.Helper()
	makeDataDir(t, dir)
	at := func(rel string) string { return filepath.Join(dir, rel) }
	put(t, at("config/projects/P/params.json"), "{}")
	put(t, at("managed_datasets/big"), strings.Repeat("0123456789abcdef", 1<<16))
	put(t, at("empty"), "")
	put(t, at("odd/ name \n\t\xff\xfe é"), "x")
	put(t, at("odd/-rf"), "x")
	for n := range 700 {
		put(t, at(fmt.Sprintf("many/f%03d", n)), fmt.Sprint(n))
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(at("none/at/all"), 0o700))
	must(os.Symlink("../config", at("odd/link")))
	must(os.Symlink("/nowhere", at("odd/dangling")))
	must(os.MkdirAll(at("run"), 0o700))
	must(unix.Mkfifo(at("run/pipe"), 0o640))
	sparse, err := os.Create(at("sparse"))
	must(err)
	_, err = sparse.WriteAt([]byte("end"), 64<<20)
	must(errors.Join(err, sparse.Close()))
	for n := range 3 {
		must(os.Link(at("managed_datasets/big"), at(fmt.Sprint("odd/hard", n))))
	}
	must(os.Link(at("empty"), at("none/empty-too")))
	for path, mode := range map[string]fs.FileMode{"many/f001": 0o444, "many/f002": 0o751, "many/f003": 0o4755, "many/f004": 0o000 | 0o400, "many": 0o2750, "none/at": 0o500} {
		must(syscall.Chmod(at(path), uint32(mode)))
	}
	must(unix.Lsetxattr(at("config"), "user.folder", []byte("1\x002"), 0))
	must(unix.Lsetxattr(at("many/f005"), "user.file", []byte(strings.Repeat("v", 1500)), 0))
	command(t, "setfacl", "-m", "u:12345:rx,g:23456:r", at("many/f006"))
	command(t, "setfacl", "-d", "-m", "u:12345:rwx", at("many"))
	command(t, "setfacl", "-m", "u:12345:rwx", at("odd"))
	old := time.Unix(-1000, 123456789)
	for _, path := range []string{"many/f007", "none/at/all", "none/at", "config"} {
		must(os.Chtimes(at(path), old.Add(time.Second), old))
	}
	must(unix.UtimesNanoAt(unix.AT_FDCWD, at("odd/dangling"), []unix.Timespec{{Sec: 5}, {Sec: 7, Nsec: 9}}, unix.AT_SYMLINK_NOFOLLOW))
}

// describe lists all that a copy has to keep, but what a file holds.
func describe(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	seen := map[uint64]string{}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := lstat(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%q %o %d:%d mtime %d.%09d", rel, st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			line += fmt.Sprintf(" %d bytes, %d names", st.Size, st.Nlink)
			if st.Nlink > 1 {
				if seen[st.Ino] == "" {
					seen[st.Ino] = rel
				}
				line += " of " + seen[st.Ino]
			}
		case unix.S_IFLNK:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + to
		}
		if st.Mode&unix.S_IFMT != unix.S_IFLNK {
			names, err := xattr.List(path)
			if err != nil {
				return err
			}
			slices.Sort(names)
			for _, name := range names {
				value, err := xattr.Get(path, name)
				if err != nil {
					return err
				}
				line += fmt.Sprintf(" %s=%q", name, value)
			}
		}
		out = append(out, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReflink(t *testing.T) {
	for name, variable := range shared {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			dir := onDisk(t, variable)
			data := filepath.Join(dir, "dss")
			oddities(t, data)
			before := describe(t, data)
			var told []string
			o := Options{DataDir: data, Companion: filepath.Join(dir, "dss.dssctl"), Notice: func(s string) { told = append(told, s) }}
			// An ACL that the copy would inherit.
			if err := os.Mkdir(o.Companion, 0o700); err != nil {
				t.Fatal(err)
			}
			command(t, "setfacl", "-d", "-m", "u:54321:rwx", o.Companion)
			s, err := New(Reflinks, o)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Check(ctx); err != nil {
				t.Fatal(err)
			}
			view, err := s.Create(ctx, "a")
			if err != nil {
				t.Fatal(err)
			}
			after := describe(t, view)
			if !slices.Equal(before, after) {
				for i := range before {
					if i >= len(after) || before[i] != after[i] {
						t.Errorf("\nfound    %.300s\nexpected %.300s", append(after, "")[min(i, len(after))], before[i])
					}
				}
			}
			if out, err := exec.Command("diff", "-r", "--no-dereference", "--exclude=pipe", data, view).CombinedOutput(); err != nil {
				t.Errorf("%v: %.2000s", err, out)
			}
			if !slices.Equal(describe(t, data), before) {
				t.Error("the original is not what it was")
			}
			if len(told) > 0 {
				t.Errorf("told: %q", told)
			}
			for _, file := range []string{"managed_datasets/big", "sparse"} {
				if out := extents(t, filepath.Join(view, file)); !strings.Contains(out, "shared") {
					t.Errorf("%s shares no blocks:\n%s", file, out)
				}
			}
			// DSS goes on, the view stays.
			put(t, filepath.Join(data, "install.ini"), installINI+"\n[later]\n")
			if raw, err := os.ReadFile(filepath.Join(view, "install.ini")); err != nil || string(raw) != installINI {
				t.Errorf("found %q (%v)", raw, err)
			}
			if again, err := s.Create(ctx, "a"); err != nil || again != view {
				t.Errorf("again: %q, %v", again, err)
			}
			if ids, err := s.List(ctx); err != nil || !slices.Equal(ids, []string{"a"}) {
				t.Errorf("found %q (%v)", ids, err)
			}
			for range 2 {
				if err := s.Destroy(ctx, "a"); err != nil {
					t.Error(err)
				}
			}
			if left := entries(t, filepath.Join(o.Companion, "still", "reflink")); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
			if err := os.Chmod(filepath.Join(data, "none/at"), 0o700); err != nil { //nolint:gosec // a folder, to be removed
				t.Error(err)
			}
		})
	}
}

// extents is what filefrag tells, "" for all in the file's inode.
func extents(t *testing.T, path string) string {
	t.Helper()
	program, err := exec.LookPath("filefrag")
	if err != nil {
		program = "/usr/sbin/filefrag"
	}
	out, err := exec.Command(program, "-v", path).CombinedOutput()
	if err != nil {
		t.Fatalf("filefrag: %v\n%s", err, out)
	}
	return string(out)
}

// TestReflinkNoCopyOnWrite: files of Btrfs that are written in place.
func TestReflinkNoCopyOnWrite(t *testing.T) {
	dir := onDisk(t, btrfsVariable)
	data := filepath.Join(dir, "dss")
	makeDataDir(t, data)
	databases := filepath.Join(data, "databases")
	if err := os.Mkdir(databases, 0o700); err != nil {
		t.Fatal(err)
	}
	command(t, "chattr", "+C", databases)
	put(t, filepath.Join(databases, "jobs.mv.db"), strings.Repeat("x", 1<<20))
	var told []string
	s := newReflinks(Options{DataDir: data, Companion: filepath.Join(dir, "c"), Notice: func(s string) { told = append(told, s) }}.withDefaults())
	view, err := s.Create(context.Background(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if out := extents(t, filepath.Join(view, "databases", "jobs.mv.db")); !strings.Contains(out, "shared") || len(told) > 0 {
		t.Errorf("told %q; it shares no blocks:\n%s", told, out)
	}
}

// TestReflinkCrash: half a copy never counts as one, and a removal that was
// broken off goes on.
func TestReflinkCrash(t *testing.T) {
	ctx := context.Background()
	dir := onDisk(t, xfsVariable)
	data := filepath.Join(dir, "dss")
	makeDataDir(t, data)
	for n := range 300 {
		put(t, filepath.Join(data, fmt.Sprint("d", n%7), fmt.Sprint("f", n)), "x")
	}
	r := newReflinks(Options{DataDir: data, Companion: filepath.Join(dir, "c")}.withDefaults())
	folder := filepath.Join(dir, "c", "still", "reflink")
	for name, left := range map[string][]string{
		"copying":           {partMark + "a"},
		"removing":          {partMark + "a"},
		"removed and again": {partMark + "a", "a"},
	} {
		for _, l := range left {
			put(t, filepath.Join(folder, l, "install.ini"), installINI)
			put(t, filepath.Join(folder, l, "half"), "")
			if err := os.Chmod(filepath.Join(folder, l), 0o500); err != nil { //nolint:gosec // a folder
				t.Fatal(err)
			}
		}
		if ids, err := r.List(ctx); err != nil || !slices.Equal(ids, []string{"a"}) {
			t.Errorf("%s: found %q (%v)", name, ids, err)
		}
		if !slices.Contains(left, "a") {
			view, err := r.Create(ctx, "a")
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := os.Lstat(filepath.Join(view, "half")); err == nil {
				t.Errorf("%s: half a copy counts", name)
			}
		}
		if err := r.Destroy(ctx, "a"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if left := entries(t, folder); len(left) > 0 {
			t.Errorf("%s: left %q", name, left)
		}
	}
	// Cancelled in the middle.
	for _, at := range []string{"copy", "before"} {
		cancelled, cancel := context.WithCancel(ctx)
		if at == "before" {
			cancel()
		}
		c := &cloner{progress: func(event.Progress) {}, share: func(dst, src *os.File) error {
			cancel()
			return shareBlocks(dst, src)
		}}
		if err := c.tree(cancelled, data, filepath.Join(dir, "to")); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: found %v", at, err)
		}
		if err := removeTree(ctx, filepath.Join(dir, "to")); err != nil {
			t.Error(err)
		}
	}
}

// TestReflinkCannot: what a file system cannot is said before DSS is stopped.
func TestReflinkCannot(t *testing.T) {
	ctx := context.Background()
	data := filepath.Join(t.TempDir(), "dss")
	makeDataDir(t, data)
	r := newReflinks(Options{DataDir: data, Companion: data + ".dssctl"}.withDefaults())
	if err := r.Check(ctx); err == nil {
		t.Skip("the folder for temporary files can share blocks")
	} else if !strings.Contains(err.Error(), "cannot share the blocks of files") || !strings.Contains(err.Error(), "XFS") {
		t.Errorf("found %v", err)
	}
	if left := entries(t, filepath.Dir(data)); !slices.Equal(left, []string{"dss"}) {
		t.Errorf("the check has left %q", left)
	}
	if _, err := r.Create(ctx, "a"); err == nil || !strings.Contains(err.Error(), "share the blocks of "+data) {
		t.Errorf("found %v", err)
	}
	if left := entries(t, filepath.Join(data+".dssctl", "still", "reflink")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
	other := onDisk(t, xfsVariable)
	r = newReflinks(Options{DataDir: data, Companion: filepath.Join(other, "c")}.withDefaults())
	if err := r.Check(ctx); err == nil || !strings.Contains(err.Error(), "another file system") {
		t.Errorf("found %v", err)
	}
}

// TestClonerFallsBack: a file whose blocks cannot be shared is copied, and that
// is told.
func TestClonerFallsBack(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "dss")
	makeDataDir(t, data)
	put(t, filepath.Join(data, "big"), strings.Repeat("x", 3<<20))
	listener, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(listener)
	t.Chdir(data)
	if err := unix.Bind(listener, &unix.SockaddrUnix{Name: "socket"}); err != nil {
		t.Fatal(err)
	}
	c := &cloner{progress: func(event.Progress) {}, share: func(_, src *os.File) error {
		if strings.HasSuffix(src.Name(), "big") {
			return unix.EINVAL
		}
		return nil
	}}
	if err := c.tree(context.Background(), data, filepath.Join(dir, "to")); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "to", "big")); err != nil || len(raw) != 3<<20 {
		t.Errorf("%d bytes (%v)", len(raw), err)
	}
	want := []string{"1 file could not share blocks with the original: 3.0 MiB were copied", "1 socket or device was left out of the copy"}
	if got := c.told(); !slices.Equal(got, want) {
		t.Errorf("found %q, expected %q", got, want)
	}
}

// TestSharesBlocks tries it: within a file system that can, and across two.
func TestSharesBlocks(t *testing.T) {
	file := func(dir string) string {
		t.Helper()
		path := filepath.Join(dir, "install.ini")
		if err := os.WriteFile(path, []byte("[server]\nport = 11200\n"), 0o640); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for fs, variable := range shared {
		t.Run(fs, func(t *testing.T) {
			dir := onDisk(t, variable)
			if !SharesBlocks(file(dir), dir) {
				t.Errorf("%s: it cannot", fs)
			}
			memory := "/dev/shm"
			if SharesBlocks(file(dir), memory) {
				t.Errorf("%s: it can with %s", fs, memory)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
	if SharesBlocks(filepath.Join(t.TempDir(), "gone"), t.TempDir()) {
		t.Error("a file that is not there can")
	}
}
