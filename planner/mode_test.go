package planner_test

import (
	"testing"
	"testing/fstest"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/planner"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// An instance that is only to be observed shows its difference and gets no
// actions.
func TestObserveOnly(t *testing.T) {
	for mode, acts := range map[string]bool{`"manage"`: true, `"observe"`: false, `null`: true} {
		estate, diags := config.Load(config.LoadOptions{
			FS:     fstest.MapFS{"main.dss.hcl": {Data: []byte("instance \"design\" {\n  data_dir = \"/data/design\"\n  mode = " + mode + "\n}\n")}},
			Schema: config.InstanceSchema(),
		})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		w := newWorld()
		w.Estate = estate
		w.Observed = []planner.Observed{{
			Instance: estate.Instances[0], Facts: facts(dss.ServiceRunning), Observations: obs{"install": port()},
		}}
		p, diags := planner.Make(w.Input)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		in := &p.Instances[0]
		if len(in.Changes) != 1 || (len(in.Stages) > 0) != acts || (in.Mode == plan.Observe) == acts || (p.Summary.ToChange == 1) != acts {
			t.Errorf("mode %s: %d changes, %d stages, mode %q, %d to change", mode, len(in.Changes), len(in.Stages), in.Mode, p.Summary.ToChange)
		}
	}
}

// service is a frame that is an aspect of its own, as the real one is.
type service struct {
	aspect
	frame
	got *[]providers.Request
}

func (s service) Open(req providers.Request, kinds []plan.Kind) []plan.Action {
	*s.got = append(*s.got, req)
	return s.frame.Open(req, kinds)
}

func TestFrameSeesItsOwnObservation(t *testing.T) {
	w := newWorld()
	var got []providers.Request
	svc := service{aspect: aspect{name: "service"}, got: &got}
	w.Frame, w.Providers = svc, append(w.Providers, svc)
	w.add("design", "", facts(dss.ServiceStopped), obs{
		"service": seen{head: "stopped"}, "release": versionChange(), "general_settings": settings(),
	})
	if _, diags := planner.Make(w.Input); diags.HasErrors() {
		t.Fatal(diags)
	}
	if len(got) != 2 {
		t.Fatalf("%d windows were opened", len(got))
	}
	for i, want := range []dss.Service{dss.ServiceStopped, dss.ServiceRunning} {
		if head := got[i].Observed.(seen).head; head != "stopped" || got[i].Facts.Service != want {
			t.Errorf("window %d: observed %q, service %s, expected %s", i+1, head, got[i].Facts.Service, want)
		}
	}
}
