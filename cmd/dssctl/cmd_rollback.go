package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
)

// rollbackOptions are the flags of rollback.
type rollbackOptions struct {
	varOptions
	outputOptions
	autoApprove bool
	allow       []string
}

func newRollbackCommand(w *world) *cobra.Command {
	var o rollbackOptions
	cmd := &cobra.Command{
		Use:   "rollback RUN [-auto-approve] [-allow data-loss]",
		Short: "Undo a finished run, where its actions allow it",
		Long: `Undo a finished run, its last action first: DSS is stopped, what the run changed
is put back, DSS is started again. What DSS wrote since then into databases that
the run made is lost with them: it is counted and named in any case, before the
question, and without a question it takes -allow data-loss.

It is refused, with DSS running and nothing undone, when an action of the run
cannot be undone or what its undo needs is gone, when a later run stands on the
same instance, when somebody changed since what the run left, or when it would
lose something of a protected instance.
` + exitStatusHelp,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return w.runRollback(cmd.Context(), o, args[0]) },
	}
	f := cmd.Flags()
	o.varOptions.addFlags(f)
	f.BoolVar(&o.autoApprove, "auto-approve", false, "do not ask")
	f.StringArrayVar(&o.allow, "allow", nil, "allow this `DANGER`: data-loss")
	o.outputOptions.addFlags(f, "")
	return cmd
}

func (w *world) runRollback(ctx context.Context, o rollbackOptions, id string) (err error) {
	if !o.autoApprove && !w.interactive() {
		return errors.New("nobody can be asked here (no terminal): give -auto-approve")
	}
	allowed, err := dangers(o.allow)
	if err != nil {
		return err
	}
	out, err := w.openOutput(o.outputOptions)
	if err != nil {
		return err
	}
	defer func() { err = out.close(err) }()
	store, err := w.store()
	if err != nil {
		return err
	}
	defer func() { err = w.leave(ctx, store, "", err) }()
	p, past, err := executor.ReadRun(ctx, store, id)
	if err != nil {
		return err
	}
	estate, err := w.loadEstate(o.varOptions, p.Variables)
	if err != nil {
		return err
	}
	ctx, sig := w.watchSignals(ctx, true)
	defer func() { sig.finish(); noteSignal(ctx, sig.signal()) }()
	lost, err := w.executor(store, estate).Losses(ctx, id, "look what a rollback loses")
	if err != nil {
		return err
	}
	allowLoss := slices.Contains(allowed, plan.DataLoss)
	if len(lost) > 0 && o.autoApprove && !allowLoss {
		return &executor.LossError{Run: id, Lost: lost}
	}
	if !o.json {
		if err := view.RollbackPreview(w.stdout(), report(past), undoTexts(past), lost, w.style(w.out)); err != nil {
			return err
		}
	}
	if err := out.lost(lost); err != nil {
		return err
	}
	if !o.autoApprove {
		question := "Undo this run?"
		if len(lost) > 0 {
			question = "Undo this run, and lose that?"
		}
		if err := w.confirm(question); err != nil {
			return err
		}
		allowLoss = true // it was named above the question
	}
	return w.execute(ctx, sig, store, estate, out, vigil{stopsDSS: stopsDSS(p), run: id}, func(ctx context.Context, e *executor.Executor) (*executor.Result, error) {
		return e.Rollback(ctx, id, executor.Options{Why: "rollback", AllowLoss: allowLoss})
	})
}

// undoTexts are the plan's words on how each action is undone, by action.
func undoTexts(r *executor.Result) map[string]plan.Undo {
	out := map[string]plan.Undo{}
	for _, a := range r.Actions {
		out[a.Action.ID] = a.Action.Undo
	}
	return out
}

// confirm wants a "yes".
func (w *world) confirm(question string) error {
	fmt.Fprintf(w.stderr(), "\n%s Only \"yes\" is taken as yes: ", question)
	answer, err := w.readLine()
	if err != nil {
		return err
	}
	if answer != "yes" {
		return &codeError{exitError, "not approved: nothing was done"}
	}
	return nil
}
