package install

import (
	"context"
	"os"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

// Preflight implements providers.Preflighter.
func (edit) Preflight(_ context.Context, c *providers.Call) ([]preflight.Finding, error) {
	return preflight.Replaceable(c.Instance, dss.InstallINIFile), nil
}

// Preflight implements providers.Preflighter. Which files regenerate-config writes
// is not public, but that bin/env-default.sh is generated: what is wrong there is
// worth a warning.
func (regenerate) Preflight(_ context.Context, c *providers.Call) ([]preflight.Finding, error) {
	if _, err := os.Lstat(c.Instance.Path(dss.EnvDefaultFile)); err != nil {
		return nil, nil //nolint:nilerr // nothing to look at
	}
	out := preflight.Replaceable(c.Instance, dss.EnvDefaultFile)
	for i := range out {
		out[i].Severity = preflight.Warning
	}
	return out, nil
}
