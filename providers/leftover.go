package providers

import "fmt"

// LeftoverError is what Undo returns when the instance is as it was before, but
// something outside of it could not be cleaned up now, such as tables on a
// server that is down. The executor goes on undoing and reports it; the
// performer must have put what is left into its Record, so that the next plan
// recognises it.
type LeftoverError struct {
	What string // "14 tables of this run in schema dss_runtime on pg.internal"
	Err  error  // why it could not be cleaned up
}

func (e *LeftoverError) Error() string { return fmt.Sprintf("left behind: %s: %v", e.What, e.Err) }

// Unwrap returns the reason.
func (e *LeftoverError) Unwrap() error { return e.Err }
