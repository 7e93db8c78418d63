package backup

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/retention"
	"github.com/dssctl/dssctl/providers/backup/set"
)

// Verb is what a command wants done.
type Verb string

// The verbs.
const (
	Run     Verb = "run"
	Verify  Verb = "verify"
	Prune   Verb = "prune"
	Test    Verb = "test"
	Restore Verb = "restore"
)

// Order is what `dssctl backup` asks the provider for, instead of what the
// files ask for.
type Order struct {
	Verb Verb
	// Set is the set that it is about; "" for the newest good one.
	Set string
	// Quick verifies without reading all data.
	Quick bool
	// NewDestination takes an empty destination for one that lost its sets.
	NewDestination bool
	// Skip leaves policies out by their address; nil takes all.
	Skip func(address string) bool
	// Restore says what and where to.
	Restore RestoreOrder
}

// order proposes what was ordered, for each policy that the selection leaves in.
func (p *Provider) order(req providers.Request, o *Observation, blocks []*config.Block) (providers.Proposal, hcl.Diagnostics) {
	var out providers.Proposal
	var diags hcl.Diagnostics
	for _, b := range blocks {
		if p.o.Order.Skip != nil && p.o.Order.Skip(b.Address) {
			continue
		}
		m := p.maker(req, o, b)
		if p.o.Order.NewDestination {
			m.a.Known = false
		}
		ds := m.check(b)
		diags = append(diags, ds...)
		steps, ds := m.ordered(p.o.Order, b)
		diags = append(diags, ds...)
		out.Steps = append(out.Steps, steps...)
	}
	out.Bare = p.o.Order.Verb == Restore && p.o.Order.Restore.To == ""
	if diags.HasErrors() {
		out.Steps = nil
	}
	return out, diags
}

func (m *maker) ordered(o *Order, b *config.Block) ([]providers.Step, hcl.Diagnostics) {
	switch o.Verb {
	case Run:
		return m.makeSet(), nil
	case Prune:
		return m.orderedPrune()
	}
	e, d := m.pick(o.Set, b, o.Verb == Verify || o.Verb == Test)
	if d != nil {
		return nil, hcl.Diagnostics{d}
	}
	switch o.Verb {
	case Verify:
		return []providers.Step{m.verify(*e, o.Quick)}, nil
	case Test:
		return []providers.Step{m.test(*e)}, nil
	default:
		return m.restore(*e, o.Restore, b)
	}
}

// pick finds the set that was asked for.
func (m *maker) pick(id string, b *config.Block, checks bool) (*set.Entry, *hcl.Diagnostic) {
	if id == "" {
		if n := m.seen.newest(m.o.Now); n != nil {
			return n, nil
		}
		detail := fmt.Sprintf("%s has no good set in %s: `dssctl backup run %s` makes one.", b.Address, m.a.Destination, b.Address)
		if n := len(m.seen.ahead(m.o.Now)); n > 0 {
			detail += fmt.Sprintf(" %s there, dated in the future, and can be taken by name.", humanize.Count(int64(n), "set is", "sets are"))
		}
		return nil, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "There is no backup set", Detail: detail, Subject: b.RangeOf("destination")}
	}
	for i := range m.seen.Sets {
		e := &m.seen.Sets[i]
		if e.ID != id {
			continue
		}
		if checks && recheckable(e.Broken) {
			return e, nil // it may be whole after all
		}
		if e.Broken != nil {
			return nil, &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "The backup set " + headlines[e.State()], Subject: b.RangeOf("destination"),
				Detail: fmt.Sprintf("The set %s in %s cannot be used: %s.", id, m.a.Destination, strings.TrimSuffix(e.Broken.Error(), ".")),
			}
		}
		return e, nil
	}
	return nil, &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "There is no such backup set", Subject: b.RangeOf("destination"),
		Detail: fmt.Sprintf("%s has no set %q in %s; `dssctl backup list` shows those that are.", b.Address, id, m.a.Destination),
	}
}

// orderedPrune removes what retention lets go now. It names each set, and is
// gated: nobody has asked for it in a file, and it cannot be undone.
func (m *maker) orderedPrune() ([]providers.Step, hcl.Diagnostics) {
	ids := decide(m.seen.Sets, m.a.Retention, m.a.Former, m.o.Now)
	if len(ids) == 0 && !m.seen.Unneeded {
		return nil, nil
	}
	if len(ids) == 0 {
		s := m.prune("remove what broken-off runs left in the repository, and no set needs", nil)
		s.Undo = plan.Undo{How: "nothing needs what is removed"}
		return []providers.Step{s}, nil
	}
	s := m.prune(fmt.Sprintf("remove %s: %s", counted(len(ids), "set"), strings.Join(ids, ", ")), ids)
	if rest := slices.DeleteFunc(slices.Clone(m.seen.Sets), func(e set.Entry) bool { return e.Broken != nil || slices.Contains(ids, e.ID) }); len(rest) == 0 {
		s.Danger = plan.DataLoss // Decide keeps the newest good one: this does not happen
	}
	return []providers.Step{s}, nil
}

// Explain says why each set of a policy stays or goes. recorded is what state
// says of the instance's backups: what the retention kept that was applied last
// stays until the one that keeps less is applied.
func Explain(entries []set.Entry, b *config.Block, recorded json.RawMessage, now time.Time) []retention.Decision {
	p, sets := retentionOf(b.Child("retention")), retained(entries)
	out := retention.Decide(sets, p, now, time.Local)
	rec, err := readRecord(recorded)
	if err != nil {
		return out
	}
	former, ok := rec[b.Labels[0]]
	if !ok || !retention.Shrinks(former.Retention, p) {
		return out
	}
	kept := keptBy(sets, former.Retention, now)
	for i := range out {
		if d := &out[i]; !d.Keep && kept[d.Set] {
			d.Keep, d.Reasons = true, []string{"kept by the former retention, until the new one is applied"}
		}
	}
	return out
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
