package view

import (
	"encoding/json"
	"time"

	"github.com/dssctl/dssctl/internal/event"
)

// UIVersion is the version of the JSON stream. A minor step adds types and
// members, which readers ignore; a major one may change them.
const UIVersion = "1.0"

// Line is one line of the JSON stream of `plan -json` and `apply -json`: one
// object a line, in the envelope that Terraform and OpenTofu use, so that their
// tools find what they know. Message is always a sentence for people: a reader
// shows it for types that it does not know.
//
// A stream starts with the type version. `plan` goes on with planned_change
// for each change, planned_action for each action, diagnostic, and
// change_summary. A run sends run_start, then apply_start, apply_progress,
// apply_complete, apply_skipped, apply_manual, apply_errored, rollback_start,
// rollback_complete, rollback_errored and notice, then run_complete and
// run_report.
type Line struct {
	Level     string    `json:"@level"` // info, warn or error
	Message   string    `json:"@message"`
	Module    string    `json:"@module"` // "dssctl.ui"
	Timestamp time.Time `json:"@timestamp"`
	Type      string    `json:"type"`

	// Of the type version.
	Tool string `json:"dssctl,omitempty"`
	UI   string `json:"ui,omitempty"`

	Change     *StreamChange     `json:"change,omitempty"`     // planned_change
	Action     *StreamAction     `json:"action,omitempty"`     // planned_action
	Diagnostic *StreamDiagnostic `json:"diagnostic,omitempty"` // diagnostic
	Changes    *StreamSummary    `json:"changes,omitempty"`    // change_summary
	Run        string            `json:"run,omitempty"`        // all types of a run
	Hook       *StreamHook       `json:"hook,omitempty"`       // apply_*, rollback_*, notice
	Report     *RunReport        `json:"report,omitempty"`     // run_report
}

// StreamResource names what a line is about.
type StreamResource struct {
	// Addr is the address of a block, or of an instance.
	Addr      string `json:"addr"`
	Instance  string `json:"instance,omitempty"`
	Block     string `json:"block,omitempty"`
	Attribute string `json:"attribute,omitempty"`
}

// StreamChange is one change of a plan. The values of a secret are never there:
// before_sensitive and after_sensitive say that there are some.
type StreamChange struct {
	Resource StreamResource `json:"resource"`
	// Action is create, update, delete, forget, move or import; Actions is the
	// same as the list that Terraform's plan has.
	Action          string          `json:"action"`
	Actions         []string        `json:"actions"`
	Before          json.RawMessage `json:"before"`
	After           json.RawMessage `json:"after"`
	BeforeSensitive bool            `json:"before_sensitive"`
	AfterSensitive  bool            `json:"after_sensitive"`
	Note            string          `json:"note,omitempty"`
	// Importing is there for the action import, as in Terraform's stream.
	Importing *StreamImporting `json:"importing,omitempty"`
	// Range is where the declaration stands.
	Range *StreamRange `json:"range,omitempty"`
}

// StreamImporting is what is taken over.
type StreamImporting struct {
	ID string `json:"id"` // the data directory
}

// StreamAction is one action of a plan.
type StreamAction struct {
	Resource StreamResource `json:"resource"`
	ID       string         `json:"id"`
	Index    int            `json:"index"` // in its instance, from 1
	Kind     string         `json:"kind"`
	Title    string         `json:"title"`
	Stage    string         `json:"stage"`            // before, window or after
	Window   int            `json:"window,omitempty"` // from 1
	Danger   string         `json:"danger,omitempty"` // downtime, irreversible or data_loss
	CanUndo  bool           `json:"can_undo"`
	Undo     string         `json:"undo,omitempty"`
	Manual   string         `json:"manual,omitempty"`
	Bytes    int64          `json:"bytes,omitempty"`
	Seconds  float64        `json:"seconds,omitempty"`
}

// StreamDiagnostic is a finding.
type StreamDiagnostic struct {
	Severity string       `json:"severity"` // error or warning
	Summary  string       `json:"summary"`
	Detail   string       `json:"detail"`
	Address  string       `json:"address,omitempty"`
	Range    *StreamRange `json:"range,omitempty"`
}

// StreamRange is a place in a file.
type StreamRange struct {
	Filename string    `json:"filename"`
	Start    StreamPos `json:"start"`
	End      StreamPos `json:"end"`
}

// StreamPos counts from 1.
type StreamPos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// StreamSummary counts changed blocks, and says what they cost.
type StreamSummary struct {
	Add       int    `json:"add"`
	Change    int    `json:"change"`
	Import    int    `json:"import"`
	Remove    int    `json:"remove"`
	Forget    int    `json:"forget"`
	Operation string `json:"operation"` // plan

	Instances int `json:"instances"`
	ToChange  int `json:"instances_to_change"`
	Failed    int `json:"instances_failed"`
	Windows   int `json:"windows"`
	// DowntimeSeconds is null where it is not known.
	DowntimeSeconds *float64 `json:"downtime_seconds"`
	Irreversible    int      `json:"irreversible"`
	DataLoss        int      `json:"data_loss"`
	Manual          int      `json:"manual"`
}

// StreamHook is one thing that happens in a run.
type StreamHook struct {
	Resource StreamResource `json:"resource"`
	// Action is the action's id, as in planned_action.
	Action         string          `json:"action_id,omitempty"`
	Title          string          `json:"title,omitempty"`
	Index          int             `json:"index,omitempty"` // in the run, from 1
	Total          int             `json:"total,omitempty"`
	ElapsedSeconds float64         `json:"elapsed_seconds"`
	Progress       *event.Progress `json:"progress,omitempty"`
	Error          string          `json:"error,omitempty"`
}
