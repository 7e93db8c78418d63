package executor

import (
	"context"
	"fmt"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/state"
)

// follow moves the records of instances that have another address now, all in
// one write. It may be repeated: what has followed is no longer where it was.
func (s *session) follow(ctx context.Context) error {
	var moved []*plan.Instance
	for i := range s.plan.Instances {
		if in := &s.plan.Instances[i]; in.MovedFrom != "" {
			moved = append(moved, in)
		}
	}
	if len(moved) == 0 {
		return nil
	}
	all, err := s.Store.Instances(ctx)
	if err != nil {
		return err
	}
	var addresses []string
	became := map[string]state.Instance{}
	gone := map[string]bool{}
	for _, in := range moved {
		rec, there := all[in.MovedFrom]
		if _, taken := all[in.Address]; !there || taken {
			continue
		}
		became[in.Address], gone[in.MovedFrom] = rec, true
		addresses = append(addresses, in.MovedFrom, in.Address)
	}
	if len(addresses) == 0 {
		return nil
	}
	return s.Store.UpdateAll(context.WithoutCancel(ctx), addresses, func(address string, i *state.Instance) error {
		if gone[address] {
			return state.ErrNotFound
		}
		*i = became[address]
		return nil
	})
}

// checkProtected refuses what a protected instance must not suffer: the plan may
// be older than the protection.
func (s *session) checkProtected(ctx context.Context) error {
	all, err := s.Store.Instances(ctx)
	if err != nil {
		return err
	}
	refused := &RefusedError{What: "what a protected instance must not suffer"}
	s.plan.Actions(func(in *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		if all[in.Address].Protected && a.Danger.Flag() != "" {
			refused.Reasons = append(refused.Reasons, fmt.Sprintf("%s is protected: %s (action %s)", in.Address, a.Title, a.ID))
		}
		return true
	})
	if len(refused.Reasons) > 0 {
		refused.Reasons = append(refused.Reasons, liftProtection)
		return refused
	}
	return nil
}
