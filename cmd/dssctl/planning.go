package main

import (
	"context"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/pflag"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/planner"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/state"
)

// planOptions are the flags of the commands that plan.
type planOptions struct {
	varOptions
	targets, excludes []string
	parallelism       int
}

func (o *planOptions) addFlags(f *pflag.FlagSet) {
	o.varOptions.addFlags(f)
	f.StringArrayVar(&o.targets, "target", nil, "only this `ADDRESS`; may be repeated")
	f.StringArrayVar(&o.excludes, "exclude", nil, "not this `ADDRESS`; may be repeated")
	f.IntVar(&o.parallelism, "parallelism", 8, "look at `N` instances at a time")
}

// planned is a plan with what it was made of.
type planned struct {
	plan   *plan.Plan
	diags  hcl.Diagnostics
	estate *config.Estate
	meta   state.Meta
}

// makePlan loads, observes and plans. The diagnostics of the plan are not
// printed yet.
func (w *world) makePlan(ctx context.Context, o planOptions) (*planned, state.Store, error) {
	estate, err := w.loadEstate(o.varOptions, nil)
	if err != nil {
		return nil, nil, err
	}
	selection, err := estate.Select(o.targets, o.excludes)
	if err != nil {
		return nil, nil, err
	}
	store, err := w.store()
	if err != nil {
		return nil, nil, err
	}
	p, err := w.planEstate(ctx, estate, selection, store, o)
	if err != nil {
		return nil, nil, closing(store, err)
	}
	return p, store, nil
}

func (w *world) planEstate(ctx context.Context, estate *config.Estate, selection *config.Selection, store state.Store, o planOptions) (*planned, error) {
	meta, err := store.Meta(ctx)
	if err != nil {
		return nil, err
	}
	recorded, err := store.Instances(ctx)
	if err != nil {
		return nil, err
	}
	all, frame := aspects()
	seen, err := providers.ObserveAll(ctx, providers.ObserveOptions{
		Estate: estate, Includes: selection.Includes, Recorded: aspectRecords(recorded), Key: meta.Key,
		Providers: all, Parallelism: o.parallelism,
		Open: func(in *config.Instance) (*dss.Instance, error) {
			return w.openInstance(in.DataDir, companionOf(in), w.runner)
		},
	})
	if err != nil {
		return nil, err
	}
	observed := make([]planner.Observed, len(seen))
	for i, s := range seen {
		observed[i] = planner.Observed(s)
	}
	p, diags := planner.Make(planner.Input{
		Version: version, Now: w.clock.Now(), Estate: estate, Selection: selection,
		Targets: o.targets, Excludes: o.excludes, Meta: meta, Recorded: recorded,
		Providers: all, Frame: frame, Observed: observed,
	})
	return &planned{plan: p, diags: diags, estate: estate, meta: meta}, nil
}

func aspectRecords(all map[string]state.Instance) providers.Records {
	return func(address string) providers.AspectRecords { return all[address].Aspects }
}

func companionOf(in *config.Instance) string {
	if in.Block == nil {
		return ""
	}
	return in.String("companion_dir")
}

func (w *world) openInstance(dataDir, companion string, r proc.Runner) (*dss.Instance, error) {
	return dss.Open(dataDir, dss.Options{Runner: r, Clock: w.clock, Companion: companion, UID: w.uid, Redactor: &w.redactor})
}

// closing closes a store on the way out of an error.
func closing(s state.Store, err error) error {
	if cerr := s.Close(); err == nil {
		return cerr
	}
	return err
}

// incomplete says that a plan with errors cannot be applied.
func (p *planned) incomplete() error {
	if p.plan.HasErrors() {
		return &codeError{exitError, fmt.Sprintf("the plan has errors and cannot be applied: %d of %d instances could not be planned", p.plan.Summary.Failed, len(p.plan.Instances))}
	}
	return nil
}
