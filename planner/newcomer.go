package planner

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
)

// newcomer plans an instance whose data directory is not there: it is made
// from its origin, in one stage without a stop. All else that is declared is
// compared once it is there.
func (m *maker) newcomer(out *plan.Instance, o *Observed) {
	out.Bare, out.New = true, true
	if !m.includesBlock(out.Address, providers.OriginBlock) {
		m.fail(out, hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "The instance is not there yet",
			Detail:  fmt.Sprintf("%s has no data directory %s yet, so nothing of it can be planned but its origin, which -target or -exclude leaves out.", out.Address, o.Instance.DataDir),
			Subject: rangeOf(o.Instance),
		}})
		return
	}
	var steps []providers.Step
	var diags hcl.Diagnostics
	var later []string
	start := true
	for i, p := range m.Providers {
		mk, ok := p.(providers.Maker)
		switch {
		case ok:
		case any(p) == any(m.Frame):
			continue
		default:
			later = append(later, m.declared(o.Instance, i)...)
			continue
		}
		out.Declared = append(out.Declared, m.declared(o.Instance, i)...)
		pr, ds := mk.Make(m.request(p, o))
		diags = append(diags, ds...)
		out.Changes = append(out.Changes, pr.Changes...)
		for _, s := range pr.Steps {
			if s.Block == "" {
				s.Block = out.Address + "." + providers.OriginBlock
			}
			steps = append(steps, s)
		}
		start = start && !pr.Unstarted
	}
	locate(o.Instance, out.Changes)
	if len(steps) == 0 && !diags.HasErrors() {
		diags = append(diags, bug(rangeOf(o.Instance), fmt.Sprintf("Nothing makes %s.", out.Address)))
	}
	if len(m.Recorded[out.Address].Aspects) > 0 {
		diags = append(diags, &hcl.Diagnostic{
			Severity: hcl.DiagWarning, Summary: "The instance was there before",
			Detail:  fmt.Sprintf("The state remembers %s, and its data directory %s is not there any more: this plan makes another one. Is its volume mounted?", out.Address, o.Instance.DataDir),
			Subject: rangeOf(o.Instance),
		})
	}
	if len(later) > 0 {
		out.Seen.Notes = append(out.Seen.Notes, "left to the next plan: "+strings.Join(later, ", "))
	}
	if diags.HasErrors() {
		m.fail(out, diags)
		return
	}
	if observeOnly(o.Instance) {
		out.Mode = plan.Observe
		m.report(out.Address, diags)
		return
	}
	var closing []plan.Action
	if start {
		closing = m.Frame.First(m.frameRequest(o))
	}
	stages := apart(steps, closing)
	if ds := m.finish(stages, o.Instance, o); ds.HasErrors() {
		m.fail(out, append(diags, ds...))
		return
	}
	m.report(out.Address, diags)
	out.Stages = stages
}
