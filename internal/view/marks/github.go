package marks

import (
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/dssctl/dssctl/internal/view"
)

// perLevel is how many annotations of a level GitHub shows for a step. The last
// of them says how many there are more.
const perLevel = 10

var commands = map[Level]string{Error: "error", Warning: "warning", Note: "notice"}

// GitHub writes marks as workflow commands: on the log of a job they become
// annotations of the files. dir is where dssctl was started when it planned, as
// seen from the root of the repository; "" for the root.
func GitHub(w io.Writer, marks []Mark, dir string) error {
	total, written := map[Level]int{}, map[Level]int{}
	for _, m := range marks {
		total[m.Level]++
	}
	var b strings.Builder
	for _, m := range marks {
		n := written[m.Level]
		written[m.Level]++
		switch left := total[m.Level] - n; {
		case n < perLevel-1, n == perLevel-1 && left == 1:
			b.WriteString(command(m, dir))
		case n == perLevel-1:
			fmt.Fprintf(&b, "::%s title=%s::%s\n", commands[m.Level], property("dssctl"), data(fmt.Sprintf("and %d more; see the plan", left)))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func command(m Mark, dir string) string {
	var props []string
	if p := m.Place; p.Filename != "" {
		props = append(props, "file="+property(path.Join(dir, p.Filename)))
		if p.Start.Line > 0 {
			props = append(props, fmt.Sprintf("line=%d,endLine=%d", p.Start.Line, p.End.Line))
			if p.Start.Line == p.End.Line && p.End.Column > p.Start.Column {
				props = append(props, fmt.Sprintf("col=%d,endColumn=%d", p.Start.Column, p.End.Column))
			}
		}
	}
	text := m.Text
	if text == "" {
		text = m.Title
	}
	props = append(props, "title="+property(view.Shorten(m.Title, 250)))
	return "::" + commands[m.Level] + " " + strings.Join(props, ",") + "::" + data(view.Shorten(text, 4000)) + "\n"
}

var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func data(s string) string     { return dataEscapes.Replace(view.Clean(s)) }
func property(s string) string { return propertyEscapes.Replace(view.Clean(s)) }
