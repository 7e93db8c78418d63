package backup

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/dss"
)

// undoWorld is a stopped data directory and an action on it.
type undoWorld struct {
	t        *testing.T
	base     string
	in       *dss.Instance
	notices  []string
	recorded json.RawMessage
	receipt  rawReceipt
}

type rawReceipt struct{ raw []byte }

func (r *rawReceipt) Save(v any) (err error) {
	r.raw, err = json.Marshal(v)
	return err
}

func (r *rawReceipt) Load(v any) (bool, error) {
	if r.raw == nil {
		return false, nil
	}
	return true, json.Unmarshal(r.raw, v)
}

const undoRun = "20261125-061500-4f2a"

func newUndoWorld(t *testing.T) *undoWorld {
	t.Helper()
	w := &undoWorld{t: t, base: t.TempDir()}
	w.dataDir("data")
	var err error
	w.in, err = dss.Open(w.at("data"), dss.Options{Bare: true, UID: func() int { return accountOf(t, w.at("data")) }, UnitDirs: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// accountOf is the account that a fixture is opened as: DSS does not run as root.
func accountOf(t *testing.T, path string) int {
	t.Helper()
	if uid := os.Getuid(); uid != 0 {
		return uid
	}
	if err := filepath.WalkDir(path, func(p string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(p, 65534, 65534))
	}); err != nil {
		t.Fatal(err)
	}
	return 65534
}

func (w *undoWorld) at(rel string) string { return filepath.Join(w.base, rel) }

func (w *undoWorld) write(rel, content string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.at(rel)), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.at(rel), []byte(content), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

// dataDir is one whose DSS says that it is stopped.
func (w *undoWorld) dataDir(name string) {
	w.write(name+"/install.ini", "[general]\nnodetype = design\n\n[server]\nport = 21200\n")
	w.write(name+"/dss-version.json", `{"product_version":"14.4.1"}`)
	w.write(name+"/bin/dss", "#!/bin/sh\necho 'backend   STOPPED   Not started'\n")
	w.write(name+"/config/a.json", "{}")
}

func (w *undoWorld) call(a args) *providers.Call {
	a.Name, a.Destination = "nightly", w.at("sets")
	return &providers.Call{
		Run: undoRun, Action: plan.Action{ID: "design/2", Args: encode(a)}, Address: "instance.design", Instance: w.in,
		Clock: clock.System{}, Redactor: &secret.Redactor{}, Secrets: secret.Values{}, Receipt: &w.receipt,
		Progress: func(event.Progress) {}, Notice: func(s string) { w.notices = append(w.notices, s) }, Kept: func(string) {},
		Recorded: func(context.Context, string) (json.RawMessage, error) { return w.recorded, nil },
		Record:   func(string, any) error { return nil },
	}
}

func (w *undoWorld) tree(rel string) string {
	w.t.Helper()
	var out []string
	err := filepath.WalkDir(w.at(rel), func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, strings.TrimPrefix(p, w.at(rel)+"/"))
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func (w *undoWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *undoWorld) gone(err error, want string) {
	w.t.Helper()
	var gone *providers.GoneError
	if !errors.As(err, &gone) || !strings.Contains(err.Error(), want) {
		w.t.Errorf("got %v, want that it is gone: %s", err, want)
	}
}

// takenOut has the run's folder hold what a set would, and moves it up as the
// action does.
func (w *undoWorld) takenOut(to string) *providers.Call {
	w.t.Helper()
	pc := w.call(args{Restore: &restoreArgs{To: w.at(to)}})
	c, err := open(pc)
	w.must(err)
	w.must(c.claimTo())
	for _, f := range []string{"config/a.json", "config/projects/B/params.json", "install.ini"} {
		w.write(to+"/"+filepath.Base(c.takingOut())+"/"+f, f)
	}
	w.must(os.Symlink("install.ini", filepath.Join(c.takingOut(), "link")))
	w.must(c.listTaken(context.Background()))
	w.must(c.moveUp())
	return pc
}

// What was taken out of a set is removed again as far as it is still that; what
// came later, or was changed, stays and is named.
func TestUndoOfTakingOut(t *testing.T) {
	ctx := context.Background()
	t.Run("untouched", func(t *testing.T) {
		w := newUndoWorld(t)
		c := w.takenOut("out")
		w.must(taker{}.CheckUndo(ctx, c))
		w.must(taker{}.Undo(ctx, c))
		if exists(w.at("out")) || len(w.notices) > 0 || w.tree("data.dssctl/taken-out") != "" {
			t.Errorf("left: %q, said %q", w.tree("out"), w.notices)
		}
		w.must(taker{}.Undo(ctx, c)) // once more
	})
	t.Run("with what came later", func(t *testing.T) {
		w := newUndoWorld(t)
		w.must(os.Mkdir(w.at("out"), 0o755)) // it was there, empty
		c := w.takenOut("out")
		w.write("out/mine/notes.txt", "mine")
		w.write("out/config/mine.json", "mine")
		w.write("out/install.ini", "edited") // in place
		w.must(os.Remove(w.at("out/config/a.json")))
		w.write("out/config/a.json", "config/a.json") // another file of the same content
		w.must(taker{}.Undo(ctx, c))
		if got := w.tree("out"); got != "config/a.json config/mine.json install.ini mine/notes.txt" {
			t.Errorf("left: %q", got)
		}
		said := strings.Join(w.notices, "\n")
		for _, name := range []string{"mine/", "config/mine.json", "install.ini", "config/a.json"} {
			if !strings.Contains(said, name) {
				t.Errorf("%s is not named: %s", name, said)
			}
		}
		w.must(taker{}.Undo(ctx, c))
	})
	t.Run("the folder stays when it was there before", func(t *testing.T) {
		w := newUndoWorld(t)
		w.must(os.Mkdir(w.at("out"), 0o755))
		w.must(taker{}.Undo(ctx, w.takenOut("out")))
		if !exists(w.at("out")) || w.tree("out") != "" {
			t.Errorf("left: %q, there %v", w.tree("out"), exists(w.at("out")))
		}
	})
	t.Run("another folder at its path", func(t *testing.T) {
		w := newUndoWorld(t)
		w.must(os.Mkdir(w.at("first"), 0o755))
		w.must(os.Symlink("first", w.at("out")))
		c := w.takenOut("out")
		w.write("second/config/a.json", "precious")
		w.must(os.Remove(w.at("out")))
		w.must(os.Symlink("second", w.at("out")))
		w.gone(taker{}.CheckUndo(ctx, c), "is not the folder any more that was taken out into")
		if err := (taker{}).Undo(ctx, c); err == nil {
			t.Error("it was undone")
		}
		if w.tree("second") != "config/a.json" || w.tree("first") == "" {
			t.Errorf("left: %q and %q", w.tree("first"), w.tree("second"))
		}
	})
	t.Run("without the list", func(t *testing.T) {
		w := newUndoWorld(t)
		c := w.takenOut("out")
		before := w.tree("out")
		w.must(os.RemoveAll(w.at("data.dssctl/taken-out")))
		w.gone(taker{}.CheckUndo(ctx, c), "is not there any more")
		w.must(taker{}.Undo(ctx, c))
		if w.tree("out") != before {
			t.Errorf("left: %q", w.tree("out"))
		}
	})
	t.Run("broken off", func(t *testing.T) {
		w := newUndoWorld(t)
		pc := w.call(args{Restore: &restoreArgs{To: w.at("out")}})
		c, err := open(pc)
		w.must(err)
		w.must(c.claimTo())
		w.write("out/"+filepath.Base(c.takingOut())+"/half", "")
		w.write("out/mine", "")
		w.must(taker{}.CheckUndo(ctx, pc))
		w.must(taker{}.Undo(ctx, pc))
		if w.tree("out") != "mine" {
			t.Errorf("left: %q", w.tree("out"))
		}
	})
}

// replacing has the data directory's content set aside, and another one put in
// place.
func (w *undoWorld) replacing() (aside, place *providers.Call) {
	w.t.Helper()
	a := args{Restore: &restoreArgs{Set: "set"}}
	aside, place = w.call(a), w.call(a)
	w.must(asider{}.Do(context.Background(), aside))
	w.dataDir("data")
	w.write("data/restored", "")
	r := &rawReceipt{}
	w.must(r.Save(placeReceipt{Mode: 0o755, ModTime: time.Now()}))
	place.Receipt = r
	return aside, place
}

// A restore is undone only where all that it replaced is still aside: nothing is
// taken away otherwise.
func TestUndoOfARestoreInPlace(t *testing.T) {
	ctx := context.Background()
	for name, spoil := range map[string]func(w *undoWorld, replaced string){
		"the folder is gone":        func(w *undoWorld, r string) { w.must(os.RemoveAll(r)) },
		"all of it is gone":         func(w *undoWorld, r string) { w.must(errors.Join(os.RemoveAll(r), os.Remove(r+asideName))) },
		"a part is gone":            func(w *undoWorld, r string) { w.must(os.RemoveAll(filepath.Join(r, "config"))) },
		"a part is another by name": func(w *undoWorld, r string) { w.must(os.Rename(r+"/bin", r+"/was")); w.must(os.Mkdir(r+"/bin", 0o755)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newUndoWorld(t)
			_, place := w.replacing()
			spoil(w, w.at("data.dssctl/replaced/"+undoRun))
			w.gone(placer{}.CheckUndo(ctx, place), "what was there before the restore is not in ")
			if err := (placer{}).Undo(ctx, place); err == nil {
				t.Error("the restored content was taken away")
			}
			if !exists(w.at("data/restored")) {
				t.Error("the restored content is gone")
			}
		})
	}
	w := newUndoWorld(t)
	w.write("data/mine", "")
	before := w.tree("data")
	aside, place := w.replacing()
	for _, err := range []error{placer{}.CheckUndo(ctx, place), asider{}.CheckUndo(ctx, aside), placer{}.Undo(ctx, place), asider{}.Undo(ctx, aside)} {
		w.must(err)
	}
	if got := w.tree("data"); got != before {
		t.Errorf("after the undo: %s\nbefore: %s", got, before)
	}
}

// An instance that was made elsewhere is removed as long as it is the one.
func TestUndoOfARestoreElsewhere(t *testing.T) {
	ctx := context.Background()
	made := func(w *undoWorld) *providers.Call {
		a := args{Restore: &restoreArgs{Set: "set", Elsewhere: &Elsewhere{DataDir: w.in.DataDir}}}
		c := w.call(a)
		w.must(os.Rename(w.at("data"), w.at("staged")))
		w.must(os.MkdirAll(w.at("data.dssctl/restoring"), 0o755))
		w.must(os.Rename(w.at("staged"), w.at("data.dssctl/restoring/"+undoRun)))
		w.write("sets/x", "")
		opened, err := open(c)
		w.must(err)
		w.must(opened.place(ctx))
		return c
	}
	w := newUndoWorld(t)
	c := made(w)
	w.must(placer{}.CheckUndo(ctx, c))
	w.must(placer{}.Undo(ctx, c))
	if exists(w.at("data")) {
		t.Error("it is still there")
	}
	w.must(placer{}.CheckUndo(ctx, c))

	for name, spoil := range map[string]func(w *undoWorld){
		"another folder": func(w *undoWorld) { w.must(os.Rename(w.at("data"), w.at("moved"))); w.dataDir("data") },
		"a link to another": func(w *undoWorld) {
			w.must(os.Rename(w.at("data"), w.at("moved")))
			w.dataDir("other")
			w.must(os.Symlink("other", w.at("data")))
		},
		"a link to it": func(w *undoWorld) {
			w.must(os.Rename(w.at("data"), w.at("moved")))
			w.must(os.Symlink("moved", w.at("data")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newUndoWorld(t)
			c := made(w)
			spoil(w)
			before := w.tree(".")
			w.gone(placer{}.CheckUndo(ctx, c), "is another folder than the one that the run made")
			if err := (placer{}).Undo(ctx, c); err == nil {
				t.Error("it was undone")
			}
			if got := w.tree("."); got != before {
				t.Errorf("left: %s\nof: %s", got, before)
			}
		})
	}
}

// published makes a good set.
func (w *undoWorld) published(id string, finished time.Time) {
	w.t.Helper()
	s := set.Store{Dir: w.at("sets")}
	part, err := s.Begin(id)
	w.must(err)
	m := set.Manifest{Format: set.Format, ID: id, Time: finished, Finished: finished, Part: method.Part{Method: method.Archive, Files: 3}}
	w.must(m.Write(part))
	w.write("sets/"+filepath.Base(part)+"/datadir.tar", "bytes")
	w.must(set.Seal(context.Background(), part, nil, func(int64) {}))
	w.must(s.Publish(id))
}

// No rollback removes a published set. In its own run that failed to verify it, it
// goes, except the only good one that there is.
func TestUndoOfAPublishedSet(t *testing.T) {
	ctx, at := context.Background(), time.Date(2026, 11, 25, 6, 15, 0, 0, time.UTC)
	const older = "20261124-061500-4f2a"
	for _, x := range []struct {
		name            string
		other, verified bool
		stays           bool
	}{
		{"verified", true, true, true},
		{"not verified", true, false, false},
		{"the only one", false, false, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			w := newUndoWorld(t)
			if x.other {
				w.published(older, at.Add(-24*time.Hour))
			}
			c := w.call(args{policy: policy{Method: method.Archive}})
			w.must(publisher{}.CheckUndo(ctx, c))
			w.published(undoRun, at)
			p := policyRecord{LastSet: undoRun, Verified: at.Add(-time.Hour)}
			if x.verified {
				p.Verified = at.Add(time.Minute)
			}
			w.recorded = encode(record{"nightly": p})
			if err := (publisher{}).CheckUndo(ctx, c); err == nil || !strings.Contains(err.Error(), "a rollback removes no backup set") {
				t.Errorf("a rollback is taken: %v", err)
			}
			w.must(publisher{}.Undo(ctx, c))
			sets, err := set.Store{Dir: w.at("sets")}.List()
			w.must(err)
			there := slices.ContainsFunc(sets, func(e set.Entry) bool { return e.ID == undoRun })
			if there != x.stays || x.stays != (len(w.notices) == 1) {
				t.Errorf("it is there: %v, want %v; said %q", there, x.stays, w.notices)
			}
			if x.other && !exists(w.at("sets/"+older)) {
				t.Error("the older set is gone")
			}
		})
	}
}

// A destination that is somebody else's by now is left alone.
func TestUndoOfAdoptLeavesAnothersDestination(t *testing.T) {
	ctx := context.Background()
	w := newUndoWorld(t)
	c := w.call(args{})
	w.must(adopter{}.Do(ctx, c))
	owner := filepath.Join(w.at("sets"), set.OwnerName)
	mine, err := os.ReadFile(owner)
	w.must(err)
	w.must(os.WriteFile(owner, []byte(`{"instance":"instance.other","backup":"b","data_dir":"/x","host":"h"}`), 0o600))
	w.must(adopter{}.Undo(ctx, c))
	if !exists(owner) {
		t.Fatal("another's owner file is gone")
	}
	w.must(os.WriteFile(owner, mine, 0o600))
	w.must(adopter{}.Undo(ctx, c))
	if exists(w.at("sets")) {
		t.Error("its own is still there")
	}
}
