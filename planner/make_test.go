package planner_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/planner"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/state"
)

// refused makes the plan and returns its only error.
func refused(t *testing.T, w *world) plan.Diagnostic {
	t.Helper()
	p, diags := planner.Make(w.Input)
	checkSame(t, p, diags)
	var errs []plan.Diagnostic
	for _, d := range p.Diagnostics {
		if d.Severity == plan.Error {
			errs = append(errs, d)
		}
	}
	if len(errs) != 1 {
		t.Fatalf("%d errors: %v", len(errs), p.Diagnostics)
	}
	return errs[0]
}

func says(t *testing.T, d plan.Diagnostic, address string, parts ...string) {
	t.Helper()
	if d.Address != address {
		t.Errorf("the error is about %q, expected %q", d.Address, address)
	}
	for _, part := range parts {
		if !strings.Contains(d.Summary+"\n"+d.Detail, part) {
			t.Errorf("%q / %q does not say %q", d.Summary, d.Detail, part)
		}
	}
}

func TestNotObserved(t *testing.T) {
	w := newWorld()
	w.add("design", "", facts(dss.ServiceRunning), nil)
	w.Observed = nil
	says(t, refused(t, w), "instance.design", "selected but not observed")
}

func TestObserveErrorKeepsItsPlace(t *testing.T) {
	w := newWorld()
	at := &hcl.Range{Filename: "main.dss.hcl", Start: hcl.Pos{Line: 7, Column: 3}, End: hcl.Pos{Line: 7, Column: 9}}
	w.add("design", "", facts(dss.ServiceRunning), nil).Err = hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "No such database", Subject: at}}
	d := refused(t, w)
	says(t, d, "instance.design", "No such database")
	if d.Range != "main.dss.hcl:7,3-9" {
		t.Errorf("range %q", d.Range)
	}
}

func TestProbeThatCannotBeRead(t *testing.T) {
	w := newWorld()
	o := w.add("design", "", facts(dss.ServiceRunning), obs{"general_settings": settings()})
	o.Read = func(string) (string, bool, error) { return "", false, errors.New("permission denied") }
	says(t, refused(t, w), "instance.design", "maxRunningActivities", "permission denied")
	o.Read = nil
	says(t, refused(t, w), "instance.design", "maxRunningActivities", "nothing to read with")
}

// A fingerprint tells something absent from something empty, and shows nothing
// of the content.
func TestFingerprints(t *testing.T) {
	sum := func(content string, exists bool) string {
		w := newWorld()
		w.add("design", "", facts(dss.ServiceRunning), obs{"general_settings": settings()}).Read = func(string) (string, bool, error) { return content, exists, nil }
		p, _ := planner.Make(w.Input)
		got := ""
		p.Actions(func(_ *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
			for _, f := range a.Reads {
				got = f.Sum
				if want := plan.Sum(w.Meta.Key, f.Probe, content, exists); f.Sum != want {
					t.Errorf("sum %s, expected %s", f.Sum, want)
				}
			}
			return true
		})
		return got
	}
	if sum("", true) == sum("", false) || sum("1", true) == sum("2", true) {
		t.Error("different contents, the same fingerprint")
	}
}

// The provider's own step is not written to: Make may be called again.
func TestInputIsLeftAlone(t *testing.T) {
	w := newWorld()
	s := settings()
	w.add("design", "", facts(dss.ServiceRunning), obs{"general_settings": s})
	if _, diags := planner.Make(w.Input); diags.HasErrors() {
		t.Fatal(diags)
	}
	if diff := cmp.Diff(settings().Steps, s.Steps); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}

func TestEstateChecker(t *testing.T) {
	var got []string
	w := newWorld()
	w.Providers = append(w.Providers, checked{aspect{"ports", attribute("ports")}, func(all []providers.Request) hcl.Diagnostics {
		for _, r := range all {
			got = append(got, r.Address)
		}
		return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Two instances share a port"}}
	}})
	w.add("a", "", facts(dss.ServiceRunning), nil)
	w.add("b", "", facts(dss.ServiceRunning), nil)
	w.add("broken", "", dss.Facts{}, nil)
	// What is left out of the plan still holds its port; what could not be
	// observed is left out of the check.
	w.Observed[2].Err = errors.New("gone")
	w.Selection = only{"instance.a": true}
	says(t, refused(t, w), "", "share a port")
	if diff := cmp.Diff([]string{"instance.a", "instance.b"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRequests(t *testing.T) {
	w := newWorld()
	var got providers.Request
	w.Providers = []providers.Provider{checked{aspect{"ports", attribute("ports")}, func(all []providers.Request) hcl.Diagnostics {
		got = all[0]
		return nil
	}}}
	w.add("design", "", facts(dss.ServiceRunning), obs{"ports": seen{head: "x"}})
	w.Recorded["instance.design"] = state.Instance{
		Aspects:    map[string]jsonRaw{"ports": jsonRaw(`1`), "other": jsonRaw(`2`)},
		Throughput: map[string]float64{"runtimedb.copy": 5},
	}
	if _, diags := planner.Make(w.Input); diags.HasErrors() {
		t.Fatal(diags)
	}
	if string(got.Recorded) != "1" || got.Throughput["runtimedb.copy"] != 5 || got.Facts.Port != 11200 ||
		got.Desired != w.Estate.Instances[0] || got.Observed.(seen).head != "x" || string(got.Key) != string(w.Meta.Key) {
		t.Errorf("request %+v", got)
	}
	if v, err := got.Secrets.Secret("instance.design.runtime_database.password"); err != nil || v != "p4ssw0rd-design" {
		t.Errorf("secret %q, %v", v, err)
	}
}

func TestSecrets(t *testing.T) {
	w := newWorld()
	w.add("design", "", facts(dss.ServiceRunning), obs{"runtime_database": databaseMove("instance.design")})
	p, _ := planner.Make(w.Input)
	want := []plan.Secret{{
		Name:        "instance.design.runtime_database.password",
		Fingerprint: plan.SecretSum(w.Meta.Key, "p4ssw0rd-design"),
	}}
	if diff := cmp.Diff(want, p.Secrets); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	delete(w.Estate.Secrets, want[0].Name)
	says(t, refused(t, w), "", want[0].Name, "no file of the estate declares")
}

func TestErrorsAreCleanOfSecrets(t *testing.T) {
	for _, name := range []string{"design", "automation"} {
		w := newWorld()
		key := map[string]string{"automation": `we"ird]key`}[name]
		bad := seen{diags: hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "Refused", Detail: "psql said: wrong password p4ssw0rd-" + name + key,
		}}}
		w.add(name, key, facts(dss.ServiceRunning), obs{"runtime_database": bad})
		d := refused(t, w)
		says(t, d, w.Estate.Instances[0].Address, "wrong password (secret)")
		_, diags := planner.Make(w.Input)
		if strings.Contains(diags.Error(), "p4ssw0rd") {
			t.Errorf("for rendering: %v", diags)
		}
	}
}

func TestStepsThatFitNowhere(t *testing.T) {
	tests := map[string]struct {
		step providers.Step
		want string
	}{
		"an unknown phase":    {online("x.y", "soon", "do it"), `unknown phase "soon"`},
		"a stop of its own":   {offline("x.y", plan.Stop, "do it"), "own business"},
		"a start of its own":  {online("x.y", plan.Start, "do it"), "own business"},
		"prepares offline":    {offline("x.y", plan.Prepare, "do it"), "in which DSS runs"},
		"cleans offline":      {offline("x.y", plan.Clean, "do it"), "in which DSS runs"},
		"breaks law of plans": {online("xy", plan.Doing, "do it"), "ASPECT.VERB"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.add("design", "", facts(dss.ServiceRunning), obs{"release": seen{Proposal: providers.Proposal{Steps: []providers.Step{tt.step}}}})
			address := "instance.design"
			if tt.step.Kind == "xy" {
				address = ""
			}
			says(t, refused(t, w), address, tt.want, "report it")
		})
	}
}

func TestIDs(t *testing.T) {
	w := newWorld()
	for _, key := range []string{"auto1", "a.b", `a"b`, "a b", "a/b", "ä", "A_b-c", "%"} {
		w.add("automation", key, facts(dss.ServiceRunning), obs{"install": port()})
	}
	w.add("automation2", "", facts(dss.ServiceRunning), obs{"install": port()})
	p, diags := planner.Make(w.Input)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var got []string
	for i := range p.Instances {
		got = append(got, p.Instances[i].Stages[0].Actions[0].ID)
	}
	want := []string{
		"automation.auto1/1", "automation.a%2Eb/1", "automation.a%22b/1", "automation.a%20b/1", "automation.a%2Fb/1",
		"automation.%C3%A4/1", "automation.A_b-c/1", "automation.%25/1", "automation2/1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Two aspects that both want the configuration regenerated get it once, behind
// both of their edits.
func TestTheSameStepComesOnceAWindow(t *testing.T) {
	w := newWorld()
	other := settings()
	other.Steps = append(other.Steps, port().Steps[1])
	w.add("design", "", facts(dss.ServiceRunning), obs{"install": port(), "general_settings": other})
	p, _ := planner.Make(w.Input)
	var titles []string
	p.Actions(func(_ *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		if a.Phase == plan.Doing || a.Phase == plan.Replay {
			titles = append(titles, a.Title)
		}
		return true
	})
	want := []string{"set port in install.ini", "set maxRunningActivities in general-settings.json", "regenerate the configuration"}
	if diff := cmp.Diff(want, titles); diff != "" {
		t.Error(diff)
	}
}
