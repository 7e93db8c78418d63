package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
)

// importOptions are the flags of import.
type importOptions struct {
	dataDir string
	out     string
}

func newImportCommand(w *world) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import NAME -data-dir DIR [-out FILE]",
		Short: "Write the files for a live instance, so that its first plan is empty",
		Long: `Look at a live instance and write the HCL that declares it as it is, to NAME.dss.hcl.
The next plan is then empty: change the file, plan, and apply. No secret is
written; the instance is not touched.
` + exitStatusHelp,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return w.runImport(cmd.Context(), o, args[0]) },
	}
	cmd.Flags().StringVar(&o.dataDir, "data-dir", "", "the data `DIR` of the instance")
	cmd.Flags().StringVar(&o.out, "out", "", `write to this FILE, "-" for standard output (default "NAME.dss.hcl")`)
	return cmd
}

func (w *world) runImport(ctx context.Context, o importOptions, name string) error {
	if o.dataDir == "" {
		return errors.New("-data-dir is missing: name the data directory of the instance, such as -data-dir /data/dataiku/design")
	}
	dataDir, err := filepath.Abs(o.dataDir)
	if err != nil {
		return fmt.Errorf("import %s: %w", o.dataDir, err)
	}
	src, err := w.draft(ctx, name, dataDir)
	if err != nil {
		return err
	}
	if o.out == "-" {
		_, err := w.stdout().Write(src)
		return err
	}
	out := o.out
	if out == "" {
		out = filepath.Join(w.dir(), name+".dss.hcl")
	}
	if err := refuseExisting(out); err != nil {
		return fmt.Errorf("import %s: %w", name, err)
	}
	if err := atomicfile.Write(out, src, 0o644); err != nil {
		return fmt.Errorf("import %s: %w", name, err)
	}
	_, err = fmt.Fprintf(w.stdout(), "Wrote %s. `dssctl plan` shows no changes for it now.\n", out)
	return err
}

// refuseExisting keeps a file that is there from being overwritten.
func refuseExisting(path string) error {
	switch _, err := os.Lstat(path); {
	case err == nil:
		return fmt.Errorf("%s exists already; give another name, or remove it first", path)
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	return nil
}

// draft observes an instance that nothing declares yet.
func (w *world) draft(ctx context.Context, name, dataDir string) ([]byte, error) {
	inst, err := w.openInstance(dataDir, "", w.runner)
	if err != nil {
		return nil, err
	}
	inst = inst.Frozen()
	facts, err := inst.Facts(ctx)
	if err != nil {
		return nil, err
	}
	all, _ := w.aspects()
	desired := config.Undeclared(name, dataDir)
	var drafts []config.Draft
	for _, p := range all {
		importer, ok := p.(providers.Importer)
		if !ok {
			continue
		}
		seen, err := p.Observe(ctx, providers.ObserveRequest{
			Address: desired.Address, Instance: inst, Facts: facts, Desired: desired, Secrets: secret.Values{},
		})
		if err != nil {
			return nil, err
		}
		drafts = append(drafts, importer.Import(seen, facts))
	}
	return config.WriteDraft(name, dataDir, drafts), nil
}
