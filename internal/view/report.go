package view

import (
	"time"

	"github.com/dssctl/dssctl/internal/plan"
)

// RunVersion is the version of the form of RunDocument: a minor step adds
// members, which readers ignore; a major one may change them.
const RunVersion = "1.0"

// RunDocument is a past run as one JSON document: `dssctl show -json RUN`.
type RunDocument struct {
	FormatVersion string        `json:"format_version"`
	Run           *RunReport    `json:"run"`
	Plan          *plan.Plan    `json:"plan"`
	Journal       []JournalLine `json:"journal"`
}

// Outcome is how an action of a run ended.
type Outcome string

// The outcomes.
const (
	Done       Outcome = "done"
	Skipped    Outcome = "skipped" // it was so already
	Manual     Outcome = "manual"  // left to a person
	Failed     Outcome = "failed"
	Open       Outcome = "open" // begun, and its end is not known
	Undone     Outcome = "undone"
	UndoFailed Outcome = "undo_failed"
	NotStarted Outcome = "not_started"
)

// RunReport is what a run did, as data.
type RunReport struct {
	Run string `json:"run"`
	// Status is running, failed, done, rolled_back or interrupted.
	Status  string         `json:"status"`
	Why     string         `json:"why,omitempty"`
	Started time.Time      `json:"started,omitzero"`
	Ended   time.Time      `json:"ended,omitzero"`
	Actions []ActionReport `json:"actions"`
	// Undoable says that a rollback would be taken, and would do something.
	Undoable bool `json:"undoable,omitempty"`
	// Spent are the reasons why a rollback, which could once be done, cannot any
	// more.
	Spent []string `json:"spent,omitempty"`
	// Down are the instances that the run has left without DSS.
	Down []Down `json:"down,omitempty"`
	// Downtime that was measured.
	Downtime []Downtime `json:"downtime,omitempty"`
	// Safety names where the safety backups of the run are.
	Safety []string `json:"safety,omitempty"`
	// GuardLog is the file in which the run's guard says what it did.
	GuardLog string `json:"guard_log,omitempty"`
	// Notices about the run as a whole.
	Notices []string `json:"notices,omitempty"`
}

// ActionReport is one action's part of a run.
type ActionReport struct {
	ID       string        `json:"id"`
	Title    string        `json:"title"`
	Instance string        `json:"instance"`
	Outcome  Outcome       `json:"outcome"`
	Elapsed  time.Duration `json:"elapsed_ns,omitempty"`
	Error    string        `json:"error,omitempty"`
	// Manual is the command that a person has to run.
	Manual string `json:"manual,omitempty"`
	// Leftover is what undoing could not take back.
	Leftover string   `json:"leftover,omitempty"`
	Notices  []string `json:"notices,omitempty"`
}

// Down is an instance whose DSS is stopped.
type Down struct {
	Instance string    `json:"instance"`
	Since    time.Time `json:"since"`
}

// Downtime is how long DSS of one instance was down: in the run's windows, and
// in those of its rollback, later.
type Downtime struct {
	Instance string        `json:"instance"`
	Duration time.Duration `json:"duration_ns"`
	Rollback time.Duration `json:"rollback_ns,omitempty"`
}
