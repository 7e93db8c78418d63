package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/state"
)

func newStatusCommand(w *world) *cobra.Command {
	var o planOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status [-json] [-target ADDRESS]",
		Short: "Show one line an instance: version, service, runtime database, drift",
		Long: `Look at the instances and show one line each: version, service, runtime database,
whether it differs from the files, and its newest run.
` + exitStatusHelp,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.runStatus(cmd.Context(), o, asJSON) },
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (w *world) runStatus(ctx context.Context, o planOptions, asJSON bool) (err error) {
	p, store, err := w.makePlan(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = closing(store, err) }()
	recorded, err := store.Instances(ctx)
	if err != nil {
		return err
	}
	runs, err := store.Runs(ctx)
	if err != nil {
		return err
	}
	down, err := w.downByRuns(ctx, store, runs)
	if err != nil {
		return err
	}
	rows := statusRows(p.plan, recorded, runs, down)
	if asJSON {
		enc := json.NewEncoder(w.stdout())
		enc.SetIndent("", "  ")
		return enc.Encode(rows)
	}
	if err := w.printDiagnostics(p.diags, p.estate.Sources); err != nil {
		defer func(failed error) { err = failed }(err)
	}
	return view.Status(w.stdout(), rows, w.style(w.out))
}

// downByRuns are the open runs that have left DSS down; none while somebody works
// on one.
func (w *world) downByRuns(ctx context.Context, store state.Store, runs []state.Run) ([]view.StillDown, error) {
	holder, err := store.Holder(ctx)
	if err != nil || holder != nil {
		return nil, err
	}
	var out []view.StillDown
	for _, r := range runs {
		if !r.Status.Open() {
			continue
		}
		down, err := w.stillDown(ctx, store, r.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, down)
	}
	return out, nil
}

// downOne is what is told of one instance; nil when that is not down.
func downOne(all []view.StillDown, address string) *view.StillDown {
	for _, d := range all {
		for _, in := range d.Instances {
			if in.Address == address {
				d.Instances = []view.DownInstance{in}
				return &d
			}
		}
	}
	return nil
}

func statusRows(p *plan.Plan, recorded map[string]state.Instance, runs []state.Run, down []view.StillDown) []view.StatusRow {
	byID := map[string]state.Run{}
	for _, r := range runs {
		byID[r.ID] = r
	}
	rows := make([]view.StatusRow, 0, len(p.Instances))
	for i := range p.Instances {
		in := &p.Instances[i]
		last, notes := recorded[in.Address].LastRun, in.Seen.Notes
		if in.New {
			notes = append([]string{"not there yet"}, notes...)
		}
		// Started by hand meanwhile, it is not down.
		var left *view.StillDown
		if in.Seen.Service != string(dss.ServiceRunning) {
			left = downOne(down, in.Address)
		}
		rows = append(rows, view.StatusRow{
			Down:    left,
			Address: in.Address, Version: in.Seen.Version, NodeType: in.Seen.NodeType, Service: in.Seen.Service,
			Notes: notes, Changes: len(in.Changes), Failed: in.Failed,
			LastRun: last, LastStatus: string(byID[last].Status),
		})
	}
	return rows
}
