package executor

import (
	"testing"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/state"
)

// A rollback is worth a word where it would be taken and would do something.
func TestUndoable(t *testing.T) {
	const looks, edits, removes, goes = "looks", "edits", "removes", "goes"
	undo := map[string]plan.Undo{
		looks: {Possible: true, How: plan.OnlyLooks}, edits: {Possible: true, How: "exact bytes"},
		removes: {How: "removed sets are gone"}, goes: {Possible: true},
	}
	for name, c := range map[string]struct {
		kind    plan.StageKind
		foreign bool
		actions []string
		done    map[string]*progress
		want    bool
	}{
		"an edit":               {actions: []string{edits}, done: map[string]*progress{edits: {phase: done}}, want: true},
		"no word on how":        {actions: []string{goes}, done: map[string]*progress{goes: {phase: done}}, want: true},
		"a look":                {actions: []string{looks}, done: map[string]*progress{looks: {phase: done}}},
		"an edit and a look":    {actions: []string{edits, looks}, done: map[string]*progress{edits: {phase: done}, looks: {phase: done}}, want: true},
		"nothing begun":         {actions: []string{edits}},
		"was so already":        {actions: []string{edits}, done: map[string]*progress{edits: {phase: done, skipped: true}}},
		"undone":                {actions: []string{edits}, done: map[string]*progress{edits: {phase: undone}}},
		"without a way back":    {actions: []string{edits, removes}, done: map[string]*progress{edits: {phase: done}, removes: {phase: done}}},
		"nothing was removed":   {actions: []string{edits, removes}, done: map[string]*progress{edits: {phase: done}, removes: {phase: done, skipped: true}}, want: true},
		"not yet removed":       {actions: []string{edits, removes}, done: map[string]*progress{edits: {phase: done}}, want: true},
		"files taken out":       {foreign: true, kind: plan.After, actions: []string{edits}, done: map[string]*progress{edits: {phase: done}}},
		"an instance elsewhere": {foreign: true, kind: plan.Window, actions: []string{edits}, done: map[string]*progress{edits: {phase: done}}, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			in := plan.Instance{Address: "instance.design", Foreign: c.foreign, Stages: []plan.Stage{{Kind: c.kind}}}
			for _, id := range c.actions {
				in.Stages[0].Actions = append(in.Stages[0].Actions, plan.Action{ID: id, Phase: plan.Doing, Undo: undo[id]})
			}
			h := &history{actions: map[string]*progress{}}
			for id, p := range c.done {
				h.actions[id] = p
			}
			if got := summarize(&plan.Plan{Instances: []plan.Instance{in}}, h, state.Run{}).Undoable; got != c.want {
				t.Errorf("got %v, expected %v", got, c.want)
			}
		})
	}
}
