package release

import (
	"context"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/preflight"
)

// Preflight implements providers.Preflighter.
func (installer) Preflight(ctx context.Context, c *providers.Call) ([]preflight.Finding, error) {
	return preflight.Installable(ctx, c.Instance)
}

// Preflight implements providers.Preflighter.
func (replayer) Preflight(_ context.Context, c *providers.Call) ([]preflight.Finding, error) {
	return preflight.Programs(c.Instance), nil
}
