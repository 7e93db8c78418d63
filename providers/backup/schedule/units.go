package schedule

import (
	"fmt"
	"strings"

	"github.com/dssctl/dssctl/providers/backup/schedule/cron"
)

func timerOf(id string) string   { return "dssctl-" + id + ".timer" }
func serviceOf(id string) string { return "dssctl-" + id + ".service" }

const unitMark = "(managed, do not edit)"

// serviceText writes the service of a normal entry; account is "" for units of
// the account's own systemd.
func serviceText(e Entry, account string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# dssctl %s %s\n[Unit]\nDescription=dssctl %s\n\n[Service]\nType=oneshot\n", e.ID, unitMark, e.ID)
	if account != "" {
		fmt.Fprintf(&b, "User=%s\n", account)
	}
	// By default systemd ends at the end of a command whatever it has started:
	// here that would be DSS, started again after the backup.
	b.WriteString("KillMode=process\n")
	fmt.Fprintf(&b, "WorkingDirectory=%s\n", strings.ReplaceAll(e.Dir, "%", "%%"))
	for _, v := range e.variables() {
		fmt.Fprintf(&b, "Environment=%s\n", unitWord(v, false))
	}
	words := make([]string, len(e.Command))
	for i, w := range e.Command {
		words[i] = unitWord(w, true)
	}
	fmt.Fprintf(&b, "ExecStart=%s\n", strings.Join(words, " "))
	return b.String()
}

// timerText writes the timer. The expression stands in it for people, and for
// Observe: it cannot be told from the events.
func timerText(e Entry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# dssctl %s %s\n# schedule: %s\n[Unit]\nDescription=dssctl %s\n\n[Timer]\n", e.ID, unitMark, e.Expr, e.ID)
	if x, err := cron.Parse(e.Expr); err == nil {
		for _, event := range x.OnCalendar() {
			fmt.Fprintf(&b, "OnCalendar=%s\n", event)
		}
	}
	// What was missed while the machine was off comes when it is on again.
	b.WriteString("Persistent=true\n\n[Install]\nWantedBy=timers.target\n")
	return b.String()
}

// readUnits reads both files; the entry is nil when they are none any more. why
// says what of them is not dssctl's.
func readUnits(id, account, service, timer string) (e *Entry, why string) {
	found := Entry{ID: id}
	unread := func(name, line string) (*Entry, string) {
		return nil, fmt.Sprintf("the unit %s was edited by hand: %q", name, line)
	}
	for line := range strings.Lines(timer) {
		if expr, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "# schedule: "); ok {
			found.Expr = expr
		}
	}
	for line := range strings.Lines(service) {
		line = strings.TrimRight(line, "\n")
		name, value, _ := strings.Cut(line, "=")
		switch name {
		case "WorkingDirectory":
			found.Dir = strings.ReplaceAll(value, "%%", "%")
		case "Environment":
			words, ok := unitWords(value, false)
			for _, w := range words {
				ok = ok && found.read(w)
			}
			if !ok {
				return unread(serviceOf(id), line)
			}
		case "ExecStart":
			words, ok := unitWords(value, true)
			if !ok || found.Command != nil {
				return unread(serviceOf(id), line)
			}
			found.Command = words
		}
	}
	if err := found.Check(); err != nil {
		return nil, fmt.Sprintf("the units %s and %s were edited by hand: %v", timerOf(id), serviceOf(id), err)
	}
	if why := difference("the unit "+timerOf(id), timer, timerText(found)); why != "" {
		return &found, why
	}
	return &found, difference("the unit "+serviceOf(id), service, serviceText(found, account))
}
