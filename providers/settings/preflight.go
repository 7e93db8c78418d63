package settings

import (
	"context"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

// Preflight implements providers.Preflighter.
func (merge) Preflight(_ context.Context, c *providers.Call) ([]preflight.Finding, error) {
	return preflight.Replaceable(c.Instance, dss.SettingsFile), nil
}
