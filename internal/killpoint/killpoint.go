// Package killpoint runs a program and kills it, by SIGKILL, ahead of a chosen
// system call. It is for tests of what a program leaves behind when it is
// killed.
//
// A process acts on the world by system calls alone. So killing it ahead of each
// call that changes something outside of it (a Point) is killing it at every
// moment that makes a difference, without a line for tests in the program. The
// program is traced as a debugger does it (ptrace); what it starts is not, and
// outlives it as it would anywhere.
package killpoint

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Point is a call that is about to change something.
type Point struct {
	Call string // "rename", "write", "send", "start", …
	What string // the path, or what is sent
	Data []byte // the beginning of what a write or send holds
}

func (p Point) String() string { return p.Call + " " + p.What }

// Fate is what becomes of the program at a point.
type Fate int

// The fates. Soon is a moment after the call, in the middle of what it set going.
// HangUp sends SIGHUP, as a terminal that goes away does, and lets it live.
const (
	Live Fate = iota
	Die
	Soon
	HangUp
)

const moment = 150 * time.Millisecond

// Cmd is a program to run. Its output goes to files: nobody reads pipes while it
// is held.
type Cmd struct {
	Path   string
	Args   []string // without the program's name
	Dir    string
	Env    []string
	Output [2]*os.File // stdout, stderr
	// Sessions kills with the program what it has started in another session, and
	// with its environment.
	Sessions bool
}

// ErrNotAllowed says that this system lets nobody trace.
var ErrNotAllowed = errors.New("the system does not allow tracing (ptrace)")

// Run runs the program to its end and asks fate at each point, from one
// goroutine: at Die the program is killed ahead of the call. It returns how the
// program ended.
func Run(c Cmd, fate func(Point) Fate) (syscall.WaitStatus, error) {
	// Only the thread that started the program may trace it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	mark := "KILLPOINT=" + rand.Text()
	p, err := os.StartProcess(c.Path, append([]string{c.Path}, c.Args...), &os.ProcAttr{
		Dir: c.Dir, Env: append(slices.Clone(c.Env), mark), Files: []*os.File{nil, c.Output[0], c.Output[1]},
		// A group of its own, to wait for its threads and for nobody else's.
		Sys: &syscall.SysProcAttr{Ptrace: true, Setpgid: true},
	})
	if errors.Is(err, syscall.EPERM) {
		return 0, fmt.Errorf("%w: %w", ErrNotAllowed, err)
	}
	if err != nil {
		return 0, err
	}
	t := &tracee{pid: p.Pid, known: map[int]bool{p.Pid: true}, sessions: c.Sessions, mark: mark}
	// From here on this goroutine waits for it itself.
	if err := p.Release(); err != nil {
		return 0, errors.Join(err, t.kill())
	}
	return t.trace(fate)
}

type tracee struct {
	pid   int
	known map[int]bool // its threads
	soon  *time.Timer
	// sessions says that what has its environment, by this mark, and another session
	// dies first.
	sessions bool
	mark     string
}

func (t *tracee) kill() error {
	var errs []error
	if t.sessions {
		for _, pid := range t.away() {
			if err := unix.Kill(pid, unix.SIGKILL); !errors.Is(err, unix.ESRCH) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(append(errs, unix.Kill(t.pid, unix.SIGKILL))...)
}

// away are the processes of this environment in another session than the traced
// one's.
func (t *tracee) away() (out []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	own, err := unix.Getsid(t.pid)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		environ, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err != nil || !bytes.Contains(environ, []byte(t.mark)) {
			continue // it is another's, or has ended
		}
		if sid, err := unix.Getsid(pid); err == nil && sid != own {
			out = append(out, pid)
		}
	}
	return out
}

func (t *tracee) trace(fate func(Point) Fate) (syscall.WaitStatus, error) {
	var end unix.WaitStatus
	if _, err := wait(t.pid, &end); err != nil || !end.Stopped() {
		return syscall.WaitStatus(end), fmt.Errorf("trace process %d: it does not stop at its begin: %w", t.pid, err)
	}
	const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_EXITKILL
	if err := unix.PtraceSetOptions(t.pid, options); err != nil {
		return 0, errors.Join(fmt.Errorf("%w: %w", ErrNotAllowed, err), t.kill())
	}
	if err := unix.PtraceSyscall(t.pid, 0); err != nil {
		return 0, errors.Join(fmt.Errorf("trace process %d: %w", t.pid, err), t.kill())
	}
	for {
		var status unix.WaitStatus
		tid, err := wait(-t.pid, &status)
		if err != nil {
			return 0, errors.Join(fmt.Errorf("wait for process %d: %w", t.pid, err), t.kill())
		}
		if !status.Stopped() {
			// The leader's end is told when every thread has ended.
			if tid == t.pid {
				if t.soon != nil {
					t.soon.Stop()
				}
				return syscall.WaitStatus(status), nil
			}
			continue
		}
		deliver, dead, err := t.stopped(tid, status, fate)
		if err != nil {
			return 0, errors.Join(err, t.kill())
		}
		if dead {
			continue
		}
		// A thread may be gone by now, with its process.
		if err := unix.PtraceSyscall(tid, deliver); err != nil && !errors.Is(err, unix.ESRCH) {
			return 0, errors.Join(fmt.Errorf("trace thread %d: %w", tid, err), t.kill())
		}
	}
}

func wait(pid int, status *unix.WaitStatus) (int, error) {
	for {
		tid, err := unix.Wait4(pid, status, unix.WALL, nil)
		if !errors.Is(err, unix.EINTR) {
			return tid, err
		}
	}
}

// stopped looks at a thread that stands still. It returns the signal to go on
// with, or dead when the process was killed.
func (t *tracee) stopped(tid int, status unix.WaitStatus, fate func(Point) Fate) (deliver int, dead bool, err error) {
	switch sig := status.StopSignal(); {
	case sig == unix.SIGTRAP|0x80:
		point, ok, err := t.point(tid)
		if err != nil || !ok {
			return 0, false, err
		}
		switch fate(point) {
		case Die:
			return 0, true, t.kill()
		case HangUp:
			return 0, false, unix.Kill(t.pid, unix.SIGHUP)
		case Soon:
			if t.soon == nil {
				t.soon = time.AfterFunc(moment, func() { _ = t.kill() })
			}
		}
		return 0, false, nil
	case sig == unix.SIGTRAP: // a thread was made
		return 0, false, nil
	case sig == unix.SIGSTOP && !t.known[tid]: // a thread begins
		t.known[tid] = true
		return 0, false, nil
	default:
		return int(sig), false, nil
	}
}
