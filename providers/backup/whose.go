package backup

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/realpath"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/owners"
)

// placeOf is equal for paths that lead to one folder.
func placeOf(destination string) string { return realpath.Look().Key(destination) }

// misplaced says why sets must not be kept in the destination of an instance's
// policy; "" where they may. Destinations may be in each other, as folders of one
// share are.
func (p *Provider) misplaced(in *config.Instance, dataDir, destination string) string {
	if realpath.Inside(dataDir, destination) {
		return fmt.Sprintf("the data directory %s is in the destination %s, and they must not hold each other", dataDir, destination)
	}
	if realpath.Inside(destination, dataDir) {
		return fmt.Sprintf("the destination %s is in the data directory %s, and they must not hold each other: a backup would keep its own sets", destination, dataDir)
	}
	for _, h := range p.places.Around(destination) {
		own := h.Of == in.Address && h.Kind == owners.Companion
		if !own && h.Kind != owners.Destination {
			return fmt.Sprintf("the destination %s is in %s", destination, h)
		}
	}
	return ""
}

// checkPlaces refuses a restore that would write into what belongs to an instance,
// or to a policy.
func (p *Provider) checkPlaces(o RestoreOrder, at *hcl.Range) hcl.Diagnostics {
	fail := func(format string, args ...any) hcl.Diagnostics {
		return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Not a place to restore to", Detail: fmt.Sprintf(format, args...), Subject: at}}
	}
	if o.To != "" {
		if around := p.places.Around(o.To); len(around) > 0 {
			return fail("The folder %s, where files are to be taken out to, is in %s. Choose a folder elsewhere.", o.To, around[0])
		}
	}
	w := o.Elsewhere
	if w == nil {
		return nil
	}
	if realpath.Overlap(w.Kit, w.DataDir) {
		return fail("Of the kit %s and the data directory %s, one is inside the other. A kit is replaced by an upgrade and the data directory is not: keep them apart.", w.Kit, w.DataDir)
	}
	// An instance that was lost may come back to its own place.
	lost := map[string]bool{}
	for _, h := range p.places.Around(w.DataDir) {
		if h.Kind == owners.DataDir && h.Of != "" && realpath.Same(h.Dir, w.DataDir) {
			lost[h.Of] = true
		}
	}
	for _, dir := range []string{w.DataDir, realpath.Resolve(w.DataDir) + dss.CompanionSuffix} {
		for _, h := range p.places.Around(dir) {
			own := lost[h.Of] && (h.Kind == owners.DataDir || h.Kind == owners.Companion) && realpath.Same(h.Dir, dir)
			if !own {
				return fail("The instance is to be made in %s, and %s is in %s. Choose a place of its own.", w.DataDir, dir, h)
			}
		}
	}
	return nil
}
