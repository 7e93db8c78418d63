package view

import (
	"io"

	"github.com/dssctl/dssctl/internal/plan"
)

// RollbackPreview writes what undoing a run will do, the last action first.
// undo holds the plan's words on how each action is undone, by action id; lost is
// what is lost with it.
func RollbackPreview(w io.Writer, r RunReport, undo map[string]plan.Undo, lost []string, s Style) error {
	p := &page{Style: s}
	p.line(p.paint(bold, "To undo run "+clean(r.Run)), ", the last action first:")
	p.blank()
	n := 0
	for i := len(r.Actions) - 1; i >= 0; i-- {
		a := &r.Actions[i]
		if a.Outcome != Done && a.Outcome != Skipped && a.Outcome != Manual {
			continue
		}
		n++
		at, how := clean(a.Instance)+": ", oneLine(undo[a.ID].How)
		switch {
		case a.Outcome == Skipped:
			p.wrapped(2, "", at+oneLine(a.Title))
			p.wrapped(6, dim, "was so before the run: nothing to undo")
		case !undo[a.ID].Possible && how != "":
			p.wrapped(2, "", at+oneLine(a.Title))
			p.wrapped(6, alarm, "cannot be undone: "+how)
		default:
			p.wrapped(2, "", at+undoOf(a.Title))
			if how != "" {
				p.wrapped(6, dim, how)
			}
		}
	}
	if n == 0 {
		p.line("  Nothing of it is done.")
	}
	if len(lost) > 0 {
		p.blank()
		p.line(p.paint(alarm, "Undoing it loses"))
		for _, l := range lost {
			p.wrapped(2, "", "- "+clean(l))
		}
	}
	return p.writeTo(w)
}
