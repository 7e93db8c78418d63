package backup

import (
	"cmp"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/dss"
)

// Apart are the steps of a restore that leaves the original alone: files that
// are taken out, or an instance at another place. The original is not looked at:
// it may be what was lost.
func (p *Provider) Apart(all []*config.Instance, r secret.Resolver, in *config.Instance, b *config.Block, now time.Time) ([]providers.Step, hcl.Diagnostics) {
	p = p.surveyed(all, r)
	if diags := p.checkPlaces(p.o.Order.Restore, b.RangeOf("destination")); len(diags) > 0 {
		return nil, diags
	}
	return p.apart(in, b, now)
}

// apart is Apart where the place is known to be free.
func (p *Provider) apart(in *config.Instance, b *config.Block, now time.Time) ([]providers.Step, hcl.Diagnostics) {
	fail := func(summary, format string, args ...any) ([]providers.Step, hcl.Diagnostics) {
		return nil, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: b.RangeOf("destination")}}
	}
	m := &maker{
		req: providers.Request{Address: in.Address, Desired: in}, o: &Observation{Now: now}, seen: &observed{},
		a: args{policy: policyOf(in, b), Tool: p.o.Tool}, at: b.Address, instances: p.all,
	}
	var err error
	if m.seen.Sets, err = (set.Store{Dir: m.a.Destination}).List(); err != nil {
		return fail("The backup sets cannot be listed", "%v.", err)
	}
	e, d := m.pick(p.o.Order.Set, b, false)
	if d != nil {
		return nil, hcl.Diagnostics{d}
	}
	if w := p.o.Order.Restore.Elsewhere; w != nil {
		order, err := dss.CompareVersions(w.KitVersion, e.Manifest.DSS.Version)
		switch {
		case err != nil:
			return fail("The versions cannot be compared", "%v.", err)
		case order < 0:
			return fail("The kit is older than the set", "The set %s is of DSS %s, and the kit %s is of %s. DSS restores to the same version or a newer one only.",
				e.ID, e.Manifest.DSS.Version, w.Kit, w.KitVersion)
		case e.Manifest.Database != nil && m.a.Database == nil:
			return fail("No password for the databases", "The set %s holds a dump of runtime databases in PostgreSQL: declare the password in `runtime_database`, or give `database_password`.", e.ID)
		}
	}
	if d := m.elsewhereDatabase(*e, p.o.Order.Restore, b); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	if d, w := e.Manifest.Database, p.o.Order.Restore.Elsewhere; d != nil && w != nil {
		at := w.site(d, e.Manifest.DSS.NodeType)
		m.a.Others = p.near.Others(in, at.Login, at.Place)
	}
	steps, diags := m.restore(*e, p.o.Order.Restore, b)
	return steps, append(diags, m.beside(*e, p.o.Order.Restore, b)...)
}

// beside warns where the original is still there: what is restored is the same
// instance once more, and not another one.
func (m *maker) beside(e set.Entry, o RestoreOrder, b *config.Block) hcl.Diagnostics {
	w, from := o.Elsewhere, e.Manifest.DataDir
	if w == nil || o.Distinct || from == "" || from == w.DataDir || !exists(filepath.Join(from, dss.InstallINIFile)) {
		return nil
	}
	// An instance owns ten ports, beginning with its base port.
	ports, was := "", e.Manifest.DSS.Port
	if is := cmp.Or(w.Port, was); was != 0 && max(was, is)-min(was, is) < 10 {
		ports = fmt.Sprintf(" The original has the ports %d to %d, and this one would have %d to %d: choose a port at least ten away, or only one of them can run.", was, was+9, is, is+9)
	}
	return hcl.Diagnostics{{
		Severity: hcl.DiagWarning, Summary: "The original is still there", Subject: b.RangeOf("destination"),
		Detail: fmt.Sprintf("The set %s is of %s, which is still there. What comes to %s is that instance once more, with the same installid and its scenarios active: while both run, each scenario runs twice.%s "+
			"Where the original is to stay, declare an instance with origin \"backup\" and `of`, which switches the scenarios off before the first start.",
			e.ID, from, w.DataDir, ports),
	}}
}
