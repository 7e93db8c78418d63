// Package marks turns a plan or a run into findings at lines of files, and
// writes them as what code hosts show beside those lines: GitHub's workflow
// commands and SARIF.
package marks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
)

// Level says how much a mark matters. The words are SARIF's.
type Level string

// The levels.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Note    Level = "note"
)

// Mark is a finding at a place.
type Mark struct {
	Level Level
	// Rule is what kind of finding it is, see Rules.
	Rule    string
	Address string
	Title   string
	Text    string
	Place   view.StreamRange // no Filename where there is no place
}

// The rules.
const (
	RuleError        = "plan-error"
	RuleWarning      = "plan-warning"
	RuleChange       = "change"
	RuleDowntime     = "downtime"
	RuleIrreversible = "irreversible"
	RuleDataLoss     = "data-loss"
	RuleManual       = "manual-step"
	RuleFailed       = "action-failed"
)

// Rules says what each rule means, in their order.
var Rules = []struct{ ID, Text string }{
	{RuleError, "The estate or an instance cannot be planned."},
	{RuleWarning, "The plan can be applied, and a person should know this."},
	{RuleFailed, "An action of the run failed."},
	{RuleDataLoss, "An action loses data; it is refused without -allow data-loss."},
	{RuleIrreversible, "An action cannot be undone; it is refused without -allow irreversible."},
	{RuleManual, "A person has to run a command."},
	{RuleDowntime, "DSS is stopped for a while."},
	{RuleChange, "The live instance differs from what is declared."},
}

// Of returns the marks of a plan, the gravest first. report is nil for a plan
// that was not carried out; of a run, what failed is marked.
func Of(p *plan.Plan, report *view.RunReport) []Mark {
	c := collector{instances: map[string]*plan.Instance{}}
	for i := range p.Instances {
		c.instances[p.Instances[i].Address] = &p.Instances[i]
	}
	c.file = firstFile(p)
	c.diagnostics(p)
	if report != nil {
		c.run(p, report)
	} else {
		for i := range p.Instances {
			c.instance(&p.Instances[i])
		}
	}
	slices.SortStableFunc(c.marks, func(a, b Mark) int { return weight(a.Level) - weight(b.Level) })
	return c.marks
}

// firstFile stands in where a finding has no place: code hosts drop those. It is
// named as the plan names files, from where dssctl was started, where it can be.
func firstFile(p *plan.Plan) string {
	for i := range p.Instances {
		if place, ok := view.ParseRange(p.Instances[i].Range); ok {
			return place.Filename
		}
	}
	first := ""
	for f := range p.Estate.Files {
		if first == "" || f < first {
			first = f
		}
	}
	return first
}

func weight(l Level) int { return slices.Index([]Level{Error, Warning, Note}, l) }

type collector struct {
	marks     []Mark
	instances map[string]*plan.Instance
	file      string // stands in where nothing has a place
}

func (c *collector) add(m Mark, ranges ...string) {
	for _, r := range ranges {
		if place, ok := view.ParseRange(r); ok {
			m.Place = place
			break
		}
	}
	if m.Place.Filename == "" && c.file != "" {
		m.Place = view.StreamRange{Filename: c.file, Start: view.StreamPos{Line: 1, Column: 1}, End: view.StreamPos{Line: 1, Column: 1}}
	}
	c.marks = append(c.marks, m)
}

func (c *collector) at(address string) string {
	if in := c.instances[address]; in != nil {
		return in.Range
	}
	return ""
}

func (c *collector) diagnostics(p *plan.Plan) {
	for _, d := range p.Diagnostics {
		m := Mark{Level: Warning, Rule: RuleWarning, Address: d.Address, Title: d.Summary, Text: d.Detail}
		if d.Severity == plan.Error {
			m.Level, m.Rule = Error, RuleError
		}
		c.add(m, d.Range, c.at(d.Address))
	}
}

func (c *collector) instance(in *plan.Instance) {
	changes := map[string][]*plan.Change{}
	var order []string
	for i := range in.Changes {
		ch := &in.Changes[i]
		if changes[ch.Block] == nil {
			order = append(order, ch.Block)
		}
		changes[ch.Block] = append(changes[ch.Block], ch)
	}
	ranges := map[string]string{}
	for _, name := range order {
		list := changes[name]
		address := strings.TrimSuffix(in.Address+"."+name, ".")
		ranges[address] = list[0].Range
		c.add(Mark{
			Level: Note, Rule: RuleChange, Address: address,
			Title: humanize.Count(int64(len(list)), "change", "changes") + " of " + address, Text: view.Differences(in, name),
		}, list[0].Range, in.Range)
	}
	for s := range in.Stages {
		st := &in.Stages[s]
		if st.Kind == plan.Window && !st.FoundStopped() {
			c.add(Mark{
				Level: Note, Rule: RuleDowntime, Address: in.Address,
				Title: fmt.Sprintf("Window %d of %s: %s", st.Number, in.Address, view.StageCost(st)), Text: "DSS is stopped in it.",
			}, in.Range)
		}
		for a := range st.Actions {
			c.action(in, &st.Actions[a], ranges)
		}
	}
}

func (c *collector) action(in *plan.Instance, a *plan.Action, ranges map[string]string) {
	m := Mark{Level: Warning, Address: in.Address, Text: a.Title}
	switch {
	case a.Danger == plan.DataLoss:
		m.Rule, m.Title = RuleDataLoss, "Loses data, needs "+a.Danger.Flag()
	case a.Danger == plan.Irreversible:
		m.Rule, m.Title = RuleIrreversible, "Cannot be undone, needs "+a.Danger.Flag()
	case a.Manual != "":
		m.Rule, m.Title, m.Text = RuleManual, "Left to a person: "+a.Title, a.Manual
	default:
		return
	}
	if a.Undo.How != "" && a.Manual == "" {
		m.Text += ": " + a.Undo.How
	}
	c.add(m, ranges[a.Block], in.Range)
}

func (c *collector) run(p *plan.Plan, report *view.RunReport) {
	blocks := map[string]string{}
	p.Actions(func(in *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		for i := range in.Changes {
			if a.Block == in.Address+"."+in.Changes[i].Block {
				blocks[a.ID] = in.Changes[i].Range
				break
			}
		}
		return true
	})
	for i := range report.Actions {
		if a := &report.Actions[i]; a.Error != "" {
			c.add(Mark{Level: Error, Rule: RuleFailed, Address: a.Instance, Title: "Failed: " + a.Title, Text: a.Error}, blocks[a.ID], c.at(a.Instance))
		}
	}
}
