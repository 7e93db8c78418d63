package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/view"
)

// graphOptions are the flags of graph.
type graphOptions struct {
	planOptions
	format string
	plan   bool
}

func newGraphCommand(w *world) *cobra.Command {
	var o graphOptions
	cmd := &cobra.Command{
		Use:   "graph [PLANFILE | -plan] [-format dot|mermaid]",
		Short: "Draw the instances, or the stages of a plan",
		Long: `Draw the instances that the files declare and how they refer to each other; or
the stages and actions of a saved plan; or, with -plan, of a plan made now. The
text is for Graphviz (dssctl graph | dot -Tsvg) or for Mermaid, which code hosts
show in Markdown.
` + exitStatusHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return w.runGraph(cmd.Context(), o, args) },
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.format, "format", "dot", "`FORMAT` of the text: dot or mermaid")
	cmd.Flags().BoolVar(&o.plan, "plan", false, "make a plan and draw it")
	choices(cmd, "format", view.GraphFormats...)
	return cmd
}

func (w *world) runGraph(ctx context.Context, o graphOptions, args []string) (err error) {
	if !slices.Contains(view.GraphFormats, o.format) {
		return fmt.Errorf("-format is %q; it must be dot or mermaid.%s", o.format, config.DidYouMean(o.format, view.GraphFormats))
	}
	switch {
	case o.plan && len(args) > 0:
		return errors.New("-plan makes a plan, and a plan file was named: give one of them")
	case len(args) > 0:
		p, _, err := readPlan(args[0])
		if err != nil {
			return err
		}
		return view.WriteGraph(w.stdout(), view.PlanGraph(p), o.format)
	case o.plan:
		p, store, err := w.makePlan(ctx, o.planOptions)
		if err != nil {
			return err
		}
		defer func() { err = closing(store, err) }()
		if err := w.printDiagnostics(p.diags, p.estate.Sources); err != nil {
			return err
		}
		return view.WriteGraph(w.stdout(), view.PlanGraph(p.plan), o.format)
	}
	estate, err := w.loadEstate(o.varOptions, nil)
	if err != nil {
		return err
	}
	return view.WriteGraph(w.stdout(), instanceGraph(estate), o.format)
}

// instanceGraph has a box for each instance or module block, and an arrow to what it refers
// to.
func instanceGraph(estate *config.Estate) view.Graph {
	var g view.Graph
	group := view.GraphGroup{}
	ids := map[string]string{}
	for _, d := range estate.Declarations() {
		id := fmt.Sprintf("n%d", len(ids)+1)
		ids[d.Address] = id
		label := d.Address
		switch {
		case len(d.Instances) == 1 && (d.Keyed || d.Instances[0].Module != nil):
			label = d.Instances[0].Address + "\n" + d.Instances[0].DataDir
		case d.Keyed || len(d.Instances) > 1:
			label += "\n" + humanize.Count(int64(len(d.Instances)), "instance", "instances")
		case len(d.Instances) == 1:
			label += "\n" + d.Instances[0].DataDir
		}
		group.Boxes = append(group.Boxes, view.GraphBox{ID: id, Label: label})
	}
	g.Groups = append(g.Groups, group)
	for _, d := range estate.Declarations() {
		for _, n := range d.Needs {
			g.Edges = append(g.Edges, [2]string{ids[d.Address], ids[n]})
		}
	}
	return g
}
