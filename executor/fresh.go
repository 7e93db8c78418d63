package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/state"
)

func (e *Executor) refuseOpenRun(ctx context.Context) error { return openRun(ctx, e.Store) }

func openRun(ctx context.Context, store state.Store) error {
	runs, err := store.Runs(ctx)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.Status.Open() {
			return &OpenRunError{Run: r}
		}
	}
	return nil
}

// CheckOpen returns an *OpenRunError when a run waits to be closed, and a
// *state.LockedError when one is on its way: until it is closed, what is seen
// of its instances is neither before nor after.
func CheckOpen(ctx context.Context, store state.Store) error {
	open := openRun(ctx, store)
	if open == nil {
		return nil
	}
	lease, err := store.Lock(ctx, "look for an open run")
	if err != nil {
		return err
	}
	// It may have ended until the lock was there.
	return errors.Join(openRun(ctx, store), lease.Release(context.WithoutCancel(ctx)))
}

// checkFresh compares everything that the plan was based on with the world.
func (s *session) checkFresh(ctx context.Context) error {
	var changed []string
	seen := map[string]bool{}
	s.plan.Actions(func(in *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		for _, f := range a.Reads {
			if key := in.Address + "\x00" + f.Probe; seen[key] {
				continue
			} else {
				seen[key] = true
			}
			switch sum, err := s.probe(s.instances[in.Address], f.Probe); {
			case err != nil:
				changed = append(changed, fmt.Sprintf("%s: %s cannot be read: %v", in.Address, f.Subject, err))
			case !secret.Equal(sum, f.Sum):
				changed = append(changed, fmt.Sprintf("%s: %s", in.Address, f.Subject))
			}
		}
		return true
	})
	changed = append(changed, s.upOrDown(ctx)...)
	for _, sec := range s.plan.Secrets {
		switch v, err := s.Secrets.Secret(sec.Name); {
		case err != nil:
			return err
		case !secret.Equal(plan.SecretSum(s.meta.Key, v), sec.Fingerprint):
			changed = append(changed, fmt.Sprintf("the value of the secret %s", sec.Name))
		}
	}
	if len(changed) > 0 {
		return &StaleError{Changed: changed}
	}
	return context.Cause(ctx)
}

// upOrDown names the instances that somebody has started or stopped since the
// plan was made: a plan for a stopped DSS asks nobody before it stops one, and
// starts none; one for a DSS that runs would start what somebody keeps down.
// Whether another state can be worked on, the pre-flight tells.
func (s *session) upOrDown(ctx context.Context) (changed []string) {
	for i := range s.plan.Instances {
		in := &s.plan.Instances[i]
		then := dss.Service(in.Seen.Service)
		if !stops(in) || then != dss.ServiceStopped && then != dss.ServiceRunning {
			continue
		}
		now, _, err := s.instances[in.Address].State(ctx)
		if err == nil && now != then && (now == dss.ServiceStopped || then == dss.ServiceStopped) {
			changed = append(changed, fmt.Sprintf("%s: whether DSS runs (it was %s, and is %s)", in.Address, then, now))
		}
	}
	return changed
}

// stops reports whether there is a window.
func stops(in *plan.Instance) bool {
	return slices.ContainsFunc(allActions(in), func(a *plan.Action) bool { return a.Phase == plan.Stop })
}

// probe returns the keyed sum of something that was read.
func (s *session) probe(inst *dss.Instance, probe string) (string, error) {
	content, exists, err := inst.Read(probe)
	if err != nil {
		return "", err
	}
	return plan.Sum(s.meta.Key, probe, content, exists), nil
}
