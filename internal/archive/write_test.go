package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/smallfs"
)

func members(t testing.TB, index string) map[string]Member {
	t.Helper()
	out := map[string]Member{}
	must(t, List(context.Background(), index, func(m Member) error {
		out[m.Path] = m
		return nil
	}))
	return out
}

// TestDecide: what is dropped and what stays empty, and in which order that is
// asked.
func TestDecide(t *testing.T) {
	tree := t.TempDir()
	for _, name := range []string{"jobs/a/log", "jobs/b", "tmp/x/y", "config/z", "config/skip", "caches"} {
		put(t, filepath.Join(tree, name), []byte(name))
	}
	var asked []string
	_, index, r := written(t, Source{Root: tree, Decide: func(rel string, typ fs.FileMode) Decision {
		asked = append(asked, rel)
		if typ.IsDir() == (rel == "caches" || strings.Count(rel, "/") == 1 && rel != "jobs/a" && rel != "tmp/x") {
			t.Errorf("%s has the type %v", rel, typ)
		}
		switch rel {
		case "jobs":
			return KeepEmpty
		case "tmp", "config/skip":
			return Drop
		}
		return Keep
	}}, Options{})
	if expected := []string{"caches", "config", "config/skip", "config/z", "jobs", "tmp"}; !slices.Equal(asked, expected) {
		t.Errorf("asked %q, expected %q", asked, expected)
	}
	got := members(t, index)
	for _, name := range []string{".", "caches", "config", "config/z", "jobs"} {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is missing", name)
		}
		delete(got, name)
	}
	if len(got) > 0 || r.Files != 2 || r.Dirs != 3 {
		t.Errorf("also found %v in %+v", got, r)
	}
}

func TestSocketsAreReported(t *testing.T) {
	tree, err := os.MkdirTemp("", "s") //nolint:usetesting // a socket's path has to be short
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(tree) })
	put(t, filepath.Join(tree, "f"), nil)
	socket(t, filepath.Join(tree, "s"))
	_, index, r := written(t, Source{Root: tree}, Options{})
	if fmt.Sprint(r.LeftOut) != "{1 [s: a socket]}" {
		t.Errorf("left out: %v", r.LeftOut)
	}
	if _, ok := members(t, index)["s"]; ok {
		t.Error("the socket is in the archive")
	}
}

func TestUnreadable(t *testing.T) {
	if isRoot() {
		t.Skip("root may read everything")
	}
	for _, tolerant := range []bool{false, true} {
		for _, name := range []string{"f", "d"} {
			tree := t.TempDir()
			if name == "d" {
				must(t, os.Mkdir(filepath.Join(tree, name), 0o000))
			} else {
				put(t, filepath.Join(tree, name), []byte("secret"))
				must(t, os.Chmod(filepath.Join(tree, name), 0o000))
			}
			_, err := Write(context.Background(), io.Discard, io.Discard, Source{Root: tree, Tolerant: tolerant}, Options{})
			if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), filepath.Join(tree, name)) {
				t.Errorf("tolerant %v: found %v", tolerant, err)
			}
		}
	}
}

// TestVanishes: a file is gone between the listing and the reading.
func TestVanishes(t *testing.T) {
	for _, tolerant := range []bool{false, true} {
		for _, what := range []string{"b/c", "b", "link", "a"} {
			tree := smallTree(t)
			src := Source{Root: tree, Tolerant: tolerant, Decide: func(rel string, typ fs.FileMode) Decision {
				if rel == what {
					must(t, os.RemoveAll(filepath.Join(tree, rel)))
					if rel == "a" {
						must(t, unix.Mkfifo(filepath.Join(tree, rel), 0o600)) // it has become something else
					}
				}
				return Keep
			}}
			if !tolerant {
				_, err := Write(context.Background(), io.Discard, io.Discard, src, Options{})
				if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), filepath.Join(tree, what)+":") {
					t.Errorf("%s: found %v", what, err)
				}
				continue
			}
			archive, index, r := written(t, src, Options{})
			if !slices.ContainsFunc(r.Changed.First, func(s string) bool { return strings.HasPrefix(s, what+": ") }) {
				t.Errorf("%s: reported %v", what, r.Changed)
			}
			if _, ok := members(t, index)[what]; ok && what != "a" {
				t.Errorf("%s is in the archive", what)
			}
			if _, err := Verify(context.Background(), archive, index, VerifyOptions{}); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestChanges: a file changes while it is streamed. It does so when the archive
// has begun with it, and before the reader, which may be chunks ahead, is through.
func TestChanges(t *testing.T) {
	const size = 3 * tellBytes
	for what, change := range map[string]func(*os.File) error{
		"it shrank from":   func(f *os.File) error { return f.Truncate(1000) },
		"it went from":     func(f *os.File) error { _, err := f.WriteAt([]byte("more"), size); return err },
		"it was written":   func(f *os.File) error { _, err := f.WriteAt([]byte("other"), 0); return err },
		"its attributes o": func(f *os.File) error { return f.Chmod(0o640) },
	} {
		for _, tolerant := range []bool{false, true} {
			tree := t.TempDir()
			path := filepath.Join(tree, "log")
			put(t, path, bytes.Repeat(noise(4096), size/4096))
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			must(t, err)
			var done atomic.Bool
			o := Options{Compression: None, Progress: func(Progress) {
				if !done.Swap(true) {
					must(t, change(f))
				}
			}}
			src := Source{Root: tree, Tolerant: tolerant}
			if tolerant {
				archive, index, r := written(t, src, o)
				if len(r.Changed.First) != 1 || !strings.HasPrefix(r.Changed.First[0], "log: "+what) {
					t.Errorf("%s: reported %v", what, r.Changed)
				}
				if _, err := Verify(context.Background(), archive, index, VerifyOptions{}); err != nil {
					t.Error(err)
				}
				if m := members(t, index)["log"]; m.Size != size {
					t.Errorf("%s: the size is %d, expected %d", what, m.Size, size)
				}
			} else {
				_, err := Write(context.Background(), io.Discard, io.Discard, src, o)
				if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), path+": it "+ErrChanged.Error()+": "+what) || !strings.Contains(err.Error(), whatToDo) {
					t.Errorf("%s: found %v", what, err)
				}
			}
			must(t, f.Close())
		}
	}
}

// TestSmallFileChanges does so between looking at a small file and reading it.
func TestSmallFileChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	put(t, path, []byte("0123456789"))
	fd, err := unix.Open(path, unix.O_RDWR, 0)
	must(t, err)
	defer unix.Close(fd)
	src := Source{Root: filepath.Dir(path), Tolerant: true}
	var allocated atomic.Int64
	r := newReader(context.Background(), &src, newAccounts(), &notes{}, &allocated)
	j := newJob()
	var st unix.Stat_t
	must(t, unix.Fstat(fd, &st))
	j.reset(&folder{path: "."}, "f", 0)
	r.fill(j, &st)
	must(t, os.Truncate(path, 4))
	r.whole(j, fd)
	if string(j.content) != "0123\x00\x00\x00\x00\x00\x00" || !strings.HasPrefix(j.changed, "it shrank from 10 bytes to 4") {
		t.Errorf("found %q, %q", j.content, j.changed)
	}
}

// TestFolderChanges: a name that appears later is not in the archive, and that is
// said.
func TestFolderChanges(t *testing.T) {
	tree := smallTree(t)
	touch(t, filepath.Join(tree, "b"), time.Unix(1, 0)) // clocks of file systems tick coarsely
	_, _, r := written(t, Source{Root: tree, Decide: func(rel string, _ fs.FileMode) Decision {
		if rel == "b/d/f" {
			put(t, filepath.Join(tree, "b/late"), nil)
		}
		return Keep
	}}, Options{})
	if len(r.Changed.First) != 1 || !strings.HasPrefix(r.Changed.First[0], "b: names were added") {
		t.Errorf("reported %v", r.Changed)
	}
}

func TestMountedFolder(t *testing.T) {
	if !isRoot() {
		t.Skip("only root can mount")
	}
	tree := smallTree(t)
	must(t, os.Mkdir(filepath.Join(tree, "mounted"), 0o755))
	must(t, unix.Mount("dssctl-test", filepath.Join(tree, "mounted"), "tmpfs", 0, "size=1m"))
	t.Cleanup(func() { must(t, unix.Unmount(filepath.Join(tree, "mounted"), 0)) })
	put(t, filepath.Join(tree, "mounted/inside"), nil)
	for _, cross := range []bool{false, true} {
		_, index, r := written(t, Source{Root: tree, CrossDevices: cross}, Options{})
		_, inside := members(t, index)["mounted/inside"]
		_, folder := members(t, index)["mounted"]
		if inside != cross || !folder || (r.LeftOut.Total == 0) != cross {
			t.Errorf("crossing %v: found inside %v, folder %v, %v", cross, inside, folder, r.LeftOut)
		}
	}
}

// TestCancelled: it ends, and nothing of it goes on (see TestMain).
func TestCancelled(t *testing.T) {
	tree := t.TempDir()
	for i := range 3000 {
		put(t, filepath.Join(tree, fmt.Sprint(i%50), fmt.Sprint(i)), []byte("x"))
	}
	put(t, filepath.Join(tree, "large"), make([]byte, 3*tellBytes))
	archive, index, _ := written(t, Source{Root: tree}, Options{})
	enough := errors.New("enough")
	for name, do := range map[string]func(context.Context, func(Progress)) error{
		"write": func(ctx context.Context, stop func(Progress)) error {
			_, err := Write(ctx, io.Discard, io.Discard, Source{Root: tree}, Options{Progress: stop})
			return err
		},
		"verify": func(ctx context.Context, stop func(Progress)) error {
			_, err := Verify(ctx, archive, index, VerifyOptions{Progress: stop})
			return err
		},
		"extract": func(ctx context.Context, stop func(Progress)) error {
			_, err := Extract(ctx, archive, index, t.TempDir(), ExtractOptions{Progress: stop})
			return err
		},
		"list": func(ctx context.Context, stop func(Progress)) error {
			return List(ctx, index, func(Member) error {
				stop(Progress{})
				return nil
			})
		},
	} {
		ctx, cancel := context.WithCancelCause(context.Background())
		if err := do(ctx, func(Progress) { cancel(enough) }); !errors.Is(err, enough) {
			t.Errorf("%s: found %v", name, err)
		}
		cancel(nil)
	}
}

// fullDisk has room for so many bytes.
type fullDisk int

func (d *fullDisk) Write(b []byte) (int, error) {
	if *d -= fullDisk(len(b)); *d < 0 {
		return 0, unix.ENOSPC
	}
	return len(b), nil
}

func TestDiskFull(t *testing.T) {
	tree := t.TempDir()
	put(t, filepath.Join(tree, "large"), noise(9<<20))
	for i := range 300 {
		put(t, filepath.Join(tree, fmt.Sprint(i)), noise(60_000)[i:])
	}
	for _, room := range []fullDisk{0, 3 << 20, 20 << 20} {
		r := room
		if _, err := Write(context.Background(), &r, io.Discard, Source{Root: tree}, Options{Compression: None}); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("with room for %d bytes of the archive: found %v", room, err)
		}
	}
	for _, room := range []fullDisk{0, 5000} {
		r := room
		if _, err := Write(context.Background(), io.Discard, &r, Source{Root: tree}, Options{}); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("with room for %d bytes of the index: found %v", room, err)
		}
	}
	archive, index, _ := written(t, Source{Root: tree}, Options{})
	small := smallfs.Hold(t)
	if small == "" {
		t.Skip("DSSCTL_TEST_SMALLFS names no small file system")
	}
	into, err := os.MkdirTemp(small, "archive")
	must(t, err)
	defer os.RemoveAll(into)
	if _, err := Extract(context.Background(), archive, index, into, ExtractOptions{}); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("extracting: found %v", err)
	}
}

// TestMemory: the buffers do not grow with the tree.
func TestMemory(t *testing.T) {
	// What is on its way, at the most, of the archive and of the compressors.
	const readers, workers = 4, 2
	bound := int64(window*smallFile + readers*readerChunks*chunkSize + (workers+3)*(2*blockSize+blockSize/8))
	tree := t.TempDir()
	for _, n := range []int{100, 2000} {
		for i := range n {
			put(t, filepath.Join(tree, fmt.Sprint(n), fmt.Sprint(i%40), fmt.Sprint(i)), noise(smallFile)[:smallFile-i%1000])
		}
		put(t, filepath.Join(tree, fmt.Sprint(n), "large"), noise(10<<20))
		_, buffers, err := write(context.Background(), io.Discard, io.Discard, Source{Root: tree}, Options{Readers: readers, Workers: workers})
		must(t, err)
		if buffers > bound {
			t.Errorf("%d files: %d bytes of buffers, expected at most %d", n, buffers, bound)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{Level: 9}, {Compression: Gzip, Level: 10}, {Compression: 7}, {Sync: true}} {
		if _, err := Write(context.Background(), io.Discard, io.Discard, Source{Root: t.TempDir()}, o); err == nil {
			t.Errorf("%+v: found nothing", o)
		}
	}
	if _, err := Write(context.Background(), io.Discard, io.Discard, Source{Root: filepath.Join(t.TempDir(), "none")}, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("found %v", err)
	}
}

// TestFollow: what a link leads to is kept in its place, and links that are not
// followed stay links.
func TestFollow(t *testing.T) {
	tree, away := t.TempDir(), t.TempDir()
	put(t, filepath.Join(tree, "own/file"), []byte("own"))
	put(t, filepath.Join(away, "config/settings.json"), []byte("{}"))
	put(t, filepath.Join(away, "config/projects/SALES/params.json"), bytes.Repeat([]byte("large"), 1<<15))
	put(t, filepath.Join(away, "install.ini"), []byte("[general]"))
	must(t, os.Symlink("SALES", filepath.Join(away, "config/projects/alias")))
	for name, to := range map[string]string{
		"config": away + "/config", "install.ini": away + "/install.ini", "other": away + "/config",
		"nothing": away + "/nothing", "null": "/dev/null",
	} {
		must(t, os.Symlink(to, filepath.Join(tree, name)))
	}
	src := Source{Root: tree, Decide: func(rel string, typ fs.FileMode) Decision {
		if rel == "other" || rel == "config/projects/alias" {
			return Keep
		}
		return Follow
	}}
	archive, index, r := written(t, src, Options{})
	got := members(t, index)
	for rel, want := range map[string]Type{
		"config": Dir, "config/settings.json": File, "config/projects/SALES/params.json": File, "config/projects/alias": Symlink,
		"install.ini": File, "other": Symlink, "nothing": Symlink, "null": Symlink, "own/file": File,
	} {
		if got[rel].Type != want {
			t.Errorf("%s is a %q, expected a %q", rel, got[rel].Type, want)
		}
	}
	if slices.Sort(r.Followed.First); !slices.Equal(r.Followed.First, []string{"config", "install.ini"}) || r.Followed.Total != 2 {
		t.Errorf("followed: %+v", r.Followed)
	}
	into := t.TempDir()
	if _, err := Extract(context.Background(), archive, index, into, ExtractOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, rel := range []string{"config/settings.json", "config/projects/SALES/params.json", "install.ini"} {
		want, err := os.ReadFile(filepath.Join(away, rel))
		must(t, err)
		if b, err := os.ReadFile(filepath.Join(into, rel)); err != nil || !bytes.Equal(b, want) {
			t.Errorf("%s: %d bytes, %v", rel, len(b), err)
		}
		if info, err := os.Lstat(filepath.Join(into, rel)); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s is restored as %v, %v", rel, info.Mode(), err)
		}
	}
}
