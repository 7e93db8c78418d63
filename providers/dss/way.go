package dss

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/proc"
)

// Way is how DSS is stopped and started. Whoever stops DSS remembers the way, for
// the one who starts it: DSS's documentation asks not to mix them.
type Way struct {
	// Unit is the boot unit; "" for the data directory's own script.
	Unit string `json:"unit,omitempty"`
}

func (w Way) String() string {
	if w.Unit == "" {
		return "its own script"
	}
	return "the boot unit " + w.Unit
}

// StopWay tells how to stop a DSS that runs: through its boot unit when that is
// active, with its own script otherwise, for systemd would not stop what it did
// not start.
func (in *Instance) StopWay(ctx context.Context) (Way, error) {
	unit, s, err := in.currentUnit(ctx)
	if err != nil {
		return Way{}, fmt.Errorf("stop DSS: %w", err)
	}
	if unit == "" {
		return Way{}, nil
	}
	switch {
	case ctx.Err() != nil:
		return Way{}, context.Cause(ctx)
	case s.IsActive():
		return Way{Unit: unit}, nil
	case s.Silent != "" && in.runsIn(unit):
		return Way{}, fmt.Errorf("stop DSS: it runs in its boot unit %s, and systemd cannot be asked to stop it: %s", unit, s.Silent)
	}
	return Way{}, nil
}

// currentUnit is the boot unit that owns the instance now, and its state: a run
// of long ago may name one that is gone.
func (in *Instance) currentUnit(ctx context.Context) (string, UnitState, error) {
	unit, err := in.Unit(ctx)
	if err != nil || unit == "" {
		return "", UnitState{}, err
	}
	s := in.AskUnit(ctx, unit)
	if s.Load != "not-found" || !in.UnitIsConfigured() {
		return unit, s, nil
	}
	if unit, err = in.FindUnit(ctx); err != nil || unit == "" {
		return "", UnitState{}, err
	}
	return unit, in.AskUnit(ctx, unit), nil
}

// StopBy stops DSS by this way. It does not wait for what stays behind.
func (in *Instance) StopBy(ctx context.Context, w Way) error {
	if w.Unit != "" {
		return in.systemctl(ctx, "stop", w.Unit, serviceTimeout)
	}
	return in.script(ctx, "stop", serviceTimeout)
}

func (in *Instance) script(ctx context.Context, verb string, timeout time.Duration) error {
	if _, err := in.command(ctx, proc.Cmd{Path: "dss", Args: []string{verb}, Timeout: timeout}); err != nil {
		return fmt.Errorf("%s DSS: %w", verb, err)
	}
	return nil
}

// startBy starts DSS by this way. It does not wait until DSS is ready.
func (in *Instance) startBy(ctx context.Context, w Way, timeout time.Duration) error {
	if w.Unit == "" {
		return in.script(ctx, "start", timeout)
	}
	s := in.AskUnit(ctx, w.Unit)
	refused := &RefusedError{Verb: "start", Unit: w.Unit}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case s.Silent != "":
		refused.Why = "systemd cannot be asked: " + s.Silent
		return refused
	case s.Load != "loaded":
		refused.Why = unloadable(s.Load)
		return refused
	case s.Active == "active":
		// It has outlived its DSS, and a start would do nothing.
		if err := in.systemctl(ctx, "stop", w.Unit, timeout); err != nil {
			return err
		}
	}
	return in.systemctl(ctx, "start", w.Unit, timeout)
}

// unloadable says in words why a unit cannot be started.
func unloadable(load string) string {
	switch load {
	case "not-found":
		return "systemd knows no such unit"
	case "masked":
		return "it is masked"
	default:
		return fmt.Sprintf("systemd cannot load it (%s)", load)
	}
}

// BringUp is how Up starts DSS.
type BringUp struct {
	// By is how DSS was stopped; nil when nobody remembers: the boot unit then,
	// where one owns the instance.
	By *Way
	// Timeout is how long DSS may take until it is ready.
	Timeout time.Duration
	// Last says that nobody comes after: every way is tried.
	Last bool
	// Note is told what is waited for, Notice what a person should know. Both
	// may be nil.
	Note, Notice func(string)
}

// failedStartGrace is how long DSS may still take when the command that starts it
// has failed: it may have lost patience before DSS did.
const failedStartGrace = 60 * time.Second

// Up starts a DSS that is stopped, and waits until it is ready. It starts DSS by
// what stopped it; where that is the boot unit and systemd does not even begin,
// with its own script, and says so.
func (in *Instance) Up(ctx context.Context, o BringUp) error {
	var failed error
	ways := in.startWays(ctx, o)
	for i, w := range ways {
		if o.Note != nil {
			o.Note("starting DSS")
		}
		err := in.startBy(ctx, w, min(o.Timeout, serviceTimeout))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		more := i+1 < len(ways)
		if more && in.notBegun(ctx, err) {
			failed = errors.Join(failed, err)
			continue
		}
		timeout := o.Timeout
		if err != nil {
			timeout = min(timeout, failedStartGrace) // without the command a long wait makes no sense
		}
		werr := in.WaitReady(ctx, timeout, o.Note)
		if werr == nil {
			in.tellStart(o, ways[0], w, failed, err)
			return nil
		}
		failed = errors.Join(failed, werr, err)
		if ctx.Err() != nil || !more || !o.Last {
			return failed
		}
		if down, err := in.Stopped(ctx); err != nil || !down {
			return errors.Join(failed, err)
		}
	}
	return failed
}

// startWays are the ways to start DSS, the best one first.
func (in *Instance) startWays(ctx context.Context, o BringUp) []Way {
	own := Way{}
	unit := ""
	if o.By != nil {
		unit = o.By.Unit
	}
	if o.By == nil || o.Last && unit == "" {
		// Which of several units it is nobody can tell: then there is none.
		unit, _, _ = in.currentUnit(ctx)
	}
	switch {
	case unit == "":
		return []Way{own}
	case o.By != nil && o.By.Unit == "":
		return []Way{own, {Unit: unit}}
	default:
		return []Way{{Unit: unit}, own}
	}
}

// notBegun reports whether a start has left DSS as it was, so that another way
// can be tried beside it.
func (in *Instance) notBegun(ctx context.Context, err error) bool {
	var refused *RefusedError
	if errors.As(err, &refused) {
		return true
	}
	exit, ran := asExit(err)
	if !ran || !exit.Timeout {
		return false
	}
	down, err := in.Stopped(ctx)
	return err == nil && down
}

// tellStart says by what DSS was started where that is not what one expects.
func (in *Instance) tellStart(o BringUp, wanted, used Way, before, err error) {
	switch {
	case o.Notice == nil:
	case used != wanted && used.Unit == "":
		o.Notice(fmt.Sprintf("DSS was started by its own script; the unit %s shows inactive: %s", wanted.Unit, inShort(before)))
	case used != wanted:
		o.Notice(fmt.Sprintf("DSS was started by %s: %s", used, inShort(before)))
	case err != nil:
		o.Notice(fmt.Sprintf("DSS is ready, though the command that started it failed: %v", err))
	}
}

// inShort is an error's first line, without what was printed.
func inShort(err error) string {
	var refused *RefusedError
	if errors.As(err, &refused) {
		short := *refused
		short.Err = nil
		return short.Error()
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// Start starts DSS by whatever way there is. It does not wait until DSS is ready.
func (in *Instance) Start(ctx context.Context) error {
	ways := in.startWays(ctx, BringUp{})
	var err error
	for _, w := range ways {
		if err = in.startBy(ctx, w, serviceTimeout); !in.notBegun(ctx, err) {
			return err
		}
	}
	return err
}

// Stop stops DSS by the means that started it. It does not wait for what stays
// behind.
func (in *Instance) Stop(ctx context.Context) error {
	w, err := in.StopWay(ctx)
	if err != nil {
		return err
	}
	return in.StopBy(ctx, w)
}
