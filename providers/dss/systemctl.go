package dss

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/proc"
)

// RefusedError says that systemd has not even begun with a unit: the account may
// not, there is no such unit, or systemd does not answer. DSS is as it was.
type RefusedError struct {
	Verb, Unit string
	// Why is short and follows a colon.
	Why string
	// Denied is set when the account may not.
	Denied bool
	Err    error // what was tried; may be nil
}

func (e *RefusedError) Error() string {
	text := fmt.Sprintf("%s DSS through its boot unit %s: %s", e.Verb, e.Unit, e.Why)
	if e.Denied {
		text += "; let the account run `" + proc.CommandLine("systemctl", e.Verb, e.Unit) + "`, by sudo without a password or by polkit"
	}
	if e.Err != nil {
		text += "\n" + e.Err.Error()
	}
	return text
}

func (e *RefusedError) Unwrap() error { return e.Err }

// How systemctl and sudo say that nothing was begun.
var (
	notAllowed = lazyregexp.New(`(?i)authenti|access denied|permission denied|not permitted|not authori[sz]ed|polkit|must be root|not privileged`)
	notThere   = lazyregexp.New(`(?i)unit \S+ (?:not found|could not be found)|not loaded properly|bad unit file setting|no such file or directory`)
	isMasked   = lazyregexp.New(`(?i)\bis masked\b`)
	noSystemd  = lazyregexp.New(`(?i)failed to connect to (?:the )?(?:system )?(?:scope )?bus|failed to get d-bus|not been booted with systemd|operating system does not use systemd|transport endpoint`)
	sudoSays   = lazyregexp.New(`(?im)^sudo:|^sorry,|sudoers|not allowed to (?:execute|run)|may not run sudo`)
)

// systemctl runs a verb on the unit: as the account itself where it may, and
// through `sudo -n` otherwise.
func (in *Instance) systemctl(ctx context.Context, verb, unit string, timeout time.Duration) error {
	refused := &RefusedError{Verb: verb, Unit: unit}
	_, err := in.o.Runner.Run(ctx, proc.Cmd{
		Path: "systemctl", Args: []string{"--no-ask-password", verb, unit}, Dir: "/", Env: plainWords, Timeout: timeout,
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	if !refused.understands(err, notAllowed.MatchString) {
		return fmt.Errorf("%s DSS through its boot unit %s: %w", verb, unit, err)
	}
	if !refused.Denied {
		return refused
	}
	// Rules of sudo name a unit by either name, and fit that one only.
	for _, name := range unitNames(unit) {
		_, err := in.o.Runner.Run(ctx, proc.Cmd{
			Path: "sudo", Args: []string{"-n", "systemctl", verb, name}, Dir: "/", Env: plainWords, Timeout: timeout,
		})
		if err == nil || ctx.Err() != nil {
			return err
		}
		if !refused.understands(err, sudoSays.MatchString) {
			return fmt.Errorf("%s DSS through its boot unit %s, by sudo: %w", verb, unit, err)
		}
	}
	refused.Why = "the account may not, and sudo without a password does not work either"
	return refused
}

// unitNames are the names by which a unit can be called.
func unitNames(unit string) []string {
	if short, ok := strings.CutSuffix(unit, ".service"); ok {
		return []string{unit, short}
	}
	return []string{unit}
}

// understands tells a refusal from a unit that failed, and notes why.
func (e *RefusedError) understands(err error, denied func(string) bool) bool {
	e.Err = errors.Join(e.Err, err)
	var exit *proc.ExitError
	if !errors.As(err, &exit) {
		// It could not be run at all.
		e.Why = "systemctl cannot be run"
		return true
	}
	switch text := exit.Stdout + "\n" + exit.Stderr; {
	case exit.Timeout:
		return false // it may have begun
	case noSystemd.MatchString(text):
		e.Why = "systemd does not run here"
	case isMasked.MatchString(text):
		e.Why = "it is masked"
	case denied(text):
		e.Why, e.Denied = "the account may not", true
	case notThere.MatchString(text):
		e.Why = "systemd knows no such unit"
	default:
		return false
	}
	return true
}

// UnitState is what systemd says of a unit.
type UnitState struct {
	Unit   string
	Load   string // loaded, not-found, masked, bad-setting, error
	Active string // active, inactive, failed, activating, …
	// Silent says why systemd did not tell; "" when it did.
	Silent string
	// Hangs is set when systemd is there and did not answer in time.
	Hangs bool
}

// IsActive reports whether the unit runs, or is on its way up or down.
func (s UnitState) IsActive() bool {
	switch s.Active {
	case "active", "activating", "reloading", "deactivating", "refreshing":
		return true
	}
	return false
}

// Startable reports whether systemd can start the unit.
func (s UnitState) Startable() bool { return s.Silent == "" && s.Load == "loaded" }

// AskUnit asks systemd for a unit's state.
func (in *Instance) AskUnit(ctx context.Context, unit string) UnitState {
	s := UnitState{Unit: unit}
	result, err := in.o.Runner.Run(ctx, proc.Cmd{
		Path: "systemctl", Args: []string{"show", "--property=LoadState,ActiveState", unit}, Dir: "/", Env: plainWords, Timeout: askTimeout,
	})
	for line := range strings.Lines(string(result.Stdout)) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), "="); key {
		case "LoadState":
			s.Load = value
		case "ActiveState":
			s.Active = value
		}
	}
	var exit *proc.ExitError
	switch {
	case s.Load != "" && s.Active != "":
	case errors.As(err, &exit) && (exit.Timeout || ctx.Err() != nil):
		s.Hangs, s.Silent = true, fmt.Sprintf("it did not answer within %s", askTimeout)
	case err != nil && noSystemd.MatchString(err.Error()):
		s.Silent = "it does not run here"
	case exit != nil:
		s.Hangs, s.Silent = true, "systemctl failed: "+lastLine(exit.Stdout+"\n"+exit.Stderr)
	case err != nil:
		s.Silent = "there is no systemctl"
	default:
		s.Hangs, s.Silent = true, "systemctl printed "+shorten(strings.TrimSpace(string(result.Stdout)))
	}
	return s
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// runsIn reports whether a process of the data directory belongs to the unit, as
// the kernel says: for where systemd does not answer.
func (in *Instance) runsIn(unit string) bool {
	all, err := in.Processes()
	if err != nil {
		return false
	}
	for _, p := range all {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.PID), "cgroup"))
		if err == nil && inGroup(string(text), unit) {
			return true
		}
	}
	return false
}

// inGroup reports whether /proc/PID/cgroup is of a process of the system's unit.
func inGroup(text, unit string) bool {
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 || strings.HasPrefix(parts[2], "/user.slice/") {
			continue
		}
		for name := range strings.SplitSeq(parts[2], "/") {
			if name == unit {
				return true
			}
		}
	}
	return false
}

func asExit(err error) (*proc.ExitError, bool) {
	var exit *proc.ExitError
	ok := errors.As(err, &exit)
	return exit, ok
}
