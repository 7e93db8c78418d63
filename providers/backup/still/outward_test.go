package still

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/event"
)

// linkedTree makes a tree whose links lead inside, outside and nowhere:
//
//	data/  config → ../disk/config, data → BASE/disk/data, tmp → BASE/disk/tmp
//	disk/  config, data, tmp, one
func linkedTree(t *testing.T) (base string) {
	t.Helper()
	base, err := filepath.EvalSymlinks(t.TempDir())
	ok(t, err)
	for name, text := range map[string]string{
		"data/bin/tool": "tool", "data/inside/file": "inside", "disk/config/settings": "settings", "disk/config/deep/x": "x",
		"disk/data/rows": "rows", "disk/tmp/scrap": "scrap", "disk/one": "one", "kit/lib": "kit",
	} {
		path := filepath.Join(base, name)
		ok(t, os.MkdirAll(filepath.Dir(path), 0o755))
		ok(t, os.WriteFile(path, []byte(text), 0o640))
	}
	for name, to := range map[string]string{
		"data/config": "../disk/config", "data/data": base + "/disk/data", "data/tmp": base + "/disk/tmp", "data/license": base + "/disk/one",
		// These stay inside, whatever their words.
		"data/relative": "inside/file", "data/absolute": base + "/data/inside/file", "data/bin/around": "../../data/inside",
		"data/bin/settings": base + "/disk/config/settings", "disk/config/deep/up": "../settings", "disk/config/deep/home": base + "/data/inside",
		"data/bin/gone": base + "/data/inside/not-there",
		// These lead out and are kept.
		"data/bin/kit": "../../kit/lib", "data/bin/nothing": "/nowhere/at/all",
	} {
		ok(t, os.Symlink(to, filepath.Join(base, name)))
	}
	return base
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// followTop follows links at the top and keeps those in bin.
func followTop(rel, _ string) (Treatment, error) {
	switch {
	case rel == "tmp":
		return Empty, nil
	case strings.HasPrefix(rel, "bin/"):
		return Keep, nil
	}
	return Follow, nil
}

// A copy has the content that links at the top lead to, and no link in it leads
// back into the original or to what the original's own links lead to.
func TestCopyTreeFollows(t *testing.T) {
	for _, from := range []string{"data", "view"} {
		t.Run(from, func(t *testing.T) {
			base := linkedTree(t)
			l := Links{Out: followTop}
			if from == "view" { // as of a snapshot
				l.Live = base + "/data"
				ok(t, os.Symlink("data", base+"/link-to-data"))
				ok(t, os.MkdirAll(base+"/snapshots", 0o755))
				_, err := CopyTree(context.Background(), base+"/data", base+"/snapshots/view", keepAsTheyAre(), func(event.Progress) {})
				ok(t, err)
				from = "snapshots/view"
				ok(t, os.Remove(base+"/snapshots/view/config"))
				ok(t, os.Symlink(base+"/disk/config", base+"/snapshots/view/config"))
			}
			to := filepath.Join(base, "elsewhere", "deeper", "copy")
			ok(t, os.MkdirAll(filepath.Dir(to), 0o755))
			told, err := CopyTree(context.Background(), filepath.Join(base, from), to, l, func(event.Progress) {})
			if err != nil || len(told) > 0 {
				t.Fatal(told, err)
			}
			for name, want := range map[string]string{
				"config/settings": "settings", "config/deep/x": "x", "data/rows": "rows", "license": "one", "bin/tool": "tool",
				"relative": "inside", "absolute": "inside", "bin/around/file": "inside", "bin/settings": "settings",
				"config/deep/up": "settings", "config/deep/home/file": "inside", "bin/kit": "kit",
			} {
				if got, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(got) != want {
					t.Errorf("%s: %q, %v", name, got, err)
				}
			}
			for _, name := range []string{"config", "data", "license", "tmp"} {
				if info, err := os.Lstat(filepath.Join(to, name)); err != nil || info.Mode()&os.ModeSymlink != 0 {
					t.Errorf("%s is a link still: %v", name, err)
				}
			}
			if entries, err := os.ReadDir(filepath.Join(to, "tmp")); err != nil || len(entries) > 0 {
				t.Errorf("tmp has %v, %v", entries, err)
			}
			if got, err := os.Readlink(filepath.Join(to, "relative")); err != nil || got != "inside/file" {
				t.Errorf("a link that stays inside by its own words is %q, %v", got, err)
			}
			// The original and its disk can go: the copy has all of it.
			ok(t, os.RemoveAll(base+"/data"))
			ok(t, os.RemoveAll(base+"/disk"))
			err = filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
				if err != nil || d.Type()&os.ModeSymlink == 0 {
					return err
				}
				target, err := filepath.EvalSymlinks(path)
				switch rel, _ := filepath.Rel(to, path); {
				case rel == "bin/nothing" || rel == "bin/gone" && errors.Is(err, os.ErrNotExist):
				case rel == "bin/kit":
				case err != nil || !strings.HasPrefix(target, to+"/"):
					t.Errorf("%s leads to %s, %v", rel, target, err)
				}
				return nil
			})
			ok(t, err)
			if got, err := os.Readlink(to + "/bin/gone"); err != nil || got != "../inside/not-there" {
				t.Errorf("a link to what is not there yet is %q, %v", got, err)
			}
		})
	}
}

// keepAsTheyAre makes the links of a view: word by word.
func keepAsTheyAre() Links {
	return Links{Out: func(string, string) (Treatment, error) { return Keep, nil }}
}

func TestMeasure(t *testing.T) {
	base := linkedTree(t)
	m, err := Measure(context.Background(), base+"/data", Links{Out: followTop})
	ok(t, err)
	var names []string
	for _, f := range m.Followed {
		names = append(names, f.Rel)
		if f.Rel == "config" && (f.Bytes != int64(len("settings")+1) || f.Real != base+"/disk/config") {
			t.Errorf("config is %+v", f)
		}
	}
	slices.Sort(names)
	if want := []string{"config", "data", "license", "tmp"}; !slices.Equal(names, want) {
		t.Errorf("followed %v", names)
	}
	if want := int64(len("tool" + "inside" + "settings" + "x" + "rows" + "one")); m.Bytes != want || m.Files != 6 {
		t.Errorf("%d bytes in %d files, want %d", m.Bytes, m.Files, want)
	}
}

// What would never end, or cannot be decided, is refused.
func TestCopyTreeRefusesLinks(t *testing.T) {
	base := linkedTree(t)
	try := func(to string, l Links) error {
		_, err := CopyTree(context.Background(), base+"/data", to, l, func(event.Progress) {})
		return err
	}
	no := errors.New("not this one")
	if err := try(base+"/copy", Links{Out: func(string, string) (Treatment, error) { return Keep, no }}); !errors.Is(err, no) {
		t.Errorf("undecided: %v", err)
	}
	if err := try(base+"/disk/data/copy", Links{Out: followTop}); err == nil || !strings.Contains(err.Error(), "which holds the copy") {
		t.Errorf("into what a link leads to: %v", err)
	}
	ok(t, os.Symlink(base, base+"/data/everything"))
	if err := try(base+"/copy2", Links{Out: followTop}); err == nil || !strings.Contains(err.Error(), "everything leads to "+base) {
		t.Errorf("a folder above: %v", err)
	}
	for _, name := range []string{"copy", "disk/data/copy", "copy2"} {
		if _, err := os.Lstat(filepath.Join(base, name)); err == nil {
			t.Errorf("%s was begun", name)
		}
	}
}
