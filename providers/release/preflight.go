package release

import (
	"context"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/pg"
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

// Preflight implements providers.Preflighter.
func (dumper) Preflight(ctx context.Context, pc *providers.Call) ([]preflight.Finding, error) {
	c, err := open(pc)
	if err != nil {
		return nil, err
	}
	if db, err := c.Instance.RuntimeDatabase(); err != nil || !db.External {
		return nil, err // they are moved before it
	}
	d, err := c.dumpOf()
	if err != nil {
		return nil, err
	}
	return preflight.Dumpable(ctx, c.tools(), pg.Dump{Login: d.Login, Place: d.Place, Whole: d.Whole})
}
