// Package executor carries out a plan and decides nothing. It takes the locks,
// checks that what the plan was based on is still so, and then, for each action
// in order: journals its begin, asks whether it is done already, does it,
// verifies it, and journals its end, every record on disk before the next step.
// So a run that is killed at any point can be resumed or rolled back.
//
// A plan's actions fall into units: what comes before the first window, each
// window with the proofs behind it, and the online work at the end. A unit is
// what is rolled back together when one of its actions fails.
package executor

import (
	"context"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/state"
)

// Executor runs plans against the instances of one estate.
type Executor struct {
	Store      state.Store
	Performers map[plan.Kind]providers.Performer
	// Open opens a plan's instance, with this runner for its commands.
	Open     func(in *plan.Instance, r proc.Runner) (*dss.Instance, error)
	Runner   proc.Runner
	Secrets  secret.Resolver
	Redactor *secret.Redactor
	Clock    clock.Clock
	// Events may be nil. It is called from one goroutine at a time.
	Events event.Sink
	// Stop asks for an end in a clean place: the current action is finished.
	// It may be nil. Cancelling the context aborts the current action.
	Stop <-chan struct{}
}

// OnFailure is what happens when an action fails.
type OnFailure string

// Rollback undoes the unit and starts DSS again; StopThere leaves everything
// as it is, for `recover`.
const (
	Rollback  OnFailure = "rollback"
	StopThere OnFailure = "stop"
)

// Options of a run.
type Options struct {
	OnFailure OnFailure // Rollback when empty
	// Why is the command, for the lock and the run's head.
	Why string
	// AllowLoss lets a rollback lose what was written since the run.
	AllowLoss bool
	// Unattended marks a new run that may be undone without asking when it was
	// broken off.
	Unattended bool
	// Check, where it is set, is asked by a recovery once it holds the locks and
	// before it does anything; its error is returned as it is.
	Check func(*Result) error
}

func (e *Executor) stopping() bool {
	select {
	case <-e.Stop:
		return true
	default:
		return false
	}
}

// Apply carries out p, whose encoded form is raw. The result is never nil once
// a run exists; the error is nil only when everything was done, and one of the
// types in errors.go otherwise.
func (e *Executor) Apply(ctx context.Context, p *plan.Plan, raw []byte, o Options) (*Result, error) {
	s, err := e.begin(ctx, o.Why, p)
	if err != nil {
		return nil, err
	}
	defer s.end()
	// Under the lock: a run that goes on at this moment is open too.
	if err := e.refuseOpenRun(ctx); err != nil {
		return nil, err
	}
	if err := s.checkFresh(ctx); err != nil {
		return nil, err
	}
	if err := s.checkProtected(ctx); err != nil {
		return nil, err
	}
	if err := s.recordable(); err != nil {
		return nil, err
	}
	if err := s.preflight(ctx, allActions); err != nil {
		return nil, err
	}
	if err := s.create(ctx, o, raw); err != nil {
		return nil, err
	}
	s.prune(ctx)
	return s.forward(ctx, o)
}
