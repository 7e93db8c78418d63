package method

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// hostile are names that programs trip over.
var hostile = []string{
	"new\nline", "-leading-dash", "--delete", "glob*?[a-z]", `back\slash`, `back\*both`, "latin1-\xe9", "\xff\xfe", " spaces ", "$HOME", "#comment", "!bang", ";semi", "- minus", "tab\t", "end\r",
	"'quote\"", "~", "%s%n", "a:b", ".rsync-filter", ".kopiaignore", "CACHEDIR.TAG", "ümlaut",
	strings.Repeat("long", 60),
}

// makeTree builds a data directory with every oddity that a file system can
// hold and the account can make.
func makeTree(t *testing.T, root string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := func(rel string) string { return filepath.Join(root, rel) }
	write := func(rel, content string) {
		t.Helper()
		must(os.MkdirAll(filepath.Dir(at(rel)), 0o755))
		must(os.WriteFile(at(rel), []byte(content), 0o644))
	}
	noise := rand.New(rand.NewPCG(1, 2))
	random := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(noise.Uint32())
		}
		return string(b)
	}
	write("config/general-settings.json", `{"a": 1}`)
	write("config/projects/SALES/params.json", `{"name": "Sales"}`)
	write("install.ini", "[general]\nnodetype = design\n")
	write("managed_folders/large.bin", random(3<<20))
	write("managed_folders/empty", "")
	for i := range 40 {
		write(fmt.Sprintf("managed_datasets/part-%02d/out.csv", i), random(500+100*i))
	}
	for i, name := range hostile {
		write("names/"+name, fmt.Sprint("file ", i))
		write("folders/"+name+"/inside", fmt.Sprint("inside ", i))
	}
	write("run/shared.log", "log")
	write("tmp/scratch", "left out")
	write("tmp/.hidden/deep", "left out")
	write("caches/x", "left out")
	must(os.MkdirAll(at("empty/er"), 0o755))

	write("links/first", "many names")
	must(os.Link(at("links/first"), at("links/second")))
	must(os.Link(at("links/first"), at("config/third")))
	must(os.Symlink("first", at("links/relative")))
	must(os.Symlink("/nonexistent/\xe9", at("links/dangling")))
	must(os.Symlink("../config", at("links/folder")))

	must(unix.Mkfifo(at("run/pipe"), 0o640))
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(err)
	defer unix.Close(s)
	run, err := os.Open(at("run"))
	must(err)
	// A socket's path is short, and tests side by side share the working directory.
	must(unix.Bind(s, &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/sock", run.Fd())}))
	must(run.Close())

	f, err := os.Create(at("managed_folders/sparse"))
	must(err)
	must(f.Truncate(8 << 20))
	_, err = f.WriteAt([]byte(random(10000)), 4<<20)
	must(err)
	must(f.Close())

	must(os.Chmod(at("config/general-settings.json"), 0o600))
	write("bin/dss", "#!/bin/sh\n")
	must(os.Chmod(at("bin/dss"), 0o755))
	write("modes/setuid", "x")
	must(os.Chmod(at("modes/setuid"), 0o755|fs.ModeSetuid))
	write("modes/readonly", "x")
	must(os.Chmod(at("modes/readonly"), 0o444))
	must(os.Mkdir(at("modes/sticky"), 0o755))
	must(os.Chmod(at("modes/sticky"), 0o777|fs.ModeSticky))
	must(os.Mkdir(at("modes/setgid"), 0o755))
	must(os.Chmod(at("modes/setgid"), 0o770|fs.ModeSetgid))

	write("attributes/file", "x")
	setXattr(t, at("attributes/file"), "user.dssctl", []byte("value\x00\xff"))
	setXattr(t, at("attributes/file"), "system.posix_acl_access", acl(6, 4))
	setXattr(t, at("attributes"), "user.folder", []byte("of a folder"))
	setXattr(t, at("attributes"), "system.posix_acl_default", acl(7, 5))
	if os.Geteuid() == 0 {
		write("owners/other", "x")
		must(os.Chown(at("owners/other"), 12345, 54321))
		must(os.Chown(at("owners"), 12345, 54321))
		must(os.Lchown(at("links/relative"), 12345, 54321))
	}

	// Times last, folders after what is in them.
	when := time.Date(2024, 2, 29, 23, 59, 59, 123456789, time.UTC)
	for rel, at := range map[string]time.Time{
		"config/general-settings.json": when,
		"bin/dss":                      time.Date(1969, 7, 20, 20, 17, 40, 500, time.UTC),
		"install.ini":                  time.Date(2040, 1, 2, 3, 4, 5, 0, time.UTC),
	} {
		must(os.Chtimes(filepath.Join(root, rel), at, at))
	}
	ts := []unix.Timespec{unix.NsecToTimespec(when.UnixNano()), unix.NsecToTimespec(when.UnixNano())}
	must(unix.UtimesNanoAt(unix.AT_FDCWD, at("links/dangling"), ts, unix.AT_SYMLINK_NOFOLLOW))
	must(os.Chmod(root, 0o751))
	setXattr(t, root, "user.root", []byte("of the data directory"))
	for _, rel := range []string{"empty/er", "empty", "attributes", "config", "."} {
		must(os.Chtimes(at(rel), when, when))
	}
}

func setXattr(t *testing.T, path, name string, value []byte) {
	t.Helper()
	if err := unix.Lsetxattr(path, name, value, 0); err != nil {
		if errors.Is(err, unix.ENOTSUP) {
			t.Logf("%s cannot have %s here", path, name)
			return
		}
		t.Fatal(err)
	}
}

// acl is a POSIX ACL as the kernel takes it: the owner, a named user, the
// group, the mask and the others.
func acl(owner, named uint16) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{1, owner, 0xffffffff}, {2, named, 12345}, {4, 4, 0xffffffff}, {16, 6, 0xffffffff}, {32, 4, 0xffffffff}} {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return b
}

// seen is what is known of one name.
type seen struct {
	kind     fs.FileMode
	mode     uint32
	uid, gid uint32
	size     int64
	mtime    time.Time
	sum      [32]byte
	link     string
	xattrs   map[string][]byte
	same     string // the first name of the same file
	sparse   bool
}

// look reads a tree. Names below those of without are not in it.
func look(t *testing.T, root string, without ...string) map[string]seen {
	t.Helper()
	out := map[string]seen{}
	first := map[uint64]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if slices.Contains(without, rel) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		s := seen{kind: info.Mode().Type(), mode: st.Mode & 0o7777, uid: st.Uid, gid: st.Gid, mtime: info.ModTime()}
		if s.xattrs, err = readXattrs(p); err != nil {
			return err
		}
		switch {
		case info.Mode().IsRegular():
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			s.size, s.sum, s.sparse = info.Size(), sha256.Sum256(b), st.Blocks*512 < info.Size()-4096
			if st.Nlink > 1 {
				if first[st.Ino] == "" {
					first[st.Ino] = rel
				}
				s.same = first[st.Ino]
			}
		case s.kind == fs.ModeSymlink:
			if s.link, err = os.Readlink(p); err != nil {
				return err
			}
		}
		out[rel] = s
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What a method may lose: the words of docs/explanation/backup-methods.md.
const (
	losesSockets    = "sockets"
	losesPipes      = "named pipes"
	losesSparseness = "sparseness"
	losesHardLinks  = "hard links"
	losesXattrs     = "extended attributes"
	losesACLs       = "ACLs"
	losesSubSecond  = "parts of seconds"
	losesBefore1970 = "times before 1970"
	losesAfter2038  = "times after 2038"
	losesDirXattrs  = "extended attributes of folders"
	losesDirACLs    = "ACLs of folders"
	losesLinkTimes  = "times of symlinks"
	losesLinkBytes  = "targets of symlinks that are not UTF-8"
)

// compare returns what got lost between two looks, by its word, with the first
// name that shows it.
func compare(before, after map[string]seen) map[string]string {
	lost := map[string]string{}
	note := func(what, rel string) {
		if lost[what] == "" {
			lost[what] = fmt.Sprintf("%q", rel)
		}
	}
	for _, rel := range slices.Sorted(maps.Keys(before)) {
		b := before[rel]
		a, ok := after[rel]
		switch {
		case !ok && b.kind == fs.ModeSocket:
			note(losesSockets, rel)
			continue
		case !ok && b.kind == fs.ModeNamedPipe:
			note(losesPipes, rel)
			continue
		case !ok:
			note("names", rel)
			continue
		case a.kind != b.kind:
			note("kinds", rel)
			continue
		}
		if a.size != b.size || a.sum != b.sum {
			note("content", rel)
		}
		if a.link != b.link {
			if utf8.ValidString(b.link) {
				note("targets of symlinks", rel)
			}
			note(losesLinkBytes, rel)
		}
		if a.mode != b.mode {
			note("modes", fmt.Sprintf("%s %o %o", rel, b.mode, a.mode))
		}
		if a.uid != b.uid || a.gid != b.gid {
			note("owners", rel)
		}
		if a.same != b.same {
			note(losesHardLinks, rel)
		}
		if b.sparse && !a.sparse {
			note(losesSparseness, rel)
		}
		if d := b.mtime.Sub(a.mtime); d != 0 {
			switch {
			case b.mtime.Unix() < 0:
				note(losesBefore1970, rel)
			case b.mtime.Unix() > 1<<31:
				note(losesAfter2038, rel)
			case d > -time.Second && d < time.Second:
				note(losesSubSecond, rel)
			case b.kind == fs.ModeSymlink:
				note(losesLinkTimes, rel)
			default:
				note("times", rel)
			}
		}
		for name := range b.xattrs {
			if bytes.Equal(a.xattrs[name], b.xattrs[name]) {
				continue
			}
			acl, folder := strings.HasPrefix(name, "system.posix_acl"), b.kind.IsDir()
			switch {
			case acl && folder:
				note(losesDirACLs, rel)
			case acl:
				note(losesACLs, rel)
			case folder:
				note(losesDirXattrs, rel)
			default:
				note(losesXattrs, rel)
			}
		}
		for name := range a.xattrs {
			if b.xattrs[name] == nil {
				note("nothing, but adds "+name, rel)
			}
		}
	}
	for _, rel := range slices.Sorted(maps.Keys(after)) {
		if _, ok := before[rel]; !ok {
			note("nothing, but adds names", rel)
		}
	}
	return lost
}
