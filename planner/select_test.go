package planner_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/planner"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

type jsonRaw = json.RawMessage

// both proposes a change of both attributes of the aspect install, with the
// blocks that its steps name.
func both(first, second string) seen {
	one, two := offline("install.set", plan.Doing, "one"), offline("install.set", plan.Doing, "two")
	one.Block, two.Block = first, second
	return seen{Proposal: providers.Proposal{
		Changes: []plan.Change{change("port", "", plan.Update, "1", "2"), change("install_ini", "x", plan.Update, "1", "2")},
		Steps:   []providers.Step{one, two},
		Record:  jsonRaw(`{}`),
	}}
}

// titles of the steps that are no part of the frame, and the changed blocks.
func titles(p *plan.Plan) (steps, blocks, changes []string) {
	p.Actions(func(in *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		if a.Block != "" {
			steps, blocks = append(steps, a.Title), append(blocks, a.Block)
		}
		return true
	})
	for i := range p.Instances {
		for _, c := range p.Instances[i].Changes {
			changes = append(changes, c.Block)
		}
	}
	return steps, blocks, changes
}

func TestSelection(t *testing.T) {
	tests := map[string]struct {
		selection       planner.Selection
		first, second   string // the blocks that the steps name
		steps, changes  []string
		blocks          []string
		record, refused bool
	}{
		"everything": {
			nil, "port", "instance.design.install_ini",
			[]string{"one", "two"},
			[]string{"port", "install_ini"},
			[]string{"instance.design.port", "instance.design.install_ini"},
			true, false,
		},
		"everything, blocks not named": {
			nil, "", "",
			[]string{"one", "two"},
			[]string{"port", "install_ini"},
			[]string{"instance.design", "instance.design"},
			true, false,
		},
		"the instance": {
			only{"instance.design": true},
			"port", "install_ini",
			[]string{"one", "two"},
			[]string{"port", "install_ini"},
			[]string{"instance.design.port", "instance.design.install_ini"},
			true, false,
		},
		"one of two": {
			only{"instance.design.install_ini": true},
			"port", "install_ini",
			[]string{"two"},
			[]string{"install_ini"},
			[]string{"instance.design.install_ini"},
			false, false,
		},
		"one of two that cannot be cut": {
			selection: only{"instance.design.install_ini": true}, refused: true,
			changes: nil,
		},
		"another aspect": {
			selection: only{"instance.design.release": true}, first: "port", second: "port",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.add("design", "", facts(dss.ServiceRunning), obs{"install": both(tt.first, tt.second)})
			w.Selection = tt.selection
			if tt.refused {
				says(t, refused(t, w), "instance.design", "cannot be planned alone", "port, install_ini")
			}
			p, diags := planner.Make(w.Input)
			if diags.HasErrors() != tt.refused {
				t.Fatal(diags)
			}
			steps, blocks, changes := titles(p)
			for _, d := range []string{cmp.Diff(tt.steps, steps), cmp.Diff(tt.blocks, blocks), cmp.Diff(tt.changes, changes)} {
				if d != "" {
					t.Errorf("-want +got:\n%s", d)
				}
			}
			if got := p.Instances[0].Records != nil; got != tt.record {
				t.Errorf("record %v, expected %v", got, tt.record)
			}
		})
	}
}
