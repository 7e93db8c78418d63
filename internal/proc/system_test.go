package proc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dssctl/dssctl/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sh is a command of the shell.
func sh(script string, args ...string) Cmd {
	return Cmd{Path: "/bin/sh", Args: append([]string{"-c", script, "sh"}, args...)}
}

func runner(t *testing.T) *System {
	t.Helper()
	return New(Options{TempDir: t.TempDir()})
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	temp := t.TempDir()
	s := New(Options{TempDir: temp})
	c := sh(`pwd; echo "$1|$EXTRA"; echo err >&2; ls `+temp+`; cat`, "a b'c")
	c.Dir, c.Env = dir, []string{"EXTRA=x y"}
	var started Process
	c.Started = func(p Process) {
		started = p
		if !Alive(p) {
			t.Error("the process is not alive when it has started")
		}
	}
	r, err := s.Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	// The shell may know the folder by another name.
	if lines := strings.Split(string(r.Stdout), "\n"); len(lines) != 3 || lines[1] != "a b'c|x y" {
		t.Errorf("stdout is %q", r.Stdout)
	}
	if string(r.Stderr) != "err\n" || r.ExitCode != 0 || r.Signal != "" || r.Elapsed <= 0 {
		t.Errorf("found %+v", r)
	}
	if started.PID == 0 || started.StartTicks == 0 || Alive(started) {
		t.Errorf("started is %+v, alive %v", started, Alive(started))
	}
}

func TestRunFails(t *testing.T) {
	s := runner(t)
	for _, tt := range []struct {
		name, script, want string
		code               int
		signal             string
	}{
		{"exit code", "echo out; echo bad >&2; exit 3", "failed with exit code 3; it said:\nbad", 3, ""},
		{"only stdout", "echo out; exit 1", "failed with exit code 1; it printed:\nout", 1, ""},
		{"silent", "exit 1", "failed with exit code 1 and said nothing", 1, ""},
		{"signal", "kill -KILL $$", "was ended by SIGKILL after", -1, "SIGKILL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := s.Run(context.Background(), sh(tt.script))
			var exit *ExitError
			if !errors.As(err, &exit) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("found %v, expected … %s …", err, tt.want)
			}
			if r.ExitCode != tt.code || exit.ExitCode != tt.code || r.Signal != tt.signal || exit.Signal != tt.signal || exit.Timeout {
				t.Errorf("found %+v, %+v", r, exit)
			}
		})
	}
	t.Run("last lines only", func(t *testing.T) {
		_, err := s.Run(context.Background(), sh("seq 1 100 >&2; exit 1"))
		if text := err.Error(); strings.Contains(text, "\n90\n") || !strings.HasSuffix(text, "\n91\n92\n93\n94\n95\n96\n97\n98\n99\n100") {
			t.Errorf("found %s", text)
		}
	})
}

func TestRunDoesNotStart(t *testing.T) {
	s := runner(t)
	_, err := s.Run(context.Background(), Cmd{Path: "/nonexistent/hunter22", Args: []string{"hunter22"}, Secrets: []string{"hunter22"}})
	if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "hunter22") {
		t.Errorf("found %v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	because := errors.New("because")
	cancel(because)
	marker := filepath.Join(t.TempDir(), "ran")
	if _, err := s.Run(ctx, sh("touch "+marker)); !errors.Is(err, because) {
		t.Errorf("found %v", err)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("it ran after ctx had ended")
	}
}

func TestSecretsAreHidden(t *testing.T) {
	shared := &secret.Redactor{}
	shared.Add("shared-secret")
	s := New(Options{TempDir: t.TempDir(), Redactor: shared})
	key := "-----BEGIN KEY-----\nAbCdEfGhIjKlMn\n-----END KEY-----\n"
	c := sh(`printf '%s\n' "$1" "$2" "$3" shared-secret e:AES:abcDEF+/= >&2; printf '%s\n' "$3"; exit 1`, "hunter22", "pw", key)
	c.Secrets = []string{"hunter22", "pw", key, ""}
	var lines []string
	c.Line = func(line string) { lines = append(lines, line) }
	r, err := s.Run(context.Background(), c)
	var exit *ExitError
	if !errors.As(err, &exit) {
		t.Fatal(err)
	}
	shown := strings.Join([]string{err.Error(), fmt.Sprintf("%+v", *exit), fmt.Sprintf("%#v", *exit), strings.Join(lines, "\n")}, "\n")
	for _, hidden := range []string{"hunter22", "AbCdEfGhIjKlMn", "shared-secret", "e:AES:", "'pw'", " pw "} {
		if strings.Contains(shown, hidden) {
			t.Errorf("%q is shown in\n%s", hidden, shown)
		}
	}
	if !strings.Contains(exit.Cmd, "(secret) (secret) (secret)") {
		t.Errorf("the command is %s", exit.Cmd)
	}
	if !strings.Contains(string(r.Stderr), "hunter22") {
		t.Error("the result for parsing is redacted")
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("DSSCTL_VAR_password", "hunter22")
	t.Setenv("LC_ALL", "C.UTF-8")
	t.Setenv("LANG", "de_DE.UTF-8")
	t.Setenv("TEST_KEPT", "kept")
	t.Setenv("TEST_TOKEN", "hunter22")
	c := sh("env")
	c.Keep = []string{"TEST_K*"}
	r, err := runner(t).Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	env := "\n" + string(r.Stdout)
	if strings.Contains(env, "DSSCTL_") {
		t.Error("the command sees dssctl's own variables")
	}
	if strings.Contains(env, "hunter22") {
		t.Error("the command sees what is not for it")
	}
	for _, want := range []string{"\nLC_ALL=C.UTF-8\n", "\nLANG=de_DE.UTF-8\n", "\nTEST_KEPT=kept\n"} {
		if !strings.Contains(env, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

func TestOwnGroupNoInput(t *testing.T) {
	r, err := runner(t).Run(context.Background(), sh(`readlink /proc/self/fd/0; cut -d' ' -f5 /proc/$$/stat; echo $$`))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(r.Stdout))
	if len(f) != 3 || f[0] != "/dev/null" || f[1] != f[2] || f[1] == strconv.Itoa(syscall.Getpgrp()) {
		t.Errorf("input, group and process are %q", f)
	}
}

func TestOutputIsBounded(t *testing.T) {
	s := runner(t)
	r, err := s.Run(context.Background(), sh("seq 1 100000"))
	if err != nil {
		t.Fatal(err)
	}
	out := string(r.Stdout)
	if len(out) > 2*keep+100 || !strings.HasPrefix(out, "1\n2\n3\n") || !strings.HasSuffix(out, "\n99999\n100000\n") {
		t.Errorf("%d bytes: %.20q … %.20q", len(out), out, out[len(out)-20:])
	}
	var left int
	_, rest, found := strings.Cut(out, "... ")
	if _, err := fmt.Sscanf(rest, "%d bytes left out ...\n", &left); !found || err != nil {
		t.Fatalf("what is left out is not said: %v", err)
	}
	note := len(fmt.Sprintf("... %d bytes left out ...\n", left))
	if all := 588895; len(out)-note+left != all {
		t.Errorf("%d kept and %d left out are not %d", len(out)-note, left, all)
	}
	for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
		if _, err := strconv.Atoi(line); err != nil && !strings.HasPrefix(line, "...") {
			t.Fatalf("line %d is %q, no whole line", i, line)
		}
	}
	r, err = s.Run(context.Background(), sh(`head -c 300000 /dev/zero | tr '\0' x`))
	if err != nil || len(r.Stdout) > 2*keep+100 || !strings.Contains(string(r.Stdout), "x\n... 168928 bytes left out ...\nx") {
		t.Errorf("one long line: %v, %d bytes", err, len(r.Stdout))
	}
}

func TestLines(t *testing.T) {
	c := sh(`echo one; echo two >&2; printf 'three\r\nfour'; sleep 0.2; printf ' and more\n\nlast'`)
	var lines []string
	c.Line = func(line string) { lines = append(lines, line) }
	if _, err := runner(t).Run(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, l := range lines {
		got[l]++
	}
	for _, want := range []string{"one", "two", "three", "four and more", "", "last"} {
		if got[want] != 1 {
			t.Errorf("%q was told %d times in %q", want, got[want], lines)
		}
	}
	if len(lines) != 6 {
		t.Errorf("found %q", lines)
	}
}

// TestLinesComeAtOnce: a line is told while the command still runs.
func TestLinesComeAtOnce(t *testing.T) {
	gate := filepath.Join(t.TempDir(), "gate")
	c := sh(`echo ready; while [ ! -e "$1" ]; do sleep 0.02; done`, gate)
	c.Timeout = time.Minute
	c.Line = func(line string) {
		if line == "ready" {
			if err := os.WriteFile(gate, nil, 0o600); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := runner(t).Run(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

func TestLongLineIsCut(t *testing.T) {
	c := sh(`head -c 1000000 /dev/zero | tr '\0' x; echo; echo next`)
	var lengths []int
	c.Line = func(line string) { lengths = append(lengths, len(line)) }
	if _, err := runner(t).Run(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	if len(lengths) != 2 || lengths[0] != longestLine/2+4 || lengths[1] != 4 {
		t.Errorf("found lines of %v bytes", lengths)
	}
}

// TestNoTempFolder: the output goes to memory where no file can be made.
func TestNoTempFolder(t *testing.T) {
	s := New(Options{TempDir: filepath.Join(t.TempDir(), "none")})
	r, err := s.Run(context.Background(), sh("echo out"))
	if err != nil || string(r.Stdout) != "out\n" {
		t.Errorf("found %q, %v", r.Stdout, err)
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{"": "''", "a": "a", "a b": "'a b'", "it's": `'it'\''s'`, "-D=x/y": "-D=x/y", "é": "'é'", "a\nb": "'a\nb'"} {
		if got := quote(in); got != want {
			t.Errorf("%q: found %s, expected %s", in, got, want)
		}
	}
}

func TestOverwritten(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "",
		"one\ntwo\n":                        "one\ntwo\n",
		"one\r\ntwo\r\n":                    "one\ntwo\n",
		"rows 50\rrows 100\rrows 120\ndone": "rows 120\ndone",
		"\r 10 %\r 20 %":                    " 20 %",
		"40 %\r\r\n":                        "40 %\n",
	} {
		if got := Overwritten(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
