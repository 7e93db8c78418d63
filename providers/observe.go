package providers

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/owners"
)

// Observed is what was seen of one instance.
type Observed struct {
	Instance *config.Instance
	Facts    dss.Facts
	// RealDir is where the data directory's path leads to, without any link.
	RealDir string
	// Observations by provider name.
	Observations map[string]Observation
	// Read answers from what the observation saw.
	Read func(probe string) (content string, exists bool, err error)
	// Absent says that the data directory is not there, and that the instance
	// is to be made: only Makers were asked, and Facts are empty.
	Absent bool
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
	// OpenNew opens the place of an instance that is to be made.
	OpenNew func(in *config.Instance) (*dss.Instance, error)
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
	conflicts := owners.Conflicts(o.Estate.Instances)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, o.Parallelism))
	for i, in := range wanted {
		g.Go(func() error {
			if err := conflicts[in.Address]; err != nil {
				out[i] = Observed{Instance: in, Err: err}
			} else {
				out[i] = observe(gctx, in, units, &o)
			}
			return context.Cause(gctx)
		})
	}
	return out, g.Wait()
}

func observe(ctx context.Context, in *config.Instance, units *dss.UnitFiles, o *ObserveOptions) Observed {
	seen := Observed{Instance: in, Observations: make(map[string]Observation, len(o.Providers))}
	inst, err := o.Open(in)
	if absent(err) && in.Child(OriginBlock) != nil && o.OpenNew != nil {
		return observeNew(ctx, in, o)
	}
	if err != nil {
		seen.Err = err
		return seen
	}
	// From here on each file is read once: the fingerprints are of what the
	// decisions were based on.
	inst = inst.Frozen().WithUnitFiles(units)
	seen.Read, seen.RealDir = inst.Read, inst.DataDir
	if seen.Facts, seen.Err = inst.Facts(ctx); seen.Err != nil {
		return seen
	}
	seen.ask(ctx, inst, o, o.Providers)
	return seen
}

// ask has the providers look, until one cannot.
func (s *Observed) ask(ctx context.Context, inst *dss.Instance, o *ObserveOptions, all []Provider) {
	recorded := o.Recorded(s.Instance.Address)
	for _, p := range all {
		obs, err := p.Observe(ctx, ObserveRequest{
			Address: s.Instance.Address, Instance: inst, Facts: s.Facts, Desired: s.Instance, Absent: s.Absent,
			Secrets: o.Estate.Secrets, Recorded: recorded[p.Name()], Key: o.Key,
		})
		if err != nil {
			s.Err = err
			return
		}
		s.Observations[p.Name()] = obs
	}
}

// absent reports whether there is nothing at the data directory's place.
func absent(err error) bool {
	var gone *dss.NotFoundError
	var other *dss.NotDSSError
	return errors.As(err, &gone) || errors.As(err, &other) && other.Empty
}

// observeNew looks at what an instance is to be made from.
func observeNew(ctx context.Context, in *config.Instance, o *ObserveOptions) Observed {
	seen := Observed{Instance: in, Absent: true, Observations: map[string]Observation{}}
	inst, err := o.OpenNew(in)
	if err != nil {
		seen.Err = err
		return seen
	}
	seen.Read, seen.RealDir = inst.Read, inst.DataDir
	var makers []Provider
	for _, p := range o.Providers {
		if _, ok := p.(Maker); ok {
			makers = append(makers, p)
		}
	}
	seen.ask(ctx, inst, o, makers)
	return seen
}
