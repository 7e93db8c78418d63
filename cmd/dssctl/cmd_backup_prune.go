package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/providers/backup"
	"github.com/dssctl/dssctl/providers/backup/set"
)

func newBackupPruneCommand(w *world) *cobra.Command {
	var o orderOptions
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "prune [ADDRESS]... [-dry-run]",
		Short: "Remove the backup sets that retention lets go",
		Long: `Say of each set why it stays or goes, and remove those that go. The newest good
set always stays, and so does a set that a kept one needs. What failed runs left in a
restic repository, and no set needs, is removed too. With -dry-run nothing is removed.
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, args []string) error { return w.runBackupPrune(cmd.Context(), o, args, dryRun) },
	}
	f := cmd.Flags()
	o.addFlags(f)
	f.BoolVar(&dryRun, "dry-run", false, "only say why each set stays or goes")
	return cmd
}

func (w *world) runBackupPrune(ctx context.Context, o orderOptions, addresses []string, dryRun bool) error {
	if !o.json || dryRun {
		if err := w.explainRetention(ctx, o, addresses); err != nil {
			return err
		}
	}
	if dryRun {
		return nil
	}
	return w.runOrder(ctx, o, backup.Order{Verb: backup.Prune}, addresses)
}

// explainRetention says why each set stays or goes.
func (w *world) explainRetention(ctx context.Context, o orderOptions, addresses []string) (err error) {
	rows := []view.RetentionRow{}
	now := w.clock.Now()
	store, err := w.store()
	if err != nil {
		return err
	}
	defer func() { err = closing(store, err) }()
	remembered, err := store.Instances(ctx)
	if err != nil {
		return err
	}
	err = w.eachPolicy(o.varOptions, addresses, func(b *config.Block, s set.Store) error {
		entries, err := s.List()
		if err != nil {
			return fmt.Errorf("%s: %w", b.Address, err)
		}
		recorded := remembered[strings.TrimSuffix(b.Address, "."+backup.Name+"."+b.Labels[0])].Aspects[backup.Name]
		for _, d := range backup.Explain(entries, b, recorded, now) {
			rows = append(rows, view.RetentionRow{Policy: b.Address, Set: d.Set, Time: d.Time, Keep: d.Keep, Reasons: d.Reasons})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(w.stdout(), rows)
	}
	return view.Retention(w.stdout(), rows, w.style(w.out))
}
