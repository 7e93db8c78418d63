package method

import (
	"context"
	"os"
	"strings"
	"testing"
)

// TestXfsdumpElsewhere: what xfsrestore cannot restore to another file system
// is told.
func TestXfsdumpElsewhere(t *testing.T) {
	t.Parallel()
	b := newBench(t, kindNamed(t, "xfsdump"))
	makeTree(t, b.view)
	s := b.save(b.job(nil))
	into := t.TempDir()
	if err := b.m.Restore(context.Background(), s, into, Selection{}); err != nil {
		t.Fatal(err)
	}
	lost := compare(look(t, b.view), look(t, into))
	t.Logf("lost: %v", lost)
	if lost[losesXattrs] != "" && len(b.notices) == 0 {
		t.Error("attributes are lost and nobody is told")
	}
}

// TestXfsdumpOnly: another file system is refused before anything is written.
func TestXfsdumpOnly(t *testing.T) {
	dir := t.TempDir()
	x := newXfsdump(Options{Destination: dir, DataDir: "/proc"})
	for _, k := range kinds(t) {
		if k.name != "xfsdump" {
			continue
		}
		for _, p := range k.programs {
			if _, err := (&tool{name: p}).find(); err != nil {
				t.Skipf("%s is not installed; scripts/setup installs it", p)
			}
		}
	}
	want := "it is no XFS"
	if os.Geteuid() != 0 {
		want = "needs root and may not use sudo"
	}
	if err := x.Check(context.Background()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("found %v, expected … %s …", err, want)
	}
	if got := unescapeMount(`/a\040b\134c`); got != `/a b\c` {
		t.Errorf("found %q", got)
	}
}
