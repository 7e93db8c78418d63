package method

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// linkedTree is a data directory whose databases, and one of whose settings, lie
// elsewhere. It returns where.
func linkedTree(t *testing.T, root string) (away string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	away, err := filepath.EvalSymlinks(t.TempDir())
	must(err)
	for name, text := range map[string]string{
		root + "/install.ini": "[general]", root + "/dss-version.json": "{}", root + "/config/users.json": "{}", root + "/bin/env-site.sh": "x",
		root + "/uploads/a": "content", away + "/databases/audit.mv.db": "H:2,", away + "/general-settings.json": "{}", away + "/data/large": "data",
	} {
		must(os.MkdirAll(filepath.Dir(name), 0o755))
		must(os.WriteFile(name, []byte(text), 0o644))
	}
	for name, to := range map[string]string{
		"databases": away + "/databases", "config/general-settings.json": away + "/general-settings.json",
		"managed_datasets": away + "/data", "bin/python": "/usr/bin/env", "uploads/b": "a",
		"timelines": away + "/nothing",
		// Whoever followed these would not come to an end.
		"config/up": filepath.Dir(root), "config/again": away + "/databases",
	} {
		must(os.Symlink(to, filepath.Join(root, name)))
	}
	must(os.Link(root+"/uploads/a", root+"/uploads/c"))
	must(unix.Mkfifo(root+"/uploads/pipe", 0o600))
	return away
}

// TestHolds: a set tells what it holds as a file or folder. A link is neither,
// but where the method follows it. As many names are restored as the set says.
func TestHolds(t *testing.T) {
	eachKind(t, func(b *bench) {
		linkedTree(b.T, b.view)
		b.prepare()
		s := b.save(b.job(nil))
		want := []string{"databases/", "nothing", "timelines/", "uploads"}
		if b.kind.name == "xfsdump" {
			// It lists names without what they are; such a backup is refused before.
			want = []string{"databases/", "nothing", "timelines/", "uploads"}
		} else if !Follows(b.kind.name) {
			want = append([]string{"config/general-settings.json"}, want...)
		}
		if Follows(b.kind.name) {
			want = slices.DeleteFunc(want, func(n string) bool { return n == "databases/" })
			if slices.Sort(s.Part.Followed); !slices.Equal(s.Part.Followed, []string{"config/general-settings.json", "databases"}) {
				b.Errorf("followed: %q", s.Part.Followed)
			}
		}
		missing, err := b.m.Holds(context.Background(), s, []string{
			"config/", "config/general-settings.json", "config/users.json", "databases/", "install.ini", "dss-version.json", "bin/", "nothing", "timelines/", "uploads",
		})
		if err != nil || !slices.Equal(missing, want) {
			b.Errorf("missing: %q, %v; expected %q", missing, err, want)
		}
		into := b.restore(s)
		var names int64
		err = filepath.WalkDir(into, func(_ string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && d.Type() != fs.ModeSocket {
				names++
			}
			return err
		})
		if told, known := s.Part.Restored(); err != nil || !known || told > names || told < names-10 || s.Part.Names > 0 && told != names {
			b.Errorf("%d names were restored, and the set tells %d (%v), %v", names, told, known, err)
		}
		link := func(rel string) bool {
			info, err := os.Lstat(filepath.Join(into, rel))
			return err == nil && info.Mode().Type() == fs.ModeSymlink
		}
		for _, rel := range []string{"managed_datasets", "config/up", "config/again", "bin/python", "uploads/b", "timelines"} {
			if !link(rel) {
				b.Errorf("%s is no link any more", rel)
			}
		}
		if follows := Follows(b.kind.name); link("databases") == follows || link("config/general-settings.json") == follows {
			b.Error("what every set must hold is a link where the method follows, or the other way round")
		}
	})
}
