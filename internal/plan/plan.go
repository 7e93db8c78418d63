// Package plan is the plan as data: what was seen, what shall change, and the
// ordered actions that change it. It holds no secret, renders without the
// configuration, and knows nothing of how it was made or is carried out.
//
// A Plan has one Instance for each DSS instance looked at; an instance has
// Changes (what differs) and Stages (what will be done, in order); a stage is
// done while DSS runs, or is a window in which DSS is stopped.
package plan

import (
	"encoding/json"
	"time"

	"github.com/dssctl/dssctl/internal/secret"
)

// FormatVersion of the plan file. A minor step adds members, which older
// readers ignore; a major step is refused by older readers.
const FormatVersion = "1.0"

// Plan is what `dssctl plan` makes and `dssctl apply` carries out.
type Plan struct {
	FormatVersion string    `json:"format_version"`
	Tool          string    `json:"dssctl_version"`
	CreatedAt     time.Time `json:"created_at"`
	Estate        Estate    `json:"estate"`
	// Variables given from outside, without the sensitive ones, as JSON values.
	Variables map[string]json.RawMessage `json:"variables,omitempty"`
	Targets   []string                   `json:"targets,omitempty"`
	Excludes  []string                   `json:"excludes,omitempty"`
	// RefreshOnly says that the plan shows what differs and does nothing to any
	// instance: applying it brings state up to date.
	RefreshOnly bool       `json:"refresh_only,omitempty"`
	Instances   []Instance `json:"instances"`
	// Secrets that the actions need, by name.
	Secrets     []Secret     `json:"required_secrets,omitempty"`
	Diagnostics []Diagnostic `json:"diagnostics,omitempty"`
	Summary     Summary      `json:"summary"`
	// Digest is the SHA-256 of the plan without Digest and Seal: it shows
	// accidents. Seal is the same keyed by the estate's state: it shows edits.
	Digest string `json:"digest,omitempty"`
	Seal   string `json:"seal,omitempty"`
}

// Estate says which estate a plan was made for, and from which files.
type Estate struct {
	// Lineage is the state's random name: another estate has another one.
	Lineage string `json:"lineage"`
	// Files are the configuration's files by their path from the estate's
	// folder, those of modules too, with the SHA-256 of
	// their content, in hexadecimal.
	Files map[string]string `json:"files"`
}

// Secret is a secret that the actions need.
type Secret struct {
	Name string `json:"name"`
	// Fingerprint is keyed by the state, see secret.Key.
	Fingerprint string `json:"fingerprint"`
}

// Instance is the part of a plan about one DSS instance.
type Instance struct {
	Address string `json:"address"`
	DataDir string `json:"data_dir"`
	// RealDir is where DataDir led to when the plan was made, without any link:
	// what was looked at there holds for no other folder. "" is not compared.
	RealDir string `json:"real_dir,omitempty"`
	// Range is where it is declared: "FILE:LINE,COLUMN-COLUMN".
	Range string `json:"range,omitempty"`
	// CompanionDir is where dssctl keeps what belongs to the instance but not
	// into it; "" for DATA_DIR.dssctl.
	CompanionDir string `json:"companion_dir,omitempty"`
	// Environment names the variables that DSS inherits beside the usual ones.
	Environment []string `json:"environment,omitempty"`
	Seen        Seen     `json:"seen"`
	// Declared are the blocks and attributes of aspects that the files declare
	// and this plan has compared, whether they differ or not.
	Declared []string `json:"declared,omitempty"`
	// MovedFrom is the address under which state remembers the instance so
	// far: applying moves the record.
	MovedFrom string `json:"moved_from,omitempty"`
	// Importing says that the files import the instance and state knows nothing
	// of it yet: applying has state remember it.
	Importing *Importing `json:"importing,omitempty"`
	// Changes in the order of the blocks.
	Changes []Change `json:"changes,omitempty"`
	// Ignored are the differences that the files leave to somebody else.
	Ignored []Change `json:"ignored,omitempty"`
	Stages  []Stage  `json:"stages,omitempty"`
	// Records are what state shall say of the aspects at once when the plan is
	// applied, without any action: an aspect found as declared, or handed back.
	Records map[string]json.RawMessage `json:"records,omitempty"`
	// Protect is what state shall remember of the instance's protection; nil
	// leaves it as it is.
	Protect *bool `json:"protect,omitempty"`
	// Mode is Observe where the files ask for showing the difference without
	// acting on it: there are no stages and no records. "" acts.
	Mode string `json:"mode,omitempty"`
	// Bare says that the run makes or exchanges the content of the data
	// directory: when it is broken off, there may be none that looks like DSS's.
	Bare bool `json:"bare,omitempty"`
	// New says that the data directory is not there: the run makes it.
	New bool `json:"new,omitempty"`
	// Foreign says that it is none of the estate's instances: state remembers
	// nothing of it.
	Foreign bool `json:"foreign,omitempty"`
	// Failed says that the instance could not be observed or planned: the
	// diagnostics tell why, and there are no stages.
	Failed bool `json:"failed,omitempty"`
}

// Importing is what an import block found.
type Importing struct {
	// ID is the data directory, by which an instance is found.
	ID string `json:"id"`
}

// Observe is the mode of an instance that is only looked at.
const Observe = "observe"

// Seen is the head line of an instance: what it is today.
type Seen struct {
	Version  string `json:"version,omitempty"`
	NodeType string `json:"node_type,omitempty"`
	// Service is running, stopped, starting, failed or unknown.
	Service string `json:"service,omitempty"`
	// Notes are short facts of the aspects, such as
	// "embedded databases (1.3 GiB)".
	Notes []string `json:"notes,omitempty"`
}

// Op is what happens to one attribute.
type Op string

// The operations of a change.
const (
	Create Op = "create"
	Update Op = "update"
	Delete Op = "delete"
	// Forget: dssctl gives up what it managed; the thing itself stays.
	Forget Op = "forget"
	// Move: state remembers the instance under another address.
	Move Op = "move"
	// Import: state remembers the instance from now on.
	Import Op = "import"
)

// Change is one attribute that differs.
type Change struct {
	// Block is the block's or attribute's name below the instance:
	// "runtime_database", "general_settings".
	Block string `json:"block"`
	// Path is the attribute below the block, "" for the block itself:
	// "host", "pool.max_pooled".
	Path string `json:"path,omitempty"`
	Op   Op     `json:"op"`
	// Before and After are JSON values; null for absent. They are absent
	// where Secret is set.
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	Secret bool            `json:"secret,omitempty"`
	// Note says, where it is not obvious, how dssctl knows.
	Note string `json:"note,omitempty"`
	// Range is where the declaration stands: "FILE:LINE,COLUMN-COLUMN"; "" where
	// there is none any more.
	Range string `json:"range,omitempty"`
}

// StageKind tells stages apart.
type StageKind string

// The kinds of stages.
const (
	Before StageKind = "before" // online, ahead of the first window
	Window StageKind = "window" // DSS is stopped in it
	After  StageKind = "after"  // online, behind the last window or between two
)

// MadeHere is the note of a window that makes its instance.
const MadeHere = "the instance is made here: there is nothing to stop"

// Stage is a run of actions.
type Stage struct {
	Kind StageKind `json:"kind"`
	// Number counts the windows of an instance from 1; 0 outside of windows.
	Number int  `json:"number,omitempty"`
	Cost   Cost `json:"cost,omitzero"`
	// Note says why a window does not stop DSS or does not start it again.
	Note    string   `json:"note,omitempty"`
	Actions []Action `json:"actions"`
}

// Kind names what an action does, "ASPECT.VERB": a performer is found by it.
type Kind string

// Phase is the order inside a stage.
type Phase string

// The phases in their order.
const (
	Prepare Phase = "prepare"
	Stop    Phase = "stop"
	Protect Phase = "protect"
	Doing   Phase = "change"
	Replay  Phase = "replay"
	Proof   Phase = "verify"
	Start   Phase = "start"
	Clean   Phase = "clean"
)

// Phases in their order.
var Phases = []Phase{Prepare, Stop, Protect, Doing, Replay, Proof, Start, Clean}

// Danger is what an action may cost.
type Danger string

// The dangers. Irreversible and DataLoss are gated: they need -allow.
const (
	NoDanger     Danger = ""
	Downtime     Danger = "downtime"
	Irreversible Danger = "irreversible"
	DataLoss     Danger = "data_loss"
)

// Action is one thing that is done, proven, and undone.
type Action struct {
	// ID is unique in the plan and stable for the same plan: "design/3".
	ID    string `json:"id"`
	Kind  Kind   `json:"kind"`
	Title string `json:"title"`
	// Block is the address of the block that asks for it,
	// "instance.design.runtime_database"; "" for what the planner put in.
	Block  string          `json:"block,omitempty"`
	Phase  Phase           `json:"phase"`
	Danger Danger          `json:"danger,omitempty"`
	Args   json.RawMessage `json:"args,omitempty"`
	Reads  []Fingerprint   `json:"reads,omitempty"`
	Undo   Undo            `json:"undo"`
	Cost   Cost            `json:"cost,omitzero"`
	// Unit names what is undone together when one of it fails, in online work;
	// actions next to each other with the same name belong together. "" keeps
	// what is done, and leaves the run open.
	Unit string `json:"unit,omitempty"`
	// Manual is the exact command that a person has to run, when dssctl
	// cannot. Applying it only has state remember it, until it is seen done.
	Manual string `json:"manual,omitempty"`
}

// Fingerprint is something that the decision was based on.
type Fingerprint struct {
	// Probe is read again at apply, see dss.Instance.Read:
	// "config/general-settings.json#/internalDatabase".
	Probe string `json:"probe"`
	// Subject is the probe in words.
	Subject string `json:"subject"`
	// Sum is keyed by the state, see secret.Key.
	Sum string `json:"sum"`
}

// Undo is how an action is undone, or why it is not.
type Undo struct {
	Possible bool `json:"possible"`
	// How is shown in the plan: "exact bytes", or the reason why not.
	How string `json:"how,omitempty"`
}

// OnlyLooks is the How of an action that changes nothing.
const OnlyLooks = "only looks"

// Cost is an estimate; zero means not known. What it means for a stage is said
// at CostOf.
type Cost struct {
	Seconds float64 `json:"seconds,omitempty"`
	Bytes   int64   `json:"bytes,omitempty"`
}

// Severity of a diagnostic.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Diagnostic is a finding about the estate or one instance.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	Address  string   `json:"address,omitempty"`
	Summary  string   `json:"summary"`
	Detail   string   `json:"detail,omitempty"`
	// Range is "FILE:LINE,COLUMN-COLUMN" where there is one.
	Range string `json:"range,omitempty"`
}

// Summary ends a plan.
type Summary struct {
	Instances    int    `json:"instances"`
	ToChange     int    `json:"to_change"`
	ToImport     int    `json:"to_import,omitempty"`
	Failed       int    `json:"failed,omitempty"`
	Windows      int    `json:"windows"`
	Downtime     Cost   `json:"downtime,omitzero"`
	Irreversible int    `json:"irreversible"`
	DataLoss     int    `json:"data_loss"`
	Manual       int    `json:"manual"`
	ByAddress    []Line `json:"by_address,omitempty"`
}

// Line is one changed block in the summary.
type Line struct {
	Address string `json:"address"`
	Op      Op     `json:"op"`
	Changes int    `json:"changes"`
}

// HasChanges reports whether anything differs or is to be done. A record of
// state alone is no change: it remembers what was found as declared.
func (p *Plan) HasChanges() bool {
	for i := range p.Instances {
		if p.Instances[i].HasChanges() {
			return true
		}
	}
	return false
}

// ToApply reports whether applying does anything but remember what was found as
// declared.
func (p *Plan) ToApply() bool {
	for i := range p.Instances {
		if in := &p.Instances[i]; in.MovedFrom != "" || in.Importing != nil || in.Protect != nil || in.Mode != Observe && in.HasChanges() {
			return true
		}
	}
	return false
}

// HasChanges reports whether anything differs or is to be done.
func (in *Instance) HasChanges() bool { return len(in.Changes) > 0 || len(in.Stages) > 0 }

// onlyImported reports whether nothing but an import happens.
func (in *Instance) onlyImported() bool {
	return in.Importing != nil && len(in.Stages) == 0 && len(in.Changes) == 1
}

// Forgotten reports whether the instance has left the files: applying drops
// its record from state and touches nothing else.
func (in *Instance) Forgotten() bool {
	for i := range in.Changes {
		if c := &in.Changes[i]; c.Block == "" && c.Op == Forget {
			return true
		}
	}
	return false
}

// HasErrors reports whether the plan has an error: it must not be applied.
func (p *Plan) HasErrors() bool {
	for i := range p.Diagnostics {
		if p.Diagnostics[i].Severity == Error {
			return true
		}
	}
	return false
}

// Actions calls f for each action in order until f returns false.
func (p *Plan) Actions(f func(*Instance, *Stage, *Action) bool) {
	for i := range p.Instances {
		in := &p.Instances[i]
		for s := range in.Stages {
			for a := range in.Stages[s].Actions {
				if !f(in, &in.Stages[s], &in.Stages[s].Actions[a]) {
					return
				}
			}
		}
	}
}

// Placeholder is what a renderer shows for a secret's value.
const Placeholder = secret.Placeholder
