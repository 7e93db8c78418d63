package planner

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
)

// FromHCL turns diagnostics about an address, "" for the estate, into those of
// a plan.
func FromHCL(address string, diags hcl.Diagnostics) []plan.Diagnostic {
	out := make([]plan.Diagnostic, 0, len(diags))
	for _, d := range diags {
		pd := plan.Diagnostic{Severity: plan.Warning, Address: address, Summary: d.Summary, Detail: d.Detail}
		if d.Severity == hcl.DiagError {
			pd.Severity = plan.Error
		}
		if d.Subject != nil {
			pd.Range = d.Subject.String()
		}
		out = append(out, pd)
	}
	return out
}

// report adds diagnostics to the plan and to what Make returns, one to one.
// Their texts are cleaned of the secrets declared for that address: an error of
// a driver or a program may have quoted one.
func (m *maker) report(address string, diags hcl.Diagnostics) {
	if len(diags) == 0 {
		return
	}
	r := m.secrets.of(address)
	clean := make(hcl.Diagnostics, len(diags))
	for i, d := range diags {
		c := *d
		c.Summary, c.Detail = r.String(c.Summary), r.String(c.Detail)
		clean[i] = &c
	}
	m.diags = append(m.diags, clean...)
	m.p.Diagnostics = append(m.p.Diagnostics, FromHCL(address, clean)...)
}

// redactors has a redactor for each instance's own secrets: one for all would
// make the cost of many failing instances quadratic.
type redactors struct {
	values secret.Values
	// byInstance holds the names of secrets by instance address, made when a
	// diagnostic is first reported.
	byInstance map[string][]string
}

func (rs *redactors) of(address string) *secret.Redactor {
	r := new(secret.Redactor)
	if address == "" {
		r.Add(slices.Collect(maps.Values(rs.values))...)
		return r
	}
	if rs.byInstance == nil {
		rs.byInstance = map[string][]string{}
		for name := range rs.values {
			address := config.InstanceOf(name)
			rs.byInstance[address] = append(rs.byInstance[address], name)
		}
	}
	for _, name := range rs.byInstance[address] {
		r.Add(rs.values[name])
	}
	return r
}

// unobserved is the diagnostic of an instance that could not be looked at.
func unobserved(desired *config.Instance, err error) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if errors.As(err, &diags) && diags.HasErrors() {
		return diags
	}
	return hcl.Diagnostics{{
		Severity: hcl.DiagError,
		Summary:  "The instance cannot be observed",
		Detail:   fmt.Sprintf("Looking at %s in %s failed: %s.", desired.Address, desired.DataDir, strings.TrimSuffix(err.Error(), ".")),
		Subject:  rangeOf(desired),
	}}
}

// bug is a diagnostic of what no configuration should bring about.
func bug(at *hcl.Range, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  "The plan cannot be made",
		Detail:   detail + " This is a fault of dssctl, please report it. Nothing was changed.",
		Subject:  at,
	}
}

func rangeOf(desired *config.Instance) *hcl.Range {
	if desired.Block == nil || desired.Range.Filename == "" {
		return nil
	}
	r := desired.Range
	return &r
}
