package dss

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/proc"
)

const nobody = 65534

// account is who the tests' data directories belong to: the tests' own account,
// or nobody where they run as root, for root is refused.
func account(t *testing.T, dir string) int {
	t.Helper()
	if os.Getuid() != 0 {
		return os.Getuid()
	}
	err := filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, nobody, nobody)
	})
	if err != nil {
		t.Fatal(err)
	}
	return nobody
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const (
	sampleINI = "# made by the installer\n[general]\nnodetype = design\ninstallid = abcdefghijklmnopqrstuvwx\nnodeid = my-node\n\n[server]\nport = 11200\n\n[javaopts]\nbackend.xmx = 4g\n"
	// Formatting, order, escapes and number spellings that an edit must keep.
	sampleSettings = "{\n  \"zeta\" : 1.0,\n  \"name\": \"a\\u0026b\",\n  \"internalDatabase\": {\"maxPooledExternalConnections\": 50},\n\t\"alpha\": [1,2 ,3]\n}\n"
	sampleEnv      = "# generated\nexport DKUINSTALLDIR=\"/opt/dataiku-dss-14.4.1\"\nexport DKUJAVABIN=\"/usr/bin/java\"\n"
)

// newDataDir makes a data directory whose status is what its file "state" says.
func newDataDir(t *testing.T) string {
	t.Helper()
	base := t.TempDir()
	// The folders above a test's own are closed to other accounts.
	dir := filepath.Join(base, "dss")
	write(t, filepath.Join(dir, "install.ini"), sampleINI, 0o640)
	write(t, filepath.Join(dir, "dss-version.json"), `{"conf_version":"14400","product_version":"14.4.1","product_commitid":""}`, 0o640)
	write(t, filepath.Join(dir, "config/general-settings.json"), sampleSettings, 0o600)
	write(t, filepath.Join(dir, "bin/env-default.sh"), sampleEnv, 0o755)
	write(t, filepath.Join(dir, "bin/dss"), "#!/bin/sh\ncat \"$(dirname \"$0\")/../state\"\n", 0o755)
	write(t, filepath.Join(dir, "bin/dssadmin"), "#!/bin/sh\nexit 0\n", 0o755)
	write(t, filepath.Join(dir, "state"), "backend   STOPPED   Not started\n", 0o644)
	return dir
}

// open opens a data directory with tests' options.
func open(t *testing.T, dir string, change func(*Options)) *Instance {
	t.Helper()
	uid := account(t, filepath.Dir(dir))
	o := Options{UID: func() int { return uid }, UnitDirs: []string{}}
	if change != nil {
		change(&o)
	}
	in, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func setState(t *testing.T, in *Instance, text string) {
	t.Helper()
	write(t, in.Path("state"), text, 0o644)
}

// runner is a fake proc.Runner. It is asked by "PROGRAM ARG ARG …" and may be
// used from several goroutines.
type runner struct {
	mu    sync.Mutex
	calls []string
	// answer returns the output and the exit code.
	answer func(command string, c proc.Cmd) (stdout string, exit int)
}

func (r *runner) Run(ctx context.Context, c proc.Cmd) (proc.Result, error) {
	command := strings.Join(append([]string{filepath.Base(c.Path)}, c.Args...), " ")
	r.mu.Lock()
	r.calls = append(r.calls, command)
	r.mu.Unlock()
	if ctx.Err() != nil {
		return proc.Result{ExitCode: -1}, context.Cause(ctx)
	}
	stdout, exit := r.answer(command, c)
	result := proc.Result{ExitCode: exit, Stdout: []byte(stdout)}
	if exit != 0 {
		return result, &proc.ExitError{Cmd: command, ExitCode: exit, Stdout: stdout}
	}
	return result, nil
}

// handClock moves only when somebody sleeps.
type handClock struct {
	mu    sync.Mutex
	now   time.Time
	slept func(time.Duration)
}

func newHandClock() *handClock {
	return &handClock{now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) Sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
	if c.slept != nil {
		c.slept(d)
	}
	return nil
}

func itoa(n int) string { return strconv.Itoa(n) }
