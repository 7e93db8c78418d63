package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/internal/plan"
)

func newVersionCommand(w *world) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version [-json]",
		Short: "Print the version",
		Long:  "Print the version of dssctl.\n" + exitStatusHelp,
		Args:  cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			if !asJSON {
				_, err := fmt.Fprintf(w.stdout(), "dssctl %s\n", version)
				return err
			}
			return json.NewEncoder(w.stdout()).Encode(map[string]string{
				"version": version, "platform": runtime.GOOS + "_" + runtime.GOARCH, "plan_format_version": plan.FormatVersion,
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// copyAll reads everything, up to a bound that no configuration file reaches.
func copyAll(dst io.Writer, src io.Reader) (int64, error) {
	return io.Copy(dst, io.LimitReader(src, 64<<20))
}
