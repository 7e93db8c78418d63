package planner_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/planner"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// numbers is an aspect that compares the members of an attribute with what is
// live, and has one step for all that differ. Its member "glued" cannot be told
// from the rest: it differs as long as anything is declared.
type numbers struct{ aspect }

func (n numbers) Propose(req providers.Request) (providers.Proposal, hcl.Diagnostics) {
	var out providers.Proposal
	if req.Desired.Block == nil || !req.Desired.Has(n.name) {
		return out, nil
	}
	live := req.Observed.(map[string]int64)
	var titles []string
	for _, k := range slices.Sorted(keysOf(req.Desired.Value(n.name).AsValueMap())) {
		v := req.Desired.Value(n.name).AsValueMap()[k]
		want, _ := v.AsBigFloat().Int64()
		is, there := live[k]
		if there && is == want && k != "glued" {
			continue
		}
		before := ""
		if there {
			before = fmt.Sprint(is)
		}
		out.Changes = append(out.Changes, change(n.name, k, plan.Update, before, fmt.Sprint(want)))
		titles = append(titles, fmt.Sprintf("%s=%d", k, want))
	}
	if len(titles) > 0 {
		out.Steps = []providers.Step{offline("numbers.set", plan.Doing, "set "+strings.Join(titles, " "))}
	}
	out.Record = json.RawMessage(fmt.Sprintf(`{"keys":%d}`, len(req.Desired.Value(n.name).AsValueMap())))
	return out, nil
}

func keysOf(m map[string]cty.Value) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestIgnore(t *testing.T) {
	limits := numbers{aspect{"limits", schema.Fragment{Attributes: []schema.Attribute{{Name: "limits", Type: cty.Map(cty.Number)}}}}}
	for _, c := range []struct {
		ignore  string
		limits  string
		changes []string
		ignored []string
		title   string
		err     string
	}{
		{`[]`, `{ a = 1, b = 2 }`, []string{"limits.a", "limits.b"}, nil, "set a=1 b=2", ""},
		{`["limits.b"]`, `{ a = 1, b = 2 }`, []string{"limits.a"}, []string{"limits.b"}, "set a=1", ""},
		{`["limits.new"]`, `{ a = 1, new = 2 }`, []string{"limits.a"}, []string{"limits.new"}, "set a=1", ""},
		{`["limits.a", "limits.b"]`, `{ a = 1, b = 2 }`, nil, []string{"limits.a", "limits.b"}, "", ""},
		{`["limits"]`, `{ a = 1, b = 2, glued = 3 }`, nil, []string{"limits.a", "limits.b", "limits.glued"}, "", ""},
		{`["limits.glued"]`, `{ a = 1, glued = 3 }`, []string{}, nil, "", "goes together with the rest of limits"},
		{`["limits.other"]`, `{ a = 1 }`, []string{"limits.a"}, nil, "set a=1", ""},
	} {
		estate, diags := config.Load(config.LoadOptions{
			FS:     fstest.MapFS{"main.dss.hcl": {Data: []byte("instance \"design\" {\n  data_dir = \"/data/design\"\n  ignore = " + c.ignore + "\n  limits = " + c.limits + "\n}\n")}},
			Schema: config.InstanceSchema(limits.fragment),
		})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		w := newWorld()
		w.Estate, w.Providers = estate, []providers.Provider{limits}
		w.Observed = []planner.Observed{{
			Instance: estate.Instances[0], Facts: facts(dss.ServiceRunning),
			Observations: obs{"limits": map[string]int64{"a": 10, "b": 20, "glued": 30}},
		}}
		p, diags := planner.Make(w.Input)
		in := &p.Instances[0]
		if c.err != "" {
			if !in.Failed || !diags.HasErrors() || !strings.Contains(diags.Error(), c.err) {
				t.Errorf("ignore %s: %v", c.ignore, diags)
			}
			continue
		}
		if diags.HasErrors() {
			t.Errorf("ignore %s: %v", c.ignore, diags)
			continue
		}
		title := ""
		p.Actions(func(_ *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
			if a.Kind == "numbers.set" {
				title = a.Title
			}
			return true
		})
		if got := paths(in.Changes); !slices.Equal(got, c.changes) {
			t.Errorf("ignore %s: changes %v, want %v", c.ignore, got, c.changes)
		}
		if got := paths(in.Ignored); !slices.Equal(got, c.ignored) {
			t.Errorf("ignore %s: ignored %v, want %v", c.ignore, got, c.ignored)
		}
		if title != c.title || in.HasChanges() != (len(c.changes) > 0) {
			t.Errorf("ignore %s: the step is %q, want %q", c.ignore, title, c.title)
		}
	}
}

func paths(changes []plan.Change) []string {
	var out []string
	for i := range changes {
		out = append(out, changes[i].Block+"."+changes[i].Path)
	}
	return out
}
