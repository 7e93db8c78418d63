package planner

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
)

// leftAlone reports whether a whole block or attribute is somebody else's.
func (m *maker) leftAlone(in *config.Instance, block string) bool {
	if m.Ordered {
		return false
	}
	for _, p := range in.Ignore {
		if p.Covers(block) {
			return true
		}
	}
	return false
}

func (m *maker) ignored(in *config.Instance, c *plan.Change) bool {
	return m.leftAlone(in, pathOf(c))
}

// pathOf is where a change is, below the instance.
func pathOf(c *plan.Change) string {
	switch {
	case c.Path == "":
		return c.Block
	case strings.HasPrefix(c.Path, "["):
		return c.Block + c.Path
	}
	return c.Block + "." + c.Path
}

// proposal asks a provider. Differences that are to be left alone are noted,
// and it is asked again as if what is live there were declared: only the
// provider knows which of its steps belong to which difference.
func (m *maker) proposal(out *plan.Instance, provider int, o *Observed) (providers.Proposal, hcl.Diagnostics) {
	p := m.Providers[provider]
	pr, diags := p.Propose(m.request(p, o))
	if len(o.Instance.Ignore) == 0 || m.Ordered {
		return pr, diags
	}
	if m.wholly(provider, o.Instance) {
		// Nothing of this provider is wanted, nor what it finds wrong.
		out.Ignored = append(out.Ignored, drifted(pr.Changes)...)
		return providers.Proposal{}, nil
	}
	desired := o.Instance
	deeper := false
	for i := range pr.Changes {
		c := &pr.Changes[i]
		if !m.ignored(o.Instance, c) {
			continue
		}
		if c.Op != plan.Forget {
			out.Ignored = append(out.Ignored, *c)
		}
		if m.leftAlone(o.Instance, c.Block) {
			continue // the whole block is taken out, see narrow
		}
		deeper = true
		next, ok := desired.Leaving(pathOf(c), c.Before)
		switch {
		case ok:
			desired = next
		case c.Op != plan.Forget:
			return providers.Proposal{}, append(diags, m.inseparable(o, c))
		}
	}
	if !deeper {
		return pr, diags
	}
	req := m.request(p, o)
	req.Desired = desired
	pr, diags = p.Propose(req)
	kept := pr.Changes[:0:0]
	for i := range pr.Changes {
		c := &pr.Changes[i]
		switch {
		case m.leftAlone(o.Instance, c.Block) || !m.ignored(o.Instance, c):
			kept = append(kept, *c)
		case c.Op != plan.Forget:
			return providers.Proposal{}, append(diags, m.inseparable(o, c))
		}
	}
	pr.Changes = kept
	return pr, diags
}

// wholly reports whether all that a provider is about is left alone.
func (m *maker) wholly(provider int, in *config.Instance) bool {
	for _, name := range m.names[provider] {
		if !m.leftAlone(in, name) {
			return false
		}
	}
	return len(m.names[provider]) > 0
}

// drifted leaves out what is only given up: that is no drift.
func drifted(changes []plan.Change) []plan.Change {
	var out []plan.Change
	for i := range changes {
		if changes[i].Op != plan.Forget {
			out = append(out, changes[i])
		}
	}
	return out
}

func (m *maker) inseparable(o *Observed, c *plan.Change) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "This cannot be ignored by itself",
		Detail: fmt.Sprintf("%s of %s differs and is to be left alone (ignore), but it goes together with the rest of %s. Ignore %[3]s as a whole, or declare what is live.",
			pathOf(c), o.Instance.Address, c.Block),
		Subject: o.Instance.RangeOf("ignore"),
	}
}
