package method

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/proc"
)

func resticBench(t *testing.T) *bench {
	t.Helper()
	t.Parallel()
	b := newBench(t, kindNamed(t, "restic"))
	if err := os.WriteFile(filepath.Join(b.view, "file"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) repository(rel ...string) string {
	return filepath.Join(append([]string{b.o.Destination, "restic"}, rel...)...)
}

// TestResticRescan: the sets' folders come back from the repository alone.
func TestResticRescan(t *testing.T) {
	b := resticBench(t)
	b.prepare()
	first := b.save(b.job(nil))
	second := b.save(b.job(&first))
	// Sealed again, after a crash: still one set.
	if err := b.m.Seal(context.Background(), Job{Set: second.Set, Time: second.Time, Folder: second.Folder}, second.Part); err != nil {
		t.Fatal(err)
	}
	into := t.TempDir()
	found, err := b.m.Rescan(context.Background(), into)
	if err != nil || len(found) != 2 {
		t.Fatalf("found %v, %v", found, err)
	}
	for i, s := range []Stored{first, second} {
		if manifest, err := os.ReadFile(filepath.Join(found[i], "manifest.json")); err != nil || string(manifest) != s.Set {
			t.Errorf("the manifest is %q, %v", manifest, err)
		}
		s.Folder = found[i]
		b.expect(look(t, b.view), look(t, b.restore(s)))
	}
	if err := b.m.Forget(context.Background(), []Stored{first, second}); err != nil {
		t.Fatal(err)
	}
	if found, err := b.m.Rescan(context.Background(), t.TempDir()); err != nil || len(found) != 0 {
		t.Errorf("after all was forgotten: found %v, %v", found, err)
	}
	if left := filesBelow(t, b.repository("data")); len(left) > 0 {
		t.Errorf("after all was forgotten: %v", left)
	}
	var damage *DamageError
	if err := b.m.Verify(context.Background(), first, true); !errors.As(err, &damage) || !strings.Contains(err.Error(), "it is not in the restic repository") {
		t.Errorf("verify of a forgotten set: %v", err)
	}
}

// TestResticRefuses: what is wrong is said in words that help.
func TestResticRefuses(t *testing.T) {
	b := resticBench(t)
	b.prepare()
	for _, tt := range []struct {
		name, want string
		change     func(o *Options)
	}{
		{"wrong password", "the password is wrong", func(o *Options) { o.Password = "hunter22" }},
		{"no password", "restic encrypts always", func(o *Options) { o.Password = "" }},
		{"password of two lines", "a line break", func(o *Options) { o.Password = "a\nb" }},
		{"destination gone", "it is not there", func(o *Options) { o.Destination += "/gone/sets" }},
		{"destination is a file", "it is no folder", func(o *Options) { o.Destination = filepath.Join(b.view, "file") }},
		{"folder of the repository gone", "it is not there", func(o *Options) { o.Repository = "/nonexistent/mount/repository" }},
		{"relative repository", "no absolute path", func(o *Options) { o.Repository = "backups" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := b.o
			tt.change(&o)
			m, err := New("restic", o)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Check(context.Background()); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter22") {
				t.Errorf("found %v, expected … %s …", err, tt.want)
			}
		})
	}
}

// TestResticStaleLock: the lock of a run that was killed does not stop the next.
func TestResticStaleLock(t *testing.T) {
	b := resticBench(t)
	b.prepare()
	big, err := os.Create(filepath.Join(b.view, "big"))
	if err != nil {
		t.Fatal(err)
	}
	defer big.Close()
	if err := big.Truncate(4 << 30); err != nil {
		t.Fatal(err)
	}
	hasLock := func() bool {
		names, err := os.ReadDir(b.repository("locks"))
		return err == nil && len(names) > 0 && len(names[0].Name()) == 64 // and not a temporary name
	}
	b.runner.when = hasLock
	if _, err := b.m.Save(context.Background(), b.job(nil)); err == nil {
		t.Fatal("a killed backup tells no error")
	}
	b.runner.when = nil
	if !hasLock() {
		t.Fatal("the killed backup left no lock")
	}
	if err := big.Truncate(0); err != nil {
		t.Fatal(err)
	}
	first := b.save(b.job(nil))
	// Forgetting needs the repository for itself.
	err = b.m.Forget(context.Background(), []Stored{first})
	if err == nil || !strings.Contains(err.Error(), "it is locked by PID") {
		t.Errorf("the stale lock: %v", err)
	}
	b.prepare()
	if hasLock() {
		t.Error("the stale lock is still there")
	}
	if err := b.m.Forget(context.Background(), []Stored{first}); err != nil {
		t.Error(err)
	}
}

// TestResticInitKilled: a repository that was made by half is made anew.
func TestResticInitKilled(t *testing.T) {
	b := resticBench(t)
	b.runner.when = func() bool {
		names, err := os.ReadDir(b.repository("keys"))
		return err == nil && len(names) > 0
	}
	err := b.m.Prepare(context.Background())
	b.runner.when = nil
	if err == nil {
		// It was quicker; then as the kill would have left it.
		if err := os.Remove(b.repository("config")); err != nil {
			t.Fatal(err)
		}
	}
	b.prepare()
	b.expect(look(t, b.view), look(t, b.restore(b.save(b.job(nil)))))
}

// TestResticSecrets: neither password nor keys are in an argument.
func TestResticSecrets(t *testing.T) {
	b := resticBench(t)
	b.o.Environment = map[string]string{"AWS_SECRET_ACCESS_KEY": "the-secret-key"}
	b.open()
	b.prepare()
	b.save(b.job(nil))
	for _, c := range b.runner.calls {
		for _, a := range c.Args {
			if strings.Contains(a, password) || strings.Contains(a, "the-secret-key") {
				t.Errorf("a secret is in an argument: %q", c.Args)
			}
		}
	}
	r := newRestic(Options{Repository: "rest:https://user:hunter22@example.com/", Password: "x"})
	if r.shown() != "rest:https://user@example.com/" || r.folder != "" {
		t.Errorf("shown is %q, folder %q", r.shown(), r.folder)
	}
}

// TestResticUnreadable: what cannot be read is an error, also while DSS runs.
func TestResticUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root can read everything")
	}
	b := resticBench(t)
	b.prepare()
	secret := filepath.Join(b.view, "closed")
	if err := os.WriteFile(secret, nil, 0); err != nil {
		t.Fatal(err)
	}
	for _, live := range []bool{false, true} {
		j := b.job(nil)
		j.Live = live
		if _, err := b.m.Save(context.Background(), j); err == nil || !strings.Contains(err.Error(), `could not read "closed"`) {
			t.Errorf("live %v: %v", live, err)
		}
	}
}

// TestResticVanished turns what restic says of a file that is gone into a
// change.
func TestResticVanished(t *testing.T) {
	r := newRestic(Options{})
	view := t.TempDir()
	if err := os.WriteFile(filepath.Join(view, "there"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	done := resticDone{failed: []string{filepath.Join(view, "gone"), "below/gone", filepath.Join(view, "gone")}}
	if err := r.unread("back up", view, true, &done); err != nil || done.vanished.total != 2 {
		t.Errorf("%v, %+v", err, done.vanished)
	}
	if err := r.unread("back up", view, false, &done); err == nil {
		t.Error("a file that vanished from a still view is no error")
	}
	done.failed = append(done.failed, "there")
	if err := r.unread("back up", view, true, &done); err == nil || !strings.Contains(err.Error(), `"there"`) {
		t.Errorf("found %v", err)
	}
}

// TestResticMessages: the codes of newer versions, the words of older ones.
func TestResticMessages(t *testing.T) {
	for _, tt := range []struct {
		code       int
		said, want string
	}{
		{10, "", "there is no repository"},
		{1, "Fatal: unable to open config file: stat /r/config: no such file or directory\nIs there a repository at the following location?", "there is no repository"},
		{1, "Fatal: unable to open config file: Head \"https://x\": dial tcp: connection refused\nIs there a repository at the following location?", "failed with exit code 1"},
		{11, "", "it is locked by another process"},
		{1, "unable to create lock in backend: repository is already locked exclusively by PID 1 on host by user (UID 1, GID 1)\n", "it is locked by PID 1 on host by user (UID 1, GID 1); wait"},
		{12, "", "the password is wrong"},
		{1, "Fatal: wrong password or no key found", "the password is wrong"},
	} {
		err := &resticError{doing: "do", repository: "r", code: tt.code, said: tt.said, exit: &proc.ExitError{ExitCode: tt.code}}
		if !strings.Contains(err.Error(), tt.want) || errors.Is(err, errNoRepository) != strings.Contains(tt.want, "no repository") {
			t.Errorf("code %d, %q: found %v", tt.code, tt.said, err)
		}
	}
}

// TestResticReadOnly: a repository that can only be read is verified and
// restored all the same.
func TestResticReadOnly(t *testing.T) {
	b := resticBench(t)
	b.prepare()
	s := b.save(b.job(nil))
	if os.Geteuid() == 0 {
		dir := b.repository()
		if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
			t.Skipf("no bind mount can be made: %v", err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		if err := unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
	} else if err := os.Chmod(b.repository("locks"), 0o500); err != nil {
		t.Fatal(err)
	}
	if err := b.m.Verify(context.Background(), s, true); err != nil {
		t.Error(err)
	}
	b.expect(look(t, b.view), look(t, b.restore(s)))
	if _, err := b.m.Save(context.Background(), b.job(&s)); err == nil {
		t.Error("a backup to where nothing can be written tells no error")
	}
}
