package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/pflag"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/executor"
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
	refreshOnly       bool   // a flag of plan alone
	generate          string // another one: the file for what imports lead to
	ordered           bool   // not a flag: see planner.Input
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
	if o.generate != "" {
		if err := w.generateConfig(ctx, o); err != nil {
			return nil, nil, err
		}
	}
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
	all, frame := w.aspects()
	return w.planWith(ctx, all, frame, estate, selection, store, o)
}

// planWith plans with these providers: all of them, or the one that was ordered
// to do something.
func (w *world) planWith(ctx context.Context, all []providers.Provider, frame providers.Frame, estate *config.Estate, selection *config.Selection, store state.Store, o planOptions) (*planned, error) {
	meta, err := store.Meta(ctx)
	if err != nil {
		return nil, err
	}
	remembered, err := store.Instances(ctx)
	if err != nil {
		return nil, err
	}
	recorded, movedFrom := planner.Follow(estate.Moves, remembered)
	seen, err := providers.ObserveAll(ctx, providers.ObserveOptions{
		Estate: estate, Includes: selection.Includes, Recorded: aspectRecords(recorded), Key: meta.Key,
		Providers: all, Parallelism: o.parallelism,
		Open: func(in *config.Instance) (*dss.Instance, error) {
			return w.openInstance(in.DataDir, companionOf(in), w.runner)
		},
		OpenNew: func(in *config.Instance) (*dss.Instance, error) {
			return dss.Open(in.DataDir, dss.Options{Runner: w.runner, Clock: w.clock, Companion: companionOf(in), UID: w.uid, UnitDirs: w.unitDirs, Redactor: &w.redactor, Bare: true})
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
		Targets: o.targets, Excludes: o.excludes, Meta: meta, Recorded: recorded, MovedFrom: movedFrom,
		RefreshOnly: o.refreshOnly, Ordered: o.ordered,
		Providers: all, Frame: frame, Observed: observed,
	})
	foreseen, err := w.foresee(ctx, estate, store, p)
	if err != nil {
		return nil, err
	}
	diags = append(diags, foreseen...)
	if warning := openRunWarning(ctx, store); warning != nil {
		diags = append(diags, warning)
		p.Diagnostics = append(p.Diagnostics, planner.FromHCL("", hcl.Diagnostics{warning})...)
	}
	return &planned{plan: p, diags: diags, estate: estate, meta: meta}, nil
}

// openRunWarning says that what was seen may be half of something.
func openRunWarning(ctx context.Context, store state.Store) *hcl.Diagnostic {
	err := executor.CheckOpen(ctx, store)
	var open *executor.OpenRunError
	var locked *state.LockedError
	switch {
	case errors.As(err, &open):
		return &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "A run is still open", Detail: "What is shown may be half of what it was about to do: " + open.Error() + "."}
	case errors.As(err, &locked):
		return &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "A run is on its way", Detail: "What is shown may be half of it: " + locked.Error() + "."}
	}
	return nil
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
	return dss.Open(dataDir, dss.Options{Runner: r, Clock: w.clock, Companion: companion, UID: w.uid, UnitDirs: w.unitDirs, Redactor: &w.redactor})
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
		text := "the plan has errors and cannot be applied"
		if n := p.plan.Summary.Failed; n > 0 {
			text += fmt.Sprintf(": %d of %d instances could not be planned", n, len(p.plan.Instances))
		}
		return &codeError{exitError, text}
	}
	return nil
}
