package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/plan"
)

// recoverOptions are the flags of recover.
type recoverOptions struct {
	varOptions
	outputOptions
	resume, rollback bool
	onFailure        string
	allow            []string
}

func newRecoverCommand(w *world) *cobra.Command {
	var o recoverOptions
	cmd := &cobra.Command{
		Use:   "recover [RUN] [-resume|-rollback]",
		Short: "Close an interrupted or failed run",
		Long: `Close a run that was killed, aborted, or stopped part-way.

recover reads the run's journal, waits for a command that outlived its dssctl,
looks at the live instance for the action that was open, and then goes on
(-resume) or undoes the open window and starts DSS again (-rollback). Without
either, a run that was killed while going forward goes on, and one that had
failed or was being rolled back is rolled back.

Where undoing would stop a DSS that runs, it is asked first whether it can be
done, and what was written since and would be lost is named: that takes
--allow data-loss, and is refused for a protected instance.
` + exitStatusHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := ""
			if len(args) == 1 {
				id = args[0]
			}
			return w.runRecover(cmd.Context(), o, id)
		},
	}
	f := cmd.Flags()
	o.varOptions.addFlags(f)
	f.BoolVar(&o.resume, "resume", false, "go on with the plan")
	f.BoolVar(&o.rollback, "rollback", false, "undo the open window")
	f.StringArrayVar(&o.allow, "allow", nil, "allow this `DANGER`: data-loss")
	f.StringVar(&o.onFailure, "on-failure", string(executor.Rollback), "`rollback` or stop, when going on fails")
	o.outputOptions.addFlags(f, "")
	cmd.MarkFlagsMutuallyExclusive("resume", "rollback")
	return cmd
}

func (w *world) runRecover(ctx context.Context, o recoverOptions, id string) (err error) {
	direction := executor.Auto
	switch {
	case o.resume:
		direction = executor.Resume
	case o.rollback:
		direction = executor.Backwards
	}
	allowed, err := dangers(o.allow)
	if err != nil {
		return err
	}
	ctx, sig := w.watchSignals(ctx, true)
	defer func() { sig.finish(); noteSignal(ctx, sig.signal()) }()
	out, err := w.openOutput(o.outputOptions)
	if err != nil {
		return err
	}
	defer func() { err = out.close(err) }()
	store, err := w.store()
	if err != nil {
		return err
	}
	open := ""
	defer func() { err = w.leave(ctx, store, open, err) }()
	// A guard may be faster, before the first look and after it.
	defer func() {
		if errors.Is(err, executor.ErrNothingOpen) {
			fmt.Fprintln(w.stdout(), "No run is open: nothing to recover.")
			err = nil
		}
	}()
	past, result, err := executor.ReadOpenRun(ctx, store, id)
	if err != nil {
		return err
	}
	open = result.Run.ID
	estate, err := w.loadEstate(o.varOptions, past.Variables)
	if err != nil {
		return err
	}
	v := vigil{run: open, stopsDSS: stopsDSS(past) && (direction == executor.Backwards || executor.OnFailure(o.onFailure) != executor.StopThere)}
	return w.execute(ctx, sig, store, estate, out, v, func(ctx context.Context, e *executor.Executor) (*executor.Result, error) {
		return e.Recover(ctx, id, direction, executor.Options{OnFailure: executor.OnFailure(o.onFailure), Why: "recover", AllowLoss: slices.Contains(allowed, plan.DataLoss)})
	})
}
