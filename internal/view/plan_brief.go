package view

import (
	"io"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/plan"
)

// PlanSummary writes a plan in brief: a line for each instance that differs, and
// the summary.
func PlanSummary(w io.Writer, pl *plan.Plan, s Style) error {
	p := &planPage{page: page{Style: s}, plan: pl, seen: map[plan.Op]bool{}, known: map[string]plan.Op{}}
	for _, l := range pl.Summary.ByAddress {
		p.known[l.Address] = l.Op
	}
	if text := scope(pl); text != "" {
		p.wrapped(0, "", text)
		p.blank()
	}
	same := 0
	for i := range pl.Instances {
		in := &pl.Instances[i]
		facts := seen(in)
		switch {
		case in.Failed:
			facts = []string{"could not be planned"}
		case !in.HasChanges():
			same++
			continue
		default:
			list := blocks(in, p.known)
			for _, b := range list {
				p.lines = append(p.lines, plan.Line{Address: joined(in.Address, b.name), Op: b.op, Changes: b.count()})
			}
		}
		address := clean(in.Address)
		p.pieces(address, p.paint(bold, address), append(facts, ignoredNote(in)...))
	}
	switch {
	case same == len(pl.Instances):
		p.line(p.paint(bold, "No changes."), " ", humanize.Count(int64(same), "instance is", "instances are"), " as declared.")
	case same > 0:
		p.line("as declared: ", humanize.Count(int64(same), "instance", "instances"))
	}
	p.blank()
	p.diagnostics()
	p.summary()
	return p.writeTo(w)
}

func joined(address, block string) string {
	if block == "" {
		return address
	}
	return address + "." + block
}

// ignoredNote counts what is left alone.
func ignoredNote(in *plan.Instance) []string {
	if len(in.Ignored) == 0 {
		return nil
	}
	return []string{humanize.Count(int64(len(in.Ignored)), "difference", "differences") + " ignored"}
}

// ignored lists the differences that are left to somebody else.
func (p *planPage) ignored(in *plan.Instance, indent int) {
	if len(in.Ignored) == 0 {
		return
	}
	p.line(spaces(indent), "left alone (ignore):")
	list := make([]entry, 0, len(in.Ignored))
	for i := range in.Ignored {
		c := in.Ignored[i]
		name := c.Block
		switch {
		case c.Path == "":
		case c.Path[0] == '[':
			name += c.Path
		default:
			name += "." + c.Path
		}
		list = append(list, changeEntry(clean(name), &c))
	}
	p.entries(indent+2, list)
}
