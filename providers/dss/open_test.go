package dss

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOpenRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		break_ func(t *testing.T, dir string) string // returns what to open
		uid    func(owner int) int
		want   []string
		is     func(error) bool
	}{
		"absent": {
			break_: func(_ *testing.T, dir string) string { return dir + "-no" },
			want:   []string{"does not exist"}, is: as[*NotFoundError],
		},
		"file": {
			break_: func(_ *testing.T, dir string) string { return filepath.Join(dir, "install.ini") },
			want:   []string{"a regular file", "expected a folder"}, is: as[*NotDirError],
		},
		"other folder": {
			break_: func(t *testing.T, dir string) string {
				for _, f := range []string{"install.ini", "bin/dss"} {
					if err := os.Remove(filepath.Join(dir, f)); err != nil {
						t.Fatal(err)
					}
				}
				return dir
			},
			want: []string{"not a DSS data directory", "install.ini, bin/dss missing"}, is: as[*NotDSSError],
		},
		"somebody else's": {
			uid:  func(owner int) int { return owner + 4211 },
			want: []string{"belongs to", "sudo -u", "dssctl …"}, is: as[*OwnerError],
		},
		"root": {
			uid:  func(int) int { return 0 },
			want: []string{"runs as root", "sudo -u"}, is: as[*RootError],
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDataDir(t)
			owner := account(t, filepath.Dir(dir))
			if tc.break_ != nil {
				dir = tc.break_(t, dir)
			}
			uid := owner
			if tc.uid != nil {
				uid = tc.uid(owner)
			}
			_, err := Open(dir, Options{UID: func() int { return uid }})
			if err == nil || !tc.is(err) {
				t.Fatalf("got %T %v", err, err)
			}
			for _, w := range tc.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in %q", w, err)
				}
			}
		})
	}
}

func as[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

func TestOpenNamesBothAccounts(t *testing.T) {
	dir := newDataDir(t)
	owner := account(t, filepath.Dir(dir))
	_, err := Open(dir, Options{UID: func() int { return 987654 }})
	var e *OwnerError
	if !errors.As(err, &e) || e.Owner != accountName(owner) || e.Account != "uid 987654" {
		t.Fatalf("got %#v", e)
	}
}

func TestOpenResolvesSymlinks(t *testing.T) {
	dir := newDataDir(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	uid := account(t, filepath.Dir(dir))
	in, err := Open(link, Options{UID: func() int { return uid }})
	if err != nil {
		t.Fatal(err)
	}
	want, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	if in.DataDir != want || in.Companion() != want+".dssctl" {
		t.Errorf("data dir %s, companion %s; want %s", in.DataDir, in.Companion(), want)
	}
	if !in.namedIn("-d " + link + "/bin") {
		t.Error("the path it was asked for by is not known")
	}
}

func TestCompanionMustBeOutside(t *testing.T) {
	dir := newDataDir(t)
	uid := account(t, filepath.Dir(dir))
	_, err := Open(dir, Options{UID: func() int { return uid }, Companion: filepath.Join(dir, "x")})
	if err == nil || !strings.Contains(err.Error(), "inside the data directory") {
		t.Fatalf("got %v", err)
	}
}

func TestEnsureCompanion(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	if err := os.Mkdir(in.Companion(), 0o777); err != nil {
		t.Fatal(err)
	}
	path, err := in.EnsureCompanion("a", "b")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{in.Companion(), path} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v", p, info.Mode())
		}
	}
}

// What runs left empty goes, and nothing else does.
func TestTidyCompanion(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	if err := in.TidyCompanion(); err != nil {
		t.Errorf("without a companion folder: %v", err)
	}
	for _, dir := range []string{"restoring", "replaced/run1", "release/run1", "release/run2/replays", "safety/run1", "still"} {
		if _, err := in.EnsureCompanion(dir); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(in.Companion(), "replaced/run1.aside"), "set\n", 0o600)
	write(t, filepath.Join(in.Companion(), "safety/run1/header"), "", 0o600)
	write(t, filepath.Join(in.Companion(), "lock"), "", 0o600)
	if err := in.TidyCompanion(); err != nil {
		t.Error(err)
	}
	var left []string
	err := filepath.WalkDir(in.Companion(), func(path string, _ fs.DirEntry, err error) error {
		left = append(left, strings.TrimPrefix(strings.TrimPrefix(path, in.Companion()), "/"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"", "lock", "release", "release/run2", "release/run2/replays", "replaced", "replaced/run1.aside", "safety", "safety/run1", "safety/run1/header"}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Error(diff)
	}
}

func TestCompanionThatCannotBeMade(t *testing.T) {
	dir := newDataDir(t)
	in := open(t, dir, func(o *Options) { o.Companion = filepath.Join(dir, "../state-file/x") })
	write(t, filepath.Join(filepath.Dir(dir), "state-file"), "", 0o600)
	_, err := in.EnsureCompanion()
	if !as[*CompanionError](err) || !strings.Contains(err.Error(), "companion_dir") {
		t.Fatalf("got %v", err)
	}
}
