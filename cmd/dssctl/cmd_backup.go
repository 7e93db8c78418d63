package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup"
	"github.com/dssctl/dssctl/providers/service"
	"github.com/dssctl/dssctl/state"
)

func newBackupCommand(w *world) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Make, look at, verify, remove and restore backup sets",
		Long: `Work with the sets of the blocks "backup". What makes, removes or restores is a
plan like any other: shown, journalled, verified, and undone when it fails.
ADDRESS is an instance, or one of its policies: instance.design.backup.nightly.
` + exitStatusHelp,
	}
	cmd.AddCommand(
		newBackupRunCommand(w), newBackupListCommand(w), newBackupShowCommand(w),
		newBackupVerifyCommand(w), newBackupPruneCommand(w), newBackupRestoreCommand(w),
	)
	return cmd
}

// orderOptions are the flags of the commands that do something with sets.
type orderOptions struct{ applyOptions }

func (o *orderOptions) addFlags(f *pflag.FlagSet) {
	o.varOptions.addFlags(f)
	f.BoolVar(&o.autoApprove, "auto-approve", false, "do not ask")
	f.StringArrayVar(&o.allow, "allow", nil, "allow this `DANGER`: irreversible, data-loss; may be repeated")
	f.DurationVar(&o.lockTimeout, "lock-timeout", 0, "wait so `long` for another run to end")
	o.outputOptions.addFlags(f, "; needs -auto-approve")
	o.onFailure, o.parallelism = string(executor.Rollback), 8
}

func (o *orderOptions) check(w *world) error {
	switch {
	case o.json && !o.autoApprove:
		return errors.New("-json asks nothing: give -auto-approve")
	case !o.autoApprove && !w.interactive():
		return errors.New("nobody can be asked here (no terminal): give -auto-approve")
	}
	return nil
}

// runOrder plans what was ordered for these addresses, shows it, asks, and
// carries it out.
func (w *world) runOrder(ctx context.Context, o orderOptions, order backup.Order, addresses []string) error {
	return w.ordered(ctx, o, &order, addresses, func(ctx context.Context, estate *config.Estate, selection *config.Selection, store state.Store) (*planned, error) {
		frame := service.New()
		o.ordered = true
		return w.planWith(ctx, []providers.Provider{w.backups(&order), frame}, frame, estate, selection, store, o.planOptions)
	})
}

// ordered is what the commands that do something with sets have in common.
func (w *world) ordered(
	ctx context.Context, o orderOptions, order *backup.Order, addresses []string,
	makePlan func(context.Context, *config.Estate, *config.Selection, state.Store) (*planned, error),
) (err error) {
	if err := o.check(w); err != nil {
		return err
	}
	ctx, sig := w.watchSignals(ctx, true)
	defer func() { sig.finish(); noteSignal(ctx, sig.signal()) }()
	out, err := w.openOutput(o.outputOptions)
	if err != nil {
		return err
	}
	defer func() { err = out.close(err) }()
	if out.allowed, err = dangers(o.allow); err != nil {
		return err
	}
	estate, err := w.loadEstate(o.varOptions, nil)
	if err != nil {
		return err
	}
	selection, err := w.policies(estate, addresses, order)
	if err != nil {
		return err
	}
	store, err := w.store()
	if err != nil {
		return err
	}
	defer func() { err = w.leave(ctx, store, "", err) }()
	if err := w.waitForRuns(ctx, o, sig, store, estate, order.Verb); err != nil {
		return err
	}
	p, err := makePlan(ctx, estate, selection, store)
	if err != nil {
		return err
	}
	if order.Verb == backup.Prune {
		out.idle = "Nothing to do: every set stays."
	}
	if err := out.plan(p); err != nil {
		return err
	}
	if err := p.incomplete(); err != nil {
		return err
	}
	if !p.plan.HasChanges() {
		return nil
	}
	o.unattended = order.Verb == backup.Run && o.autoApprove
	return w.carryOut(ctx, &o.applyOptions, sig, store, p, out, "backup "+string(order.Verb))
}

// policies selects what the addresses name; an estate without any policy there
// is an error.
func (w *world) policies(estate *config.Estate, addresses []string, order *backup.Order) (*config.Selection, error) {
	selection, err := estate.Select(addresses, nil)
	if err != nil {
		return nil, err
	}
	found := selectedPolicies(selection)
	if len(found) == 0 {
		return nil, errors.New("no block \"backup\" is declared there: nothing can be done")
	}
	wanted := map[string]bool{}
	for _, b := range found {
		wanted[b.Address] = true
	}
	if order != nil {
		order.Skip = func(address string) bool { return !wanted[address] }
	}
	return selection, nil
}

// selectedPolicies are the blocks "backup" that a selection leaves in.
func selectedPolicies(s *config.Selection) []*config.Block {
	var out []*config.Block
	for _, in := range s.Instances() {
		for _, b := range in.Children(backup.Name) {
			if s.IncludesBlock(in.Address, backup.Name+"."+b.Labels[0]) {
				out = append(out, b)
			}
		}
	}
	return out
}

// waitForRuns waits until no other run is on its way. A backup that was killed
// is rolled back here, so that a schedule goes on by itself and DSS does not
// stay down until somebody comes.
func (w *world) waitForRuns(ctx context.Context, o orderOptions, sig *signals, store state.Store, estate *config.Estate, verb backup.Verb) error {
	err := w.patiently(ctx, o.lockTimeout, func() error { return executor.CheckOpen(ctx, store) })
	var open *executor.OpenRunError
	if !errors.As(err, &open) || verb != backup.Run || !open.Run.Unattended || !o.autoApprove {
		return err
	}
	w.say("The backup %s was broken off: undoing it first.\n", open.Run.ID)
	v := vigil{always: true, run: open.Run.ID}
	return w.execute(ctx, sig, store, estate, &output{w: w, json: o.json}, v, func(ctx context.Context, e *executor.Executor) (*executor.Result, error) {
		return e.Recover(ctx, open.Run.ID, executor.Backwards, executor.Options{OnFailure: executor.Rollback, Why: "recover a broken-off backup"})
	})
}
