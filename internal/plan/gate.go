package plan

import (
	"fmt"
	"slices"
)

// Refusal is an action that a plan may not carry out unless it is allowed.
type Refusal struct {
	Address string // the instance's
	Action  string // Action.ID
	Title   string
	Danger  Danger
	// Why says what would be lost, from the action's own words.
	Why string
	// Flag is what allows it: "-allow data-loss".
	Flag string
}

// String says what is refused, why, and how to allow it.
func (r Refusal) String() string {
	return fmt.Sprintf("%s: %s (action %s): %s; allow it with %s", r.Address, r.Title, r.Action, r.Why, r.Flag)
}

// Gate returns the gated actions of p that are not allowed, in order.
func Gate(p *Plan, allowed []Danger) []Refusal {
	var out []Refusal
	p.Actions(func(in *Instance, _ *Stage, a *Action) bool {
		if a.Danger.Flag() != "" && !slices.Contains(allowed, a.Danger) {
			out = append(out, Refusal{
				Address: in.Address, Action: a.ID, Title: a.Title, Danger: a.Danger,
				Why: a.Danger.why(a.Undo), Flag: a.Danger.Flag(),
			})
		}
		return true
	})
	return out
}

// Flag returns the flag that allows the danger, "" for one that is not gated.
func (d Danger) Flag() string {
	switch d {
	case Irreversible:
		return "-allow irreversible"
	case DataLoss:
		return "-allow data-loss"
	default:
		return ""
	}
}

// ParseAllow turns the argument of -allow into a danger.
func ParseAllow(s string) (Danger, bool) {
	switch s {
	case "irreversible":
		return Irreversible, true
	case "data-loss":
		return DataLoss, true
	default:
		return NoDanger, false
	}
}

func (d Danger) why(u Undo) string {
	why := "it cannot be undone"
	if d == DataLoss {
		why = "it loses data"
	}
	if u.How != "" {
		why += ": " + u.How
	}
	return why
}
