// Package origin is the aspect of where an instance comes from. Its block says
// nothing about an instance that is there; where the data directory is not, it
// has the instance made: installed fresh from a kit, as a clone of another
// instance, from a backup set, or fresh with the projects of another one. Whatever
// is made is taken away again by an undo.
//
// A clone follows DSS's documentation: it gets ten ports and an installid of
// its own, its scenarios are deactivated, and it is attached to the kit anew
// with pyenv built at its place, all before its first start. Runtime databases
// in PostgreSQL are copied to a place of their own.
//
// Projects come by export and import over DSS's public API, for which the new
// instance must run, be set up, and have an API key: they are the one thing that
// the block has done later, in plans of their own.
package origin

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/internal/volume"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/neighbours"
	"github.com/dssctl/dssctl/providers/owners"
	"github.com/dssctl/dssctl/providers/places"
)

// Name is the aspect's name and that of its block.
const Name = providers.OriginBlock

// The kinds of steps, in their order.
const (
	KindCheck     plan.Kind = "origin.check"
	KindCopy      plan.Kind = "origin.copy"
	KindInstall   plan.Kind = "origin.install"
	KindPlace     plan.Kind = "origin.place"
	KindIdentity  plan.Kind = "origin.identity"
	KindScenarios plan.Kind = "origin.scenarios"
	KindAttach    plan.Kind = "origin.attach"
	KindProject   plan.Kind = "origin.project"
)

// What an instance can be made from.
const (
	byInstall  = "install"
	byClone    = "clone"
	byBackup   = "backup"
	byProjects = "projects"
)

// How a clone's source is held still while it is copied.
const (
	byStop     = "stop"
	bySnapshot = "snapshot"
)

// Provider is the aspect.
type Provider struct {
	// all are the estate's instances by address, near their table prefixes, places
	// their folders.
	all    map[string]*config.Instance
	near   neighbours.Prefixes
	places *owners.Estate
}

// New returns the provider.
func New() *Provider { return &Provider{} }

var (
	_ providers.Maker    = (*Provider)(nil)
	_ providers.Surveyor = (*Provider)(nil)
)

// Name is "origin".
func (*Provider) Name() string { return Name }

// Survey returns the provider that knows the instances that others are made of.
func (*Provider) Survey(all []*config.Instance, r secret.Resolver) providers.Provider {
	out := &Provider{all: make(map[string]*config.Instance, len(all)), near: neighbours.Survey(all, r), places: owners.Survey(all)}
	for _, in := range all {
		out.all[in.Address] = in
	}
	return out
}

// Performers has the code of every step.
func (*Provider) Performers() map[plan.Kind]providers.Performer {
	return map[plan.Kind]providers.Performer{
		KindCheck: checker{}, KindCopy: copier{}, KindInstall: installer{}, KindPlace: placer{},
		KindIdentity: identifier{}, KindScenarios: deactivator{}, KindAttach: attacher{}, KindProject: bringer{free: volume.Free},
	}
}

// Propose has nothing to do once the instance is there, but for its projects.
func (p *Provider) Propose(req providers.Request) (providers.Proposal, hcl.Diagnostics) {
	b := req.Desired.Child(Name)
	o, ok := req.Observed.(*bringing)
	if b == nil || !ok {
		return providers.Proposal{}, nil
	}
	m := &maker{Provider: p, req: req, b: b}
	m.bring(o)
	if m.diags.HasErrors() {
		m.out.Steps = nil
	}
	return m.out, m.diags
}

// Make implements providers.Maker.
func (p *Provider) Make(req providers.Request) (providers.Proposal, hcl.Diagnostics) {
	b := req.Desired.Child(Name)
	o, ok := req.Observed.(*observation)
	if b == nil || !ok {
		return providers.Proposal{}, nil
	}
	m := &maker{Provider: p, req: req, b: b, o: o}
	switch b.Labels[0] {
	case byInstall:
		m.install()
	case byClone:
		m.clone()
	case byBackup:
		m.backup()
	case byProjects:
		m.projects()
	}
	if m.diags.HasErrors() {
		m.out.Steps = nil
	}
	return m.out, m.diags
}

// maker is one call of Make.
type maker struct {
	*Provider
	req   providers.Request
	b     *config.Block
	o     *observation
	out   providers.Proposal
	diags hcl.Diagnostics
}

func (m *maker) refuse(attribute, summary, format string, args ...any) {
	m.diags = append(m.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: m.b.RangeOf(attribute),
	})
}

func (m *maker) warn(attribute, summary, format string, args ...any) {
	m.diags = append(m.diags, &hcl.Diagnostic{
		Severity: hcl.DiagWarning, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: m.b.RangeOf(attribute),
	})
}

func (m *maker) change(path string, after any) {
	m.out.Changes = append(m.out.Changes, plan.Change{Block: Name, Path: path, Op: plan.Create, After: encode(after)})
}

func (m *maker) step(kind plan.Kind, phase plan.Phase, window providers.Window, title, undo string, cost plan.Cost) *providers.Step {
	m.out.Steps = append(m.out.Steps, providers.Step{Window: window, Action: plan.Action{
		Kind: kind, Phase: phase, Title: title, Undo: plan.Undo{Possible: true, How: undo}, Cost: cost,
	}})
	return &m.out.Steps[len(m.out.Steps)-1]
}

// finish gives all steps their arguments.
func (m *maker) finish(a args) {
	raw := encode(a)
	for i := range m.out.Steps {
		m.out.Steps[i].Args = raw
	}
}

// args are the arguments of every step.
type args struct {
	Kit      string `json:"kit"`
	Version  string `json:"version"` // of the kit
	NodeType string `json:"node_type"`
	Port     int    `json:"port"`
	// Of a fresh install.
	License  string `json:"license,omitempty"`
	JavaHome string `json:"java_home,omitempty"`
	Python   string `json:"python,omitempty"`
	// Of a clone.
	Source   *source   `json:"source,omitempty"`
	Database *database `json:"database,omitempty"`
	// Neighbours are the estate's instances, where tables are copied.
	Neighbours []places.Instance `json:"neighbours,omitempty"`
	Graphite   []string          `json:"graphite,omitempty"` // server, prefix
}

// call is a Call with its decoded arguments.
type call struct {
	*providers.Call
	args
}

// open confines what is done to the instance to its own data directory: a copy may
// have links that lead into the original.
func open(pc *providers.Call) (*call, error) {
	c := *pc
	c.Instance = c.Instance.Confined()
	out := &call{Call: &c}
	if err := c.Args(&out.args); err != nil {
		return nil, fmt.Errorf("the arguments of %s: %w", c.Action.Kind, err)
	}
	if out.Kit == "" || out.Port == 0 {
		return nil, fmt.Errorf("the arguments of %s name no kit or no port", c.Action.Kind)
	}
	return out, nil
}

// openClone is open for a step that only a clone has.
func openClone(c *providers.Call) (*call, error) {
	out, err := open(c)
	if err == nil && out.Source == nil {
		err = errors.New("the arguments of " + string(c.Action.Kind) + " name no instance to clone")
	}
	return out, err
}

// encode writes arguments, which are plain data.
func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("origin: arguments that are no JSON: " + err.Error())
	}
	return raw
}
