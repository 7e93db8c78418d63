package service

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// estate loads an instance block with this body.
func estate(t *testing.T, body string) *config.Estate {
	t.Helper()
	dir := t.TempDir()
	text := "variable \"key\" {\n  type = string\n}\ninstance \"design\" {\n  data_dir = \"/data/dss\"\n" + body + "\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "x.dss.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	e, diags := config.Load(config.LoadOptions{Dir: dir, Schema: config.InstanceSchema(New().Schema()), Version: "0.1.0", Vars: []string{"key=" + theKey}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return e
}

const (
	whole = `
  api_key = var.key
  service {
    on_running    = "wait"
    wait_timeout  = "1h"
    stop_timeout  = "2m"
    start_timeout = "3m"
    force_stop    = true
    unit          = "dataiku.x"
  }`
	onlyKey = "  api_key = var.key"
)

func TestDeclared(t *testing.T) {
	e := estate(t, whole)
	got := declared(e.Instances[0])
	if got.APIKey == nil {
		t.Fatal("no key")
	}
	if key, err := got.APIKey.Reveal(e.Secrets); err != nil || key != theKey {
		t.Errorf("key: %v, %v", key, err)
	}
	text := string(encode(got))
	if strings.Contains(text, theKey) {
		t.Errorf("the key is in %s", text)
	}
	got.APIKey = nil
	want := args{OnRunning: "wait", WaitTimeout: "1h", StopTimeout: "2m", StartTimeout: "3m", ForceStop: true, Unit: "dataiku.x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, in := range map[string]*config.Instance{"no block": estate(t, "").Instances[0], "empty block": estate(t, "service {}").Instances[0], "nothing": nil, "gone": {Address: "instance.x"}} {
		if diff := cmp.Diff(args{OnRunning: "fail", WaitTimeout: "30m", StopTimeout: "10m", StartTimeout: "15m"}, declared(in)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestFrame(t *testing.T) {
	kinds := []plan.Kind{"settings.edit"}
	type seen struct {
		Title  string
		Phase  plan.Phase
		Danger plan.Danger
		Bytes  int64
	}
	const (
		check   = "check that nothing runs, stop DSS"
		unseen  = "stop DSS (running jobs are not seen without api_key)"
		sure    = "make sure that DSS is stopped"
		start   = "start DSS, wait until ready"
		proving = "start DSS, found stopped, to prove the change; wait until ready"
	)
	for name, tc := range map[string]struct {
		body  string
		facts dss.Facts
		proof bool
		stop  string
		start string // "" for none
	}{
		"running":             {onlyKey, dss.Facts{Service: dss.ServiceRunning, NodeType: "design"}, false, check, start},
		"running, no key":     {"", dss.Facts{Service: dss.ServiceRunning, NodeType: "design"}, true, unseen, start},
		"api node":            {"", dss.Facts{Service: dss.ServiceRunning, NodeType: "api"}, false, "stop DSS", start},
		"stopped":             {onlyKey, dss.Facts{Service: dss.ServiceStopped, NodeType: "design"}, false, sure, ""},
		"stopped, with proof": {"", dss.Facts{Service: dss.ServiceStopped, NodeType: "design"}, true, sure, proving},
		"failed":              {onlyKey, dss.Facts{Service: dss.ServiceFailed, NodeType: "design"}, false, check, start},
	} {
		t.Run(name, func(t *testing.T) {
			req := providers.Request{Desired: estate(t, tc.body).Instances[0], Facts: tc.facts, Observed: &Observation{SafetyBytes: 300e6}}
			danger := plan.Downtime
			if tc.facts.Service == dss.ServiceStopped {
				danger = plan.NoDanger
			}
			want := []seen{
				{tc.stop, plan.Stop, danger, 0},
				{"safety backup of config and databases", plan.Protect, plan.NoDanger, 300e6},
			}
			if tc.start != "" {
				want = append(want, seen{tc.start, plan.Start, plan.NoDanger, 0})
			}
			var got []seen
			for _, a := range append(New().Open(req, kinds), New().Close(req, tc.proof)...) {
				got = append(got, seen{a.Title, a.Phase, a.Danger, a.Cost.Bytes})
				if New().Performers()[a.Kind] == nil {
					t.Errorf("nobody performs %s", a.Kind)
				}
				if !json.Valid(a.Args) || !a.Undo.Possible || a.Undo.How == "" || a.Cost.Seconds <= 0 {
					t.Errorf("%+v", a)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is not known is not estimated.
func TestFrameWithoutObservation(t *testing.T) {
	got := New().Open(providers.Request{Facts: dss.Facts{Service: dss.ServiceRunning}}, nil)
	if got[1].Cost != (plan.Cost{}) {
		t.Errorf("got %+v", got[1].Cost)
	}
	req := providers.Request{Observed: &Observation{SafetyBytes: 100}, Throughput: map[string]float64{string(KindBackup): 10}}
	if got := New().Open(req, nil); got[1].Cost.Seconds != 11 {
		t.Errorf("got %+v", got[1].Cost)
	}
}

func TestObserve(t *testing.T) {
	w := newWorld(t)
	w.busy(99)
	e := estate(t, onlyKey)
	facts, err := w.inst.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	req := providers.ObserveRequest{Instance: w.inst, Facts: facts, Desired: e.Instances[0], Secrets: e.Secrets}
	o, err := New().Observe(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	got := o.(*Observation)
	if len(got.Running) != 1 || got.SafetyBytes < 8192 || got.Service != dss.ServiceRunning || got.RunningProblem != "" || got.Headline() != "1 activity runs" {
		t.Errorf("got %+v", got)
	}
	if len(w.calls) > 0 {
		t.Errorf("observing did %v", w.calls)
	}
	p, diags := New().Propose(providers.Request{Desired: e.Instances[0], Facts: facts, Observed: o})
	if len(p.Changes)+len(p.Steps)+len(diags) > 0 || p.Record != nil {
		t.Errorf("proposed %+v, %v", p, diags)
	}
	// DSS cannot be asked: that is noted, and no failure.
	delete(w.api, "GET /projects/")
	if o, err = New().Observe(t.Context(), req); err != nil || o.(*Observation).RunningProblem == "" || o.(*Observation).Headline() != "" {
		t.Errorf("got %+v, %v", o, err)
	}
	// Without a key it is not asked.
	req.Desired = estate(t, "").Instances[0]
	if o, err = New().Observe(t.Context(), req); err != nil || o.(*Observation).RunningProblem != "" {
		t.Errorf("got %+v, %v", o, err)
	}
}

func TestProposeWarns(t *testing.T) {
	_, diags := New().Propose(providers.Request{
		Desired: estate(t, "").Instances[0], Facts: dss.Facts{ServiceNote: "Server requires authentication"},
		Observed: &Observation{UnitProblem: "several boot units"},
	})
	if diags.HasErrors() || len(diags) != 2 || diags[0].Subject == nil || !strings.Contains(diags[0].Detail, "requires authentication") {
		t.Errorf("got %v", diags)
	}
}

func TestUnitName(t *testing.T) {
	for name, ok := range map[string]bool{"dataiku.service": true, "none": true, "dataiku@x": true, "": false, "-H": false, "a b": false, "a/b": false} {
		if err := unitName(cty.StringVal(name)); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
