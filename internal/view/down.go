package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// StillDown are the instances that a run has left without DSS.
type StillDown struct {
	Run string `json:"run"`
	// Recover is the command that undoes the open window and starts DSS; "" when
	// the run is closed.
	Recover   string         `json:"recover_command,omitempty"`
	Instances []DownInstance `json:"instances"`
	// GuardLog is the file in which the run's guard says what it did.
	GuardLog string `json:"guard_log,omitempty"`
}

// DownInstance is one of them.
type DownInstance struct {
	Address string    `json:"instance"`
	Since   time.Time `json:"since"`
	// Start is the command that starts DSS as it stands, by this account.
	Start   string `json:"start_command"`
	Account string `json:"account"`
}

// HowToStart says how to start what is down. The commands stand on lines of their
// own, whole, to be copied.
func HowToStart(w io.Writer, d StillDown) {
	_, _ = io.WriteString(w, howToStart(d)) // the command has failed already
}

// downOf gathers what is down by run.
func downOf(rows []StatusRow) []StillDown {
	var out []StillDown
	for _, r := range rows {
		if r.Down == nil {
			continue
		}
		i := slices.IndexFunc(out, func(d StillDown) bool { return d.Run == r.Down.Run })
		if i < 0 {
			out = append(out, *r.Down)
			continue
		}
		out[i].Instances = append(slices.Clone(out[i].Instances), r.Down.Instances...)
	}
	return out
}

func howToStart(d StillDown) string {
	var b strings.Builder
	names := make([]string, len(d.Instances))
	for i, in := range d.Instances {
		names[i] = fmt.Sprintf("%s since %s UTC", clean(in.Address), moment(in.Since))
	}
	fmt.Fprintf(&b, "DSS is down: %s.\n", strings.Join(names, ", "))
	if d.GuardLog != "" {
		fmt.Fprintf(&b, "The guard of run %s tried to start it: %s\n", clean(d.Run), clean(d.GuardLog))
	}
	head := "To start it:"
	if d.Recover != "" {
		fmt.Fprintf(&b, "To undo the open window and start DSS as it was before:\n  %s\n", oneLine(d.Recover))
		head = "Only if that fails, to start DSS as it stands now, half changed:"
	}
	fmt.Fprintln(&b, head)
	for _, in := range d.Instances {
		fmt.Fprintf(&b, "  %s    (as the account %s)\n", oneLine(in.Start), clean(in.Account))
	}
	return b.String()
}
