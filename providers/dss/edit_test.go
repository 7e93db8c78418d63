package dss

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/iniedit"
	"github.com/dssctl/dssctl/internal/jsonedit"
)

func TestEditSettingsKeepsTheRest(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	path := in.Path(SettingsFile)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := in.EditSettings(t.Context(), func(d *jsonedit.Doc) error {
		return d.Set("/internalDatabase/maxPooledExternalConnections", []byte("60"))
	}); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, path), strings.Replace(sampleSettings, "50", "60", 1); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestEditWithoutChangeWritesNothing(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	// Running does not matter to an edit that changes nothing.
	setState(t, in, "backend RUNNING pid 1\n")
	old := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(in.Path(SettingsFile), old, old); err != nil {
		t.Fatal(err)
	}
	if err := in.EditSettings(t.Context(), func(*jsonedit.Doc) error { return nil }); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(in.Path(SettingsFile))
	if err != nil || !info.ModTime().Equal(old) {
		t.Errorf("time %v, %v", info.ModTime(), err)
	}
}

func TestEditRefusedUnlessStopped(t *testing.T) {
	for _, state := range []string{"backend RUNNING pid 3", "backend STARTING", "backend FATAL x", "backend BACKOFF x", "Server requires authentication", "backend STOPPED\nnginx RUNNING pid 3"} {
		t.Run(state, func(t *testing.T) {
			in := open(t, newDataDir(t), nil)
			setState(t, in, state+"\n")
			for name, edit := range map[string]func() error{
				"settings": func() error {
					return in.EditSettings(t.Context(), func(d *jsonedit.Doc) error { return d.Set("/alpha", []byte("1")) })
				},
				"install.ini": func() error {
					return in.EditInstallINI(t.Context(), func(f *iniedit.File) error { f.Set("server", "port", "1"); return nil })
				},
				"env": func() error {
					return in.EditEnvDefault(t.Context(), func(f *EnvFile) error { return f.Set("A", "b") })
				},
				"properties": func() error {
					return in.EditProperties(t.Context(), func(p *Properties) error { return p.Set("a", "b") })
				},
			} {
				if err := edit(); err == nil {
					t.Errorf("%s was edited", name)
				}
			}
			if read(t, in.Path(SettingsFile)) != sampleSettings || read(t, in.Path("install.ini")) != sampleINI || read(t, in.Path(EnvDefaultFile)) != sampleEnv {
				t.Error("a file was changed")
			}
			if _, err := os.Stat(in.Path(PropertiesFile)); !errors.Is(err, fs.ErrNotExist) {
				t.Error("dip.properties was made")
			}
		})
	}
}

func TestEditNoticesAnotherWriter(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	err := in.EditSettings(t.Context(), func(d *jsonedit.Doc) error {
		write(t, in.Path(SettingsFile), `{"by": "another"}`, 0o600)
		return d.Set("/alpha", []byte("1"))
	})
	if !as[*ChangedError](err) {
		t.Fatalf("got %v", err)
	}
	if got := read(t, in.Path(SettingsFile)); got != `{"by": "another"}` {
		t.Errorf("got %q", got)
	}
}

func TestBadSettings(t *testing.T) {
	for name, text := range map[string]string{
		"truncated": `{"a": {"b": 1`, "duplicate": `{"a": 1, "a": 2}`, "empty": "  \n", "array": "[]",
		"no UTF-8": "{\"a\": \"\xff\"}", "trailing": "{} x",
	} {
		t.Run(name, func(t *testing.T) {
			in := open(t, newDataDir(t), nil)
			write(t, in.Path(SettingsFile), text, 0o600)
			err := in.EditSettings(t.Context(), func(d *jsonedit.Doc) error { return d.Set("/x", []byte("1")) })
			if !as[*FileError](err) || !strings.Contains(err.Error(), SettingsFile) {
				t.Errorf("got %v", err)
			}
			if got := read(t, in.Path(SettingsFile)); got != text {
				t.Errorf("changed to %q", got)
			}
		})
	}
}

func TestEditOtherFiles(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	if err := in.EditInstallINI(t.Context(), func(f *iniedit.File) error { f.Set("server", "port", "11300"); return nil }); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, in.Path("install.ini")), strings.Replace(sampleINI, "11200", "11300", 1); got != want {
		t.Errorf("install.ini: %q", got)
	}
	if err := in.EditEnvDefault(t.Context(), func(f *EnvFile) error { return f.Set("DKUJAVABIN", "/opt/java") }); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, in.Path(EnvDefaultFile)), strings.Replace(sampleEnv, "/usr/bin/java", "/opt/java", 1); got != want {
		t.Errorf("env-default.sh: %q", got)
	}
	if err := in.EditProperties(t.Context(), func(p *Properties) error { return p.Set("a", "b") }); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(in.Path(PropertiesFile))
	if err != nil || info.Mode().Perm() != 0o600 || read(t, in.Path(PropertiesFile)) != "a=b\n" {
		t.Errorf("dip.properties: %v %v", info, err)
	}
}

func TestOriginals(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	when := time.Date(2024, 2, 3, 4, 5, 6, 789, time.UTC)
	path := in.Path(SettingsFile)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
	const run = "20261120-1"
	for _, rel := range []string{SettingsFile, "config/absent.json"} {
		if err := in.SaveOriginal(run, rel); err != nil {
			t.Fatal(err)
		}
	}
	write(t, path, "{}", 0o600)
	write(t, in.Path("config/absent.json"), "new", 0o600)
	// The first wins.
	for _, rel := range []string{SettingsFile, "config/absent.json"} {
		if err := in.SaveOriginal(run, rel); err != nil {
			t.Fatal(err)
		}
	}
	data, existed, found, err := in.Original(run, SettingsFile)
	if string(data) != sampleSettings || !existed || !found || err != nil {
		t.Errorf("original: %q %v %v %v", data, existed, found, err)
	}
	if _, existed, found, err = in.Original(run, "config/absent.json"); existed || !found || err != nil {
		t.Errorf("absent original: %v %v %v", existed, found, err)
	}
	if _, _, found, err = in.Original("another", SettingsFile); found || err != nil {
		t.Errorf("another run: %v %v", found, err)
	}
	setState(t, in, "backend RUNNING pid 9\n")
	if err := in.PutBack(run, SettingsFile); !as[*NotStoppedError](err) {
		t.Errorf("put back under a running DSS: %v", err)
	}
	setState(t, in, "backend STOPPED\n")
	for range 2 {
		for _, rel := range []string{SettingsFile, "config/absent.json"} {
			if err := in.PutBack(run, rel); err != nil {
				t.Fatal(err)
			}
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 || !info.ModTime().Equal(when) || read(t, path) != sampleSettings {
		t.Errorf("put back: %v %v", info, err)
	}
	if _, err := os.Stat(in.Path("config/absent.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the new file is still there: %v", err)
	}
	if err := in.PutBack("another", SettingsFile); err == nil {
		t.Error("put back without an original")
	}
	closed(t, in.Companion())
	if err := in.DropOriginals(run); err != nil {
		t.Fatal(err)
	}
	if _, _, found, _ := in.Original(run, SettingsFile); found {
		t.Error("still there")
	}
}

func TestOriginalsRefuse(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	for _, c := range [][2]string{{"", "a"}, {"..", "a"}, {"a/b", "a"}, {"r", "../x"}, {"r", "/etc/passwd"}, {"r", "."}, {".", "x"}} {
		if err := in.SaveOriginal(c[0], c[1]); err == nil {
			t.Errorf("%q was taken", c)
		}
	}
	if err := in.DropOriginals(".."); err == nil {
		t.Error("dropped ..")
	}
}

func TestOriginalThatWasSpoilt(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	if err := in.SaveOriginal("r", SettingsFile); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(in.Companion(), "originals/r/files", SettingsFile), "spoilt", 0o600)
	if err := in.PutBack("r", SettingsFile); !as[*FileError](err) {
		t.Errorf("got %v", err)
	}
}

// closed checks that nothing below is open to others.
func closed(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode()&fs.ModeSymlink == 0 && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", p, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
