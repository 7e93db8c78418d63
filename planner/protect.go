package planner

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
)

// protectName names the attribute.
const protectName = "protect"

// protection has state remember whether the instance is protected, where the
// files say so and state does not yet.
func (m *maker) protection(out *plan.Instance, desired *config.Instance) {
	if m.Ordered || desired.Block == nil || !desired.Has(protectName) || !m.includesBlock(out.Address, protectName) {
		return
	}
	was, is := m.Recorded[out.Address].Protected, desired.Bool(protectName)
	if was == is {
		return
	}
	out.Protect = &is
	out.Changes = append(out.Changes, plan.Change{
		Block: protectName, Op: plan.Update, Before: marshalBool(was), After: marshalBool(is), Note: "remembered in state",
	})
}

func marshalBool(b bool) json.RawMessage {
	if b {
		return json.RawMessage("true")
	}
	return json.RawMessage("false")
}

// protected refuses what a protected instance must not suffer. The protection
// that counts is what state remembers or the files ask for now: lifting it and
// using that takes two runs.
func (m *maker) protected(out *plan.Instance, desired *config.Instance, stages []plan.Stage) hcl.Diagnostics {
	was := m.Recorded[out.Address].Protected
	if !was && (desired.Block == nil || !desired.Bool(protectName)) {
		return nil
	}
	var why []string
	for i := range out.Changes {
		if c := &out.Changes[i]; was && c.Op == plan.Forget && c.Path == "" && c.Block != "" {
			why = append(why, fmt.Sprintf("%s has left the files", c.Block))
		}
	}
	for s := range stages {
		for a := range stages[s].Actions {
			switch act := &stages[s].Actions[a]; act.Danger {
			case plan.Irreversible:
				why = append(why, act.Title+" (cannot be undone)")
			case plan.DataLoss:
				why = append(why, act.Title+" (loses data)")
			case plan.NoDanger, plan.Downtime:
			}
		}
	}
	if len(why) == 0 {
		return nil
	}
	return hcl.Diagnostics{{
		Severity: hcl.DiagError, Summary: "The instance is protected",
		Detail: fmt.Sprintf("%[1]s is protected, which refuses:\n- %[2]s\n\nTo go on, apply protect = false first, by itself: dssctl apply -target '%[1]s.%[3]s'.",
			out.Address, strings.Join(why, "\n- "), protectName),
		Subject: rangeOfAttribute(desired, protectName),
	}}
}

func rangeOfAttribute(desired *config.Instance, name string) *hcl.Range {
	if desired.Block == nil || !desired.Declared(name) {
		return rangeOf(desired)
	}
	return desired.RangeOf(name)
}
