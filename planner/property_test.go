package planner_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/planner"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// FuzzMake makes plans of arbitrary steps and holds them to the rules.
func FuzzMake(f *testing.F) {
	f.Add([]byte{0}, false)
	f.Add([]byte("every aspect wants something done, some of it while DSS is stopped"), false)
	f.Add([]byte{0x40, 0x91, 0xc3, 0x12, 0x55, 0xaa, 0xff, 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x80}, true)
	f.Fuzz(func(t *testing.T, data []byte, stopped bool) {
		if len(data) > 200 {
			return
		}
		w := newWorld()
		w.Providers = append(w.Providers, aspect{"trialist", attribute("trialist")}, aspect{"extra", attribute("extra")})
		service := dss.ServiceRunning
		if stopped {
			service = dss.ServiceStopped
		}
		w.add("design", "", facts(service), randomSteps(data, w.Providers))
		p, diags := planner.Make(w.Input)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if err := plan.Validate(p); err != nil {
			t.Fatal(err)
		}
		checkOrder(t, w, p)

		one, err := plan.Encode(p, w.Meta.Key)
		if err != nil {
			t.Fatal(err)
		}
		p2, _ := planner.Make(w.Input)
		two, err := plan.Encode(p2, w.Meta.Key)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, two) {
			t.Error("the same input gave another plan")
		}
	})
}

// randomSteps turns each byte into a step of one of the providers.
func randomSteps(data []byte, all []providers.Provider) obs {
	kinds := map[string]string{"release": "release.", "runtime_database": "runtimedb.", "extra": "release."}
	onlinePhases := []plan.Phase{plan.Prepare, plan.Protect, plan.Doing, plan.Replay, plan.Proof, plan.Clean}
	offlinePhases := []plan.Phase{plan.Protect, plan.Doing, plan.Replay, plan.Proof}
	out := obs{}
	for n, b := range data {
		name := all[int(b&7)%len(all)].Name()
		prefix := kinds[name]
		if prefix == "" {
			prefix = name + "."
		}
		s := online(plan.Kind(prefix+"do"), onlinePhases[int(b>>4&7)%len(onlinePhases)], fmt.Sprintf("%s %d", name, n))
		if b&8 != 0 {
			s.Window, s.Phase = providers.Offline, offlinePhases[b>>4&3]
			s.Trial = b&0x80 != 0
		}
		o, _ := out[name].(seen)
		o.Steps = append(o.Steps, s)
		out[name] = o
	}
	return out
}

// placed is where a step ended up.
type placed struct {
	stage, at int
	kind      plan.StageKind
	action    *plan.Action
}

func checkOrder(t *testing.T, w *world, p *plan.Plan) {
	t.Helper()
	where := map[string][]placed{}
	for s, st := range p.Instances[0].Stages {
		for a := range st.Actions {
			act := &st.Actions[a]
			where[act.Title] = append(where[act.Title], placed{s, a, st.Kind, act})
		}
	}
	windows := map[int][]string{} // stage → the trials in it
	rest := map[int]bool{}        // stages with what is no trial
	for _, prov := range w.Providers {
		o, ok := w.Observed[0].Observations[prov.Name()].(seen)
		if !ok {
			continue
		}
		trial, window := false, -1
		for _, s := range o.Steps {
			trial = trial || s.Trial
		}
		var last placed
		for _, s := range o.Steps {
			got := where[s.Title]
			if len(got) != 1 {
				t.Fatalf("%q is %d times in the plan", s.Title, len(got))
			}
			at := got[0]
			if (at.kind == plan.Window) != (s.Window == providers.Offline) {
				t.Errorf("%q is in a stage %q", s.Title, at.kind)
			}
			if at.kind == plan.Window {
				if window >= 0 && at.stage != window {
					t.Errorf("the steps of %s are in two windows", prov.Name())
				}
				window = at.stage
				if last.action != nil && last.action.Phase == s.Phase && at.at < last.at {
					t.Errorf("%q has overtaken %q", s.Title, last.action.Title)
				}
				last = at
			}
			if s.Window == providers.Online && (s.Phase == plan.Prepare) != (at.kind == plan.Before) {
				t.Errorf("%q prepares or not, and is in a stage %q", s.Title, at.kind)
			}
		}
		if window < 0 {
			continue
		}
		if trial {
			windows[window] = append(windows[window], prov.Name())
		} else {
			rest[window] = true
		}
		for _, s := range o.Steps {
			if at := where[s.Title][0]; s.Window == providers.Online && s.Phase == plan.Proof && at.stage != window+1 {
				t.Errorf("%q is not directly behind its window", s.Title)
			}
		}
	}
	checkWindows(t, p.Instances[0].Stages, windows, rest)
}

func checkWindows(t *testing.T, stages []plan.Stage, trials map[int][]string, rest map[int]bool) {
	t.Helper()
	// "extra" has kinds of release, too.
	order := map[string]int{"release": 0, "extra": 0, "runtime_database": 1}
	total, last, host := 0, 0, false
	for s, st := range stages {
		if st.Kind != plan.Window {
			continue
		}
		total++
		switch in := trials[s]; len(in) {
		case 0:
			if !rest[s] {
				t.Errorf("window %d is for nothing", st.Number)
			}
		case 1:
			rank, ok := order[in[0]]
			if !ok {
				rank = 2
			}
			if rank < last {
				t.Errorf("the trial of %s comes too late", in[0])
			}
			last = rank
			if rank == 0 && rest[s] {
				t.Error("something joined a version change")
			}
			host = host || rank != 0
		default:
			t.Errorf("window %d has the trials %v", st.Number, in)
		}
	}
	want := len(trials)
	if len(rest) > 0 && !host {
		want++
	}
	if len(rest) > 1 || total != want {
		t.Errorf("%d windows, expected %d; the rest is in %d of them", total, want, len(rest))
	}
}
