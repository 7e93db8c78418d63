package executor

import (
	"fmt"
	"strings"

	"github.com/dssctl/dssctl/state"
)

// StaleError says that what a plan was based on is no longer so. Nothing was
// done.
type StaleError struct {
	// Changed has one line a finding: what, on which instance.
	Changed []string
}

func (e *StaleError) Error() string {
	return "the plan is stale; since it was made, this has changed:\n  - " + strings.Join(e.Changed, "\n  - ") +
		"\nNothing was done. Make a new plan."
}

// ElsewhereError says that a data directory leads to another folder than when the
// plan was made: what was planned, and what a run has done, was in that one.
// Nothing was done.
type ElsewhereError struct{ Address, DataDir, Planned, Now string }

func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("%s: the data directory %s leads to %s; when the plan was made, it led to %s.\nNothing was done. Have it lead to %[4]s again; or, where no run is open, make a new plan for the other folder.", e.Address, e.DataDir, e.Now, e.Planned)
}

// OpenRunError says that an earlier run must be closed first.
type OpenRunError struct{ Run state.Run }

func (e *OpenRunError) Error() string {
	what := "was interrupted"
	if e.Run.Status == state.Failed {
		what = "stopped part-way"
	}
	return fmt.Sprintf("run %s %s and is still open; close it first with `dssctl recover %s`", e.Run.ID, what, e.Run.ID)
}

// FailedError says that a run did not do all of its plan.
type FailedError struct {
	Run    string
	Status state.RunStatus
	// Action is the title of the action that failed.
	Action string
	Cause  error
	// Undo is set when undoing failed as well.
	Undo error
}

func (e *FailedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", e.Action, e.Cause)
	switch {
	case e.Undo != nil:
		fmt.Fprintf(&b, "\nundoing it failed too: %v\nrun %s stays open; mend the cause, then `dssctl recover %s -rollback` or `-resume`", e.Undo, e.Run, e.Run)
	case e.Status == state.Failed:
		fmt.Fprintf(&b, "\nrun %s stays open: `dssctl recover %s -resume` goes on, `dssctl recover %s -rollback` undoes it", e.Run, e.Run, e.Run)
	case e.Status == state.RolledBack:
		b.WriteString("\nwhat was begun has been undone")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *FailedError) Unwrap() error { return e.Cause }

// InterruptedError says that a run was stopped on request.
type InterruptedError struct {
	Run    string
	Status state.RunStatus
	Undo   error
}

func (e *InterruptedError) Error() string {
	switch {
	case e.Undo != nil:
		return fmt.Sprintf("run %s was interrupted and undoing the open window failed: %v\nclose it with `dssctl recover %s`", e.Run, e.Undo, e.Run)
	case e.Status.Open():
		return fmt.Sprintf("run %s was aborted; close it with `dssctl recover %s`", e.Run, e.Run)
	default:
		return fmt.Sprintf("run %s was interrupted and stopped in a clean place; a new plan shows what is left", e.Run)
	}
}
