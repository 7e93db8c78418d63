package view

import "io"

// RollbackPreview writes what undoing a run will do, the last action first.
// undo holds the plan's words on how each action is undone, by action id.
func RollbackPreview(w io.Writer, r RunReport, undo map[string]string, s Style) error {
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
		p.wrapped(2, "", clean(a.Instance)+": "+oneLine(a.Title))
		switch how := oneLine(undo[a.ID]); {
		case a.Outcome == Skipped:
			p.wrapped(6, dim, "was so before the run: nothing to undo")
		case how != "":
			p.wrapped(6, dim, "undo: "+how)
		}
	}
	if n == 0 {
		p.line("  Nothing of it is done.")
	}
	return p.writeTo(w)
}
