package atomicfile

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWriteKeepsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	path := filepath.Join(t.TempDir(), "f")
	put(t, path, "old", 0o640)
	if err := os.Chown(path, 12345, 23456); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, path, "new", 0o640)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 12345 || stat.Gid != 23456 {
		t.Errorf("the owner is %d:%d, expected 12345:23456", stat.Uid, stat.Gid)
	}
}

// TestOwnerThatCannotBeKept: a file must not quietly change its owner, or the
// one who owned it could be locked out.
func TestOwnerThatCannotBeKept(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root can give a file away")
	}
	temp, err := openTemp(t.TempDir(), "f")
	if err != nil {
		t.Fatal(err)
	}
	defer temp.discard() //nolint:errcheck // it is empty
	foreign := attributes{mode: 0o644, uid: os.Geteuid() + 1, gid: os.Getegid()}
	if _, err := foreign.copyTo(temp.file); err == nil {
		t.Error("the owner could not be kept, and nothing was said")
	}
	if info, err := temp.file.Stat(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v (%v), expected 0600", info.Mode(), err)
	}
}

// acl returns the kernel's form of an ACL that lets user 12345 read and write.
func acl(mask uint16) []byte {
	out := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{0x01, 6, ^uint32(0)}, {0x02, 6, 12345}, {0x04, 4, ^uint32(0)}, {0x10, mask, ^uint32(0)}, {0x20, 0, ^uint32(0)}} {
		out = binary.LittleEndian.AppendUint16(out, e.tag)
		out = binary.LittleEndian.AppendUint16(out, e.perm)
		out = binary.LittleEndian.AppendUint32(out, e.id)
	}
	return out
}

func setOrSkip(t *testing.T, path, name string, value []byte) {
	t.Helper()
	if err := unix.Setxattr(path, name, value, 0); err != nil {
		if unsupported(err) {
			t.Skipf("the file system has no %s", name)
		}
		t.Fatal(err)
	}
}

func TestWriteKeepsACLAndAttributes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	put(t, path, "old", 0o640)
	setOrSkip(t, path, accessACL, acl(4))
	setOrSkip(t, path, "user.note", []byte("kept"))
	if err := Write(path, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, path, "new", 0o640)
	for name, want := range map[string][]byte{accessACL: acl(4), "user.note": []byte("kept")} {
		got := make([]byte, 200)
		n, err := unix.Getxattr(path, name, got)
		if err != nil || !bytes.Equal(got[:n], want) {
			t.Errorf("%s is %x (%v), expected %x", name, got[:max(n, 0)], err, want)
		}
	}
}

// TestDefaultACLDoesNotWiden: a folder's default ACL is for new files. The old
// file did not have it, so the new content must not be opened by it.
func TestDefaultACLDoesNotWiden(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	put(t, path, "old", 0o660)
	setOrSkip(t, dir, "system.posix_acl_default", acl(6))
	if err := Write(path, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, path, "new", 0o660)
	if n, err := unix.Getxattr(path, accessACL, nil); err == nil {
		t.Errorf("the file has got an ACL of %d bytes", n)
	}
}
