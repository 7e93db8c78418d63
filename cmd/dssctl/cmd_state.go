package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/state"
)

func newStateCommand(w *world) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "Look at dssctl's memory, and mend it",
		Long: `Look at dssctl's memory: what it owns, fingerprints of secrets, runs. It is never a
second truth: with the state lost, the next plan is still right.
` + exitStatusHelp,
	}
	var asJSON bool
	list := &cobra.Command{
		Use: "list [-json]", Short: "List the instances and the runs", Args: cobra.NoArgs,
		Long: "List the instances that dssctl remembers, and its runs, the newest first.\n" + exitStatusHelp,
		RunE: w.withStore(func(ctx context.Context, s state.Store, _ []string) error { return w.stateList(ctx, s, asJSON) }),
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	show := &cobra.Command{
		Use: "show ADDRESS", Short: "Show what is remembered of an instance", Args: cobra.ExactArgs(1),
		Long: "Show what dssctl remembers of an instance, as JSON. It holds no secret.\n" + exitStatusHelp,
		RunE: w.withStore(w.stateShow),
	}
	forget := &cobra.Command{
		Use: "forget ADDRESS", Short: "Forget an instance; nothing of it is touched", Args: cobra.ExactArgs(1),
		Long: "Forget what dssctl remembers of an instance. The instance itself is not touched.\n" + exitStatusHelp,
		RunE: w.withStore(w.stateForget),
	}
	unlock := &cobra.Command{
		Use: "unlock", Short: "Break the estate's lock", Args: cobra.NoArgs,
		Long: `Break the estate's lock, whoever holds it. A lock whose process is gone is taken
over without this. Be sure that no other dssctl works on this estate.
` + exitStatusHelp,
		RunE: w.withStore(func(ctx context.Context, s state.Store, _ []string) error { return w.stateUnlock(ctx, s) }),
	}
	for _, c := range []*cobra.Command{list, show, forget, unlock} {
		c.DisableFlagsInUseLine = true
		cmd.AddCommand(c)
	}
	return cmd
}

// withStore opens the store around f.
func (w *world) withStore(f func(context.Context, state.Store, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		store, err := w.store()
		if err != nil {
			return err
		}
		return closing(store, f(cmd.Context(), store, args))
	}
}

func (w *world) stateList(ctx context.Context, s state.Store, asJSON bool) error {
	all, err := s.Instances(ctx)
	if err != nil {
		return err
	}
	runs, err := s.Runs(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		enc := json.NewEncoder(w.stdout())
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"instances": all, "runs": runs})
	}
	rows := make([]view.StateRow, 0, len(all))
	for _, address := range sortedKeys(all) {
		in := all[address]
		rows = append(rows, view.StateRow{Address: address, DataDir: in.DataDir, Aspects: sortedKeys(in.Aspects), LastRun: in.LastRun, Updated: in.Updated})
	}
	if err := view.StateList(w.stdout(), rows, w.style(w.out)); err != nil {
		return err
	}
	return view.Runs(w.stdout(), runRows(runs), w.style(w.out))
}

func runRows(runs []state.Run) []view.RunRow {
	out := make([]view.RunRow, 0, len(runs))
	for _, r := range runs {
		out = append(out, view.RunRow{Run: r.ID, Status: string(r.Status), Started: r.Started, Ended: r.Ended, Why: r.Why, Instances: r.Instances})
	}
	return out
}

// remembered finds an instance, or says which there are.
func (w *world) remembered(ctx context.Context, s state.Store, address string) (state.Instance, error) {
	all, err := s.Instances(ctx)
	if err != nil {
		return state.Instance{}, err
	}
	in, ok := all[address]
	if !ok {
		return in, fmt.Errorf("nothing is remembered of %q.%s", address, config.DidYouMean(address, sortedKeys(all)))
	}
	return in, nil
}

func (w *world) stateShow(ctx context.Context, s state.Store, args []string) error {
	in, err := w.remembered(ctx, s, args[0])
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w.stdout())
	enc.SetIndent("", "  ")
	return enc.Encode(in)
}

func (w *world) stateForget(ctx context.Context, s state.Store, args []string) error {
	if _, err := w.remembered(ctx, s, args[0]); err != nil {
		return err
	}
	lease, err := s.Lock(ctx, "state forget")
	if err != nil {
		return err
	}
	err = s.Update(ctx, args[0], func(*state.Instance) error { return state.ErrNotFound })
	if rerr := lease.Release(ctx); err == nil {
		err = rerr
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.stdout(), "%s is forgotten. The instance itself was not touched.\n", args[0])
	return err
}

func (w *world) stateUnlock(ctx context.Context, s state.Store) error {
	h, err := s.Holder(ctx)
	if err != nil {
		return err
	}
	if h == nil {
		_, err = fmt.Fprintln(w.stdout(), "The estate is not locked.")
		return err
	}
	if err := s.Unlock(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.stdout(), "The lock of %s@%s (process %d, %s) is broken.\n", h.User, h.Host, h.PID, h.Why)
	return err
}
