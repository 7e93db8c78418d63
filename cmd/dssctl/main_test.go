package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The test binary is dssctl itself when it is started under another name or
// with this variable, so that tests run real processes that can be killed. See
// testedWorld for what else the variable says.
const asDssctl = "DSSCTL_TEST_RUN"

func TestMain(m *testing.M) {
	if spec, ok := os.LookupEnv(asDssctl); ok {
		os.Exit(run(testedWorld(spec), os.Args[1:]))
	}
	testscript.Main(closeKits{m}, map[string]func(){
		"dssctl": func() { os.Exit(run(testWorld(), os.Args[1:])) },
	})
}

// closeKits removes the shared kits behind the last test.
type closeKits struct{ m *testing.M }

func (c closeKits) Run() int {
	code := c.m.Run()
	if kits.dir != "" {
		if err := os.RemoveAll(kits.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	return code
}

// testWorld is the real one, but that an account can be played: root runs no
// dssctl, and a test cannot be another user. Nor can it make boot units.
func testWorld() *world {
	w := systemWorld()
	if v := w.getenv("DSSCTL_TEST_UID"); v != "" {
		uid := 0
		if _, err := fmt.Sscan(v, &uid); err != nil {
			panic(err)
		}
		w.uid = func() int { return uid }
	}
	// The guard is the test binary again, which is dssctl by this variable.
	if _, set := os.LookupEnv(asDssctl); !set {
		w.environ = append(w.environ, asDssctl+"=")
	}
	if dir := w.getenv("DSSCTL_TEST_UNITS"); dir != "" {
		w.unitDirs = []string{dir}
	}
	// A schedule starts a dssctl that stands where this says: the test binary
	// without its variable would run the tests.
	w.self = func() (string, error) { return cmp.Or(w.getenv("DSSCTL_TEST_SELF"), "/bin/false"), nil }
	return w
}

// outcome of a dssctl that ran.
type outcome struct {
	code           int // -1 when killed
	stdout, stderr string
	killed         bool
}

func (o outcome) String() string {
	return fmt.Sprintf("exit %d\n--- stdout\n%s--- stderr\n%s", o.code, o.stdout, o.stderr)
}

// patience is how long a test waits for what takes seconds: only what is stuck
// takes it, however slow the machine.
const patience = 5 * time.Minute

// command is a dssctl as a process of its own, in dir, not started yet.
func command(t *testing.T, dir string, env []string, args ...string) (*exec.Cmd, context.Context) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), asDssctl+"=")
	cmd.Env = append(cmd.Env, env...)
	return cmd, ctx
}

// start begins a dssctl.
func start(t *testing.T, dir string, env []string, args ...string) (*exec.Cmd, func() outcome) {
	t.Helper()
	cmd, ctx := command(t, dir, env, args...)
	return cmd, begin(ctx, t, cmd)
}

// begin starts a command and returns what waits for its end.
func begin(ctx context.Context, t *testing.T, cmd *exec.Cmd) func() outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() outcome {
		err := cmd.Wait()
		o := outcome{stdout: stdout.String(), stderr: stderr.String()}
		var exit *exec.ExitError
		switch {
		case err == nil:
		case errors.As(err, &exit):
			o.code = exit.ExitCode()
			o.killed = exit.Sys().(syscall.WaitStatus).Signaled()
			if ctx.Err() != nil {
				t.Fatalf("%s hangs\n%s", strings.Join(cmd.Args, " "), o)
			}
		default:
			t.Fatal(err)
		}
		return o
	}
}

// dssctl runs one to its end.
func dssctl(t *testing.T, dir string, env []string, args ...string) outcome {
	t.Helper()
	_, wait := start(t, dir, env, args...)
	return wait()
}

// must fails the test unless the exit code is one of codes.
func (o outcome) must(t *testing.T, codes ...int) outcome {
	t.Helper()
	for _, c := range codes {
		if o.code == c {
			return o
		}
	}
	t.Fatalf("want exit %v, got %s", codes, o)
	return o
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
