package origin

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// placed has a copy put in place as the data directory; before makes what was
// there.
func placed(t *testing.T, before func(base string) error) (base string, c *providers.Call) {
	t.Helper()
	base = t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if before != nil {
		must(before(base))
	}
	dir := filepath.Join(base, "clone")
	in := opened(t, base)
	c = &providers.Call{
		Run: "20261125-061500-4f2a", Action: plan.Action{ID: "clone/1", Args: encode(args{Kit: "/opt/kit", Port: 21200, Source: &source{Address: "instance.design"}})},
		Address: "instance.clone", Instance: in, Clock: clock.System{}, Receipt: &memory{},
		Progress: func(event.Progress) {}, Notice: func(string) {},
	}
	o, err := openClone(c)
	must(err)
	staging := o.stagingBeside()
	if exists(dir) {
		staging = o.stagingInside()
	}
	write(t, staging, "made by the run")
	must(placer{}.Do(t.Context(), c))
	return base, c
}

// opened is the instance, as a run or a rollback opens it.
func opened(t *testing.T, base string) *dss.Instance {
	t.Helper()
	in, err := dss.Open(filepath.Join(base, "clone"), dss.Options{Bare: true, UID: os.Getuid, UnitDirs: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// write makes a data directory whose DSS is stopped.
func write(t *testing.T, dir, mark string) {
	t.Helper()
	for name, text := range map[string]string{
		"install.ini": "[general]\nnodetype = design\n\n[server]\nport = 21200\n", "dss-version.json": `{"product_version":"14.4.1"}`,
		"bin/dss": "#!/bin/sh\necho 'backend   STOPPED   Not started'\n", "mark": mark,
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
}

// What a run made is removed with its folder, unless that was there before; another
// instance that is at its place by then is left alone.
func TestUndoOfAMadeInstance(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("DSS does not run as root")
	}
	folder := func(base string) error { return os.Mkdir(filepath.Join(base, "clone"), 0o755) }
	link := func(base string) error {
		return errors.Join(os.Mkdir(filepath.Join(base, "volume"), 0o755), os.Symlink("volume", filepath.Join(base, "clone")))
	}
	for name, x := range map[string]struct {
		before func(string) error
		since  func(t *testing.T, base string)
		gone   bool
		left   string // what is at the place after the undo
	}{
		"as it was made":    {left: "none"},
		"into a folder":     {before: folder, left: "empty"},
		"through a link":    {before: link, left: "empty"},
		"nothing is there":  {since: func(t *testing.T, base string) { rename(t, base, "clone", "moved") }, left: "none"},
		"another instance":  {since: another, gone: true, left: "another"},
		"another in folder": {before: folder, since: another, gone: true, left: "another"},
		"the link leads on": {before: link, gone: true, left: "another", since: func(t *testing.T, base string) {
			if err := os.Remove(filepath.Join(base, "clone")); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(base, "other"), "another")
			if err := os.Symlink("other", filepath.Join(base, "clone")); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			base, c := placed(t, x.before)
			if x.since != nil {
				x.since(t, base)
				c.Instance = opened(t, base)
			}
			var gone *providers.GoneError
			if err := (placer{}).CheckUndo(t.Context(), c); errors.As(err, &gone) != x.gone || err != nil && !x.gone {
				t.Errorf("whether it can be undone: %v", err)
			}
			if err := (placer{}).Undo(t.Context(), c); (err != nil) != x.gone {
				t.Errorf("undo: %v", err)
			}
			got, err := os.ReadFile(filepath.Join(base, "clone", "mark"))
			entries, derr := os.ReadDir(filepath.Join(base, "clone"))
			is := string(got)
			switch {
			case errors.Is(derr, fs.ErrNotExist):
				is = "none"
			case err != nil && len(entries) == 0:
				is = "empty"
			}
			if is != x.left {
				t.Errorf("at its place is %q, want %q", is, x.left)
			}
		})
	}
}

func rename(t *testing.T, base, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(base, from), filepath.Join(base, to)); err != nil {
		t.Fatal(err)
	}
}

func another(t *testing.T, base string) {
	rename(t, base, "clone", "moved")
	write(t, filepath.Join(base, "clone"), "another")
}
