package planner

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers/dss"
)

func (m *maker) readImports() {
	if len(m.Estate.Imports) == 0 || m.Ordered {
		return
	}
	m.imports = make(map[string]*config.Import, len(m.Estate.Imports))
	for i := range m.Estate.Imports {
		im := &m.Estate.Imports[i]
		m.imports[im.To.Instance()] = im
	}
	m.places = make(map[string]string, len(m.Recorded))
	for address, rec := range m.Recorded {
		// Of two the first by name: always the same.
		if other, twice := m.places[rec.DataDir]; !twice || address < other {
			m.places[rec.DataDir] = address
		}
	}
}

// importing notes that state is to know the instance. Where it does, a block
// import says no more than that nothing makes it.
func (m *maker) importing(out *plan.Instance, o *Observed) hcl.Diagnostics {
	im := m.imports[out.Address]
	if im == nil {
		return nil
	}
	if o.Absent {
		return hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "Nothing to import",
			Detail: fmt.Sprintf("A block import says that %s is in %s already, and nothing is there: its block origin would make it. "+
				"Take the block import out to have it made; or look whether the volume is mounted.", out.Address, out.DataDir),
			Subject: im.Range.Ptr(),
		}}
	}
	if _, known := m.Recorded[out.Address]; known {
		return nil
	}
	if other, known := m.places[out.DataDir]; known {
		return hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "Known under another address",
			Detail: fmt.Sprintf("The state remembers the instance in %s as %s, so there is nothing to import as %s. If only its address has changed, write a block moved from %[2]s to %[3]s in the place of the block import. "+
				"What state remembers of %[2]s is dropped by: dssctl state forget '%[2]s'.", out.DataDir, other, out.Address),
			Subject: im.Range.Ptr(),
		}}
	}
	out.Importing = &plan.Importing{ID: out.DataDir}
	out.Changes = append(out.Changes, plan.Change{Op: plan.Import, Note: "taken over from " + out.DataDir + "; only state changes", Range: im.Range.String()})
	return nil
}

// notImported says of an instance that is not there that it should have been.
func (m *maker) notImported(desired *config.Instance, err error) hcl.Diagnostics {
	diags := unobserved(desired, err)
	im := m.imports[desired.Address]
	var gone *dss.NotFoundError
	var other *dss.NotDSSError
	if im == nil || len(diags) != 1 || !errors.As(err, &gone) && !errors.As(err, &other) {
		return diags
	}
	d := *diags[0]
	d.Summary = "Nothing to import"
	d.Detail += fmt.Sprintf(" The block import at %s takes over an instance that is there: where it shall be made, take the block out and declare its origin.", im.Range)
	return hcl.Diagnostics{&d}
}
