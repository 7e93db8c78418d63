// Package event is what a run tells while it runs. The executor sends events;
// the views turn them into lines, JSON, or a live progress line. An event holds
// no secret: texts in it have passed the redactor.
package event

import "time"

// Type of an event, named as Terraform's stream names them where the meaning is
// the same.
type Type string

// The types.
const (
	RunStart         Type = "run_start"
	ApplyStart       Type = "apply_start"
	ApplyProgress    Type = "apply_progress"
	ApplyComplete    Type = "apply_complete"
	ApplyErrored     Type = "apply_errored"
	ApplySkipped     Type = "apply_skipped" // found done already, or done before
	ApplyManual      Type = "apply_manual"  // left to a person
	RollbackStart    Type = "rollback_start"
	RollbackComplete Type = "rollback_complete"
	RollbackErrored  Type = "rollback_errored"
	Notice           Type = "notice"
	RunComplete      Type = "run_complete"
)

// Event is one thing that happened.
type Event struct {
	Type     Type          `json:"type"`
	Time     time.Time     `json:"time"`
	Run      string        `json:"run"`
	Instance string        `json:"instance,omitempty"`
	Action   string        `json:"action,omitempty"` // plan.Action.ID
	Title    string        `json:"title,omitempty"`
	Undo     string        `json:"undo,omitempty"` // of a rollback's: how it is undone
	Message  string        `json:"message,omitempty"`
	Elapsed  time.Duration `json:"elapsed_ns,omitempty"`
	Progress *Progress     `json:"progress,omitempty"`
	// Index and Total place the action in the run, from 1.
	Index int `json:"index,omitempty"`
	Total int `json:"total,omitempty"`
}

// Progress of the running action. Total is 0 where it is not known.
type Progress struct {
	Done  int64  `json:"done"`
	Total int64  `json:"total,omitempty"`
	Unit  string `json:"unit"` // "bytes", "rows", "files", "seconds"
	// Files are counted beside another unit: "1,200 of 200,000 files" besides
	// the bytes. 0 for not counted, and not known.
	Files      int64  `json:"files,omitempty"`
	TotalFiles int64  `json:"total_files,omitempty"`
	Note       string `json:"note,omitempty"`
}

// Sink receives events, from one goroutine at a time.
type Sink func(Event)
