package dss

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/iniedit"
	"github.com/dssctl/dssctl/internal/jsonedit"
)

// In a copy that was just made, nothing is written through a link that leads out,
// neither by dssctl nor by a command of DSS.
func TestConfined(t *testing.T) {
	dir := newDataDir(t)
	in := open(t, dir, nil)
	away := filepath.Join(filepath.Dir(dir), "away")
	if err := os.Rename(in.Path("config"), away); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(away, in.Path("config")); err != nil {
		t.Fatal(err)
	}
	edit := func(in *Instance) error {
		return in.EditSettings(t.Context(), func(d *jsonedit.Doc) error { return d.Set("/alpha", []byte("1")) })
	}
	copied := in.Confined()
	for name, err := range map[string]error{
		"settings": edit(copied),
		"properties": copied.EditProperties(t.Context(), func(p *Properties) error {
			return p.Set("a", "b")
		}),
		"a file": copied.Write(in.Path("config", "new.json"), []byte("{}"), 0o600),
		"dssadmin": func() error {
			_, err := copied.Dssadmin(t.Context(), "regenerate-config")
			return err
		}(),
		"kept original": func() error {
			if err := in.SaveOriginal("run", SettingsFile); err != nil {
				return err
			}
			return copied.PutBack("run", SettingsFile)
		}(),
	} {
		if !as[*OutsideError](err) || !strings.Contains(err.Error(), away) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if read(t, filepath.Join(away, "general-settings.json")) != sampleSettings || there(filepath.Join(away, "new.json")) {
		t.Error("something was written outside of the copy")
	}
	// What is in it is written, and the original as ever.
	if err := copied.EditInstallINI(t.Context(), func(f *iniedit.File) error { f.Set("server", "port", "11800"); return nil }); err != nil {
		t.Error(err)
	}
	if err := edit(in); err != nil || read(t, filepath.Join(away, "general-settings.json")) == sampleSettings {
		t.Errorf("an instance that is no copy: %v", err)
	}
}

// A data directory that is to be made has no link in its place.
func TestOpenAbsentBehindALink(t *testing.T) {
	at := filepath.Join(t.TempDir(), "design")
	if err := os.Symlink("not-there", at); err != nil {
		t.Fatal(err)
	}
	_, err := Open(at, Options{Bare: true, UID: func() int { return 1000 }})
	if err == nil || !strings.Contains(err.Error(), "is a link to not-there") {
		t.Errorf("got %v", err)
	}
}
