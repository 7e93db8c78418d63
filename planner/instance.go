package planner

import (
	"encoding/json"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
)

// instance plans one declared instance.
func (m *maker) instance(desired *config.Instance) plan.Instance {
	out := plan.Instance{Address: desired.Address, DataDir: desired.DataDir}
	if r := rangeOf(desired); r != nil {
		out.Range = r.String()
	}
	if desired.Block != nil {
		out.CompanionDir = desired.String("companion_dir")
		if service := desired.Child("service"); service != nil {
			out.Environment = service.Strings("environment")
		}
	}
	o := m.observed[desired.Address]
	switch {
	case o == nil:
		m.fail(&out, hcl.Diagnostics{bug(rangeOf(desired), fmt.Sprintf("%s was selected but not observed.", desired.Address))})
		return out
	case o.Err != nil:
		m.fail(&out, m.notImported(desired, o.Err))
		return out
	}
	out.Seen, out.RealDir = m.seen(o), o.RealDir
	if m.Ordered && observeOnly(desired) {
		m.fail(&out, hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "The instance is only to be observed",
			Detail:  fmt.Sprintf("%s has mode = \"observe\", so nothing is done to it, also when it is ordered. Take the line out, or name what you want of other instances.", desired.Address),
			Subject: rangeOfAttribute(desired, "mode"),
		}})
		return out
	}
	if len(desired.Refused) > 0 && !m.Ordered {
		m.fail(&out, desired.Refused)
		return out
	}
	if diags := m.follow(&out); diags.HasErrors() {
		m.fail(&out, diags)
		return out
	}
	if diags := m.importing(&out, o); diags.HasErrors() {
		m.fail(&out, diags)
		return out
	}
	if o.Absent {
		m.newcomer(&out, o)
		return out
	}

	proposals, ok := m.propose(&out, o)
	if !ok {
		return out
	}
	if observeOnly(desired) {
		out.Mode, out.Records = plan.Observe, nil
		return out
	}
	m.protection(&out, desired)
	stages, diags := arrange(proposals, m.Frame, m.frameRequest(o))
	if !diags.HasErrors() {
		diags = append(diags, m.finish(stages, desired, o)...)
		diags = append(diags, m.protected(&out, desired, stages)...)
	}
	if diags.HasErrors() {
		m.fail(&out, diags)
		return out
	}
	m.report(out.Address, diags)
	if m.RefreshOnly && len(stages) > 0 {
		// What shall be remembered of it depends on what would be done.
		out.Mode, out.Records, stages = plan.Observe, nil, nil
	}
	out.Stages = stages
	return out
}

// frameRequest is what the frame decides on. A frame that is an aspect, too,
// gets what it observed as that.
func (m *maker) frameRequest(o *Observed) providers.Request {
	if p, ok := m.Frame.(providers.Provider); ok {
		return m.request(p, o)
	}
	return providers.Request{
		Address: o.Instance.Address, Facts: o.Facts, Desired: o.Instance, Secrets: m.Estate.Secrets, Key: m.Meta.Key,
		Throughput: m.Recorded[o.Instance.Address].Throughput,
	}
}

func (m *maker) seen(o *Observed) plan.Seen {
	seen := plan.Seen{Version: o.Facts.Version, NodeType: o.Facts.NodeType, Service: string(o.Facts.Service)}
	for _, p := range m.Providers {
		if h, ok := o.Observations[p.Name()].(providers.Headline); ok {
			if note := h.Headline(); note != "" {
				seen.Notes = append(seen.Notes, note)
			}
		}
	}
	return seen
}

// propose asks every provider and fills the changes and records of out. It
// returns false when the instance failed.
func (m *maker) propose(out *plan.Instance, o *Observed) ([]proposal, bool) {
	var proposals []proposal
	var diags hcl.Diagnostics
	for i, p := range m.Providers {
		if !m.includesProvider(out.Address, i) {
			continue
		}
		out.Declared = append(out.Declared, m.declared(o.Instance, i)...)
		pr, ds := m.proposal(out, i, o)
		diags = append(diags, ds...)
		pr, ds = m.narrow(out.Address, i, pr, func(block string) bool {
			return m.includesBlock(out.Address, block) && !m.leftAlone(o.Instance, block)
		})
		diags = append(diags, ds...)
		out.Changes = append(out.Changes, pr.Changes...)
		out.Bare = out.Bare || pr.Bare
		if len(pr.Steps) > 0 {
			proposals = append(proposals, proposal{provider: p.Name(), steps: pr.Steps})
		}
		switch {
		case pr.Forget:
			m.record(out, p.Name(), json.RawMessage("null"))
		case pr.Record != nil:
			m.record(out, p.Name(), pr.Record)
		}
	}
	locate(o.Instance, out.Changes)
	if diags.HasErrors() {
		m.fail(out, diags)
		return nil, false
	}
	m.report(out.Address, diags)
	return proposals, true
}

func (m *maker) record(out *plan.Instance, aspect string, v json.RawMessage) {
	if out.Records == nil {
		out.Records = map[string]json.RawMessage{}
	}
	out.Records[aspect] = v
}

// fail marks an instance; what differs may still be shown, nothing is done.
func (m *maker) fail(out *plan.Instance, diags hcl.Diagnostics) {
	out.Failed, out.Stages, out.Records, out.Protect, out.MovedFrom, out.Importing = true, nil, nil, nil, "", nil
	m.report(out.Address, diags)
}

// finish numbers the actions and takes the fingerprints of what they read.
func (m *maker) finish(stages []plan.Stage, desired *config.Instance, o *Observed) hcl.Diagnostics {
	var diags hcl.Diagnostics
	prefix, n := idPrefix(desired), 0
	sums := map[string]string{}
	for s := range stages {
		for a := range stages[s].Actions {
			act := &stages[s].Actions[a]
			n++
			act.ID = fmt.Sprintf("%s/%d", prefix, n)
			if len(act.Reads) == 0 {
				continue
			}
			reads := make([]plan.Fingerprint, len(act.Reads))
			for r, f := range act.Reads {
				sum, ok := sums[f.Probe]
				if !ok {
					var err error
					if sum, err = m.sum(o, f.Probe); err != nil {
						diags = append(diags, &hcl.Diagnostic{
							Severity: hcl.DiagError, Summary: "What the plan is based on cannot be read",
							Detail:  fmt.Sprintf("To notice later changes, the plan notes %s (%s) of %s, which failed: %s.", f.Subject, f.Probe, desired.Address, err),
							Subject: rangeOf(desired),
						})
					}
					sums[f.Probe] = sum
				}
				f.Sum = sum
				reads[r] = f
			}
			act.Reads = reads
		}
	}
	return diags
}

func (m *maker) sum(o *Observed, probe string) (string, error) {
	if o.Read == nil {
		return "", fmt.Errorf("nothing to read with was given")
	}
	content, exists, err := o.Read(probe)
	if err != nil {
		return "", err
	}
	return plan.Sum(m.Meta.Key, probe, content, exists), nil
}
