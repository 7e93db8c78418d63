package planner

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
)

// removed plans the instances that state remembers and the files no longer
// have: dssctl gives them up and touches nothing.
func (m *maker) removed() []plan.Instance {
	if m.Ordered {
		return nil
	}
	declared := make(map[string]bool, len(m.Estate.Instances))
	for _, in := range m.Estate.Instances {
		declared[in.Address] = true
	}
	var gone []string
	for address := range m.Recorded {
		if !declared[address] && m.includes(address) {
			gone = append(gone, address)
		}
	}
	slices.Sort(gone)
	var out []plan.Instance
	for _, address := range gone {
		rec := m.Recorded[address]
		in := plan.Instance{Address: address, DataDir: rec.DataDir, Changes: []plan.Change{{
			Op: plan.Forget, Note: "no longer in the files; the instance itself is left as it is",
		}}}
		if rec.Protected && !m.givenUp(address) {
			m.fail(&in, hcl.Diagnostics{{
				Severity: hcl.DiagError,
				Summary:  "A protected instance has left the files",
				Detail: fmt.Sprintf("%s (%s) is no longer declared, and the state remembers it as protected. "+
					"Put its block back; or, if dssctl shall give it up, write forget { from = %[1]s } into a file, or run: dssctl state forget '%[1]s'.", address, rec.DataDir),
			}})
		}
		out = append(out, in)
	}
	return out
}

// givenUp reports whether a block forget speaks of the address.
func (m *maker) givenUp(address string) bool {
	return slices.ContainsFunc(m.Estate.Forgets, func(a config.Address) bool { return a.Covers(address) })
}
