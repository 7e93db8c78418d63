package providers

import (
	"context"
	"encoding/json"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/dss"
)

// Observed is what was seen of one instance.
type Observed struct {
	Instance *config.Instance
	Facts    dss.Facts
	// Observations by provider name.
	Observations map[string]Observation
	// Read answers from what the observation saw.
	Read func(probe string) (content string, exists bool, err error)
	// Err says why the instance could not be observed.
	Err error
}

// AspectRecords are an instance's records by aspect.
type AspectRecords = map[string]json.RawMessage

// Records returns what state remembers of an instance.
type Records func(address string) AspectRecords

// ObserveOptions say what to look at.
type ObserveOptions struct {
	Estate   *config.Estate
	Includes func(address string) bool
	Recorded Records
	Key      secret.Key
	// Providers in order; each is asked about each instance.
	Providers   []Provider
	Parallelism int
	Open        func(in *config.Instance) (*dss.Instance, error)
}

// ObserveAll looks at every included instance, some at a time, reads only. What
// could not be seen is in each Err; the error returned is that of ctx.
func ObserveAll(ctx context.Context, o ObserveOptions) ([]Observed, error) {
	var wanted []*config.Instance
	for _, in := range o.Estate.Instances {
		if o.Includes == nil || o.Includes(in.Address) {
			wanted = append(wanted, in)
		}
	}
	out := make([]Observed, len(wanted))
	o.Providers = slices.Clone(o.Providers)
	for i, p := range o.Providers {
		if s, ok := p.(Surveyor); ok {
			o.Providers[i] = s.Survey(o.Estate.Instances, o.Estate.Secrets)
		}
	}
	units := &dss.UnitFiles{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, o.Parallelism))
	for i, in := range wanted {
		g.Go(func() error {
			out[i] = observe(gctx, in, units, &o)
			return context.Cause(gctx)
		})
	}
	return out, g.Wait()
}

func observe(ctx context.Context, in *config.Instance, units *dss.UnitFiles, o *ObserveOptions) Observed {
	seen := Observed{Instance: in, Observations: make(map[string]Observation, len(o.Providers))}
	inst, err := o.Open(in)
	if err != nil {
		seen.Err = err
		return seen
	}
	// From here on each file is read once: the fingerprints are of what the
	// decisions were based on.
	inst = inst.Frozen().WithUnitFiles(units)
	seen.Read = inst.Read
	if seen.Facts, seen.Err = inst.Facts(ctx); seen.Err != nil {
		return seen
	}
	recorded := o.Recorded(in.Address)
	for _, p := range o.Providers {
		obs, err := p.Observe(ctx, ObserveRequest{
			Address: in.Address, Instance: inst, Facts: seen.Facts, Desired: in,
			Secrets: o.Estate.Secrets, Recorded: recorded[p.Name()], Key: o.Key,
		})
		if err != nil {
			seen.Err = err
			return seen
		}
		seen.Observations[p.Name()] = obs
	}
	return seen
}
