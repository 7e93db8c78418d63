package planner_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/planner"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/state"
)

// origin is an aspect that makes instances.
type origin struct{ aspect }

func (o origin) Make(req providers.Request) (providers.Proposal, hcl.Diagnostics) {
	return o.Propose(req)
}

func (o origin) Observe(context.Context, providers.ObserveRequest) (providers.Observation, error) {
	panic("the planner does not observe")
}

func newcomer(w *world, s seen) *planner.Observed {
	w.Providers = append(w.Providers, origin{aspect{"origin", block(providers.OriginBlock)}})
	o := w.add("fresh", "", dss.Facts{}, obs{"origin": s})
	o.Absent = true
	return o
}

func making() seen {
	place := offline("origin.place", plan.Doing, "put it in place")
	attach := offline("origin.attach", plan.Replay, "attach it")
	return seen{Proposal: providers.Proposal{
		Changes: []plan.Change{change("origin", "", plan.Create, "", `"clone"`)},
		Steps:   []providers.Step{online("origin.copy", plan.Prepare, "copy it"), attach, place},
	}}
}

func kindsOf(in *plan.Instance) string {
	var out []string
	for i := range in.Stages {
		for a := range in.Stages[i].Actions {
			out = append(out, string(in.Stages[i].Actions[a].Kind))
		}
	}
	return strings.Join(out, " ")
}

func TestNewcomer(t *testing.T) {
	w := newWorld()
	newcomer(w, making())
	p, diags := planner.Make(w.Input)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	in := &p.Instances[0]
	if !in.New || !in.Bare {
		t.Errorf("new %v, bare %v", in.New, in.Bare)
	}
	if got, want := kindsOf(in), "origin.copy origin.place origin.attach service.start"; got != want {
		t.Errorf("actions %s, want %s", got, want)
	}
	if a := in.Stages[0].Actions[0]; a.ID != "fresh/1" || a.Block != "instance.fresh.origin" {
		t.Errorf("the first action is %s of %s", a.ID, a.Block)
	}
	if in.Stages[1].Note != plan.MadeHere {
		t.Errorf("note %q", in.Stages[1].Note)
	}
}

func TestNewcomerLeftStopped(t *testing.T) {
	w := newWorld()
	s := making()
	s.Unstarted = true
	newcomer(w, s)
	p, _ := planner.Make(w.Input)
	if got := kindsOf(&p.Instances[0]); strings.Contains(got, "service.") {
		t.Errorf("it is started: %s", got)
	}
}

func TestNewcomerRefused(t *testing.T) {
	w := newWorld()
	s := making()
	s.diags = hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "No kit"}}
	newcomer(w, s)
	p, diags := planner.Make(w.Input)
	if in := &p.Instances[0]; !diags.HasErrors() || !in.Failed || len(in.Stages) > 0 {
		t.Errorf("%v: %+v", diags, in)
	}
}

// A part of an instance that is not there cannot be planned without it.
func TestNewcomerCutInTwo(t *testing.T) {
	w := newWorld()
	newcomer(w, making())
	w.Selection = only{"instance.fresh.general_settings": true}
	_, diags := planner.Make(w.Input)
	if !diags.HasErrors() || !strings.Contains(diags.Error(), "not there yet") {
		t.Errorf("found %v", diags)
	}
}

// State remembers the instance: most likely its volume is not mounted.
func TestNewcomerThatWasThere(t *testing.T) {
	w := newWorld()
	newcomer(w, making())
	w.Recorded["instance.fresh"] = state.Instance{DataDir: "/data/fresh", Aspects: map[string]jsonRaw{"port": jsonRaw(`{"port":1}`)}}
	p, diags := planner.Make(w.Input)
	if diags.HasErrors() || len(diags) != 1 || !strings.Contains(diags.Error(), "volume") {
		t.Errorf("found %v", diags)
	}
	if len(p.Instances[0].Stages) == 0 {
		t.Error("nothing is planned")
	}
}
