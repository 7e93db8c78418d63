package backup

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/dss"
)

// unpacked is what was unpacked of a set of data/design, for an instance in data/new.
type unpacked struct {
	*houses
	notices []string
}

func newUnpacked(t *testing.T) *unpacked {
	u := &unpacked{houses: newHouses(t)}
	for _, name := range []string{"config/settings", "bin/dss", "uploads/x", "lib/closed/x"} {
		u.put("data/new.dssctl/restoring/run/" + name)
	}
	u.put("disk/config/license.json")
	return u
}

func (u *unpacked) staged(name string) string { return u.at("data/new.dssctl/restoring/run/" + name) }

func (u *unpacked) settle(from string) error {
	u.t.Helper()
	in, err := dss.Open(u.at("data/new"), dss.Options{Bare: true, UID: func() int { return os.Getuid() + 1 }, Runner: proc.New(proc.Options{})})
	if err != nil {
		u.t.Fatal(err)
	}
	c := &call{
		Call: &providers.Call{Run: "run", Instance: in, Notice: func(s string) { u.notices = append(u.notices, s) }},
		args: args{Restore: &restoreArgs{Set: "s", Elsewhere: &Elsewhere{DataDir: in.DataDir}}},
	}
	return c.settle(set.Entry{ID: "s", Manifest: set.Manifest{DataDir: from}})
}

func (u *unpacked) stage(to, name string) {
	u.t.Helper()
	if err := os.MkdirAll(filepath.Dir(u.staged(name)), 0o755); err != nil {
		u.t.Fatal(err)
	}
	if err := os.Symlink(to, u.staged(name)); err != nil {
		u.t.Fatal(err)
	}
}

// Links that led inside lead inside again, at the new place.
func TestRestoredLinksLeadInside(t *testing.T) {
	u := newUnpacked(t)
	design := u.at("data/design")
	for name, to := range map[string]string{
		"near": "uploads/x", "absolute": design + "/uploads/x", "lib/closed/deep": design + "/config/settings", "lib/up": "../uploads/x",
		"bin/kit": u.at("kit/installer.sh"), "bin/python": "/usr/bin/env", "tmp": u.at("disk/datasets"), "our-nas": u.at("nas"),
		"code-envs/own": u.at("disk/datasets"), "config/license.json": u.at("disk/config/license.json"), "config/none": "/nowhere/at/all",
	} {
		u.stage(to, name)
	}
	closed := u.staged("lib/closed")
	if err := os.Chmod(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(closed, 0o700) })
	if err := u.settle(design); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"near": "uploads/x", "absolute": "uploads/x", "lib/closed/deep": "../../config/settings", "lib/up": "../uploads/x",
		"bin/kit": u.at("kit/installer.sh"), "bin/python": "/usr/bin/env", "our-nas": u.at("nas"), "code-envs/own": u.at("disk/datasets"), "config/none": "/nowhere/at/all",
	} {
		if got, err := os.Readlink(u.staged(name)); err != nil || got != want {
			t.Errorf("%s leads to %q, %v, want %q", name, got, err, want)
		}
	}
	if info, err := os.Lstat(u.staged("tmp")); err != nil || !info.IsDir() {
		t.Errorf("tmp: %v", err)
	}
	if info, err := os.Lstat(u.staged("config/license.json")); err != nil || info.Mode()&fs.ModeSymlink != 0 {
		t.Errorf("a file of config is a link still: %v", err)
	}
	if info, err := os.Stat(closed); err != nil || info.Mode().Perm() != 0o500 {
		t.Errorf("a folder's mode: %v, %v", info.Mode(), err)
	}
	if !slices.ContainsFunc(u.notices, func(s string) bool { return strings.HasPrefix(s, "our-nas is a link to "+u.at("nas")) }) {
		t.Errorf("a link that stays is not told: %q", u.notices)
	}
}

// A new instance gets no link through which it would work on what is another's,
// or without which the set has no content.
func TestRestoredLinksRefused(t *testing.T) {
	for name, c := range map[string]struct{ link, to, from, want string }{
		"config":               {"config", "disk/config", "data/gone", "config is a link to "},
		"install.ini":          {"install.ini", "data/auto/install.ini", "data/gone", "and the set does not hold its content"},
		"projects":             {"config/projects", "disk/config", "data/design", "config/projects is a link to "},
		"the original's":       {"managed_datasets", "disk/datasets", "data/design", "of which the set is, works on"},
		"below the original's": {"saved_models", "disk/datasets/x", "data/design", "of which the set is, works on"},
		"another instance's":   {"managed_folders", "data/auto/managed_folders", "data/gone", "which is in the data directory "},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUnpacked(t)
			if err := os.RemoveAll(u.staged(c.link)); err != nil {
				t.Fatal(err)
			}
			u.stage(u.at(c.to), c.link)
			err := u.settle(u.at(c.from))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), u.at(c.to)) || !strings.Contains(err.Error(), "take the files out with --to") {
				t.Errorf("got %v", err)
			}
		})
	}
	// What was lost comes back to its own place as it was.
	u := newUnpacked(t)
	u.stage(u.at("disk/datasets"), "managed_datasets")
	if err := u.settle(u.at("data/new")); err != nil {
		t.Error(err)
	}
	// Nobody else's: kept, and told.
	if err := u.settle(u.at("data/gone")); err != nil || len(u.notices) != 1 {
		t.Errorf("%v, %q", err, u.notices)
	}
}
