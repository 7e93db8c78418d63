package dss

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/dssctl/dssctl/internal/proc"
)

// How long ended processes have between SIGTERM and SIGKILL, and after that.
const (
	termGrace = 15 * time.Second
	killGrace = 10 * time.Second
)

// KillProcesses ends the processes that Processes lists, with SIGTERM and then
// SIGKILL, and returns which they were. A number that was given to another
// process meanwhile is not touched.
func (in *Instance) KillProcesses(ctx context.Context) ([]Process, error) {
	first, err := in.Processes()
	if err != nil {
		return nil, err
	}
	for _, step := range []struct {
		signal syscall.Signal
		grace  time.Duration
	}{{syscall.SIGTERM, termGrace}, {syscall.SIGKILL, killGrace}} {
		if err := in.signalAll(step.signal); err != nil {
			return first, err
		}
		left, err := in.waitGone(ctx, step.grace)
		if err != nil || left == 0 {
			return first, err
		}
	}
	left, err := in.Processes()
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("end the processes of %s: still there after SIGKILL: %s", in.DataDir, listProcesses(left))
	}
	return first, err
}

func (in *Instance) signalAll(signal syscall.Signal) error {
	ps, err := in.Processes()
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range ps {
		// FindProcess holds on to the process itself (a pidfd), so that what
		// is checked after it is what gets the signal.
		handle, err := os.FindProcess(p.PID)
		if err != nil {
			continue
		}
		if proc.Alive(p.Process) {
			if err := handle.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("end process %s: %w", p, err))
			}
		}
		_ = handle.Release()
	}
	return errors.Join(errs...)
}

// waitGone waits until none is left, at the most for so long, and returns how
// many are.
func (in *Instance) waitGone(ctx context.Context, d time.Duration) (int, error) {
	for deadline := in.o.Clock.Now().Add(d); ; {
		left, err := in.Processes()
		if err != nil || len(left) == 0 || !in.o.Clock.Now().Before(deadline) {
			return len(left), err
		}
		if err := in.o.Clock.Sleep(ctx, 100*time.Millisecond); err != nil {
			return len(left), err
		}
	}
}
