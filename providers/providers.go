// Package providers holds the contract of an aspect: one kind of thing that a
// block inside `instance` declares. A provider observes it on the live
// instance, proposes the steps that bring it to what is declared (purely, from
// data), and has the performers that carry the steps out. Providers do not
// know each other.
package providers

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

// Provider is one aspect.
type Provider interface {
	// Name is the aspect's name, under which state keeps its record:
	// "runtime_database".
	Name() string
	// Schema is what the aspect adds to the instance block.
	Schema() schema.Fragment
	// Observe looks at the live instance: reads only, cheap, bounded. It is
	// called for every instance; without a declaration it should do no more
	// than the head line of a plan needs.
	Observe(ctx context.Context, req ObserveRequest) (Observation, error)
	// Propose compares, purely.
	Propose(req Request) (Proposal, hcl.Diagnostics)
	// Performers maps the kinds of this provider's steps to their code.
	Performers() map[plan.Kind]Performer
}

// EstateChecker is a provider that has rules between instances, such as ports
// that must not overlap. Purely; linear in the number of requests.
type EstateChecker interface {
	CheckEstate(all []Request) hcl.Diagnostics
}

// Surveyor is a provider that must know the whole estate to look at one
// instance rightly. Survey returns the provider to observe with. It is linear in
// the instances.
type Surveyor interface {
	Survey(all []*config.Instance, r secret.Resolver) Provider
}

// Importer is a provider that can write the HCL of what it observed.
type Importer interface {
	// Import returns the attributes and blocks that declare the observed
	// state, so that a plan with them is empty.
	Import(o Observation, f dss.Facts) Draft
}

type (
	// Draft is what an import writes, see config.WriteDraft.
	Draft = config.Draft
	// DraftAttribute is one attribute of it.
	DraftAttribute = config.DraftAttribute
	// DraftBlock is one block of it.
	DraftBlock = config.DraftBlock
)

// OriginBlock is the block that says where an instance comes from. With it, a
// data directory that is not there is no mistake: the instance is to be made.
const OriginBlock = "origin"

// Maker is a provider that takes part in making such an instance. The others
// are neither asked to observe nor to propose until it is there.
type Maker interface {
	Provider
	// Make proposes the steps that make the instance, purely. Req.Facts are
	// empty.
	Make(req Request) (Proposal, hcl.Diagnostics)
}

// ObserveRequest is what Observe may look at.
type ObserveRequest struct {
	Address  string
	Instance *dss.Instance
	Facts    dss.Facts
	// Desired is the instance as declared.
	Desired *config.Instance
	// Absent says that the instance is to be made, see Maker: Instance is the
	// place where, and Facts are empty.
	Absent bool
	// Secrets resolves the declared secrets, by the names in Desired.
	Secrets secret.Resolver
	// Recorded is this aspect's record; nil when there is none.
	Recorded json.RawMessage
	Key      secret.Key
}

// Observation is what was seen: a value of the provider's own. What could not
// be seen is said inside it and handled by Propose.
type Observation any

// Headline is an Observation that has something to say in the head line of an
// instance: "embedded databases (1.3 GiB)".
type Headline interface{ Headline() string }

// RuntimeServer is the PostgreSQL server of an instance's runtime databases, as
// far as a look at it went: the declared one, or else the one in use.
type RuntimeServer struct {
	// External: the runtime databases are in PostgreSQL today.
	External bool
	// Version is server_version_num; 0 where there was no look.
	Version         int
	MaxConnections  int
	FreeConnections int
	// Why there was no look.
	Why string
	// Missing says what is missing of the databases there; "" for nothing known.
	Missing string
}

// RuntimeObservation is an Observation of the runtime databases.
type RuntimeObservation interface{ RuntimeServer() RuntimeServer }

// Request is all that Propose decides on.
type Request struct {
	Address  string
	Facts    dss.Facts
	Desired  *config.Instance
	Observed Observation
	Recorded json.RawMessage
	// Secrets resolves the declared secrets: for comparing, never for output.
	Secrets secret.Resolver
	Key     secret.Key
	// Throughput of past actions on this instance, by kind, bytes a second.
	Throughput map[string]float64
}

// Proposal is what has to be done for an aspect.
type Proposal struct {
	Changes []plan.Change
	Steps   []Step
	// Record is what state shall say when the plan is applied and no step
	// records something itself; nil for no change.
	Record json.RawMessage
	// Forget drops the aspect's record.
	Forget bool
	// Bare says that the steps exchange the data directory's content, see
	// plan.Instance.
	Bare bool
	// Unstarted leaves an instance that is made stopped: it needs more before
	// its first start.
	Unstarted bool
}

// Window is when a step may run.
type Window int

// Online steps run while DSS may run, Offline steps need it stopped.
const (
	Online Window = iota
	Offline
)

// Step is what a provider proposes; the planner turns it into an action.
// The planner sets ID, Block, and the sums of Reads.
type Step struct {
	plan.Action
	Window Window
	// Trial must be proven by a healthy start before the next trial.
	Trial bool
}

// Performer carries out one kind of action. Every method may be called again
// after a crash at any point.
type Performer interface {
	// Done reports whether the world is so already: it makes resume safe.
	Done(ctx context.Context, c *Call) (bool, error)
	Do(ctx context.Context, c *Call) error
	// Verify looks at the world again, not at an exit code.
	Verify(ctx context.Context, c *Call) error
	// Undo puts back what Do changed, also after a Do that broke off.
	Undo(ctx context.Context, c *Call) error
}

// Preflighter is a performer that can tell beforehand, with DSS up, that its
// action would fail.
type Preflighter interface {
	// Preflight only looks. It is asked when the plan is made, where c has no
	// receipt and notices go nowhere, and again right before DSS is stopped.
	// c.Planned tells what the plan does before this action. The error is for
	// what could not be looked at.
	Preflight(ctx context.Context, c *Call) ([]preflight.Finding, error)
}

// UndoChecker is a performer whose undo needs something that can be gone by now:
// a copy, a kit, a set.
type UndoChecker interface {
	// CheckUndo says why undoing the action now would fail; nil when it can be
	// done, and a *GoneError when that will not change. It only looks, with DSS up
	// or down, and before anything is undone. See Call.Glance.
	CheckUndo(ctx context.Context, c *Call) error
}

// Reverter is a performer that can tell that there is nothing to undo.
type Reverter interface {
	// Reverted reports whether the instance is as it was before the action,
	// whoever saw to that. A recovery that is told so of all that a run has touched
	// closes the run and does nothing.
	Reverted(ctx context.Context, c *Call) (bool, error)
}

// Call is an action on its way.
type Call struct {
	Run      string // the run's id; "" while a plan is made
	Action   plan.Action
	Planned  *plan.Instance // all that the plan does to the instance
	Address  string
	Instance *dss.Instance
	Secrets  secret.Resolver
	Key      secret.Key
	Clock    clock.Clock
	Redactor *secret.Redactor
	// Progress tells how far it is.
	Progress func(event.Progress)
	// Notice tells the user something worth knowing; it is also journalled.
	Notice func(string)
	// Down notes that DSS is about to be stopped, and Up that it answers again: the
	// downtime is measured between the two. With stayed, the stop had no effect
	// and DSS was never down. Both may be nil.
	Down func()
	Up   func(stayed bool)
	// Kept tells where something of value is kept, such as a safety backup:
	// the run's summary names it.
	Kept func(path string)
	// Receipt is durable memory of this action within the run, for Done,
	// Verify and Undo, kept across a crash.
	Receipt Receipt
	// Beside is the receipt of the action of a phase in this action's window, such
	// as of the stop that the start has to do with. It is there to be read; a
	// window without such an action has one that nothing was saved in. May be nil.
	Beside func(plan.Phase) Receipt
	// PutBack restores top-level names of the data directory, such as
	// "databases", from the copy that this action's window began with. It is an
	// error when there is none.
	PutBack func(ctx context.Context, names ...string) error
	// CheckPutBack says why PutBack would fail. It only looks.
	CheckPutBack func(ctx context.Context, names ...string) error
	// Standing returns the runs, other than this one, whose undo is still
	// offered: for each instance of the estate the newest run that stands on it.
	// What they need must stay.
	Standing func(ctx context.Context) ([]StandingRun, error)
	// DataDirs returns the data directories that this estate knows.
	DataDirs func(ctx context.Context) ([]string, error)
	// Glance asks CheckUndo for no more than a glance: nothing is read through,
	// and nobody outside of this machine is asked.
	Glance bool
	// Recorded returns what state says of the aspect now, with what the run's
	// earlier actions recorded; nil when there is no record.
	Recorded func(ctx context.Context, aspect string) (json.RawMessage, error)
	// Record sets the aspect's record in state when the action has ended well;
	// undoing the action puts the former record back.
	Record func(aspect string, record any) error
}

// Args decodes the action's arguments.
func (c *Call) Args(v any) error { return json.Unmarshal(c.Action.Args, v) }

// Protector is a performer of the phase Protect that can put back what it
// copied.
type Protector interface {
	// PutBack restores top-level names of the data directory. DSS is stopped.
	PutBack(ctx context.Context, c *Call, names ...string) error
	// CheckPutBack says why PutBack would fail; a *GoneError when the copy is not
	// there any more. It only looks, also while DSS runs.
	CheckPutBack(ctx context.Context, c *Call, names ...string) error
}

// Loser is a performer whose undoing can lose what was written since.
type Loser interface {
	// Loses says what undoing the action now would lose, in words that follow
	// "undoing it loses"; "" for nothing.
	Loses(ctx context.Context, c *Call) (string, error)
}

// Stander is a performer that can tell what it wrote when its place reads
// otherwise than the run left it: DSS writes its files anew in its own way, with
// what it takes for granted spelled out.
type Stander interface {
	// Stands reports whether all that the action left is still there, and
	// nothing but additions came to it.
	Stands(ctx context.Context, c *Call) (bool, error)
}

// Aside is a performer that leaves the instance itself as it found it, such as of
// a backup. A run of nothing else keeps no earlier run from being undone.
type Aside interface{ Aside() }

// Receipt is a small durable value. It must hold no secret.
type Receipt interface {
	// Save makes v durable before it returns: call it before the act that it
	// is about.
	Save(v any) error
	// Load fills v with what was saved last; false when nothing was.
	Load(v any) (bool, error)
}

// Frame makes the actions around a window; the service provider is one.
type Frame interface {
	// Open returns the actions that check that nothing runs, stop DSS, and
	// protect what the window may break. kinds are those of the window's steps.
	Open(req Request, kinds []plan.Kind) []plan.Action
	// Close returns the actions that start DSS and wait until it is ready.
	// proof asks for the start even where DSS was found stopped.
	Close(req Request, proof bool) []plan.Action
	// First returns the actions that start an instance which the plan makes.
	First(req Request) []plan.Action
}
