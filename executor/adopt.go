package executor

import (
	"context"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/state"
)

// Adopt has state remember what a plan without changes found to be as
// declared. It needs no run: nothing is done to any instance.
func Adopt(ctx context.Context, store state.Store, p *plan.Plan, c clock.Clock) (err error) {
	var addresses []string
	wanted := map[string]*plan.Instance{}
	for i := range p.Instances {
		if in := &p.Instances[i]; len(in.Records) > 0 {
			addresses = append(addresses, in.Address)
			wanted[in.Address] = in
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	lease, err := store.Lock(ctx, "remember what was found as declared")
	if err != nil {
		return err
	}
	defer func() {
		if rerr := lease.Release(context.WithoutCancel(ctx)); err == nil {
			err = rerr
		}
	}()
	return store.UpdateAll(ctx, addresses, func(address string, i *state.Instance) error {
		in := wanted[address]
		i.DataDir, i.Updated = in.DataDir, c.Now()
		for aspect, v := range in.Records {
			setAspect(i, aspect, v)
		}
		return nil
	})
}
