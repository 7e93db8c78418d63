package runtimedb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/pg"
)

// CheckEstate refuses two instances at one place: same server, database, schema
// and prefix, the prefix without regard to case, because DSS may leave names
// unquoted. A prefix that begins another one's is fine.
func (*Provider) CheckEstate(all []providers.Request) hcl.Diagnostics {
	var diags hcl.Diagnostics
	type holder struct {
		address  string
		where    *hcl.Range
		declared bool
	}
	seen := make(map[string]holder, len(all))
	diags = append(diags, tenants(all)...)
	for _, req := range all {
		keys, where := placeKeys(req)
		var other holder
		taken := false
		for _, k := range keys {
			if h, ok := seen[k]; ok {
				other, taken = h, true
				break
			}
		}
		for _, k := range keys {
			if _, ok := seen[k]; !ok {
				seen[k] = holder{req.Address, where, declared(req.Desired) != nil}
			}
		}
		if !taken {
			continue
		}
		at := ""
		if other.where != nil {
			at = fmt.Sprintf(" (%s)", other.where)
		}
		d := failure(where, "Two instances share their runtime databases",
			"%s and %s%s use the same server, database and schema with the same table prefix: each would overwrite the other's tables. Give each a table_prefix or a schema of its own.",
			req.Address, other.address, at)
		if !other.declared && declared(req.Desired) == nil {
			d.Severity = hcl.DiagWarning // nobody asks dssctl to act on either
		}
		diags = append(diags, d)
	}
	return diags
}

// tenants refuses a declared place that another instance uses now, though it is
// declared to move away or declares nothing of the kind.
func tenants(all []providers.Request) hcl.Diagnostics {
	live := map[string]string{}
	for _, req := range all {
		o, _ := req.Observed.(*observation)
		b := declared(req.Desired)
		if o == nil || b == nil || !o.live.External || label(b) == postgresql && !o.moves {
			continue // what is not declared is in placeKeys, and so is who stays
		}
		if s, ok := target(o.live); ok {
			for _, k := range keysOf(s, o.source.sight) {
				live[k] = req.Address
			}
		}
	}
	var diags hcl.Diagnostics
	for _, req := range all {
		b := declared(req.Desired)
		if b == nil {
			continue
		}
		keys, where := placeKeys(req)
		for _, k := range keys {
			if who := live[k]; who != "" && who != req.Address {
				diags = append(diags, failure(where, "The declared place is another instance's",
					"%s uses the declared place of %s now: its tables are there. Declare another schema, table_prefix or database, or let %s move away first, with a plan of its own.", who, req.Address, who))
				break
			}
		}
	}
	return diags
}

// placeKeys name the place of an instance, as declared, or as it is live where
// nothing is declared: by the server's name, and by what the server says of
// itself where it was asked.
func placeKeys(req providers.Request) ([]string, *hcl.Range) {
	var s settings
	var where *hcl.Range
	o, _ := req.Observed.(*observation)
	var sight *pg.Sight
	switch b := declared(req.Desired); {
	case b != nil && label(b) == postgresql:
		c := connectionOf(b)
		var err error
		if s, err = c.resolve(req.Secrets); err != nil {
			return nil, nil
		}
		where = &b.Range
		if o != nil {
			sight = o.target.sight
		}
	case b == nil && o != nil && o.live.External:
		var ok bool
		if s, ok = target(o.live); !ok {
			return nil, nil
		}
		if req.Desired != nil && req.Desired.Block != nil {
			where = &req.Desired.Range
		}
		sight = o.source.sight
	default:
		return nil, nil
	}
	return keysOf(s, sight), where
}

// keysOf are what a place is compared by.
func keysOf(s settings, sight *pg.Sight) []string {
	tail := "\x00" + s.place.Schema + "\x00" + strings.ToLower(s.place.Prefix)
	keys := []string{fmt.Sprintf("%s:%d\x00%s", pg.HostKey(s.Host), portOr(s.Port), s.Database) + tail}
	if sight != nil {
		keys = append(keys, sight.Identity+tail)
	}
	return keys
}

// Survey returns a provider that knows the prefixes of the whole estate, so
// that the tables of another instance, whose prefix begins with this one's, are
// not taken for this one's. It is linear in the instances.
func (p *Provider) Survey(all []*config.Instance, r secret.Resolver) providers.Provider {
	out := &Provider{prefixes: map[string][]string{}}
	for _, in := range all {
		if b := declared(in); b != nil && label(b) == postgresql {
			c := connectionOf(b)
			if s, err := c.resolve(r); err == nil {
				out.prefixes[schemaKey(s)] = append(out.prefixes[schemaKey(s)], s.place.Prefix)
			}
		}
	}
	for _, list := range out.prefixes {
		slices.SortFunc(list, byCase)
	}
	return out
}

func byCase(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }

func schemaKey(s settings) string {
	return fmt.Sprintf("%s:%d\x00%s\x00%s", pg.HostKey(s.Host), portOr(s.Port), s.Database, s.place.Schema)
}

// siblings are the prefixes of other instances in the same schema that begin
// with this one's. In order, they stand right behind it.
func (p *Provider) siblings(s settings) []string {
	list := p.prefixes[schemaKey(s)]
	at, _ := slices.BinarySearchFunc(list, s.place.Prefix, byCase)
	var out []string
	for _, q := range list[at:] {
		if !strings.HasPrefix(strings.ToLower(q), strings.ToLower(s.place.Prefix)) {
			break
		}
		if len(q) > len(s.place.Prefix) {
			out = append(out, q)
		}
	}
	return out
}
