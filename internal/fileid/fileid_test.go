package fileid_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/dssctl/dssctl/internal/fileid"
)

func id(t *testing.T, path string) fileid.ID {
	t.Helper()
	out, err := fileid.Of(path)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestID(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.Mkdir(at("a"), 0o755))
	a := id(t, at("a"))
	if !a.Known() || (fileid.ID{}).Known() {
		t.Error("what is known is wrong")
	}
	must(t, os.Rename(at("a"), at("moved")))
	if !a.Is(id(t, at("moved"))) {
		t.Error("it is not known under another name")
	}
	must(t, os.Symlink("moved", at("link")))
	if link, err := fileid.OfLink(at("link")); err != nil || link.Is(a) || !a.Is(id(t, at("link"))) {
		t.Errorf("a link is taken for what it leads to: %v", err)
	}
	// The number of an inode may come again, with another time of birth.
	must(t, os.RemoveAll(at("moved")))
	must(t, os.Mkdir(at("moved"), 0o755))
	if now := id(t, at("moved")); now.Born != 0 && now.Is(a) {
		t.Error("a folder that was made again is taken for the former one")
	}
	if _, err := fileid.Of(at("none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if x, y := (fileid.ID{Dev: 1, Ino: 2}), (fileid.ID{Dev: 2, Ino: 2}); x.Is(y) {
		t.Error("without a time of birth the device counts")
	}
	if x, y := (fileid.ID{Dev: 1, Ino: 2, Born: 3}), (fileid.ID{Dev: 2, Ino: 2, Born: 3}); !x.Is(y) {
		t.Error("with a time of birth the device does not count")
	}
}
