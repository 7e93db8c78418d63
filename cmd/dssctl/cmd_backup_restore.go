package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/providers/backup"
)

// restoreOptions are the flags of backup restore.
type restoreOptions struct {
	orderOptions
	set            string
	to             string
	only, projects []string
	elsewhere      elsewhereOptions
}

func newBackupRestoreCommand(w *world) *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use:   "restore ADDRESS [-set SET] [-only PATH]... [-project KEY]... [-to FOLDER | -data-dir DIR -kit KIT]",
		Short: "Restore a backup set: in place, elsewhere, or some of its files",
		Long: `Bring a set back, the newest good one unless -set names another.

In place, the set is verified and unpacked beside the data directory while DSS
runs; then DSS is stopped, the content is exchanged by renames, the dump of
external databases is loaded into an empty place, and DSS is started. What was
there before is kept aside, and brought back when anything fails. Since what was
written after the set is lost, -allow data-loss has to be given.

With -to the files are only taken out into a folder. With -data-dir the set
becomes an instance at another place, attached to the kit in -kit, which is of the
set's version or newer.

-only and -project take single paths and projects; without them all is restored.
` + exitStatusHelp,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return w.runBackupRestore(cmd.Context(), o, args[0]) },
	}
	f := cmd.Flags()
	o.addFlags(f)
	f.StringVar(&o.set, "set", "", "this `SET` instead of the newest one")
	f.StringVar(&o.to, "to", "", "take the files out into this `FOLDER`, which must be new or empty")
	f.StringArrayVar(&o.only, "only", nil, "only this `PATH`, relative to the data directory; may be repeated")
	f.StringArrayVar(&o.projects, "project", nil, "only the project of this `KEY`; may be repeated")
	o.elsewhere.addFlags(f)
	return cmd
}

func (w *world) runBackupRestore(ctx context.Context, o restoreOptions, address string) error {
	if o.to != "" && o.elsewhere.dataDir != "" {
		return errors.New("-to takes files out and -data-dir makes an instance: give one of them")
	}
	order := backup.Order{Verb: backup.Restore, Set: o.set, Restore: backup.RestoreOrder{Only: o.only, Projects: o.projects}}
	if o.to != "" {
		to, err := absolute(w.dir(), o.to)
		if err != nil {
			return err
		}
		order.Restore.To = to
	}
	if o.elsewhere.dataDir != "" && len(o.only)+len(o.projects) > 0 {
		return errors.New("-data-dir makes a whole instance: -only and -project go with -to, or with a restore in place")
	}
	if o.elsewhere.dataDir == "" {
		if err := o.elsewhere.unused(); err != nil {
			return err
		}
	}
	if o.to != "" || o.elsewhere.dataDir != "" {
		return w.runRestoreElsewhere(ctx, o, order, address)
	}
	return w.runOrder(ctx, o.orderOptions, order, []string{address})
}
