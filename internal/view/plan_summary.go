package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/plan"
)

// diagnostics come last but for what counts: errors stand lowest.
func (p *planPage) diagnostics() {
	list := slices.Clone(p.plan.Diagnostics)
	slices.SortStableFunc(list, func(a, b plan.Diagnostic) int { return weight(a) - weight(b) })
	for _, d := range list {
		word, c := "Warning", yellow
		if d.Severity == plan.Error {
			word, c = "Error", alarm
		}
		p.wrapped(0, c, word+": "+clean(d.Summary))
		if place := where(d); place != "" {
			p.line("  ", p.paint(dim, place))
		}
		if d.Detail != "" {
			p.wrapped(2, "", clean(d.Detail))
		}
		p.blank()
	}
}

func weight(d plan.Diagnostic) int {
	if d.Severity == plan.Error {
		return 1
	}
	return 0
}

func where(d plan.Diagnostic) string {
	var parts []string
	if d.Range != "" {
		parts = append(parts, "at "+oneLine(d.Range))
	}
	if d.Address != "" {
		parts = append(parts, "for "+oneLine(d.Address))
	}
	return strings.Join(parts, ", ")
}

// summary writes what changes by address, and the last line.
func (p *planPage) summary() {
	if len(p.lines) > 0 {
		p.line(p.paint(bold, "Summary"))
		widest := 0
		for _, l := range p.lines {
			widest = max(widest, cells(clean(l.Address)))
		}
		widest = min(widest, p.width()-13)
		for _, l := range p.lines {
			p.line("  ", p.sign(l.Op), " ", pad(clean(l.Address), widest), "  ", humanize.Count(int64(l.Changes), "change", "changes"))
		}
		p.blank()
	}
	if len(p.lines) == 0 && p.plan.Summary.Failed == 0 && !p.plan.HasChanges() {
		return
	}
	line := ""
	for _, part := range summaryParts(p.plan) {
		switch {
		case line == "":
			line = part
		case cells(line)+cells(p.dot())+cells(part) > p.width():
			p.line(p.paint(bold, line))
			line = "  " + part
		default:
			line += p.dot() + part
		}
	}
	p.line(p.paint(bold, line))
	if flags := gates(p.plan, p.allowed...); len(flags) > 0 {
		p.line(p.paint(alarm, "To apply it, add "+strings.Join(flags, " ")+"."))
	}
}

// gates are the flags without which the plan is refused, but for what is allowed.
func gates(pl *plan.Plan, allowed ...plan.Danger) []string {
	var out []string
	for _, g := range []struct {
		danger plan.Danger
		count  int
	}{{plan.Irreversible, pl.Summary.Irreversible}, {plan.DataLoss, pl.Summary.DataLoss}} {
		if g.count > 0 && !slices.Contains(allowed, g.danger) {
			out = append(out, g.danger.Flag())
		}
	}
	return out
}

// SummaryLine is the last line of a plan, without a newline: "1 instance to
// change · 1 window, about 4 min · 0 irreversible · 0 manual".
func SummaryLine(pl *plan.Plan) string { return strings.Join(summaryParts(pl), " · ") }

func summaryParts(pl *plan.Plan) []string {
	s := &pl.Summary
	var parts []string
	if s.ToImport > 0 {
		parts = append(parts, humanize.Count(int64(s.ToImport), "instance", "instances")+" to import")
	}
	parts = append(parts, humanize.Count(int64(s.ToChange), "instance", "instances")+" to change")
	if s.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%s could not be planned", humanize.Number(int64(s.Failed))))
	}
	parts = append(parts, windows(pl), irreversible(pl))
	if s.DataLoss > 0 {
		parts = append(parts, humanize.Count(int64(s.DataLoss), "loses data", "lose data"))
	}
	parts = append(parts, fmt.Sprintf("%d manual", s.Manual))
	return parts
}

// irreversible counts what cannot be undone: what is gated, and what is so in the
// nature of what was declared, such as the sets that a retention lets go.
func irreversible(pl *plan.Plan) string {
	gated, others := pl.Summary.Irreversible, int64(0)
	pl.Actions(func(_ *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		if !a.Undo.Possible && a.Undo.How != "" && a.Danger.Flag() == "" {
			others++
		}
		return true
	})
	switch {
	case others == 0:
		return fmt.Sprintf("%d irreversible", gated)
	case gated == 0:
		return humanize.Number(others) + " without undo"
	}
	return fmt.Sprintf("%d irreversible, %s more without undo", gated, humanize.Number(others))
}

// madeHere reports whether every window makes its instance.
func madeHere(pl *plan.Plan) bool {
	for i := range pl.Instances {
		for j := range pl.Instances[i].Stages {
			if st := &pl.Instances[i].Stages[j]; st.Kind == plan.Window && st.Note != plan.MadeHere {
				return false
			}
		}
	}
	return true
}

// foundStopped reports whether every window is of an instance found stopped.
func foundStopped(pl *plan.Plan) bool {
	for i := range pl.Instances {
		for j := range pl.Instances[i].Stages {
			if st := &pl.Instances[i].Stages[j]; st.Kind == plan.Window && !st.FoundStopped() {
				return false
			}
		}
	}
	return true
}

// windows says how often and for how long DSS is down.
func windows(pl *plan.Plan) string {
	s := &pl.Summary
	if s.Windows == 0 {
		return "no downtime"
	}
	text := humanize.Count(int64(s.Windows), "window", "windows") + ", "
	if s.Downtime.Seconds <= 0 {
		if madeHere(pl) {
			return text + "in which an instance is made"
		}
		if foundStopped(pl) {
			return text + "DSS is down already"
		}
		return text + "downtime not known"
	}
	for i := range pl.Instances {
		for j := range pl.Instances[i].Stages {
			if st := &pl.Instances[i].Stages[j]; st.Kind == plan.Window && st.Cost.Seconds <= 0 {
				return text + "at least " + strings.TrimPrefix(humanize.About(s.Downtime.Seconds), "about ")
			}
		}
	}
	return text + humanize.About(s.Downtime.Seconds)
}
