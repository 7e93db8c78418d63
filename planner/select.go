package planner

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
)

// namesOf returns the names of a provider's attributes and blocks.
func namesOf(f schema.Fragment) []string {
	var out []string
	for i := range f.Attributes {
		out = append(out, f.Attributes[i].Name)
	}
	for i := range f.Blocks {
		out = append(out, f.Blocks[i].Type)
	}
	return out
}

// includesProvider reports whether any of the provider's names is wanted.
func (m *maker) includesProvider(address string, provider int) bool {
	if m.Selection == nil || len(m.names[provider]) == 0 {
		return true
	}
	for _, name := range m.names[provider] {
		if m.Selection.IncludesBlock(address, name) {
			return true
		}
	}
	return false
}

// narrow gives every step its block's address and takes out what the selection
// leaves out. With a part left out, the record is left as it is: it would speak
// of the whole.
func (m *maker) narrow(address string, provider int, pr providers.Proposal, includes func(block string) bool) (providers.Proposal, hcl.Diagnostics) {
	if len(pr.Changes) == 0 && len(pr.Steps) == 0 {
		return pr, nil
	}
	var changes []plan.Change
	out := map[string]bool{}
	for _, c := range pr.Changes {
		if c.Block == "" || includes(c.Block) {
			changes = append(changes, c)
		} else {
			out[c.Block] = true
		}
	}
	var steps []providers.Step
	common := m.commonBlock(provider, pr.Changes)
	for _, s := range pr.Steps {
		block := strings.TrimPrefix(strings.TrimPrefix(s.Block, address), ".")
		if block == "" {
			block = common
		}
		if block == "" && len(out) > 0 {
			return providers.Proposal{}, hcl.Diagnostics{{
				Severity: hcl.DiagError, Summary: "This part cannot be planned alone",
				Detail: fmt.Sprintf("%q takes part in a change of %s that -target, -exclude or ignore cuts in two. Select all of %s, or none of it.",
					s.Title, address, strings.Join(m.names[provider], ", ")),
			}}
		}
		if block != "" && !includes(block) {
			out[block] = true
			continue
		}
		s.Block = address
		if block != "" {
			s.Block += "." + block
		}
		steps = append(steps, s)
	}
	pr.Changes, pr.Steps = changes, steps
	if len(out) > 0 {
		pr.Record, pr.Forget = nil, false
	}
	return pr, nil
}

func (m *maker) includesBlock(address, block string) bool {
	return m.Selection == nil || block == "" || m.Selection.IncludesBlock(address, block)
}

// commonBlock is the block of steps that name none: the provider's only name,
// or the only block that changes; "" when that is open.
func (m *maker) commonBlock(provider int, changes []plan.Change) string {
	if names := m.names[provider]; len(names) == 1 {
		return names[0]
	}
	block := ""
	for i := range changes {
		switch changes[i].Block {
		case block:
		default:
			if block != "" {
				return ""
			}
			block = changes[i].Block
		}
	}
	return block
}
