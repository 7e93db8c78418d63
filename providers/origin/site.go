package origin

import (
	"context"
	"fmt"
	"slices"

	"github.com/dssctl/dssctl/providers/pg"
	"github.com/dssctl/dssctl/providers/places"
	"github.com/dssctl/dssctl/providers/preflight"
)

// neighbours are the instances of the estate, which may own the place of a
// clone's tables.
func (p *Provider) neighbours() []places.Instance {
	out := make([]places.Instance, 0, len(p.all))
	for _, in := range p.all {
		if in.DataDir != "" {
			out = append(out, places.Instance{Address: in.Address, DataDir: in.DataDir})
		}
	}
	slices.SortFunc(out, func(a, b places.Instance) int {
		if a.Address < b.Address {
			return -1
		}
		return 1
	})
	return out
}

// judge asks whose the place of the clone's tables is.
func (c *call) judge(ctx context.Context, to pg.Side) ([]preflight.Finding, error) {
	at := places.Site{Login: to.Login, Place: to.Place, Whole: c.Database.Govern}
	own := "Declare a place of its own in runtime_database: another schema, table_prefix or database."
	if at.Whole {
		own = "Declare another database in runtime_database, which is there and empty."
	}
	among := append(slices.Clone(c.Neighbours), places.Instance{Address: c.Source.Address, DataDir: c.Source.DataDir})
	found, err := places.Beside(c.Instance).Look(ctx, at, among)
	all := places.Use{At: at, Doing: "The clone's tables cannot be copied there", Own: own}.Judge(found)
	if err != nil && len(all) == 0 && ctx.Err() == nil {
		return []preflight.Finding{{What: "The place of the clone's tables cannot be looked at", Where: at.String(), Found: err.Error()}}, nil
	}
	return all, context.Cause(ctx)
}

// foreseePlace looks whose the place is that the tables come to, before the source
// is stopped for the copy.
func (c *call) foreseePlace(ctx context.Context) ([]preflight.Finding, error) {
	if c.Database == nil {
		return nil, nil
	}
	src, err := openSource(c.Instance, c.Source)
	if err != nil {
		return nil, err
	}
	_, to, err := c.sides(src)
	if err != nil {
		return nil, err
	}
	return c.judge(ctx, to)
}

// ours refuses a place that has become somebody's since the plan was made.
func (c *call) ours(ctx context.Context, to pg.Side) error {
	all, err := c.judge(ctx, to)
	if err != nil {
		return err
	}
	if bad := preflight.Errors(all); len(bad) > 0 {
		return fmt.Errorf("copy the tables: %s", bad[0])
	}
	return nil
}
