package planner

import (
	"fmt"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/hashicorp/hcl/v2"
)

// Make compares every selected instance with what is declared and returns the
// plan, never nil. The diagnostics are those of the plan, in the same order,
// with their places in the source for rendering. With an error among them the
// plan may be shown, but not applied (plan.Plan.HasErrors).
//
// An instance that cannot be planned is marked Failed; the others go on, so
// that all errors are seen at once. The cost is linear in the instances.
func Make(in Input) (*plan.Plan, hcl.Diagnostics) {
	m := newMaker(in)
	for _, desired := range in.Estate.Instances {
		if m.includes(desired.Address) {
			m.p.Instances = append(m.p.Instances, m.instance(desired))
		}
	}
	m.p.Instances = append(m.p.Instances, m.removed()...)
	m.checkEstate()
	if !m.Ordered {
		m.report("", m.Estate.Checks)
	}
	m.requireSecrets()
	m.p.Summary = plan.Summarize(m.p)
	if err := plan.Validate(m.p); err != nil {
		m.report("", hcl.Diagnostics{bug(nil, fmt.Sprintf("The plan that was made breaks the rules of plans: %s.", err))})
	}
	return m.p, m.diags
}

// maker is one call of Make.
type maker struct {
	Input
	p        *plan.Plan
	diags    hcl.Diagnostics
	observed map[string]*Observed
	// names of the attributes and blocks of each provider.
	names    [][]string
	secrets  redactors
	requests [][]providers.Request // of each provider, for EstateCheckers
	imports  map[string]*config.Import
	places   map[string]string // which address state knows a data directory by
}

func newMaker(in Input) *maker {
	m := &maker{
		Input:    in,
		observed: make(map[string]*Observed, len(in.Observed)),
		names:    make([][]string, len(in.Providers)),
		secrets:  redactors{values: in.Estate.Secrets},
		requests: make([][]providers.Request, len(in.Providers)),
	}
	for i := range in.Observed {
		m.observed[in.Observed[i].Instance.Address] = &in.Observed[i]
	}
	for i, p := range in.Providers {
		m.names[i] = namesOf(p.Schema())
	}
	m.p = &plan.Plan{
		FormatVersion: plan.FormatVersion,
		Tool:          in.Version,
		CreatedAt:     in.Now.UTC(),
		Estate:        plan.Estate{Lineage: in.Meta.Lineage, Files: in.Estate.Files},
		Variables:     in.Estate.Variables,
		Targets:       in.Targets,
		Excludes:      in.Excludes,
		RefreshOnly:   in.RefreshOnly,
		Instances:     make([]plan.Instance, 0, len(in.Estate.Instances)),
	}
	m.readImports()
	for i := range in.Observed {
		m.collectRequests(&in.Observed[i])
	}
	return m
}

func (m *maker) includes(address string) bool {
	return m.Selection == nil || m.Selection.Includes(address)
}

// collectRequests keeps what the rules between instances look at: whatever was
// observed, selected or not, because a port taken by an instance that this plan
// leaves alone is taken all the same.
func (m *maker) collectRequests(o *Observed) {
	if o.Err != nil {
		return
	}
	for i, p := range m.Providers {
		if _, ok := p.(providers.EstateChecker); ok {
			m.requests[i] = append(m.requests[i], m.request(p, o))
		}
	}
}

func (m *maker) request(p providers.Provider, o *Observed) providers.Request {
	recorded := m.Recorded[o.Instance.Address]
	return providers.Request{
		Address:    o.Instance.Address,
		Facts:      o.Facts,
		Desired:    o.Instance,
		Observed:   o.Observations[p.Name()],
		Recorded:   recorded.Aspects[p.Name()],
		Secrets:    m.Estate.Secrets,
		Key:        m.Meta.Key,
		Throughput: recorded.Throughput,
	}
}

func (m *maker) checkEstate() {
	for i, p := range m.Providers {
		if c, ok := p.(providers.EstateChecker); ok && len(m.requests[i]) > 0 {
			m.report("", c.CheckEstate(m.requests[i]))
		}
	}
}

// requireSecrets lists what the actions refer to.
func (m *maker) requireSecrets() {
	names, err := plan.SecretsOf(m.p)
	if err != nil {
		m.report("", hcl.Diagnostics{bug(nil, err.Error())})
		return
	}
	for _, name := range names {
		value, err := m.Estate.Secrets.Secret(name)
		if err != nil {
			m.report("", hcl.Diagnostics{bug(nil, fmt.Sprintf("An action refers to the secret %q, which no file of the estate declares.", name))})
			continue
		}
		m.p.Secrets = append(m.p.Secrets, plan.Secret{Name: name, Fingerprint: plan.SecretSum(m.Meta.Key, value)})
	}
}

// observeOnly reports whether the files ask to show differences and not to act.
func observeOnly(desired *config.Instance) bool {
	return desired.Block != nil && desired.String("mode") == plan.Observe
}
