package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/config/lsp"
)

func newLSPCommand(w *world) *cobra.Command {
	return &cobra.Command{
		Use:   "lsp",
		Short: "Serve an editor: diagnostics, completion, hover, definitions, formatting",
		Long: `Speak the Language Server Protocol on standard input and output, for an editor
that starts it; docs/how-to/editor.md says how. What is open in the editor counts,
saved or not. No command runs while a file is being written, and no file outside
of the estates' folders is read: what secret_command, secret_file, file and env
would give is taken as not known, and so is a variable without a value.

It ends when the editor says so or goes away. What fails inside is written to
standard error.
` + exitStatusHelp,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, _ := w.aspects()
			err := lsp.Serve(cmd.Context(), w.in, w.out, closerOf(w.in), lsp.Options{
				Schema: instanceSchema(all), Version: version, Clock: w.clock, Log: w.stderr(),
			})
			if err != nil {
				return fmt.Errorf("serve the editor: %w", err)
			}
			return nil
		},
	}
}

// closerOf closes what can be.
func closerOf(r io.Reader) func() error {
	if c, ok := r.(io.Closer); ok {
		return c.Close
	}
	return func() error { return nil }
}
