package executor

import "github.com/dssctl/dssctl/internal/plan"

// unit is what is rolled back together: a window with what prepares it and the
// proofs behind it, or online work that the plan calls one.
type unit struct {
	in      *plan.Instance
	actions []*plan.Action
	// window is set when DSS is stopped in it.
	window bool
	// keep is set for online work behind everything: when it fails, DSS is
	// left running and the run stays open, for nothing is at risk.
	keep bool
}

// units cuts an instance's stages. The stage before the first window belongs to
// that window: without it there is nothing to prepare for. A stage behind a
// window belongs to it as far as it proves the window.
func units(in *plan.Instance) []unit {
	var out []unit
	var before []*plan.Action
	for s := range in.Stages {
		stage := &in.Stages[s]
		actions := pointers(stage.Actions)
		switch stage.Kind {
		case plan.Before:
			before = append(before, actions...)
		case plan.Window:
			out = append(out, unit{in: in, actions: append(before, actions...), window: true})
			before = nil
		default:
			proofs := 0
			for proofs < len(actions) && actions[proofs].Phase == plan.Proof && len(out) > 0 && out[len(out)-1].window {
				proofs++
			}
			if proofs > 0 {
				last := &out[len(out)-1]
				last.actions = append(last.actions, actions[:proofs]...)
			}
			if len(before) > 0 {
				// No window: what prepares comes first all the same.
				out = append(out, unit{in: in, actions: before})
				before = nil
			}
			out = append(out, online(in, actions[proofs:])...)
		}
	}
	if len(before) > 0 {
		out = append(out, unit{in: in, actions: before})
	}
	return out
}

// online cuts work behind the windows: actions of the same unit are undone
// together, the others are kept.
func online(in *plan.Instance, actions []*plan.Action) []unit {
	var out []unit
	for i, a := range actions {
		if i == 0 || a.Unit != actions[i-1].Unit {
			out = append(out, unit{in: in, keep: a.Unit == ""})
		}
		last := &out[len(out)-1]
		last.actions = append(last.actions, a)
	}
	return out
}

func pointers(actions []plan.Action) []*plan.Action {
	out := make([]*plan.Action, len(actions))
	for i := range actions {
		out[i] = &actions[i]
	}
	return out
}
