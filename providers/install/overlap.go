package install

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/providers"
)

// CheckEstate refuses instances whose ports overlap: each owns ten. One that
// declares no port has the one that it runs with. What a plan does not look at
// has its ports all the same.
func (*Port) CheckEstate(all []providers.Request) hcl.Diagnostics {
	return append(overlaps(all), unseen(all)...)
}

func overlaps(all []providers.Request) hcl.Diagnostics {
	type owner struct {
		base     int
		declared bool
		req      *providers.Request
	}
	owners := make([]owner, 0, len(all))
	for i := range all {
		o := owner{base: all[i].Facts.Port, req: &all[i]}
		if b := declared(all[i].Desired, "port"); b != nil {
			o.base, o.declared = int(b.Int("port")), true
		}
		if o.base > 0 {
			owners = append(owners, o)
		}
	}
	slices.SortStableFunc(owners, func(a, b owner) int {
		return cmp.Or(cmp.Compare(a.base, b.base), cmp.Compare(a.req.Address, b.req.Address))
	})
	var diags hcl.Diagnostics
	// Blocks are of one length: if any two overlap, two neighbors do.
	for i := 1; i < len(owners); i++ {
		a, b := owners[i-1], owners[i]
		if b.base-a.base >= block {
			continue
		}
		at := b
		if !b.declared {
			at = a
		}
		const detail = "%s has the ports %s and %s has %s. An instance owns ten ports, beginning with its base port: set port of one of them at least ten away."
		args := []any{a.req.Address, ports(a.base), b.req.Address, ports(b.base)}
		if !at.declared {
			// Neither is dssctl's to decide.
			diags = append(diags, warning(subject(at.req), "Ports of two instances overlap", detail, args...))
			continue
		}
		diags = append(diags, failure(at.req.Desired.RangeOf("port"), "Ports of two instances overlap", detail, args...))
	}
	return diags
}

// unseen holds the ports that instances are to get against those of data
// directories that are not in the plan. One of the estate is refused; one of
// nobody may be a copy that is never started again.
func unseen(all []providers.Request) hcl.Diagnostics {
	planned := make(map[string]bool, len(all))
	for i := range all {
		planned[all[i].Address] = true
	}
	var diags hcl.Diagnostics
	for i := range all {
		req := &all[i]
		o, _ := req.Observed.(*portObservation)
		b := declared(req.Desired, "port")
		if o == nil || o.estate == nil || b == nil {
			continue
		}
		want := int(b.Int("port"))
		for _, c := range o.estate.overlapping(want) {
			if !planned[c.who] {
				diags = append(diags, failure(b.RangeOf("port"), "Ports of another instance",
					"%s would get the ports %s, and %s (%s), which this plan leaves out, has %s. An instance owns ten ports, beginning with its base port: set port at least ten away.",
					req.Address, ports(want), c.who, c.dataDir, ports(c.base)))
			}
		}
		for _, c := range o.beside.overlapping(want) {
			diags = append(diags, warning(b.RangeOf("port"), "Ports of another data directory",
				"%s would get the ports %s, and the data directory %s, which is of no instance of this estate, has %s in its install.ini. The two cannot run at once: set port at least ten away, unless that one is never started again.",
				req.Address, ports(want), c.dataDir, ports(c.base)))
		}
	}
	return diags
}

func subject(req *providers.Request) *hcl.Range {
	if req.Desired == nil || req.Desired.Block == nil || req.Desired.Range.Filename == "" {
		return nil
	}
	return req.Desired.RangeOf("")
}
