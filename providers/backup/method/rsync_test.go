package method

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/proc"
)

func rsyncBench(t *testing.T) *bench {
	t.Helper()
	t.Parallel()
	b := newBench(t, kindNamed(t, "rsync"))
	makeTree(t, b.view)
	return b
}

func inode(t *testing.T, name string) uint64 {
	t.Helper()
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

// TestRsyncKeepsOlderSets: what changes between the pass before the stop and the
// one after it reaches no older set, whose files may be the same ones.
func TestRsyncKeepsOlderSets(t *testing.T) {
	b := rsyncBench(t)
	first := b.save(b.job(nil))
	j := b.job(&first)
	if err := b.m.Warm(context.Background(), j); err != nil {
		t.Fatal(err)
	}
	unchanged := "managed_folders/large.bin"
	if inode(t, filepath.Join(first.Folder, treeName, unchanged)) != inode(t, filepath.Join(j.Folder, treeName, unchanged)) {
		t.Error("an unchanged file is no link to that of the set before")
	}
	change(t, b.view)
	for name, do := range map[string]func(string) error{
		"names/$HOME":    func(p string) error { return os.Chmod(p, 0o400) },
		"names/a:b":      func(p string) error { return os.Chtimes(p, time.Unix(1, 2), time.Unix(3, 4)) },
		"names/~":        os.Remove,
		"folders/~":      os.RemoveAll,
		"links/dangling": os.Remove,
		"empty/er":       os.Remove,
	} {
		if err := do(filepath.Join(b.view, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, do := range map[string]func(string) error{
		"names/~":        func(p string) error { return os.Mkdir(p, 0o755) },          // a file before
		"folders/~":      func(p string) error { return os.WriteFile(p, nil, 0o644) }, // a folder before
		"links/dangling": func(p string) error { return os.WriteFile(p, nil, 0o644) },
	} {
		if err := do(filepath.Join(b.view, name)); err != nil {
			t.Fatal(err)
		}
	}
	second := b.save(j)
	for _, s := range []Stored{first, second} {
		if err := b.m.Verify(context.Background(), s, false); err != nil {
			t.Error(err)
		}
	}
	b.expect(look(t, b.view), look(t, b.restore(second)))
	// Saved again, as after a crash before it was published: the same.
	again := b.save(j)
	if again.Part.SHA256 != second.Part.SHA256 {
		t.Error("the index of an unchanged folder is another one")
	}
	for _, name := range []string{"datadir.list", "datadir.list2", "datadir.seen.gz", treeIndex + ".part"} {
		if _, err := os.Lstat(filepath.Join(j.Folder, name)); err == nil {
			t.Errorf("%s is left over", name)
		}
	}
}

// TestRsyncLostIndex: without a trustworthy index nothing is taken over.
func TestRsyncLostIndex(t *testing.T) {
	b := rsyncBench(t)
	first := b.save(b.job(nil))
	if err := os.WriteFile(filepath.Join(first.Folder, treeIndex), []byte("no index"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := b.save(b.job(&first))
	if second.Part.Stored != second.Part.Bytes || len(b.notices) != 1 || !strings.Contains(b.notices[0], "all files are copied") {
		t.Errorf("found %+v, notices %q", second.Part, b.notices)
	}
	if err := b.m.Verify(context.Background(), second, false); err != nil {
		t.Error(err)
	}
}

// meddler changes the data directory while rsync runs.
type meddler struct {
	proc.Runner
	do func()
}

func (m *meddler) Run(ctx context.Context, c proc.Cmd) (proc.Result, error) {
	r, err := m.Runner.Run(ctx, c)
	if m.do != nil && strings.Contains(strings.Join(c.Args, " "), "--files-from") {
		m.do()
		m.do = nil
	}
	return r, err
}

// TestRsyncUnstill: a file that changes meanwhile is told of where DSS runs, and
// an error where nothing should write.
func TestRsyncUnstill(t *testing.T) {
	b := rsyncBench(t)
	m := &meddler{Runner: b.o.Runner}
	b.o.Runner = m
	b.open()
	for _, live := range []bool{false, true} {
		m.do = func() {
			if err := os.WriteFile(filepath.Join(b.view, "managed_folders/empty"), []byte(time.Now().String()), 0o644); err != nil {
				t.Error(err)
			}
		}
		j := b.job(nil)
		j.Live = live
		p, err := b.m.Save(context.Background(), j)
		if live && (err != nil || p.ChangedTotal != 1 || p.Changed[0] != "managed_folders/empty") {
			t.Errorf("live: %v, %v", p.Changed, err)
		}
		if !live && (err == nil || !strings.Contains(err.Error(), `"managed_folders/empty" changed or vanished`)) {
			t.Errorf("still: %v", err)
		}
	}
}

func TestIndexOrder(t *testing.T) {
	for _, tt := range [][2]string{{"a", "b"}, {"a", "a/x"}, {"a/x", "a.b"}, {"a/x", "a\nb"}, {"a", "aa"}, {"a\xfe", "a\xff"}} {
		if !before(tt[0], tt[1]) || before(tt[1], tt[0]) || before(tt[0], tt[0]) {
			t.Errorf("%q does not come before %q", tt[0], tt[1])
		}
	}
}
