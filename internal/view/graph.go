package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/dssctl/dssctl/internal/plan"
)

// Graph is boxes in groups, and arrows between boxes.
type Graph struct {
	Groups []GraphGroup
	Edges  [][2]string // from, to: the ids of boxes
}

// GraphGroup is a titled group; one without a title has no frame.
type GraphGroup struct {
	Title  string
	Boxes  []GraphBox
	Groups []GraphGroup
}

// GraphBox is one box. Label may have several lines.
type GraphBox struct{ ID, Label string }

// PlanGraph draws a plan: a group for each instance, in it one for each stage,
// and the actions in their order.
func PlanGraph(pl *plan.Plan) Graph {
	var g Graph
	for i := range pl.Instances {
		in := &pl.Instances[i]
		if len(in.Stages) == 0 {
			continue
		}
		group := GraphGroup{Title: in.Address}
		last, n := "", 0
		for s := range in.Stages {
			st := &in.Stages[s]
			stage := GraphGroup{Title: stageTitle(st)}
			for a := range st.Actions {
				n++
				id := fmt.Sprintf("i%d_a%d", i+1, n)
				label := fmt.Sprintf("%d  %s", n, oneLine(st.Actions[a].Title))
				if d := st.Actions[a].Danger; d.Flag() != "" {
					label += "\n" + strings.ReplaceAll(string(d), "_", " ")
				}
				stage.Boxes = append(stage.Boxes, GraphBox{ID: id, Label: label})
				if last != "" {
					g.Edges = append(g.Edges, [2]string{last, id})
				}
				last = id
			}
			group.Groups = append(group.Groups, stage)
		}
		g.Groups = append(g.Groups, group)
	}
	return g
}

func stageTitle(st *plan.Stage) string {
	switch st.Kind {
	case plan.Window:
		return fmt.Sprintf("window %d: DSS is stopped", st.Number)
	case plan.Before:
		return "before, while DSS runs"
	default:
		return "after, while DSS runs"
	}
}

// GraphFormats are the names of the formats.
var GraphFormats = []string{"dot", "mermaid"}

// WriteGraph writes it in one of the formats.
func WriteGraph(w io.Writer, g Graph, format string) error {
	d := &drawing{dot: format == "dot"}
	if d.dot {
		d.line(0, "digraph dssctl {")
		d.line(1, "rankdir = LR")
		d.line(1, `node [shape = box, fontname = "sans-serif"]`)
	} else {
		d.line(0, "flowchart LR")
	}
	d.groups(g.Groups, 1)
	for _, e := range g.Edges {
		if d.dot {
			d.line(1, e[0]+" -> "+e[1])
		} else {
			d.line(1, e[0]+" --> "+e[1])
		}
	}
	if d.dot {
		d.line(0, "}")
	}
	_, err := io.WriteString(w, d.b.String())
	return err
}

// drawing is a graph on its way to text.
type drawing struct {
	b      strings.Builder
	dot    bool
	frames int
}

func (d *drawing) line(indent int, text string) {
	d.b.WriteString(strings.Repeat("  ", indent) + text + "\n")
}

func (d *drawing) groups(groups []GraphGroup, indent int) {
	for _, g := range groups {
		inner := indent
		if g.Title != "" {
			inner++
			d.frames++
			if d.dot {
				d.line(indent, fmt.Sprintf("subgraph cluster_%d {", d.frames))
				d.line(inner, "label = "+d.text(g.Title))
			} else {
				d.line(indent, fmt.Sprintf("subgraph g%d [%s]", d.frames, d.text(g.Title)))
			}
		}
		for _, b := range g.Boxes {
			if d.dot {
				d.line(inner, b.ID+" [label = "+d.text(b.Label)+"]")
			} else {
				d.line(inner, b.ID+"["+d.text(b.Label)+"]")
			}
		}
		d.groups(g.Groups, inner)
		if g.Title != "" {
			d.line(indent, map[bool]string{true: "}", false: "end"}[d.dot])
		}
	}
}

var (
	dotText = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	// Mermaid reads Markdown and HTML in texts; entities are safe.
	mermaidText = strings.NewReplacer("\n", "<br/>", `"`, "#quot;", "#", "#35;", "<", "#lt;", ">", "#gt;", "`", "#96;", "&", "#amp;")
)

func (d *drawing) text(s string) string {
	if d.dot {
		return `"` + dotText.Replace(clean(s)) + `"`
	}
	return `"` + mermaidText.Replace(clean(s)) + `"`
}
