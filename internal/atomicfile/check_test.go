package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/nobody"
	"github.com/dssctl/dssctl/internal/smallfs"
)

// reasons are those that Check gives, and whether Write is of the same opinion.
func reasons(t *testing.T, path string, size int64) string {
	t.Helper()
	before := list(t, filepath.Dir(path))
	var words []string
	harmless := true
	for _, o := range Check(path, size) {
		words = append(words, string(o.Reason))
		harmless = harmless && o.Reason == LostGroup
	}
	if now := list(t, filepath.Dir(path)); now != before {
		t.Errorf("the check left a trace:\n%s\nbefore:\n%s", now, before)
	}
	if err := Write(path, make([]byte, size), 0o600); (err == nil) != harmless {
		t.Errorf("the check found %q, and the write ended with %v", words, err)
	}
	return strings.Join(words, ", ")
}

// list is what can be seen of a folder: names, modes, sizes and times, its own too.
func list(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if info, err := os.Lstat(path); err == nil {
			b.WriteString(path + " " + info.Mode().String() + " " + info.ModTime().String() + "\n")
		}
		return err
	})
	return b.String()
}

func expectReasons(t *testing.T, path string, size int64, want string) {
	t.Helper()
	if got := reasons(t, path, size); got != want {
		t.Errorf("%s: found %q, expected %q", path, got, want)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	put(t, path("plain"), "old", 0o640)
	expectReasons(t, path("plain"), 100, "")
	expectReasons(t, path("new"), 100, "")
	expectReasons(t, filepath.Join(dir, "nowhere", "f"), 100, string(NoFolder))
	if err := os.Mkdir(path("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	expectReasons(t, path("folder"), 100, string(NoFile))
	for name, to := range map[string]string{"link": "plain", "dangling": "absent", "astray": "nowhere/f", "loop": "loop"} {
		if err := os.Symlink(to, path(name)); err != nil {
			t.Fatal(err)
		}
	}
	expectReasons(t, path("link"), 100, "")
	expectReasons(t, path("dangling"), 100, "")
	expectReasons(t, path("astray"), 100, string(NoFolder))
	expectReasons(t, path("loop"), 100, string(Unknown))
}

func TestCheckClosedFolder(t *testing.T) {
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
	expectReasons(t, path, 100, string(NoAccess))
	if o := Check(path, 1)[0]; o.Path != dir || o.UID != os.Geteuid() || !errors.Is(o.Err, fs.ErrPermission) {
		t.Errorf("what is in the way is %+v", o)
	}
}

func TestCheckRoom(t *testing.T) {
	small := smallfs.Hold(t)
	if small == "" {
		t.Skip("DSSCTL_TEST_SMALLFS names no small file system")
	}
	dir, err := os.MkdirTemp(small, "check-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "f")
	put(t, path, "old", 0o640)
	expectReasons(t, path, 16<<10, "")
	expectReasons(t, path, 4<<20, string(Full))
	expect(t, path, string(make([]byte, 16<<10)), 0o640)
}

// asNobody runs a check as an account that is not root.
func asNobody(t *testing.T, path string) (words string) {
	t.Helper()
	nobody.Do(t, func() { words = reasons(t, path, 10) })
	return words
}

// TestCheckOwners plays what sudo leaves in a folder of an ordinary account.
func TestCheckOwners(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := nobody.TempDir(t)
	const stranger = 12345
	own := func(name string, perm fs.FileMode, uid, gid int) string {
		path := filepath.Join(dir, name)
		put(t, path, "old", perm)
		if err := errors.Join(os.Chown(path, uid, gid), os.Chmod(path, perm)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		path, want string
	}{
		{own("mine", 0o640, nobody.ID, nobody.ID), ""},
		{own("of root", 0o644, 0, 0), string(OtherOwner)},
		{own("of a stranger", 0o666, stranger, nobody.ID), string(OtherOwner)},
		{own("foreign group", 0o640, nobody.ID, stranger), string(LostGroup)},
	} {
		if got := asNobody(t, c.path); got != c.want {
			t.Errorf("%s: found %q, expected %q", c.path, got, c.want)
		}
	}
	sticky := filepath.Join(dir, "sticky")
	if err := errors.Join(os.Mkdir(sticky, 0o777), os.Chmod(sticky, 0o777|fs.ModeSticky)); err != nil {
		t.Fatal(err)
	}
	if got, want := asNobody(t, own("sticky/f", 0o666, stranger, 0)), string(Sticky)+", "+string(OtherOwner); got != want {
		t.Errorf("found %q, expected %q", got, want)
	}
}

// TestGroupThatCannotBeKept: the file is replaced, and nobody can read more.
func TestGroupThatCannotBeKept(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := nobody.TempDir(t)
	path := filepath.Join(dir, "f")
	put(t, path, "old", 0o654)
	if err := errors.Join(os.Chown(path, nobody.ID, 12345), os.Chmod(path, 0o654)); err != nil {
		t.Fatal(err)
	}
	nobody.Do(t, func() {
		if lost, err := Replace(path, []byte("new"), 0o600); err != nil || !lost {
			t.Errorf("lost the group: %v, %v", lost, err)
		}
	})
	expect(t, path, "new", 0o644)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid != nobody.ID || st.Gid != nobody.ID {
		t.Errorf("the owner is %d:%d, expected the account's", st.Uid, st.Gid)
	}
}

func TestNarrowACL(t *testing.T) {
	a := (&attributes{mode: 0o660 | fs.ModeSetgid, extended: []attribute{{accessACL, acl(6)}}}).narrowed()
	got := a.extended[0].value
	// The owning group's entry is the third; the named user and the mask stay.
	if perm := got[aclHead+2*aclEntry+2]; perm != 0 {
		t.Errorf("the owning group may %o", perm)
	}
	if user := got[aclHead+aclEntry+2]; user != 6 {
		t.Errorf("the named user may %o, expected 6", user)
	}
	if a.mode != 0o660 {
		t.Errorf("the mode is %v, expected 0660: its group bits are the mask", a.mode)
	}
}

// TestCheckFlags needs root and a file system that has flags.
func TestCheckFlags(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can set the flags")
	}
	// Each file system has its own way to keep and tell them.
	for _, above := range []string{"", os.Getenv("DSSCTL_TEST_XFS"), os.Getenv("DSSCTL_TEST_BTRFS")} {
		for _, c := range []struct{ flag, of, why string }{
			{"i", "f", string(Immutable)},
			{"a", "f", string(AppendOnly)},
			{"i", ".", string(Immutable)},
			{"a", ".", string(AppendOnly)},
		} {
			dir := nobody.TempDirIn(t, above)
			path := filepath.Join(dir, "f")
			put(t, path, "old", 0o640)
			expectReasons(t, path, 10, "")
			of := filepath.Join(dir, c.of)
			if out, err := exec.Command("chattr", "+"+c.flag, of).CombinedOutput(); err != nil {
				t.Skipf("chattr: %v: %s", err, out)
			}
			expectReasons(t, path, 10, c.why)
			if out, err := exec.Command("chattr", "-"+c.flag, of).CombinedOutput(); err != nil {
				t.Fatalf("chattr: %v: %s", err, out)
			}
		}
	}
}

// TestCheckMounts needs root.
func TestCheckMounts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount")
	}
	dir := nobody.TempDir(t)
	for _, name := range []string{"ro", "mounted"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, name, "f"), "old", 0o640)
	}
	put(t, filepath.Join(dir, "source"), "old", 0o640)
	mount := func(from, to string, flags uintptr) {
		t.Helper()
		if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
			t.Skipf("mount: %v", err)
		}
		t.Cleanup(func() { _ = unix.Unmount(to, unix.MNT_DETACH) })
		if flags != 0 {
			if err := unix.Mount("", to, "", unix.MS_BIND|unix.MS_REMOUNT|flags, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	ro := filepath.Join(dir, "ro")
	mount(ro, ro, unix.MS_RDONLY)
	expectReasons(t, filepath.Join(ro, "f"), 10, string(ReadOnly))
	mount(filepath.Join(dir, "source"), filepath.Join(dir, "mounted", "f"), 0)
	expectReasons(t, filepath.Join(dir, "mounted", "f"), 10, string(MountPoint))
}
