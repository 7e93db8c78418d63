package main

import (
	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/providers/backup"
)

func newBackupRunCommand(w *world) *cobra.Command {
	var o orderOptions
	var order backup.Order
	cmd := &cobra.Command{
		Use:   "run [ADDRESS]... [-auto-approve]",
		Short: "Make a backup set now",
		Long: `Make a set of each policy that is named, or of all: prepare it while DSS runs,
hold the data directory still as the policy says, keep the bytes and the dump of
external databases, publish the set by one rename, read it all again, and only
then remove what retention lets go. When anything fails, the unfinished set is
removed and DSS is started again.

This is what a schedule runs. A backup that was broken off before (a power cut, a
kill) is undone first.
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			order.Verb = backup.Run
			return w.runOrder(cmd.Context(), o, order, args)
		},
	}
	f := cmd.Flags()
	o.addFlags(f)
	f.BoolVar(&order.NewDestination, "new-destination", false, "take an empty destination although it held sets before")
	return cmd
}

func newBackupVerifyCommand(w *world) *cobra.Command {
	var o orderOptions
	var order backup.Order
	cmd := &cobra.Command{
		Use:   "verify [ADDRESS]... [-set SET] [-quick]",
		Short: "Read backup sets again and compare every byte with its checksum",
		Long: `Read the newest set of each policy, or the one named, and compare all of it with
what was written. A set that is found damaged, or that lacks what every set must hold,
is marked so, and does not count any more. One that cannot be looked at here, because
a program is missing or a file cannot be read, is left as it is. It changes nothing
else and asks nothing.
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			order.Verb, o.autoApprove = backup.Verify, true
			return w.runOrder(cmd.Context(), o, order, args)
		},
	}
	f := cmd.Flags()
	o.addFlags(f)
	f.StringVar(&order.Set, "set", "", "this `SET` instead of the newest one")
	f.BoolVar(&order.Quick, "quick", false, "only what can be told without reading all data")
	return cmd
}
