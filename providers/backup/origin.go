package backup

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// Origin makes instances from backup sets, for the block `origin "backup"`: with
// the steps of a restore to another place.
type Origin struct {
	*Provider
	all     []*config.Instance
	secrets secret.Resolver
}

// NewOrigin returns the provider. The performers are those of p.
func NewOrigin(p *Provider) *Origin { return &Origin{Provider: p} }

var (
	_ providers.Maker    = (*Origin)(nil)
	_ providers.Surveyor = (*Origin)(nil)
)

// Name is "backup_origin": nothing is recorded under it.
func (*Origin) Name() string { return "backup_origin" }

// Schema adds nothing: the block is described with the others of its kind.
func (*Origin) Schema() schema.Fragment { return schema.Fragment{} }

// Performers is empty.
func (*Origin) Performers() map[plan.Kind]providers.Performer { return nil }

// CheckEstate checks nothing.
func (*Origin) CheckEstate([]providers.Request) hcl.Diagnostics { return nil }

// Propose has nothing to do: the instance is there.
func (*Origin) Propose(providers.Request) (providers.Proposal, hcl.Diagnostics) {
	return providers.Proposal{}, nil
}

// Survey returns the provider that knows the policies of the estate.
func (o *Origin) Survey(all []*config.Instance, r secret.Resolver) providers.Provider {
	return &Origin{Provider: o.Provider, all: all, secrets: r}
}

// originSeen are the steps, made of the sets that were found.
type originSeen struct {
	steps []providers.Step
	diags hcl.Diagnostics
}

// Observe looks for the set.
func (o *Origin) Observe(ctx context.Context, req providers.ObserveRequest) (providers.Observation, error) {
	b := req.Desired.Child(providers.OriginBlock)
	if !req.Absent || b == nil || b.Labels[0] != Name {
		return (*originSeen)(nil), nil
	}
	seen := &originSeen{}
	in, policy := o.policy(req.Desired, b, seen)
	w := elsewhereOf(req.Desired, b, seen)
	if len(seen.diags) > 0 {
		return seen, nil
	}
	o.apart(req, b, in, policy, w, seen)
	switch {
	case seen.diags.HasErrors() || loads(seen.steps):
	case w.Host != "":
		// The set's databases are embedded: the declared place comes with the
		// next plan, which moves them.
		o.apart(req, b, in, policy, &Elsewhere{DataDir: w.DataDir, Kit: w.Kit, KitVersion: w.KitVersion, Port: w.Port}, seen)
	}
	if in.Address != req.Desired.Address && loads(seen.steps) && w.Host == "" {
		seen.refuse(b.RangeOf("of"), "No place for the tables", "The set has a dump of runtime databases in PostgreSQL, and %s is beside the instance that it is of: declare runtime_database \"postgresql\", which says where its own tables go.", req.Desired.Address)
	}
	return seen, context.Cause(ctx)
}

func (o *Origin) apart(req providers.ObserveRequest, b *config.Block, in *config.Instance, policy *config.Block, w *Elsewhere, seen *originSeen) {
	order := &Order{Verb: Restore, Set: b.String("set"), Restore: RestoreOrder{Elsewhere: w, Distinct: b.Has("of"), Declared: true}}
	p := New(Options{Tool: o.o.Tool, Command: o.o.Command, Estate: o.o.Estate, Order: order})
	seen.steps, seen.diags = p.surveyed(o.all, o.secrets).apart(in, policy, req.Instance.Clock().Now())
	for i := range seen.steps {
		seen.steps[i].Unit = "" // all of it is one
	}
}

func loads(steps []providers.Step) bool {
	for i := range steps {
		if steps[i].Kind == KindLoad {
			return true
		}
	}
	return false
}

func (s *originSeen) refuse(at *hcl.Range, summary, format string, args ...any) {
	s.diags = append(s.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: at})
}

// policy finds the block whose sets are meant: of another instance, or of the
// one that is to be made, which was lost.
func (o *Origin) policy(self *config.Instance, b *config.Block, seen *originSeen) (*config.Instance, *config.Block) {
	of := self
	if b.Has("of") {
		i := slices.IndexFunc(o.all, func(in *config.Instance) bool { return in.Address == b.String("of") })
		if i < 0 {
			seen.refuse(b.RangeOf("of"), "A backup of what?", "There is no instance %s.", b.String("of"))
			return nil, nil
		}
		of = o.all[i]
	}
	all := of.Children(Name)
	for _, p := range all {
		if p.Labels[0] == b.String("policy") || len(all) == 1 && !b.Has("policy") {
			return of, p
		}
	}
	if !b.Has("policy") {
		seen.refuse(b.RangeOf("policy"), "Which policy?", "%s has %d blocks backup: name the one whose sets are meant, policy = \"nightly\".", of.Address, len(all))
	} else {
		seen.refuse(b.RangeOf("policy"), "No such policy", "%s has no block backup %q.", of.Address, b.String("policy"))
	}
	return nil, nil
}

// elsewhereOf is the place that the instance declares.
func elsewhereOf(in *config.Instance, b *config.Block, seen *originSeen) *Elsewhere {
	w := &Elsewhere{DataDir: in.DataDir, Kit: b.String("kit"), Port: int(in.Int("port"))}
	if w.Kit != "" {
		var err error
		if w.KitVersion, err = dss.KitVersion(w.Kit); err != nil {
			seen.refuse(b.RangeOf("kit"), "No kit there", "%v.", err)
		}
	}
	d := in.Child("runtime_database")
	if d == nil || len(d.Labels) == 0 || d.Labels[0] != "postgresql" {
		return w
	}
	if d.Has("jdbc_url") && !d.Value("jdbc_url").IsMarked() {
		if u, err := pg.ParseJDBC(d.String("jdbc_url")); err == nil {
			prefix := d.String("table_prefix")
			w.Host, w.DBPort, w.Database, w.Schema, w.Prefix = u.Host, cmp.Or(u.Port, 5432), cmp.Or(u.Database, d.String("database")), d.String("schema"), &prefix
			return w
		}
	}
	for _, t := range []struct {
		name string
		to   *string
	}{{"jdbc_url", new(string)}, {"host", &w.Host}, {"database", &w.Database}, {"schema", &w.Schema}} {
		switch {
		case !d.Has(t.name):
		case d.Value(t.name).IsMarked():
			seen.refuse(d.RangeOf(t.name), "A secret place", "%s of the runtime databases is shown in the plan of a restore, so it cannot be made of a sensitive value.", t.name)
		default:
			*t.to = d.String(t.name)
		}
	}
	prefix := d.String("table_prefix")
	w.DBPort, w.Prefix = int(d.Int("port")), &prefix
	return w
}

// Make implements providers.Maker.
func (*Origin) Make(req providers.Request) (providers.Proposal, hcl.Diagnostics) {
	seen, _ := req.Observed.(*originSeen)
	if seen == nil {
		return providers.Proposal{}, nil
	}
	return providers.Proposal{Steps: seen.steps}, seen.diags
}
