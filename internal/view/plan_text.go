package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/plan"
)

// quietInstances is how many instances without changes are listed.
const quietInstances = 20

// Plan writes a plan for people. Of the dangers in it, these are allowed already.
func Plan(w io.Writer, pl *plan.Plan, s Style, allowed ...plan.Danger) error {
	body := &planPage{page: page{Style: s}, plan: pl, allowed: allowed, seen: map[plan.Op]bool{}, known: map[string]plan.Op{}}
	for _, l := range pl.Summary.ByAddress {
		body.known[l.Address] = l.Op
	}
	body.instances()
	body.diagnostics()
	body.manualSteps()
	body.summary()

	head := &page{Style: s}
	if text := scope(pl); text != "" {
		head.wrapped(0, "", text)
		head.blank()
	}
	head.legend(body.seen)
	head.b.Write(body.b.Bytes())
	return head.writeTo(w)
}

// planPage is a plan on its way to text.
type planPage struct {
	page
	plan    *plan.Plan
	allowed []plan.Danger
	// seen are the operations whose symbols stand on the page.
	seen map[plan.Op]bool
	// known is the operation of each block in the plan's summary.
	known  map[string]plan.Op
	lines  []plan.Line
	manual []manualStep
}

type manualStep struct {
	address string
	number  int
	action  *plan.Action
}

// scope says so when the plan does not look at everything.
func scope(pl *plan.Plan) string {
	if len(pl.Targets) == 0 && len(pl.Excludes) == 0 {
		return ""
	}
	text := "This plan covers a part of the estate:"
	if len(pl.Targets) > 0 {
		text += " only " + clean(strings.Join(pl.Targets, ", "))
	}
	if len(pl.Excludes) > 0 {
		if len(pl.Targets) > 0 {
			text += ","
		}
		text += " without " + clean(strings.Join(pl.Excludes, ", "))
	}
	return text + "."
}

func (p *page) legend(seen map[plan.Op]bool) {
	var parts []string
	for _, op := range ops {
		if seen[op] {
			parts = append(parts, p.sign(op)+" "+symbols[op].word)
		}
	}
	if len(parts) > 0 {
		p.line(strings.Join(parts, "  "))
		p.blank()
	}
}

func (p *planPage) instances() {
	var quiet, failed []*plan.Instance
	for i := range p.plan.Instances {
		in := &p.plan.Instances[i]
		switch {
		case in.Failed:
			failed = append(failed, in)
		case in.HasChanges():
			p.instance(in)
		default:
			quiet = append(quiet, in)
		}
	}
	for _, in := range failed {
		p.line(p.paint(bold, clean(in.Address)), "   ", p.paint(alarm, "could not be planned"))
	}
	if len(failed) > 0 {
		p.blank()
	}
	if len(p.plan.Instances) == 0 {
		p.line(p.paint(bold, "No changes."), " No instance is declared here, or none is selected.")
		return
	}
	if len(quiet) == 0 {
		return
	}
	if len(quiet) == len(p.plan.Instances) {
		p.line(p.paint(bold, "No changes."), " The instances are as declared.")
		p.blank()
	} else {
		p.line("Nothing to do:")
	}
	for i, in := range quiet {
		if i == quietInstances {
			p.line("  and ", humanize.Count(int64(len(quiet)-i), "more instance", "more instances"))
			break
		}
		head := "  " + clean(in.Address)
		p.line(p.cut(head+"   "+strings.Join(append(seen(in), ignoredNote(in)...), p.dot()), p.width()))
		p.ignored(in, 4)
	}
	p.blank()
}

func (p *planPage) instance(in *plan.Instance) {
	address := clean(in.Address)
	p.pieces(address, p.paint(bold, address), seen(in))
	p.blank()
	list := blocks(in, p.known)
	p.changes(list)
	p.ignored(in, 2)
	for _, b := range list {
		p.lines = append(p.lines, plan.Line{Address: joined(in.Address, b.name), Op: b.op, Changes: b.count()})
	}
	if len(list)+len(in.Ignored) > 0 && len(in.Stages) > 0 {
		p.blank()
	}
	if in.Mode == plan.Observe {
		p.line("  ", p.paint(dim, observeNote(p.plan)))
	}
	p.stages(in)
	p.blank()
}

// observeNote says why nothing is done about a difference.
func observeNote(pl *plan.Plan) string {
	if pl.RefreshOnly {
		return "(only shown: -refresh-only)"
	}
	return "(only shown: mode = \"observe\")"
}

// seen are the facts of an instance's heading.
func seen(in *plan.Instance) []string {
	var out []string
	facts := []struct{ value, unknown string }{
		{in.Seen.Version, "version not known"},
		{in.Seen.Service, "service not known"},
	}
	if in.New {
		facts, out = nil, []string{"not there yet"}
	}
	for _, fact := range facts {
		v := oneLine(fact.value)
		switch {
		case v != "" && v != "unknown":
		case in.Foreign:
			continue // nobody has looked: a restore works from its set alone
		default:
			v = fact.unknown
		}
		out = append(out, v)
	}
	for _, n := range in.Seen.Notes {
		out = append(out, oneLine(n))
	}
	return out
}

func (p *planPage) manualSteps() {
	if len(p.manual) == 0 {
		return
	}
	p.line(p.paint(bold, "Left to a person"), ", in the order of the list above:")
	for _, m := range p.manual {
		p.blank()
		p.line("  ", fmt.Sprintf("%s, step %d: ", clean(m.address), m.number), oneLine(m.action.Title))
		// A command is copied: it is never broken.
		for l := range strings.SplitSeq(strings.TrimRight(m.action.Manual, "\n"), "\n") {
			p.line("    ", clean(l))
		}
	}
	p.blank()
}
