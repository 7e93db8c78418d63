package dss

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/proc"
)

// Start starts DSS: through its boot unit where one owns the instance, with
// its own script otherwise. It does not wait until DSS is ready.
func (in *Instance) Start(ctx context.Context) error {
	unit, err := in.Unit()
	if err != nil {
		return fmt.Errorf("start DSS: %w", err)
	}
	if unit != "" {
		return in.systemctl(ctx, "start", unit)
	}
	if _, err := in.command(ctx, proc.Cmd{Path: "dss", Args: []string{"start"}, Timeout: serviceTimeout}); err != nil {
		return fmt.Errorf("start DSS: %w", err)
	}
	return nil
}

// Stop stops DSS by the means that started it: the boot unit when it is
// active, the own script otherwise. It does not wait for what stays behind.
func (in *Instance) Stop(ctx context.Context) error {
	unit, err := in.Unit()
	if err != nil {
		return fmt.Errorf("stop DSS: %w", err)
	}
	if unit != "" {
		active, err := in.unitActive(ctx, unit)
		if err != nil {
			return err
		}
		if active {
			return in.systemctl(ctx, "stop", unit)
		}
		// Started by hand: systemctl would not stop what it did not start.
	}
	if _, err := in.command(ctx, proc.Cmd{Path: "dss", Args: []string{"stop"}, Timeout: serviceTimeout}); err != nil {
		return fmt.Errorf("stop DSS: %w", err)
	}
	return nil
}

// notAllowed is how systemctl says that the account may not.
var notAllowed = lazyregexp.New(`(?i)authenti|access denied|permission denied|not permitted|not authori[sz]ed|polkit|must be root|not privileged`)

// systemctl runs a verb on the unit: as the account itself where it may, and
// through `sudo -n` otherwise.
func (in *Instance) systemctl(ctx context.Context, verb, unit string) error {
	args := []string{"--no-ask-password", verb, unit}
	_, first := in.o.Runner.Run(ctx, proc.Cmd{Path: "systemctl", Args: args, Dir: "/", Timeout: serviceTimeout})
	if first == nil {
		return nil
	}
	doing := fmt.Sprintf("%s DSS through its boot unit %s", verb, unit)
	var exit *proc.ExitError
	if ctx.Err() != nil || !errors.As(first, &exit) || !notAllowed.MatchString(exit.Stdout+exit.Stderr) {
		return fmt.Errorf("%s: %w", doing, first)
	}
	_, second := in.o.Runner.Run(ctx, proc.Cmd{
		Path: "sudo", Args: append([]string{"-n", "systemctl"}, args...), Dir: "/", Timeout: serviceTimeout,
	})
	if second != nil {
		return fmt.Errorf("%s: the account may not, and sudo without a password does not work either: let it run `systemctl %s %s` (sudoers or polkit)\n%w\n%w",
			doing, verb, unit, first, second)
	}
	return nil
}

// unitActive asks systemd whether the unit runs. The state is printed, and the
// exit code follows it: other than 0 is no failure.
func (in *Instance) unitActive(ctx context.Context, unit string) (bool, error) {
	result, err := in.o.Runner.Run(ctx, proc.Cmd{Path: "systemctl", Args: []string{"is-active", unit}, Dir: "/", Timeout: statusTimeout})
	switch state := strings.TrimSpace(string(result.Stdout)); state {
	case "active", "activating", "reloading", "deactivating", "refreshing":
		return true, nil
	case "inactive", "failed", "unknown", "maintenance":
		return false, nil
	default:
		if err == nil {
			err = fmt.Errorf("it printed %s", shorten(state))
		}
		return false, fmt.Errorf("ask systemd for the state of the boot unit %s: %w", unit, err)
	}
}

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
	if len(e.Processes) > 0 {
		fmt.Fprintf(&b, "\nprocesses of this data directory that still run: %s", listProcesses(e.Processes))
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
