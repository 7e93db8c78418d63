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
	var wanted []*plan.Instance
	for i := range p.Instances {
		if len(p.Instances[i].Records) > 0 {
			wanted = append(wanted, &p.Instances[i])
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
	for _, in := range wanted {
		err := store.Update(ctx, in.Address, func(i *state.Instance) error {
			i.DataDir, i.Updated = in.DataDir, c.Now()
			for aspect, v := range in.Records {
				setAspect(i, aspect, v)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
