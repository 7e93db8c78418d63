package proc

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// dyingEnv has TestDies be the one that dies.
const dyingEnv = "PROC_TEST_DIES"

// Whoever dies before it has noted down what it started has started nothing.
func TestNothingBeginsBeforeItIsNotedDown(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(t.TempDir(), "made")
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestDies$")
	cmd.Env = append(os.Environ(), dyingEnv+"="+made)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var p Process
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(line, &p.PID, &p.StartTicks, &p.BootID); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it did not die")
	}
	for Alive(p) {
		time.Sleep(5 * time.Millisecond)
	}
	if _, err := os.Stat(made); err == nil {
		t.Error("the command ran")
	}
}

func TestDies(t *testing.T) {
	made := os.Getenv(dyingEnv)
	if made == "" {
		t.Skip("only as a process of its own")
	}
	_, err := New(Options{}).Run(context.Background(), Cmd{Path: "/bin/sh", Args: []string{"-c", `: > "$0"`, made}, Started: func(p Process) {
		fmt.Println(p.PID, p.StartTicks, p.BootID)
		_ = unix.Kill(os.Getpid(), unix.SIGKILL)
		select {}
	}})
	t.Fatal("it lives", err)
}

// A held command is the program itself: its arguments, its number, its exit code.
func TestHeldCommand(t *testing.T) {
	var noted Process
	r, err := New(Options{}).Run(context.Background(), Cmd{
		Path: "sh", Args: []string{"-c", `echo "$$ $1"; [ -e /proc/$$/fd/3 ] && echo "the pipe is open"; exit 3`, "x", "a 'b' \"c\" $d"},
		Started: func(p Process) { noted = p },
	})
	if err == nil || r.ExitCode != 3 {
		t.Errorf("exit code %d, %v", r.ExitCode, err)
	}
	if want := fmt.Sprintf("%d a 'b' \"c\" $d\n", noted.PID); string(r.Stdout) != want {
		t.Errorf("it printed %q, want %q", r.Stdout, want)
	}
	if _, err := New(Options{}).Run(context.Background(), Cmd{Path: "/no/such/program", Started: func(Process) { t.Error("told of") }}); err == nil {
		t.Error("no error for a program that is not there")
	}
}
