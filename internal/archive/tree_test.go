package archive

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/xattr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, path string, content []byte) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, content, 0o644))
}

// noise is content that does not compress well.
func noise(n int) []byte {
	b := make([]byte, 0, n+32)
	for i := uint64(0); len(b) < n; i++ {
		sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, i))
		b = append(b, sum[:]...)
	}
	return b[:n]
}

func touch(t testing.TB, path string, at time.Time) {
	t.Helper()
	ts, err := unix.TimeToTimespec(at)
	must(t, err)
	must(t, unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW))
}

// setxattr sets an attribute where the file system has such.
func setxattr(t testing.TB, path, name string, value []byte) {
	t.Helper()
	if err := unix.Lsetxattr(path, name, value, 0); err != nil {
		if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) {
			t.Logf("%s is not tested: the file system has no %s", path, name)
			return
		}
		t.Fatal(err)
	}
}

// rawACL lets account 12345 do perm.
func rawACL(perm uint16) []byte {
	out := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for _, e := range []aclEntry{{aclUserObj, 6, aclNobody}, {aclUser, perm, 12345}, {aclGroupObj, 4, aclNobody}, {aclGroup, 5, 23456}, {aclMask, 7, aclNobody}, {aclOther, 0, aclNobody}} {
		out = binary.LittleEndian.AppendUint16(out, e.tag)
		out = binary.LittleEndian.AppendUint16(out, e.perm)
		out = binary.LittleEndian.AppendUint32(out, e.id)
	}
	return out
}

// sparse makes a file of this size with data only at the given places.
func sparse(t testing.TB, path string, size int64, at ...int64) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	for _, a := range at {
		_, err := f.WriteAt(noise(5000), a)
		must(t, err)
	}
	must(t, f.Truncate(size))
	must(t, f.Close())
}

// oddTree has one of every oddity.
func oddTree(t testing.TB) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "tree")
	in := func(name string) string { return filepath.Join(root, name) }
	put(t, in("plain.txt"), []byte("plain"))
	put(t, in("empty"), nil)
	put(t, in("folder/sub/exactly-a-sector"), noise(sector))
	put(t, in("folder/whole-chunks"), noise(2*chunkSize))
	put(t, in("folder/large"), noise(5<<20+1234))
	put(t, in("folder/just-small"), noise(smallFile))
	put(t, in("folder/just-large"), noise(smallFile+1))
	must(t, os.Mkdir(in("empty-folder"), 0o700))
	must(t, os.Mkdir(in("closed"), 0o700))
	put(t, in("closed/read-only"), []byte("r"))
	must(t, os.Chmod(in("closed/read-only"), 0o400))
	must(t, os.Chmod(in("closed"), 0o500))
	t.Cleanup(func() { os.Chmod(in("closed"), 0o700) }) //nolint:errcheck // for the clean-up

	// Names.
	long := strings.Repeat("long-name-", 20)
	put(t, in(long+"/"+long+"/"+long), []byte("long"))
	put(t, in("bytes-\xff\xfe-\xe9"), []byte("not UTF-8"))
	put(t, in("line\nfeed \"quoted\" \\ tab\t ünï"), []byte("odd"))
	put(t, in("-rf"), []byte("dash"))
	put(t, in("..."), []byte("three dots"))
	put(t, in("a..b/..c"), []byte("dots in names"))
	put(t, in("GNUSparseFile.0/x"), []byte("not sparse"))

	// Links.
	must(t, os.Symlink("plain.txt", in("symlink")))
	must(t, os.Symlink("/nowhere/at/all", in("dangling")))
	must(t, os.Symlink("../"+long, in("folder/long-link-"+long)))
	must(t, os.Symlink(strings.Repeat("x/", 300)+"bytes-\xff", in("very-long-link")))
	must(t, os.Symlink("folder", in("link-to-folder")))
	must(t, os.Link(in("plain.txt"), in("folder/second-name")))
	must(t, os.Link(in("plain.txt"), in("zz-third-name")))
	must(t, os.Link(in("folder/large"), in("zz-large-again")))
	must(t, os.Link(in("symlink"), in("zz-symlink-again")))
	must(t, os.Link(in("folder/sub/exactly-a-sector"), in("closed-link")))

	// Special files.
	must(t, unix.Mkfifo(in("fifo"), 0o640))

	// Holes: at the start, in the middle, at the end, everywhere.
	must(t, os.Mkdir(in("sparse"), 0o755))
	sparse(t, in("sparse/middle"), 3<<20, 0, 2<<20)
	sparse(t, in("sparse/start"), 1<<20+17, 1<<20-5000)
	sparse(t, in("sparse/end"), 4<<20+1, 8192)
	sparse(t, in("sparse/all"), 8<<20)
	sparse(t, in("sparse/"+long), 1<<20, 500_000)
	must(t, os.Link(in("sparse/middle"), in("zz-sparse-again")))

	// Attributes.
	setxattr(t, in("plain.txt"), "user.comment", []byte("line\nfeed\x00=%"))
	setxattr(t, in("folder"), "user.odd=name%25", []byte("x"))
	setxattr(t, in("empty"), "user.empty", nil)
	setxattr(t, in("folder/large"), xattrACLAccess, rawACL(7))
	setxattr(t, in("empty-folder"), xattrACLAccess, rawACL(5))
	setxattr(t, in("empty-folder"), xattrACLDefault, rawACL(7))
	must(t, os.Chmod(in("-rf"), 0o755|fs.ModeSticky))
	must(t, os.Chmod(in("..."), 0o751|fs.ModeSetuid|fs.ModeSetgid))

	if os.Geteuid() == 0 {
		must(t, unix.Mknod(in("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
		must(t, unix.Mknod(in("disk"), unix.S_IFBLK|0o600, int(unix.Mkdev(7, 200))))
		must(t, os.Lchown(in("folder"), 12345, 23456))
		must(t, os.Lchown(in("symlink"), 3_000_000, 4_000_000_000)) // beyond what a ustar header holds
		must(t, os.Lchown(in("fifo"), 65534, 65534))
		setxattr(t, in("empty"), "trusted.secret", []byte("root's"))
		setxattr(t, in("dangling"), "trusted.link", []byte("of a symlink"))
	}

	// Times; folders last.
	touch(t, in("plain.txt"), time.Unix(1_700_000_000, 123_456_789))
	touch(t, in("empty"), time.Unix(-86_400*365*3, 500_000_000))
	touch(t, in("fifo"), time.Unix(-1, 0))
	touch(t, in("..."), time.Unix(0, 1))
	touch(t, in("symlink"), time.Unix(1_000_000_000, 42))
	touch(t, in("sparse/all"), time.Unix(5_000_000_000, 0)) // after 2038
	for _, d := range []string{"folder/sub", "folder", "closed", "empty-folder", "."} {
		touch(t, in(d), time.Unix(1_600_000_000, 987_654_321))
	}
	return root
}

// describe tells all of a tree that an archive has to keep.
func describe(t testing.TB, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	first := map[uint64]string{}
	must(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		text := fmt.Sprintf("mode %o owner %d:%d time %d.%09d device %d", st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec, st.Rdev)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" size %d sum %x", len(b), sha256.Sum256(b))
			if st.Blocks*512 < st.Size-4096 {
				text += " with holes"
			}
		case unix.S_IFLNK:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += " to " + to
		}
		names, err := xattr.List(path)
		if err != nil {
			return err
		}
		slices.Sort(names)
		for _, name := range names {
			v, err := xattr.Get(path, name)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" %s=%x", name, v)
		}
		if st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
			if first[st.Ino] == "" {
				first[st.Ino] = rel
			}
			text += " is " + first[st.Ino]
		}
		out[rel] = text
		return nil
	}))
	return out
}

func same(t testing.TB, got, expected string) {
	t.Helper()
	if d := cmp.Diff(describe(t, expected), describe(t, got)); d != "" {
		t.Errorf("not what it was (-expected +got):\n%s", d)
	}
}

// written archives a tree and returns the names of archive and index.
func written(t testing.TB, src Source, o Options) (archive, index string, r Report) {
	t.Helper()
	dir := t.TempDir()
	archive, index = filepath.Join(dir, "a.tar"), filepath.Join(dir, "a.index")
	a, err := os.Create(archive)
	must(t, err)
	x, err := os.Create(index)
	must(t, err)
	r, err = Write(context.Background(), a, x, src, o)
	must(t, err)
	must(t, a.Close())
	must(t, x.Close())
	return archive, index, r
}

func socket(t testing.TB, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	t.Cleanup(func() { l.Close() })
}

func isRoot() bool { return syscall.Geteuid() == 0 }
