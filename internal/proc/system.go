package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/secret"
)

// Options of a System. The zero value is ready for use.
type Options struct {
	// TempDir holds the unnamed output files; os.TempDir() when "".
	TempDir string
	// Clock is clock.System when nil.
	Clock clock.Clock
	// Redactor knows secrets besides those of each Cmd; may be nil.
	Redactor *secret.Redactor
}

// System is the Runner of the machine dssctl runs on.
type System struct{ options Options }

// New returns a System.
func New(o Options) *System {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	return &System{options: o}
}

// defaultGrace is how long a group has after SIGTERM.
const defaultGrace = 10 * time.Second

// Run implements Runner. A process that the command leaves running when it
// ends by itself, a daemon, is neither waited for nor ended. What is left of a
// command that somebody else has killed is ended: DSS's commands are shells around
// the program that does the work, which would go on behind whoever undoes it.
func (s *System) Run(ctx context.Context, c Cmd) (Result, error) {
	hide := newRedactor(s.options.Redactor, c.Secrets)
	failed := func(err error) (Result, error) {
		return Result{ExitCode: -1}, &startError{text: hide.text(err.Error()), cmd: hide.commandLine(c), err: err}
	}
	if ctx.Err() != nil {
		return failed(context.Cause(ctx))
	}
	stdout, err := openOutput(s.options.TempDir)
	if err != nil {
		return failed(err)
	}
	defer stdout.Close()
	stderr, err := openOutput(s.options.TempDir)
	if err != nil {
		return failed(err)
	}
	defer stderr.Close()

	// Not exec.CommandContext: it would kill the one process, not the group.
	cmd := exec.Command(c.Path, c.Args...) //nolint:noctx // the group is ended below
	begin := func() {}
	if c.Started != nil {
		var giveUp func()
		if begin, giveUp, err = hold(cmd); err != nil {
			return failed(err)
		}
		defer giveUp()
	}
	cmd.Dir = c.Dir
	cmd.Env = append(inherited(os.Environ(), c.Keep), c.Env...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if c.Stdout != nil {
		cmd.Stdout = c.Stdout
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	began := s.options.Clock.Now()
	if err := cmd.Start(); err != nil {
		return failed(err)
	}
	if c.Started != nil {
		c.Started(identify(cmd.Process.Pid))
	}
	begin()
	stopLines := s.follow(c.Line, hide, stdout, stderr)
	ended := s.await(ctx, c, cmd.Process.Pid)
	stopLines()
	_ = cmd.Wait() // the exit code is looked at below
	result := Result{Elapsed: s.options.Clock.Now().Sub(began), ExitCode: cmd.ProcessState.ExitCode()}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		result.Signal = unix.SignalName(status.Signal())
	}
	if ended.cause == nil && result.killed() {
		s.endGroup(cmd.Process.Pid, c.grace()) // its number is not given away while the group lives
	}
	var errOut, errErr error
	result.Stdout, errOut = capture(stdout)
	result.Stderr, errErr = capture(stderr)
	if result.ExitCode != 0 || ended.cause != nil {
		return result, &ExitError{
			Cmd:      hide.commandLine(c),
			ExitCode: result.ExitCode,
			Signal:   result.Signal,
			Stdout:   hide.text(string(result.Stdout)),
			Stderr:   hide.text(string(result.Stderr)),
			Timeout:  ended.timeout,
			After:    result.Elapsed,
			cause:    ended.cause,
		}
	}
	if err := errors.Join(errOut, errErr); err != nil {
		return result, fmt.Errorf("read the output of %s: %w", hide.commandLine(c), err)
	}
	return result, nil
}

// killed reports whether the command was ended by a signal, or is a shell that
// says so of the program in it.
func (r Result) killed() bool {
	return r.Signal != "" || r.ExitCode > shellSignal && r.ExitCode <= shellSignal+int(unix.SIGSYS)
}

// shellSignal and the signal's number are what a shell ends with.
const shellSignal = 128
