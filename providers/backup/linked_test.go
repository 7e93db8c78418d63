package backup

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/preflight"
)

// What every set must hold is in it although it is a link, and other links are
// told: in the plan, in the run and in the manifest.
func TestLinkedFoldersAreInTheSet(t *testing.T) {
	t.Parallel()
	r := newRig(t, method.Archive)
	r.move("config")
	r.move("databases")
	r.move("dss-version.json")
	r.move("managed_datasets")
	r.link("config/more", r.away+"/elsewhere") // leads to nothing
	found := r.foresee()
	if len(preflight.Errors(found)) > 0 || len(found) != 2 {
		t.Fatalf("found %v", found)
	}
	id, err := r.run()
	if err != nil {
		t.Fatal(err)
	}
	e := r.get(id)
	o := e.Manifest.Outside
	if e.Broken != nil || o == nil || o.Programs != 1 || o.LeftTotal != 2 {
		t.Fatalf("%v, outside: %+v", e.Broken, o)
	}
	var followed []string
	for _, l := range o.Followed {
		followed = append(followed, l.Path)
	}
	slices.Sort(followed)
	if want := []string{"config", "databases", "dss-version.json"}; !slices.Equal(followed, want) {
		t.Errorf("followed %q, expected %q", followed, want)
	}
	if !slices.Contains(o.Left, set.Lead{Path: "managed_datasets", Target: r.away + "/managed_datasets"}) {
		t.Errorf("left: %v", o.Left)
	}
	said := strings.Join(r.notices, "\n")
	if !strings.Contains(said, "managed_datasets (to "+r.away) || !strings.Contains(said, "kept as what they lead to: ") {
		t.Errorf("the run said %s", said)
	}
	// It restores, and what was a link is a folder with all that was there.
	if err := r.do(KindRestoreTest, "20261125-061500-0001", withSets(r.a, id)); err != nil {
		t.Error(err)
	}
	into := filepath.Join(r.root, "taken")
	a := withSets(r.a, id)
	a.Restore = &restoreArgs{Set: id, To: into}
	if err := r.do(KindTakeOut, "20261125-061500-0002", a); err != nil {
		t.Fatal(err)
	}
	for _, rel := range []string{"config/general-settings.json", "databases/audit.mv.db", "dss-version.json"} {
		want, err := os.ReadFile(r.in.Path(rel))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(into, rel)); err != nil || string(got) != string(want) {
			t.Errorf("%s: %v", rel, err)
		}
	}
}

func withSets(a args, ids ...string) args {
	a.Sets = ids
	return a
}

// Where a method keeps links, or a snapshot is read, the backup is refused before
// anything is done.
func TestLinkedFoldersAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, held, move, why string
	}{
		"restic":          {method: method.Restic, move: "config", why: "the method restic keeps the link"},
		"rsync":           {method: method.Rsync, move: "databases", why: "the method rsync keeps the link"},
		"duplicity":       {method: method.Duplicity, move: "config/general-settings.json", why: "the method duplicity keeps the link"},
		"xfsdump":         {method: method.XFSDump, move: "install.ini", why: "the method xfsdump keeps the link"},
		"btrfs snapshot":  {method: method.Archive, held: "btrfs", move: "config", why: "a btrfs snapshot of the data directory does not hold"},
		"reflink":         {method: method.Archive, held: "reflink", move: "config", why: "a copy by reference of the data directory does not hold"},
		"inside a folder": {method: method.Rsync, move: "config/users.json", why: "keeps the link"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, c.method)
			r.a.Held = c.held
			r.move(c.move)
			bad := preflight.Errors(r.foresee())
			if len(bad) != 1 || !strings.Contains(bad[0].String(), c.why) || !strings.Contains(bad[0].What, c.move) || !strings.Contains(bad[0].Found, r.away) {
				t.Fatalf("found %v", bad)
			}
			r.a.Held = ""
			if c.method == method.Rsync {
				// Nor does the run itself, should the link have come meanwhile.
				if _, err := r.run(); err == nil || !strings.Contains(err.Error(), c.move+" would be missing") {
					t.Errorf("the run: %v", err)
				}
			}
			if sets, err := r.store().List(); err != nil || len(sets) > 0 {
				t.Errorf("sets: %v, %v", sets, err)
			}
		})
	}
}

// A link to nothing, and one that leads in a circle, are no content.
func TestLinksWithoutContentAreRefused(t *testing.T) {
	t.Parallel()
	for name, to := range map[string]string{"gone": "/nothing/there", "above": "..", "itself": "timelines"} {
		r := newRig(t, method.Archive)
		r.link("timelines", to)
		bad := preflight.Errors(r.foresee())
		if len(bad) != 1 || !strings.Contains(bad[0].What, "timelines would be missing") {
			t.Errorf("%s: found %v", name, bad)
		}
	}
	// One that stays in the data directory is followed, where the method does.
	r := newRig(t, method.Archive)
	if err := os.Rename(r.in.Path("config"), r.in.Path("config-14")); err != nil {
		t.Fatal(err)
	}
	r.link("config", "config-14")
	if bad := preflight.Errors(r.foresee()); len(bad) > 0 {
		t.Fatal(bad)
	}
	if _, err := r.run(); err != nil {
		t.Error(err)
	}
	r.a.Method = method.Rsync
	if bad := preflight.Errors(r.foresee()); len(bad) != 1 {
		t.Errorf("found %v", bad)
	}
}

// A set without what every set must hold is never published, and an older one of
// that kind is incomplete and not damaged.
func TestIncompleteSet(t *testing.T) {
	t.Parallel()
	r := newRig(t, method.Rsync)
	id, err := r.run()
	if err != nil {
		t.Fatal(err)
	}
	second := "20261125-070000-00bb"
	for _, step := range []func() error{
		func() error { return r.do(KindPrepare, second, r.a) },
		func() error { return os.Rename(r.in.Path("config"), filepath.Join(r.root, "config")) },
		func() error { return os.Symlink(filepath.Join(r.root, "config"), r.in.Path("config")) },
		func() error { return r.do(KindSave, second, r.a) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.do(KindPublish, second, r.a); err == nil || !strings.Contains(err.Error(), "incomplete: it does not hold config/, config/general-settings.json") {
		t.Errorf("published: %v", err)
	}
	if sets, err := r.store().List(); err != nil || len(sets) != 1 {
		t.Errorf("sets: %v, %v", sets, err)
	}
	// As an older dssctl would have published it.
	part := r.store().Part(second)
	m := r.get(id).Manifest
	raw, err := (&call{Call: r.call(KindSave, second, r.a), args: r.a, store: r.store()}).making()
	if err != nil {
		t.Fatal(err)
	}
	m.ID, m.Part, m.Required, m.Outside = second, *raw.Part, nil, nil
	for _, err := range []error{
		os.Remove(filepath.Join(part, makingName)), m.Write(part),
		set.Seal(t.Context(), part, nil, func(int64) {}), r.store().Publish(second),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	err = r.do(KindVerify, "20261125-080000-0001", withSets(r.a, second))
	if err == nil || !strings.Contains(err.Error(), "is incomplete") || strings.Contains(err.Error(), " damaged") {
		t.Errorf("verify: %v", err)
	}
	if e := r.get(second); e.State() != set.Incomplete {
		t.Errorf("state: %v, %v", e.State(), e.Broken)
	}
	if e := r.get(id); e.State() != set.Good {
		t.Errorf("the other set: %v", e.Broken)
	}
}
