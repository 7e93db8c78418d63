package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/state"
)

// applyOptions are the flags of apply.
type applyOptions struct {
	planOptions
	outputOptions
	autoApprove bool
	onFailure   string
	allow       []string
	lockTimeout time.Duration
	unattended  bool // not a flag: see executor.Options
}

func (o *applyOptions) addFlags(f *pflag.FlagSet) {
	o.planOptions.addFlags(f)
	f.BoolVar(&o.autoApprove, "auto-approve", false, "do not ask")
	f.StringVar(&o.onFailure, "on-failure", string(executor.Rollback), "`rollback` the window and start DSS again, or stop and keep everything for recover")
	f.StringArrayVar(&o.allow, "allow", nil, "allow this `DANGER`: irreversible, data-loss; may be repeated")
	f.DurationVar(&o.lockTimeout, "lock-timeout", 0, "wait so `long` for another run to end")
	o.outputOptions.addFlags(f, "; asks nothing, so it needs -auto-approve or a plan file")
}

func newApplyCommand(w *world) *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:   "apply [PLANFILE] [-auto-approve] [-on-failure rollback|stop] [-json|-json-into FILE]",
		Short: "Carry out a saved plan, or plan, ask, and carry out",
		Long: `Carry out a plan: the saved one as it is, or a new one after a question.

Each action is journalled before and after, verified, and undone when a later
one of the same window fails: DSS is then started again as it was. The first
Ctrl-C finishes the current action and stops in a clean place; the second one
aborts it, and "dssctl recover" closes the run.
` + exitStatusHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return w.runApplyFile(cmd.Context(), o, args[0])
			}
			return w.runApply(cmd.Context(), o)
		},
	}
	o.addFlags(cmd.Flags())
	choices(cmd, "on-failure", string(executor.Rollback), string(executor.StopThere))
	choices(cmd, "allow", "irreversible", "data-loss")
	return cmd
}

func (o *applyOptions) check() error {
	switch executor.OnFailure(o.onFailure) {
	case executor.Rollback, executor.StopThere:
		return nil
	}
	return fmt.Errorf("-on-failure is %q; it must be rollback or stop", o.onFailure)
}

// dangers returns what -allow allows.
func dangers(allow []string) ([]plan.Danger, error) {
	var out []plan.Danger
	for _, a := range allow {
		d, ok := plan.ParseAllow(a)
		if !ok {
			return nil, fmt.Errorf("-allow is %q; it must be irreversible or data-loss", a)
		}
		out = append(out, d)
	}
	return out, nil
}

func (w *world) runApply(ctx context.Context, o applyOptions) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	if o.json && !o.autoApprove {
		return errors.New("-json asks nothing: give -auto-approve, or a plan file")
	}
	if !o.autoApprove && !w.interactive() {
		return errors.New("nobody can be asked here (no terminal): give -auto-approve, or apply a plan file made by `dssctl plan -out FILE`")
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
	p, store, err := w.makePlan(ctx, o.planOptions)
	if err != nil {
		return err
	}
	defer func() { err = w.leave(ctx, store, "", err) }()
	if err := w.patiently(ctx, o.lockTimeout, func() error { return executor.CheckOpen(ctx, store) }); err != nil {
		return err
	}
	if err := out.plan(p); err != nil {
		return err
	}
	if err := p.incomplete(); err != nil {
		return err
	}
	defer func() { err = w.afterwards(p.estate, o.json, err) }()
	if !p.plan.ToApply() {
		// What was found to be as declared is remembered all the same.
		return executor.Adopt(ctx, store, p.plan, w.clock)
	}
	return w.carryOut(ctx, &o, sig, store, p, out, "apply")
}

// carryOut asks, and runs a plan that was shown.
func (w *world) carryOut(ctx context.Context, o *applyOptions, sig *signals, store state.Store, p *planned, out *output, why string) error {
	if err := o.gate(p.plan); err != nil {
		return err
	}
	if !o.autoApprove {
		fmt.Fprintf(w.stderr(), "\n%s", view.SummaryLine(p.plan))
		if err := w.confirm("Carry out this plan?"); err != nil {
			return err
		}
	}
	raw, err := plan.Encode(p.plan, p.meta.Key)
	if err != nil {
		return err
	}
	v := vigilOver(p.plan, executor.OnFailure(o.onFailure))
	v.always = o.unattended
	return w.execute(ctx, sig, store, p.estate, out, v, func(ctx context.Context, e *executor.Executor) (result *executor.Result, err error) {
		err = w.patiently(ctx, o.lockTimeout, func() (err error) {
			result, err = e.Apply(ctx, p.plan, raw, executor.Options{OnFailure: executor.OnFailure(o.onFailure), Why: why, Unattended: o.unattended})
			return err
		})
		return result, err
	})
}

func (w *world) runApplyFile(ctx context.Context, o applyOptions, path string) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	if len(o.targets)+len(o.excludes) > 0 {
		return errors.New("-target and -exclude are for planning: the plan file says what is done")
	}
	out, err := w.openOutput(o.outputOptions)
	if err != nil {
		return err
	}
	defer func() { err = out.close(err) }()
	p, raw, err := readPlan(path)
	if err != nil {
		return err
	}
	estate, err := w.loadEstate(o.varOptions, p.Variables)
	if err != nil {
		return err
	}
	store, err := w.store()
	if err != nil {
		return err
	}
	defer func() { err = w.leave(ctx, store, "", err) }()
	if err := executor.CheckOpen(ctx, store); err != nil {
		return err
	}
	if err := checkPlanFile(ctx, store, p, raw, estate); err != nil {
		return err
	}
	if err := o.gate(p); err != nil {
		return err
	}
	ctx, sig := w.watchSignals(ctx, true)
	defer func() { sig.finish(); noteSignal(ctx, sig.signal()) }()
	defer func() { err = w.afterwards(estate, o.json, err) }()
	if !p.ToApply() {
		if !o.json {
			fmt.Fprintln(w.stdout(), "The plan has no changes: nothing to do.")
		}
		return executor.Adopt(ctx, store, p, w.clock)
	}
	v := vigilOver(p, executor.OnFailure(o.onFailure))
	return w.execute(ctx, sig, store, estate, out, v, func(ctx context.Context, e *executor.Executor) (*executor.Result, error) {
		return e.Apply(ctx, p, raw, executor.Options{OnFailure: executor.OnFailure(o.onFailure), Why: "apply of a saved plan"})
	})
}

// checkPlanFile refuses a plan that is not this estate's, was edited, or was
// made from other files.
func checkPlanFile(ctx context.Context, store state.Store, p *plan.Plan, raw []byte, estate *config.Estate) error {
	meta, err := store.Meta(ctx)
	if err != nil {
		return err
	}
	if p.Estate.Lineage != meta.Lineage {
		return refused("the plan file was made for another estate, or with another state than the one in %s (lineage %s, here %s).\nNothing was done. Make the plan here.", store.Where(), p.Estate.Lineage, meta.Lineage)
	}
	if err := plan.CheckSeal(p, raw, meta.Key); err != nil {
		return err
	}
	if p.HasErrors() {
		return refused("the plan has errors and cannot be applied")
	}
	if changed := changedFiles(p.Estate.Files, estate.Files); len(changed) > 0 {
		return &executor.StaleError{Changed: changed}
	}
	return nil
}

// gate refuses dangers that are not allowed.
func (o *applyOptions) gate(p *plan.Plan) error {
	allowed, err := dangers(o.allow)
	if err != nil {
		return err
	}
	refusals := plan.Gate(p, allowed)
	if len(refusals) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("the plan holds dangers that are not allowed:")
	for _, r := range refusals {
		fmt.Fprintf(&b, "\n  - %s", r)
	}
	b.WriteString("\nNothing was done.")
	return refused("%s", b.String())
}

// changedFiles names the files that differ.
func changedFiles(then, now map[string]string) []string {
	var out []string
	for _, name := range sortedKeys(then, now) {
		was, had := then[name]
		is, has := now[name]
		switch {
		case !has:
			out = append(out, "the file "+name+" is gone")
		case !had:
			out = append(out, "the file "+name+" is new")
		case was != is:
			out = append(out, "the file "+name+" was edited")
		}
	}
	return out
}
