package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/state"
)

func newShowCommand(w *world) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [PLANFILE|RUN] [-json]",
		Short: "Show a saved plan or a past run; without either, the newest run",
		Long: `Show a plan file, or what a run did: its plan, the outcome of each action, and the
downtime measured. Neither the configuration nor the instances are needed.
` + exitStatusHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			return w.runShow(cmd.Context(), name, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (w *world) runShow(ctx context.Context, name string, asJSON bool) error {
	if name != "" {
		if _, err := os.Stat(name); err == nil {
			return w.showPlanFile(name, asJSON)
		}
	}
	store, err := w.store()
	if err != nil {
		return err
	}
	err = w.showRun(ctx, store, name, asJSON)
	if errors.Is(err, state.ErrNotFound) {
		err = fmt.Errorf("%q is neither a file nor a run in %s; `dssctl state list` lists the runs", name, store.Where())
	}
	return closing(store, err)
}

func (w *world) showPlanFile(name string, asJSON bool) error {
	p, raw, err := readPlan(name)
	if err != nil {
		return err
	}
	if asJSON {
		_, err = w.stdout().Write(raw)
		return err
	}
	return view.Plan(w.stdout(), p, w.style(w.out))
}

func (w *world) showRun(ctx context.Context, store state.Store, id string, asJSON bool) error {
	if id == "" {
		runs, err := store.Runs(ctx)
		if err != nil {
			return err
		}
		if len(runs) == 0 {
			fmt.Fprintln(w.stdout(), "No run yet.")
			return nil
		}
		id = runs[0].ID
	}
	p, result, err := executor.ReadRun(ctx, store, id)
	if err != nil {
		return err
	}
	if asJSON {
		enc := json.NewEncoder(w.stdout())
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"run": report(result), "plan": p})
	}
	if err := view.Plan(w.stdout(), p, w.style(w.out)); err != nil {
		return err
	}
	return view.Summary(w.stdout(), report(result), w.style(w.out))
}
