package dss

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// StuckError says that DSS did not stop in time.
type StuckError struct {
	Timeout   time.Duration
	Service   Service
	Note      string // why Service is unknown; "" otherwise
	Lines     []ProcessLine
	Processes []Process
}

func (e *StuckError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "DSS has not stopped within %s: its state is %s", e.Timeout, e.Service)
	if e.Note != "" {
		b.WriteString(": " + e.Note)
	}
	if len(e.Lines) > 0 {
		b.WriteString("\n" + table(e.Lines))
	}
	if list := listProcesses(e.Processes); list != "" && !strings.Contains(e.Note, list) {
		fmt.Fprintf(&b, "\nprocesses of this data directory that still run: %s", list)
	}
	return b.String()
}

// WaitStopped waits until DSS is stopped and no process of the data directory
// is left. The error is a *StuckError after the timeout.
func (in *Instance) WaitStopped(ctx context.Context, timeout time.Duration) error {
	pause := 100 * time.Millisecond
	for deadline := in.o.Clock.Now().Add(timeout); ; {
		stopped, stuck, err := in.stopped(ctx)
		if err != nil || stopped {
			return err
		}
		if !in.o.Clock.Now().Before(deadline) {
			stuck.Timeout = timeout
			return stuck
		}
		if err := in.o.Clock.Sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(pause*2, time.Second)
	}
}

// Stopped reports whether DSS is stopped and no process of the data directory
// is left.
func (in *Instance) Stopped(ctx context.Context) (bool, error) {
	stopped, _, err := in.stopped(ctx)
	return stopped, err
}

func (in *Instance) stopped(ctx context.Context) (bool, *StuckError, error) {
	state, lines, err := in.State(ctx)
	var unknown *UnknownStatusError
	if err != nil && !errors.As(err, &unknown) {
		return false, nil, err
	}
	left, err := in.Processes()
	if err != nil {
		return false, nil, err
	}
	stuck := &StuckError{Service: state, Lines: lines, Processes: left}
	if unknown != nil {
		stuck.Note = unknown.Error()
	}
	return state == ServiceStopped && len(left) == 0, stuck, nil
}

// MustBeStopped is nil where DSS is stopped and no process of the data directory
// is left, and says otherwise what there is of it.
func (in *Instance) MustBeStopped(ctx context.Context) error {
	stopped, stuck, err := in.stopped(ctx)
	switch {
	case err != nil || stopped:
		return err
	case stuck.Note != "":
		return errors.New(stuck.Note)
	case len(stuck.Processes) > 0:
		return fmt.Errorf("DSS is %s, and it must be stopped; processes of its data directory: %s", stuck.Service, listProcesses(stuck.Processes))
	}
	return fmt.Errorf("DSS is %s, and it must be stopped", stuck.Service)
}
