package proc

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pidIn reads a process number that a command has written.
func pidIn(t *testing.T, path string) Process {
	t.Helper()
	for range 500 {
		b, err := os.ReadFile(path)
		if pid, perr := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && perr == nil {
			return identify(pid)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("nothing was written to %s", path)
	return Process{}
}

func gone(p Process) bool {
	for range 200 {
		if !Alive(p) {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// TestDaemonSurvives: what a command leaves running, with its output open, is
// neither waited for nor ended.
func TestDaemonSurvives(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	c := sh(`sleep 60 & echo $! > "$1"; echo started`, pidFile)
	began := time.Now()
	r, err := runner(t).Run(context.Background(), c)
	if err != nil || string(r.Stdout) != "started\n" {
		t.Fatalf("found %q, %v", r.Stdout, err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it was waited for: %s", took)
	}
	daemon := pidIn(t, pidFile)
	if !Alive(daemon) {
		t.Error("the daemon was ended")
	}
	if err := syscall.Kill(daemon.PID, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	pidFile := filepath.Join(t.TempDir(), "pid")
	c := sh(`sleep 60 & echo $! > "$1"; echo begun; wait`, pidFile)
	c.Timeout = 2 * time.Second
	r, err := runner(t).Run(context.Background(), c)
	var exit *ExitError
	if !errors.As(err, &exit) || !exit.Timeout || exit.Signal != "SIGTERM" || r.Signal != "SIGTERM" {
		t.Fatalf("found %+v, %v", r, err)
	}
	if !strings.Contains(err.Error(), "had not ended after") || string(r.Stdout) != "begun\n" {
		t.Errorf("found %v, %q", err, r.Stdout)
	}
	if !gone(pidIn(t, pidFile)) {
		t.Error("a child of the command lives on")
	}
}

// TestKill: the group is killed when it does not end in time, also where only a
// child of the command holds out.
func TestKill(t *testing.T) {
	for name, script := range map[string]string{
		"the command holds out": `trap '' TERM; echo $$ > "$1"; while :; do sleep 0.05; done`,
		"a child holds out":     `(trap '' TERM; while :; do sleep 0.05; done) & echo $! > "$1"; wait`,
		"it is stopped":         `echo $$ > "$1"; kill -STOP $$; sleep 60`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pidFile := filepath.Join(t.TempDir(), "pid")
			c := sh(script, pidFile)
			c.Timeout, c.Grace = 2*time.Second, 200*time.Millisecond
			began := time.Now()
			_, err := runner(t).Run(context.Background(), c)
			var exit *ExitError
			if !errors.As(err, &exit) || !exit.Timeout {
				t.Fatalf("found %v", err)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
			if !gone(pidIn(t, pidFile)) {
				t.Error("it lives on")
			}
		})
	}
}

// TestKilledByOthers: where somebody kills the command, or the program in it,
// nothing of it goes on.
func TestKilledByOthers(t *testing.T) {
	for name, script := range map[string]string{
		"the command": `sleep 60 & echo $! > "$1"; kill -KILL $$`,
		"its program": `sleep 60 & echo $! > "$1"; sh -c 'kill -KILL $$'; exit $?`,
	} {
		t.Run(name, func(t *testing.T) {
			pidFile := filepath.Join(t.TempDir(), "pid")
			_, err := runner(t).Run(context.Background(), sh(script, pidFile))
			var exit *ExitError
			if !errors.As(err, &exit) {
				t.Fatalf("found %v", err)
			}
			if !gone(pidIn(t, pidFile)) {
				t.Error("a child of the command lives on")
			}
		})
	}
}

func TestCancel(t *testing.T) {
	because := errors.New("the user pressed Ctrl-C")
	ctx, cancel := context.WithCancelCause(context.Background())
	c := sh(`trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.05; done`)
	c.Line = func(line string) {
		if line == "ready" {
			cancel(because)
		}
	}
	r, err := runner(t).Run(ctx, c)
	var exit *ExitError
	if !errors.As(err, &exit) || !errors.Is(err, because) || exit.Timeout {
		t.Fatalf("found %v: a command that was told to end has not done its work, even with exit code 0", err)
	}
	if string(r.Stdout) != "ready\ncleaned\n" || r.ExitCode != 0 {
		t.Errorf("found %q, %d", r.Stdout, r.ExitCode)
	}
}

func TestIdentity(t *testing.T) {
	self, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	if self.PID != os.Getpid() || self.StartTicks == 0 || !Alive(self) {
		t.Errorf("self is %+v", self)
	}
	for name, p := range map[string]Process{
		"another start": {self.PID, self.StartTicks + 1, self.BootID}, "another boot": {self.PID, self.StartTicks, "x"}, "none": {},
		"negative": {-1, 0, self.BootID},
	} {
		if Alive(p) {
			t.Errorf("%s: %+v counts as alive", name, p)
		}
	}
}

func TestReadStat(t *testing.T) {
	// A name with spaces and parentheses, as any program may give itself.
	const name = "a) S 1 (b"
	program := filepath.Join(t.TempDir(), name)
	sleep, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, sleep, 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "600")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = c.Wait() // killed, as it should be
	}()
	comm, err := os.ReadFile("/proc/" + strconv.Itoa(c.Process.Pid) + "/comm")
	if err != nil || string(comm) != name+"\n" {
		t.Fatalf("it is called %q, %v", comm, err)
	}
	st, err := readStat(c.Process.Pid)
	if p := identify(c.Process.Pid); err != nil || st.group != c.Process.Pid || st.ticks == 0 || st.ticks != p.StartTicks || st.ended() {
		t.Errorf("found %+v, %v for %+v", st, err, p)
	}
}
