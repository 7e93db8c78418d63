package planner

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/state"
)

// Follow returns what state remembers under the addresses that the blocks moved
// lead to, and the former address of each that has followed. A record is moved
// only where none is in its way: the blocks stay in the files after the move.
func Follow(moves []config.Move, recorded map[string]state.Instance) (map[string]state.Instance, map[string]string) {
	if len(moves) == 0 {
		return recorded, nil
	}
	out := make(map[string]state.Instance, len(recorded))
	from := map[string]string{}
	for address, rec := range recorded {
		to := destination(moves, address)
		if _, taken := recorded[to]; to == address || taken {
			out[address] = rec
			continue
		}
		if first, twice := from[to]; twice {
			// Two that move to one place: the first by name is as good as any,
			// as long as it is always the same.
			if first < address {
				out[address] = rec
				continue
			}
			out[first] = out[to]
		}
		out[to], from[to] = rec, address
	}
	return out, from
}

// destination follows the moves to their end. There are no circles, and no more
// steps than moves.
func destination(moves []config.Move, address string) string {
	for range moves {
		next := address
		for _, m := range moves {
			if to, ok := m.Of(address); ok {
				next = to
				break
			}
		}
		if next == address {
			break
		}
		address = next
	}
	return address
}

// follow notes that the instance's record has another address so far.
func (m *maker) follow(out *plan.Instance) hcl.Diagnostics {
	from, moved := m.MovedFrom[out.Address]
	if !moved {
		return nil
	}
	if was := m.Recorded[out.Address].DataDir; was != "" && was != out.DataDir {
		return hcl.Diagnostics{{
			Severity: hcl.DiagError,
			Summary:  "A moved instance has another data directory",
			Detail: fmt.Sprintf("A block moved says that %s is what was %s, but that one was in %s, and %s is in %s. "+
				"dssctl does not move data directories, and what it remembers of one says nothing of another: take the block moved out, or give %[4]s the data directory %[3]s.",
				out.Address, from, was, out.Address, out.DataDir),
		}}
	}
	out.MovedFrom = from
	out.Changes = append(out.Changes, plan.Change{Op: plan.Move, Note: fmt.Sprintf("was %s; only state changes", from)})
	return nil
}
