package state_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/state"
)

// The tests of this file run the test binary again as other processes: what
// the kernel does at the end of a process cannot be played within one.
const (
	childEnv = "DSSCTL_STATE_TEST_CHILD"
	dirEnv   = "DSSCTL_STATE_TEST_DIR"
)

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "lock":
		childLock()
	case "full":
		childFull()
	}
}

// process is another process on a state.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(t *testing.T, what, dir string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(exe)}
	p.cmd.Env = append(os.Environ(), childEnv+"="+what, dirEnv+"="+dir)
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func (p *process) line() string {
	p.t.Helper()
	s, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("read from the other process: %q, %v", s, err)
	}
	return strings.TrimSpace(s)
}

func (p *process) say(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, s+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

func childStore() *state.Local {
	s, err := state.OpenLocal(os.Getenv(dirEnv), state.LocalOptions{Clock: clock.System{}, Heartbeat: 20 * time.Millisecond})
	if err != nil {
		panic(err)
	}
	return s
}

// childLock says "ready", waits for a line, tries the lock, says how that
// went, and holds what it got until standard input ends.
func childLock() {
	s := childStore()
	in := bufio.NewReader(os.Stdin)
	fmt.Println("ready")
	_, _ = in.ReadString('\n')
	lease, err := s.Lock(context.Background(), "child")
	var locked *state.LockedError
	switch {
	case errors.As(err, &locked):
		fmt.Println("locked by", locked.Holder.PID)
	case err != nil:
		fmt.Println("error:", err)
	case state.Former(lease) != nil:
		fmt.Println("won from", state.Former(lease).PID)
	default:
		fmt.Println("won")
	}
	_, _ = io.Copy(io.Discard, in)
}

func TestLockOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	p := start(t, "lock", dir)
	p.line()
	p.say("go")
	if got := p.line(); got != "won" {
		t.Fatalf("the other process says %q", got)
	}
	_, err := s.Lock(t.Context(), "mine")
	var locked *state.LockedError
	if !errors.As(err, &locked) || locked.Holder.PID != p.cmd.Process.Pid {
		t.Fatalf("Lock returned %v, expected the other process as holder", err)
	}
	// A lock file removed by hand does not let two in.
	if err := os.Remove(filepath.Join(dir, state.FolderName, "lock")); err != nil {
		t.Fatal(err)
	}
	if _, err = s.Lock(t.Context(), "mine"); !errors.As(err, &locked) {
		t.Errorf("with the lock file removed, Lock returned %v", err)
	}
	p.kill()
	h, err := s.Holder(t.Context())
	if err != nil || h != nil {
		t.Errorf("after SIGKILL the holder is %+v, %v", h, err)
	}
	lease, err := s.Lock(t.Context(), "mine")
	if err != nil {
		t.Fatalf("a dead process's lock was not taken over: %v", err)
	}
	if f := state.Former(lease); f == nil || f.PID != p.cmd.Process.Pid || f.Why != "child" {
		t.Errorf("the former holder is %+v", f)
	}
	if err := lease.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRaceForStaleLock(t *testing.T) {
	rounds := 5
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		dir := t.TempDir()
		dead := start(t, "lock", dir)
		dead.line()
		dead.say("go")
		if got := dead.line(); got != "won" {
			t.Fatal(got)
		}
		dead.kill()

		racers := make([]*process, 12)
		for i := range racers {
			racers[i] = start(t, "lock", dir)
			racers[i].line()
		}
		for _, r := range racers {
			r.say("go")
		}
		winner := 0
		var said []string
		for _, r := range racers {
			got := r.line()
			said = append(said, got)
			if got == fmt.Sprint("won from ", dead.cmd.Process.Pid) {
				if winner != 0 {
					t.Fatalf("two won: %q", said)
				}
				winner = r.cmd.Process.Pid
			}
		}
		for _, got := range said {
			// Who waited in vain for the winner's record knows nobody.
			if got != fmt.Sprint("locked by ", winner) && got != "locked by 0" && !strings.HasPrefix(got, "won from") {
				t.Errorf("process %d won, another one says %q", winner, got)
			}
		}
		if winner == 0 {
			t.Fatalf("nobody won: %q", said)
		}
		for _, r := range racers {
			r.kill()
		}
	}
}

// childFull writes a journal while the file may grow by half a line only.
func childFull() {
	signal.Ignore(syscall.SIGXFSZ)
	s, ctx := childStore(), context.Background()
	j, err := s.CreateRun(ctx, state.Run{}, nil)
	check(err)
	check(j.Append(ctx, state.Record{Type: "one"}))
	path := filepath.Join(s.Where(), "runs", j.Run().ID, "journal.jsonl")
	fi, err := os.Stat(path)
	check(err)
	var old syscall.Rlimit
	check(syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old))
	tight := old
	tight.Cur = uint64(fi.Size()) + 30
	check(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &tight))
	fmt.Println("full:", j.Append(ctx, state.Record{Type: "two"}) != nil)
	check(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old))
	check(j.Append(ctx, state.Record{Type: "three"}))
	records, err := j.Records(ctx)
	check(err)
	for _, r := range records {
		fmt.Println(r.Seq, r.Type)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func TestFullDisk(t *testing.T) {
	p := start(t, "full", t.TempDir())
	for _, want := range []string{"full: true", "1 one", "2 three"} {
		if got := p.line(); got != want {
			t.Errorf("the journal on a full disk: %q, expected %q", got, want)
		}
	}
}
