package planner

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
)

// MakeApart makes a plan for an instance that was not observed: one that the
// steps make, or that they leave alone. What prepares comes first; offline steps
// follow in a window of their own, which closes with the given actions and has
// nothing to stop. diags are those of whoever proposed the steps.
func MakeApart(in Input, made plan.Instance, steps []providers.Step, closing []plan.Action, diags hcl.Diagnostics) (*plan.Plan, hcl.Diagnostics) {
	m := newMaker(in)
	if diags.HasErrors() {
		made.Failed = true
		m.report("", diags)
	} else {
		m.report("", diags)
		made.Stages = apart(steps, closing)
		n := 0
		for s := range made.Stages {
			for a := range made.Stages[s].Actions {
				n++
				made.Stages[s].Actions[a].ID = fmt.Sprintf("restore/%d", n)
			}
		}
	}
	m.p.Instances = append(m.p.Instances, made)
	m.requireSecrets()
	m.p.Summary = plan.Summarize(m.p)
	if err := plan.Validate(m.p); err != nil {
		m.report("", hcl.Diagnostics{bug(nil, fmt.Sprintf("The plan that was made breaks the rules of plans: %s.", err))})
	}
	return m.p, m.diags
}

func apart(steps []providers.Step, closing []plan.Action) []plan.Stage {
	var before, window, after []plan.Action
	for _, s := range steps {
		switch {
		case s.Window == providers.Offline:
			window = append(window, s.Action)
		case s.Phase == plan.Prepare:
			before = append(before, s.Action)
		default:
			after = append(after, s.Action)
		}
	}
	var stages []plan.Stage
	add := func(kind plan.StageKind, number int, note string, actions []plan.Action) {
		if len(actions) > 0 {
			sortByPhase(actions)
			stages = append(stages, plan.Stage{Kind: kind, Number: number, Note: note, Cost: plan.CostOf(actions), Actions: actions})
		}
	}
	add(plan.Before, 0, "", before)
	if len(window) > 0 {
		add(plan.Window, 1, plan.MadeHere, append(window, closing...))
	}
	add(plan.After, 0, "", after)
	return stages
}
