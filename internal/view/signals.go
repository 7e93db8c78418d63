package view

import "io"

// Interrupted answers the first Ctrl-C of a run.
func Interrupted(w io.Writer) {
	_, _ = io.WriteString(w, "\nInterrupted: finishing the current action, then stopping; press Ctrl-C again to abort it.\n")
}

// Aborting answers the second one.
func Aborting(w io.Writer) {
	_, _ = io.WriteString(w, "\nAborting the current action. How far it came is in the journal: `dssctl recover` closes the run.\n")
}
