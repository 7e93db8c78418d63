package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/diagfmt"
)

func newValidateCommand(w *world) *cobra.Command {
	var o varOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "validate [-json]",
		Short: "Check the files, without looking at any instance",
		Long: `Check the files of the estate: syntax, types, references, values, and the rules in
checks and preconditions. No instance is looked at. Every error is reported, not
the first.
` + exitStatusHelp,
		Args: cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			if asJSON {
				return w.validateJSON(o)
			}
			estate, err := w.loadEstate(o, nil)
			if err != nil {
				return err
			}
			if err := w.printDiagnostics(estate.Findings(), estate.Sources); err != nil {
				return err
			}
			n := len(estate.Instances)
			fmt.Fprintf(w.stdout(), "The configuration is valid: %d instance%s.\n", n, map[bool]string{true: "", false: "s"}[n == 1])
			return nil
		},
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	return cmd
}

func (w *world) validateJSON(o varOptions) error {
	all, _ := w.aspects()
	estate, diags := config.Load(w.loadOptions(o, all, nil))
	diags = append(diags, estate.Findings()...)
	sources := sourcesOf(estate)
	raw, err := diagfmt.JSON(w.guard(estate, diags), sources)
	if err != nil {
		return err
	}
	if _, err := w.stdout().Write(raw); err != nil {
		return err
	}
	if diags.HasErrors() {
		return &codeError{code: exitError}
	}
	return nil
}
