package main

import (
	"context"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/planner"
	"github.com/dssctl/dssctl/providers/preflight"
	"github.com/dssctl/dssctl/state"
)

// foresee makes what the pre-flight finds a part of the plan, and returns it as
// diagnostics at the instances' declarations.
func (w *world) foresee(ctx context.Context, estate *config.Estate, store state.Store, p *plan.Plan) (hcl.Diagnostics, error) {
	found, err := w.executor(store, estate).Preflight(ctx, p)
	if err != nil {
		return nil, err
	}
	declared := map[string]*hcl.Range{}
	for _, in := range estate.Instances {
		if in.Block != nil && in.Range.Filename != "" {
			declared[in.Address] = in.Range.Ptr()
		}
	}
	var out hcl.Diagnostics
	for _, f := range found {
		d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: f.What, Detail: f.Detail(), Subject: declared[f.Address]}
		if f.Severity == preflight.Warning {
			d.Severity = hcl.DiagWarning
		}
		out = append(out, d)
		p.Diagnostics = append(p.Diagnostics, planner.FromHCL(f.Address, hcl.Diagnostics{d})...)
	}
	return out, nil
}
