package markdown

import (
	"fmt"
	"strings"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
)

// changes are the lines of a difference, signed as a forge colours them.
func changes(list []view.Difference, depth int) string {
	var b strings.Builder
	for i := range list {
		d := &list[i]
		sign := signs[d.Op]
		switch {
		case d.Op == "":
			sign = " "
		case sign == "":
			sign = "#"
		}
		b.WriteString(sign + strings.Repeat("  ", depth) + " " + label(d) + "\n")
		b.WriteString(changes(d.Below, depth+1))
	}
	return b.String()
}

func label(d *view.Difference) string {
	var parts []string
	if d.Name != "" {
		parts = append(parts, d.Name)
	}
	before, after := view.Shorten(d.Before, longValue), view.Shorten(d.After, longValue)
	switch {
	case before != "" && after != "":
		parts = append(parts, before+" → "+after)
	case before != "" || after != "":
		parts = append(parts, before+after)
	}
	if d.Op == plan.Forget {
		parts = append(parts, "(stays, no longer managed)")
	}
	if d.Note != "" {
		parts = append(parts, "# "+d.Note)
	}
	return strings.Join(parts, "  ")
}

// steps is the numbered list of an instance.
func steps(list []view.ReviewStage) string {
	var b strings.Builder
	for i := range list {
		st := &list[i]
		b.WriteString(st.Name)
		if st.Down {
			b.WriteString(": " + st.Cost)
		}
		if st.Note != "" {
			b.WriteString(" (" + st.Note + ")")
		}
		b.WriteString("\n")
		for s := range st.Steps {
			step := &st.Steps[s]
			fmt.Fprintf(&b, "%4d  %s\n", step.Number, view.Shorten(step.Title, longValue))
			for _, r := range remarks(step) {
				b.WriteString("        " + strings.ReplaceAll(view.Shorten(r, longText), "\n", "\n        ") + "\n")
			}
		}
	}
	return b.String()
}

func remarks(s *view.ReviewStep) []string {
	var out []string
	if o := s.Verdict(); o != "" {
		if s.Took != "" {
			o += ", " + s.Took
		}
		out = append(out, o)
	}
	if s.Error != "" {
		out = append(out, s.Error)
	}
	if s.Leftover != "" {
		out = append(out, "something is left: "+s.Leftover)
	}
	for _, n := range s.Notices {
		out = append(out, "note: "+n)
	}
	var facts []string
	if s.Size != "" {
		facts = append(facts, s.Size)
	}
	switch {
	case s.Danger.Flag() != "":
		facts = append(facts, "! "+dangerWord(s.Danger))
		if s.Undo != "" {
			facts = append(facts, s.Undo)
		}
	case s.Undo != "" && s.Undoable:
		facts = append(facts, "undo: "+s.Undo)
	case s.Undo != "":
		facts = append(facts, "no undo: "+s.Undo)
	}
	if s.Manual != "" {
		facts = append(facts, "by hand")
	}
	if len(facts) > 0 {
		out = append(out, strings.Join(facts, " · "))
	}
	return out
}
