package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
)

// planCommandOptions are the flags of plan.
type planCommandOptions struct {
	planOptions
	outputOptions
	out      string
	detailed bool
	summary  bool
}

func (o *planCommandOptions) addFlags(f *pflag.FlagSet) {
	o.planOptions.addFlags(f)
	f.StringVar(&o.out, "out", "", "write the plan to this `FILE`, for apply")
	o.outputOptions.addFlags(f, "")
	f.BoolVar(&o.detailed, "detailed-exitcode", false, "exit with 2 when there are changes")
	f.BoolVar(&o.summary, "summary", false, "print only a line for each instance, and the summary")
	f.StringVar(&o.generate, "generate-config-out", "", "write the blocks that import leads to, and that are not there yet, to this new `FILE` of the estate")
	f.BoolVar(&o.refreshOnly, "refresh-only", false, "show what differs, and plan nothing for the instances: applying it brings state up to date")
}

func newPlanCommand(w *world) *cobra.Command {
	var o planCommandOptions
	cmd := &cobra.Command{
		Use:   "plan [-out FILE] [-json|-json-into FILE] [-summary] [-refresh-only] [-generate-config-out FILE] [-target ADDRESS] [-exclude ADDRESS] [-var NAME=VALUE]",
		Short: "Show what apply would do, and for how long DSS would be down",
		Long: `Compare the files with the live instances and show what would be done.

Nothing is changed: a plan only reads. It holds no secret and may be posted in
public. With -out it is written to a file, which "dssctl apply FILE" carries out
as it is, or refuses when what it was based on has changed.

With -refresh-only nothing is planned for the instances: it shows what differs,
and what state would remember (moved and forgotten instances, what was found as
declared) when it is applied.

With -generate-config-out, each block import that leads to an instance which is
not declared is answered with a block that declares it as it is, in a new file of
the estate; the plan is then made with that.
` + exitStatusHelp,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.runPlan(cmd.Context(), o) },
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func (w *world) runPlan(ctx context.Context, o planCommandOptions) (err error) {
	ctx, sig := w.watchSignals(ctx, false)
	defer func() { sig.finish(); noteSignal(ctx, sig.signal()) }()
	out, err := w.openOutput(o.outputOptions)
	if err != nil {
		return err
	}
	defer func() { err = out.close(err) }()
	p, store, err := w.makePlan(ctx, o.planOptions)
	if err != nil {
		return err
	}
	defer func() { err = closing(store, err) }()
	out.brief = o.summary
	if err := out.plan(p); err != nil {
		return err
	}
	if !o.json && !o.summary {
		if err := w.showOutputs(p.estate, true); err != nil {
			return fmt.Errorf("print the outputs: %w", err)
		}
	}
	if err := p.incomplete(); err != nil {
		return err
	}
	if o.out != "" {
		if err := w.writePlan(o.out, p); err != nil {
			return err
		}
		if !o.json {
			fmt.Fprintf(w.stdout(), "\nSaved to %s. To carry out exactly this plan:\n  dssctl apply %s\n", o.out, o.out)
		}
	}
	if o.detailed && p.plan.HasChanges() {
		return &codeError{code: exitChanges}
	}
	return nil
}

// showPlan prints a plan for people: its findings go to stderr with their place
// in the source, everything else to stdout.
func (w *world) showPlan(p *planned, write func(io.Writer, *plan.Plan, view.Style) error) error {
	if err := w.printDiagnostics(p.diags, p.estate.Sources); err != nil && p.plan == nil {
		return err
	}
	shown := *p.plan
	shown.Diagnostics = nil
	return write(w.stdout(), &shown, w.style(w.out))
}

func (w *world) writePlan(path string, p *planned) error {
	raw, err := plan.Encode(p.plan, p.meta.Key)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(path, raw, 0o600); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	return nil
}

// readPlan reads a plan file.
func readPlan(path string) (*plan.Plan, []byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the plan: %w", err)
	}
	defer f.Close()
	raw, p, err := plan.Read(f)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, raw, nil
}
