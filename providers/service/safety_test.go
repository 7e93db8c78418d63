package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// snapshot describes everything below a folder: types, modes, times, content.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			text += " " + info.ModTime().String() + " " + string(b)
		case info.IsDir():
			// The data directory itself is not part of a safety backup.
			if rel != "." && rel != "bin" {
				text += " " + info.ModTime().String()
			}
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(p)
			if err != nil {
				return err
			}
			text += " " + to
		}
		out[rel] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// odd fills the protected folders with what a copy may stumble over.
func odd(t *testing.T, in *dss.Instance) {
	t.Helper()
	old := time.Date(2021, 5, 6, 7, 8, 9, 123456789, time.UTC)
	put(t, in.Path("config/wide.json"), "{}", 0o666)
	put(t, in.Path("config/readonly"), "x", 0o400)
	put(t, in.Path("config/script.sh"), "#!/bin/sh\n", 0o755)
	put(t, in.Path("config/empty"), "", 0o600)
	put(t, in.Path("config/old"), "old", 0o600)
	put(t, in.Path("config/é and \n line"), "odd", 0o600)
	put(t, in.Path("config/bad\xff name"), "odder", 0o600)
	put(t, in.Path("timelines/P/t.mv.db"), strings.Repeat("t", 100000), 0o600)
	for _, dir := range []string{"config/empty dir", "databases/closed"} {
		if err := os.MkdirAll(in.Path(dir), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../nowhere", in.Path("config/link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(in.Path("config/pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"config/old", "databases"} {
		if err := os.Chtimes(in.Path(p), old, old); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSafetyBackup(t *testing.T) {
	w := newWorld(t)
	w.state = "STOPPED"
	odd(t, w.inst)
	before := snapshot(t, w.inst.DataDir)
	c, rec := w.call(KindBackup, backupArgs{Kinds: []plan.Kind{"runtimedb.copy"}})
	if done, err := (protector{}).Done(t.Context(), c); done || err != nil {
		t.Fatalf("done: %v, %v", done, err)
	}
	if err := (protector{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := (protector{}).Verify(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if done, err := (protector{}).Done(t.Context(), c); !done || err != nil {
		t.Errorf("done: %v, %v", done, err)
	}
	if diff := cmp.Diff(before, snapshot(t, w.inst.DataDir)); diff != "" {
		t.Errorf("the data directory was changed: %s", diff)
	}
	if last := rec.progress[len(rec.progress)-1]; last.Done != last.Total || last.Total < 100000 || last.Unit != "bytes" {
		t.Errorf("progress %+v", last)
	}
	err := filepath.WalkDir(w.inst.Companion(), func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", p, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := copyPath(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, filesName, "managed_datasets")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("more was copied than is protected")
	}
	if err := (protector{}).Undo(t.Context(), c); err != nil || len(rec.kept) != 2 || !strings.Contains(rec.kept[0], dir) {
		t.Errorf("undo: %v, %q", err, rec.kept)
	}

	// Ruin everything, and get it back.
	ruin(t, w.inst)
	if err := RestoreSafety(t.Context(), w.inst, c.Run, "runtimedb.copy"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, snapshot(t, w.inst.DataDir)); diff != "" {
		t.Error(diff)
	}
	// Again, with nothing to do.
	if err := RestoreSafety(t.Context(), w.inst, c.Run, ""); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, snapshot(t, w.inst.DataDir)); diff != "" {
		t.Error(diff)
	}
}

func ruin(t *testing.T, in *dss.Instance) {
	t.Helper()
	for _, p := range []string{"config/old", "config/link", "config/empty dir", "config/readonly", "timelines", "instance-id.txt", "bin/env-site.sh"} {
		if err := os.RemoveAll(in.Path(p)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, in.Path("config/old/now a folder/x"), "x", 0o600)
	put(t, in.Path("config/link"), "now a file", 0o600)
	put(t, in.Path("config/general-settings.json"), `{"ruined": true}`, 0o600)
	put(t, in.Path("databases/new.mv.db"), "new", 0o600)
	put(t, in.Path("bin/env-spark.sh"), "new", 0o600)
	put(t, in.Path("install.ini"), "[general]\nnodetype = design\n[server]\nport = 1\n", 0o600)
	if err := os.Chmod(in.Path("config/script.sh"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(in.Path("config/wide.json"), time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
}

func TestRestoreOfALargeFile(t *testing.T) {
	w := newWorld(t)
	w.state = "STOPPED"
	put(t, w.inst.Path("databases/large.mv.db"), strings.Repeat("x", largest+1), 0o640)
	c, _ := w.call(KindBackup, backupArgs{})
	if err := (protector{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, w.inst.Path("databases"))
	put(t, w.inst.Path("databases/large.mv.db"), "y", 0o600)
	put(t, w.inst.Path("databases/.dssctl-restore-large.mv.db"), "left by a killed restore", 0o600)
	if err := RestoreSafety(t.Context(), w.inst, c.Run, ""); err != nil {
		t.Fatal(err)
	}
	if cmp.Diff(before, snapshot(t, w.inst.Path("databases"))) != "" {
		t.Error("not restored")
	}
}

// One folder is put back, and the others stay as they are.
func TestPutBack(t *testing.T) {
	w := newWorld(t)
	w.state = "STOPPED"
	c, _ := w.call(KindBackup, backupArgs{})
	if err := (protector{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, w.inst.Path("databases"))
	put(t, w.inst.Path("databases/new.mv.db"), "new", 0o600)
	put(t, w.inst.Path("config/general-settings.json"), `{"edited": true}`, 0o600)
	edited := snapshot(t, w.inst.Path("config"))
	if err := (protector{}).PutBack(t.Context(), c, "databases"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, snapshot(t, w.inst.Path("databases"))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(edited, snapshot(t, w.inst.Path("config"))); diff != "" {
		t.Errorf("the configuration was not asked for: %s", diff)
	}
}

// A folder of the first level may be a symlink to a faster disk.
func TestSafetyBackupThroughASymlink(t *testing.T) {
	w := newWorld(t)
	w.state = "STOPPED"
	fast := filepath.Join(t.TempDir(), "fast")
	if err := os.Rename(w.inst.Path("databases"), fast); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(fast, w.inst.Path("databases")); err != nil {
		t.Fatal(err)
	}
	c, _ := w.call(KindBackup, backupArgs{})
	if err := (protector{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, fast)
	put(t, filepath.Join(fast, "jobs.mv.db"), "ruined", 0o600)
	if err := RestoreSafety(t.Context(), w.inst, c.Run, ""); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, snapshot(t, fast)); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Lstat(w.inst.Path("databases")); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
}

func TestBrokenOffBackupDoesNotCount(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	c, _ := w.call(KindBackup, backupArgs{})
	reason := errors.New("asked to stop")
	cancel(reason)
	if err := (protector{}).Do(ctx, c); !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
	dir, err := copyPath(c)
	if err != nil {
		t.Fatal(err)
	}
	// As a kill in the middle leaves it.
	put(t, filepath.Join(filepath.Dir(dir), partPrefix+filepath.Base(dir), manifestName), "half", 0o600)
	half := filepath.Join(filepath.Dir(dir), partPrefix+filepath.Base(dir))
	if done, err := (protector{}).Done(t.Context(), c); done || err != nil {
		t.Errorf("done: %v, %v", done, err)
	}
	if err := (protector{}).Undo(t.Context(), c); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("undo left half a backup: %v", err)
	}
	put(t, filepath.Join(half, manifestName), "half", 0o600)
	if err := RestoreSafety(t.Context(), w.inst, c.Run, ""); err == nil || !strings.Contains(err.Error(), "no safety backup") {
		t.Errorf("restored: %v", err)
	}
	if err := (protector{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"design-2"}, list(t, filepath.Dir(dir))); diff != "" {
		t.Error(diff)
	}
}

func TestSafetyBackupNoticesDamage(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir string){
		"content": func(t *testing.T, dir string) { put(t, filepath.Join(dir, filesName, "install.ini"), "other", 0o600) },
		"absent": func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, filesName, "databases/jobs.mv.db")); err != nil {
				t.Fatal(err)
			}
		},
		"escape":    func(t *testing.T, dir string) { appendTo(t, dir, `{"path":"../../etc/passwd","type":"file"}`) },
		"elsewhere": func(t *testing.T, dir string) { appendTo(t, dir, `{"path":"managed_datasets/x","type":"dir"}`) },
		"truncated": func(t *testing.T, dir string) { appendTo(t, dir, `{"path":"config/`) },
		"newer":     func(t *testing.T, dir string) { put(t, filepath.Join(dir, manifestName), `{"format":99}`, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.state = "STOPPED"
			c, _ := w.call(KindBackup, backupArgs{})
			if err := (protector{}).Do(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			dir, err := copyPath(c)
			if err != nil {
				t.Fatal(err)
			}
			damage(t, dir)
			if err := (protector{}).Verify(t.Context(), c); err == nil {
				t.Error("verified")
			}
			put(t, w.inst.Path("config/general-settings.json"), "now", 0o600)
			before := snapshot(t, w.inst.DataDir)
			if err := RestoreSafety(t.Context(), w.inst, c.Run, ""); err == nil {
				t.Error("restored")
			}
			if diff := cmp.Diff(before, snapshot(t, w.inst.DataDir)); diff != "" {
				t.Errorf("a damaged backup changed the instance: %s", diff)
			}
		})
	}
}

func appendTo(t *testing.T, dir, line string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, manifestName), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(f, line); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	w := newWorld(t)
	c, _ := w.call(KindBackup, backupArgs{Kinds: []plan.Kind{"settings.edit"}})
	if err := (protector{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		state, run string
		kind       plan.Kind
		want       string
	}{
		"running":     {"RUNNING", c.Run, "", "must be stopped"},
		"other run":   {"STOPPED", "20200101-a", "", "no safety backup"},
		"other kind":  {"STOPPED", c.Run, "release.upgrade", "no safety backup"},
		"path":        {"STOPPED", "../" + c.Run, "", "no name of a run"},
		"dot":         {"STOPPED", ".part-x", "", "no name of a run"},
		"empty name":  {"STOPPED", "", "", "no name of a run"},
		"right kind":  {"STOPPED", c.Run, "settings.edit", ""},
		"first of it": {"STOPPED", c.Run, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w.setState(tc.state)
			err := RestoreSafety(t.Context(), w.inst, tc.run, tc.kind)
			if (err != nil) != (tc.want != "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Two windows of a run have a backup each: each is found by what its window did.
func TestTwoWindows(t *testing.T) {
	w := newWorld(t)
	w.state = "STOPPED"
	for i, kind := range []plan.Kind{"release.upgrade", "runtimedb.copy"} {
		put(t, w.inst.Path("config/at"), string(kind), 0o600)
		c, _ := w.call(KindBackup, backupArgs{Kinds: []plan.Kind{kind}})
		c.Action.ID = fmt.Sprintf("design/%d", 2+9*i)
		if err := (protector{}).Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if err := w.clock.Sleep(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
	}
	for kind, want := range map[plan.Kind]string{"release.upgrade": "release.upgrade", "runtimedb.copy": "runtimedb.copy", "": "release.upgrade"} {
		if err := RestoreSafety(t.Context(), w.inst, "20261120-120000-a", kind); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(w.inst.Path("config/at"))
		if err != nil || string(b) != want {
			t.Errorf("%s: got %q, %v", kind, b, err)
		}
	}
}

func TestSafetyBackupWithoutAPlace(t *testing.T) {
	w := newWorld(t)
	put(t, w.inst.Companion(), "a file", 0o600)
	c, _ := w.call(KindBackup, backupArgs{})
	var e *dss.CompanionError
	if err := (protector{}).Do(t.Context(), c); !errors.As(err, &e) {
		t.Errorf("got %v", err)
	}
}

func TestCopyPathRefuses(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ run, id string }{{"", "a"}, {"..", "a"}, {"a/b", "a"}, {"r", ""}, {"r", ".."}, {"r", ".part-x"}} {
		if _, err := copyPath(&providers.Call{Run: c.run, Action: plan.Action{ID: c.id}, Instance: w.inst}); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
