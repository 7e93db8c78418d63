package planner

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// proposal is what one provider wants done.
type proposal struct {
	provider string
	steps    []providers.Step
}

// window gathers what is done in one stop of DSS.
type window struct {
	trial   *proposal // nil: nothing in it has to be proven
	members []int     // proposals by their index, ascending
}

// arrange puts an instance's proposals into stages:
//
//	before    what prepares, while DSS runs
//	window 1  stop, protect, change, replay, verify, start
//	after     what proves window 1 on the running DSS
//	window 2  …
//	after     what proves the last window, then all other online work
//
// The actions have no IDs and no sums yet.
func arrange(proposals []proposal, frame providers.Frame, req providers.Request) ([]plan.Stage, hcl.Diagnostics) {
	if diags := checkSteps(proposals, req); diags.HasErrors() {
		return nil, diags
	}
	var before, after []plan.Action
	proofs := make([][]plan.Action, len(proposals))
	for i, p := range proposals {
		stops := needsStop(p)
		for _, s := range p.steps {
			switch {
			case s.Window == providers.Offline:
			case s.Phase == plan.Prepare:
				before = append(before, s.Action)
			case s.Phase == plan.Proof && stops:
				// It proves a window: directly behind that one, before the
				// next puts anything else at risk.
				proofs[i] = append(proofs[i], s.Action)
			default:
				after = append(after, s.Action)
			}
		}
	}
	sortByPhase(after)

	var stages []plan.Stage
	add := func(kind plan.StageKind, actions []plan.Action) {
		if len(actions) > 0 {
			stages = append(stages, plan.Stage{Kind: kind, Cost: plan.CostOf(actions), Actions: actions})
		}
	}
	add(plan.Before, before)
	windows := windowsOf(proposals)
	for n, w := range windows {
		st := w.stage(proposals, frame, &req)
		st.Number = n + 1
		stages = append(stages, st)
		var proof []plan.Action
		for _, i := range w.members {
			proof = append(proof, proofs[i]...)
		}
		if n == len(windows)-1 {
			after = append(proof, after...)
			break
		}
		add(plan.After, proof)
	}
	add(plan.After, after)
	return stages, nil
}

// windowsOf says which proposals share a stop of DSS. Each trial has a window
// of its own, so that a start that fails has one suspect: the version change
// first (older versions copy databases incompletely), then the move of the
// databases, then the others in their order.
//
// The rest joins the first window that changes no version: it costs no stop of
// its own there, is undone together with that window, and what later windows
// prove, they prove with it in place. Not a version change's window: a
// declared setting is meant for the version declared with it, and taking the
// version back puts back whole files.
func windowsOf(proposals []proposal) []window {
	var trials, rest []int
	for i, p := range proposals {
		if needsStop(p) {
			if isTrial(p) {
				trials = append(trials, i)
			} else {
				rest = append(rest, i)
			}
		}
	}
	slices.SortStableFunc(trials, func(a, b int) int { return rank(proposals[a]) - rank(proposals[b]) })
	var out []window
	for _, i := range trials {
		out = append(out, window{trial: &proposals[i], members: []int{i}})
	}
	if len(rest) == 0 {
		return out
	}
	join := slices.IndexFunc(out, func(w window) bool { return rank(*w.trial) != versionChange })
	if join < 0 {
		join = len(out)
		out = append(out, window{})
	}
	out[join].members = append(out[join].members, rest...)
	slices.Sort(out[join].members)
	return out
}

// stage makes the window's stage and leaves in req how the service is after it.
func (w window) stage(proposals []proposal, frame providers.Frame, req *providers.Request) plan.Stage {
	var steps []plan.Action
	var kinds []plan.Kind
	for _, i := range w.members {
		for _, s := range proposals[i].steps {
			if s.Window == providers.Offline {
				steps = append(steps, s.Action)
				kinds = append(kinds, s.Kind)
			}
		}
	}
	actions := append(slices.Clone(frame.Open(*req, kinds)), onceEach(steps)...)
	closing := frame.Close(*req, w.trial != nil)
	actions = append(actions, closing...)
	sortByPhase(actions)
	st := plan.Stage{Kind: plan.Window, Cost: plan.CostOf(actions), Actions: actions}
	switch {
	case req.Facts.Service != dss.ServiceStopped:
	case len(closing) > 0:
		st.Note = "DSS was found stopped and is started to prove the change"
	default:
		st.Note = "DSS was found stopped and stays stopped"
	}
	if len(closing) > 0 {
		req.Facts.Service = dss.ServiceRunning
	}
	return st
}

// onceEach leaves out what comes again: a step that two aspects ask for in the
// same words is done once, when both have done what comes before it.
func onceEach(steps []plan.Action) []plan.Action {
	var out []plan.Action
	for i := range steps {
		again := slices.ContainsFunc(steps[i+1:], func(later plan.Action) bool {
			later.Block = steps[i].Block
			return reflect.DeepEqual(steps[i], later)
		})
		if !again {
			out = append(out, steps[i])
		}
	}
	return out
}

// The order of trials.
const (
	versionChange = iota
	databaseMove
	otherTrial
)

func rank(p proposal) int {
	r := otherTrial
	for i := range p.steps {
		switch kind := string(p.steps[i].Kind); {
		case strings.HasPrefix(kind, "release."):
			return versionChange
		case strings.HasPrefix(kind, "runtimedb."):
			r = databaseMove
		}
	}
	return r
}

func needsStop(p proposal) bool {
	return slices.ContainsFunc(p.steps, func(s providers.Step) bool { return s.Window == providers.Offline })
}

// isTrial reports whether the proposal must be proven. All of its offline steps
// then share the trial's window, marked or not: they belong together.
func isTrial(p proposal) bool {
	return slices.ContainsFunc(p.steps, func(s providers.Step) bool { return s.Trial && s.Window == providers.Offline })
}

func sortByPhase(actions []plan.Action) {
	slices.SortStableFunc(actions, func(a, b plan.Action) int { return plan.PhaseIndex(a.Phase) - plan.PhaseIndex(b.Phase) })
}

// checkSteps refuses steps that fit into no stage.
func checkSteps(proposals []proposal, req providers.Request) hcl.Diagnostics {
	var diags hcl.Diagnostics
	refuse := func(p proposal, s providers.Step, why string) {
		diags = append(diags, bug(rangeOf(req.Desired), fmt.Sprintf("The aspect %s proposes %q (%s), %s.", p.provider, s.Title, s.Kind, why)))
	}
	for _, p := range proposals {
		for _, s := range p.steps {
			switch {
			case plan.PhaseIndex(s.Phase) < 0:
				refuse(p, s, fmt.Sprintf("in the unknown phase %q", s.Phase))
			case s.Phase == plan.Stop || s.Phase == plan.Start:
				refuse(p, s, "but stopping and starting DSS is the window's own business")
			case s.Window == providers.Offline && (s.Phase == plan.Prepare || s.Phase == plan.Clean):
				refuse(p, s, fmt.Sprintf("which needs DSS stopped, in the phase %q, in which DSS runs", s.Phase))
			}
		}
	}
	return diags
}
