package realpath_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/realpath"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tree makes data/design with folders, and links to it from outside.
func tree(t *testing.T) string {
	t.Helper()
	base, err := filepath.EvalSymlinks(t.TempDir())
	ok(t, err)
	for _, dir := range []string{"data/design/config", "data/design2", "disk"} {
		ok(t, os.MkdirAll(filepath.Join(base, dir), 0o755))
	}
	for name, to := range map[string]string{
		"current":          "data/design",
		"absolute":         filepath.Join(base, "data", "design", "config"),
		"volume":           "data",
		"dangling":         "data/design/not-there",
		"disk/back":        "../data/design",
		"data/design/out":  "../../disk",
		"circle":           "circle",
		"dangling-outside": "nowhere/at/all",
	} {
		ok(t, os.Symlink(to, filepath.Join(base, name)))
	}
	return base
}

func TestInside(t *testing.T) {
	base := tree(t)
	for _, c := range []struct {
		child, parent string
		want          bool
	}{
		{"data/design", "data/design", true},
		{"data/design/x/y", "data/design", true},
		{"data/design2", "data/design", false},
		{"data/design2/x", "data/design", false},
		{"data", "data/design", false},
		{"current/backups", "data/design", true},
		{"absolute", "data/design", true},
		{"volume/design/backups/new", "data/design", true},
		{"volume/design2/backups", "data/design", false},
		{"dangling", "data/design", true},
		{"dangling/more", "data/design", true},
		{"dangling-outside/more", "data/design", false},
		{"disk/back/sets", "current", true},
		// What leads out of a folder is not in it.
		{"data/design/out/sets", "data/design", false},
		{"disk/sets", "data/design/out", true},
		{"circle/x", "data/design", false},
		{"data/design/../design2", "data/design", false},
	} {
		if got := realpath.Inside(filepath.Join(base, c.child), filepath.Join(base, c.parent)); got != c.want {
			t.Errorf("%s inside %s: %v", c.child, c.parent, got)
		}
	}
	if !realpath.Inside("/", "/") || !realpath.Inside(base, "/") || realpath.Inside("/", base) {
		t.Error("the root folder is not understood")
	}
}

func TestSameAndOverlap(t *testing.T) {
	base := tree(t)
	at := func(name string) string { return filepath.Join(base, name) }
	if !realpath.Same(at("current"), at("data/design")) || !realpath.Same(at("volume/new"), at("data/new")) {
		t.Error("one folder by two names is not the same")
	}
	if realpath.Same(at("data/design"), at("data/design/config")) || realpath.Same(at("data/design"), at("data/design2")) {
		t.Error("two folders are the same")
	}
	if !realpath.Overlap(at("volume"), at("data/design")) || !realpath.Overlap(at("current/x"), at("data")) || realpath.Overlap(at("disk"), at("data")) {
		t.Error("which folders overlap is not understood")
	}
	m := realpath.Look()
	if m.Key(at("current")) != m.Key(at("data/design")) || m.Key(at("current")) == m.Key(at("data/design2")) {
		t.Error("keys do not tell what is the same")
	}
}

func TestResolveKeepsWhatIsNotThere(t *testing.T) {
	base := tree(t)
	for path, want := range map[string]string{
		"current/a/b": "data/design/a/b", "nothing/here": "nothing/here", "dangling": "data/design/not-there", "dangling-outside/x": "nowhere/at/all/x",
	} {
		if got := realpath.Resolve(filepath.Join(base, path)); got != filepath.Join(base, want) {
			t.Errorf("%s is %s", path, got)
		}
	}
}

// A folder that is mounted at a second place is the same folder there.
func TestBindMounts(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may mount")
	}
	base := tree(t)
	mount := func(from, to string) {
		t.Helper()
		ok(t, os.MkdirAll(filepath.Join(base, to), 0o755))
		if err := unix.Mount(filepath.Join(base, from), filepath.Join(base, to), "", unix.MS_BIND, ""); err != nil {
			t.Skipf("no bind mount can be made here: %v", err)
		}
		t.Cleanup(func() { _ = unix.Unmount(filepath.Join(base, to), unix.MNT_DETACH) })
	}
	mount("data/design", "mnt/whole")
	mount("data/design/config", "mnt/part")
	mount("disk", "data/design/inside")
	for _, c := range []struct {
		child, parent string
		want          bool
	}{
		{"mnt/whole", "data/design", true},
		{"mnt/whole/new", "data/design", true},
		{"data/design/config", "mnt/whole", true},
		{"mnt/part/new", "data/design", true},
		{"mnt/part", "mnt/whole", true},
		{"mnt", "data/design", false},
		{"data/design/inside/x", "data/design", true},
		{"data/design/inside/x", "disk", true},
		{"data/design2", "mnt/whole", false},
	} {
		if got := realpath.Inside(filepath.Join(base, c.child), filepath.Join(base, c.parent)); got != c.want {
			t.Errorf("%s inside %s: %v", c.child, c.parent, got)
		}
	}
	m := realpath.Look()
	if m.Key(filepath.Join(base, "mnt/part")) != m.Key(filepath.Join(base, "data/design/config")) {
		t.Error("a folder has another key where it is mounted")
	}
	if got := m.Below(filepath.Join(base, "current")); !slices.Equal(got, []string{filepath.Join(base, "data/design/inside")}) {
		t.Errorf("mounted in the folder: %v", got)
	}
}

func TestIndex(t *testing.T) {
	base := tree(t)
	at := func(name string) string { return filepath.Join(base, name) }
	x := realpath.NewIndex[string](realpath.Look())
	for _, name := range []string{"data/design", "data/design2", "data", "current/config", "new/place"} {
		x.Add(at(name), name)
	}
	for path, want := range map[string][]string{
		"volume/design/config/x": {"current/config", "data/design", "data"},
		"data/design2":           {"data/design2", "data"},
		"disk/back":              {"data/design", "data"},
		"new/place/below":        {"new/place"},
		"new":                    nil,
		"data/design/out/x":      nil,
	} {
		if got := x.Around(at(path)); !slices.Equal(got, want) {
			t.Errorf("%s is in %v, want %v", path, got, want)
		}
	}
}
