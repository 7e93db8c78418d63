package dss

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/proc"
)

// ProcessLine is one line of the supervisor's table.
type ProcessLine struct {
	Name   string // backend, nginx, jek, …
	State  string // STOPPED STARTING RUNNING BACKOFF STOPPING EXITED FATAL UNKNOWN
	PID    int    // 0 when not told
	Detail string // what follows the state: "pid 3611, uptime 22:17:33"
}

func (l ProcessLine) String() string {
	return strings.TrimRight(fmt.Sprintf("%-16s %-9s %s", l.Name, l.State, l.Detail), " ")
}

// UnknownStatusError says why it cannot be told whether DSS runs.
type UnknownStatusError struct {
	Text   string // what bin/dss status printed, redacted and cut
	Why    string
	Remedy string
}

func (e *UnknownStatusError) Error() string {
	text := "it printed nothing"
	if e.Text != "" {
		text = "it printed:\n" + e.Text
	}
	if e.Remedy != "" {
		return fmt.Sprintf("whether DSS runs cannot be told: bin/dss status %s. %s. As to bin/dss status, %s", e.Why, e.Remedy, text)
	}
	return fmt.Sprintf("whether DSS runs cannot be told: bin/dss status %s; %s", e.Why, text)
}

// State tells whether DSS runs. A table that bin/dss status prints is taken at its
// word where it says that DSS runs; the exit code is not looked at. "Stopped" is
// believed only when nothing contradicts it: no process of the data directory, no
// open port, nothing held on the file system, see signOfLife. So it does not
// matter how a stopped DSS says that it is stopped, which is nowhere documented,
// nor that the script may be gone with its kit. Everything else is ServiceUnknown
// and an *UnknownStatusError; other errors say that there was no looking.
func (in *Instance) State(ctx context.Context) (Service, []ProcessLine, error) {
	if in.o.Bare && in.empty() {
		// Whoever runs for it would be seen among the processes.
		return ServiceStopped, nil, nil
	}
	main, err := in.mainProcess()
	if err != nil {
		return ServiceUnknown, nil, err
	}
	text, why, err := in.askStatus(ctx)
	if err != nil {
		return ServiceUnknown, nil, err
	}
	var lines []ProcessLine
	var state Service
	if why == "" {
		lines = parseStatus(text, main)
		state, why = judge(lines, text, main)
	} else {
		state = ServiceUnknown
	}
	remedy := ""
	if state == ServiceStopped {
		sign, err := in.signOfLife(ctx)
		switch {
		case err != nil:
			return ServiceUnknown, nil, err
		case len(lines) > 0 && sign.ours:
			// Its supervisor is up, and so may be half of DSS.
			state = ServiceFailed
		case len(lines) > 0 && sign.seen != "":
			state, why, remedy = ServiceUnknown, "says that everything is stopped, and "+sign.seen, sign.remedy
		case sign.seen != "":
			state, why, remedy = ServiceUnknown, "shows no table with a line for "+main+", and "+sign.seen, sign.remedy
		}
	}
	if state == ServiceUnknown {
		return state, lines, &UnknownStatusError{Text: in.o.Redactor.String(tail(text, 15, 2000)), Why: why, Remedy: remedy}
	}
	return state, lines, nil
}

// askStatus runs bin/dss status and returns what it printed. why says that it was
// asked and did not answer. A script that is not there, with its kit or its
// interpreter, is no error: it has printed what the system says of it.
func (in *Instance) askStatus(ctx context.Context) (text, why string, err error) {
	result, err := in.command(ctx, proc.Cmd{Path: "dss", Args: []string{"status"}, Timeout: statusTimeout})
	var exit *proc.ExitError
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return "", "", err
	case errors.As(err, &exit) && exit.Timeout:
		why = fmt.Sprintf("has not ended within %s", statusTimeout)
	case errors.As(err, &exit):
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOEXEC):
		return err.Error(), "", nil
	case errors.Is(err, fs.ErrPermission):
		return err.Error(), "may not be run by this account", nil
	default:
		return "", "", err
	}
	// A missing locale is the shell's complaint and says nothing of DSS.
	return localeWarning.ReplaceAllString(string(result.Stdout)+"\n"+string(result.Stderr), ""), why, nil
}

// mainProcess is the line that tells whether DSS works, by node type.
func (in *Instance) mainProcess() (string, error) {
	h, err := in.head()
	if err != nil {
		return "", err
	}
	switch h.nodeType {
	case "api":
		return "apimain", nil
	case "govern":
		return "governserver", nil
	default:
		return "backend", nil
	}
}

const states = `STOPPED|STARTING|RUNNING|BACKOFF|STOPPING|EXITED|FATAL|UNKNOWN`

var (
	statusLine    = lazyregexp.New(`^\s*([A-Za-z0-9_.:\-\[\]]+?):?\s+\[?(` + states + `)\b\]?[\s,:]*(.*?)\s*$`)
	looseLine     = lazyregexp.New(`(?i)^\s*([A-Za-z0-9_.:\-\[\]]+?):?\s+(?:is\s+)?\[?(` + states + `)\b\]?[\s,:]*(.*?)\s*$`)
	pidIn         = lazyregexp.New(`(?i)\bpid[\s=:]*([0-9]+)`)
	localeWarning = lazyregexp.New(`(?m)^.*(?:setlocale|locale).*(?:cannot change|failed).*$`)
	escapes       = lazyregexp.New("\x1b\\[[0-9;]*m")
)

// parseStatus finds the supervisor's lines, whatever the columns; lines of
// another form are passed over. For the main process lower case will do.
func parseStatus(text, main string) []ProcessLine {
	var out []ProcessLine
	for line := range strings.Lines(escapes.ReplaceAllString(text, "")) {
		line = strings.TrimRight(line, "\r\n")
		m := statusLine.FindStringSubmatch(line)
		if m == nil {
			m = looseLine.FindStringSubmatch(line)
			if m == nil || !isProcess(m[1], main) {
				continue
			}
		}
		l := ProcessLine{Name: m[1], State: strings.ToUpper(m[2]), Detail: m[3]}
		if p := pidIn.FindStringSubmatch(m[3]); p != nil {
			l.PID, _ = strconv.Atoi(p[1])
		}
		out = append(out, l)
	}
	return out
}

// isProcess compares a supervisor's name, which may have a group before it.
func isProcess(name, main string) bool {
	return name == main || strings.HasSuffix(name, ":"+main)
}

var (
	// noAccess is a supervisor that is there and does not let itself be asked.
	noAccess = lazyregexp.New(`(?i)requires? authentication|unauthori[sz]ed`)
	// notAllowedTo is a script that could not look: what it says of DSS is nothing.
	notAllowedTo = lazyregexp.New(`(?i)permission denied|operation not permitted`)
)

// judge tells the state that the script reports, and for ServiceUnknown why. No
// table at all is "stopped", to be confirmed.
func judge(lines []ProcessLine, text, main string) (Service, string) {
	var mainState, up, odd string
	for _, l := range lines {
		if isProcess(l.Name, main) {
			mainState = l.State
			continue
		}
		switch l.State {
		case "RUNNING", "STARTING", "STOPPING", "BACKOFF":
			up = l.Name + " is " + l.State
		case "STOPPED", "EXITED":
		default:
			odd = l.Name + " is " + l.State
		}
	}
	switch mainState {
	case "RUNNING", "STOPPING":
		return ServiceRunning, ""
	case "STARTING":
		return ServiceStarting, ""
	case "FATAL", "BACKOFF", "EXITED":
		return ServiceFailed, ""
	case "STOPPED":
		if up != "" {
			// Half of DSS is there: not to be edited under, and not working.
			return ServiceFailed, ""
		}
		return ServiceStopped, ""
	case "UNKNOWN":
		return ServiceUnknown, "reports " + main + " as UNKNOWN"
	}
	if m := noAccess.FindString(text); m != "" {
		return ServiceUnknown, fmt.Sprintf("says %q: a supervisor that dssctl cannot ask; where the installer or dssadmin ran while DSS was up, DSS has to be ended by hand", m)
	}
	if m := notAllowedTo.FindString(text); m != "" && len(lines) == 0 {
		return ServiceUnknown, fmt.Sprintf("says %q: this account is not allowed to do what the script does; look at the owner and the mode of the kit, bin and run", m)
	}
	if up == "" {
		up = odd
	}
	if up != "" {
		return ServiceUnknown, fmt.Sprintf("has no line for %s, and %s", main, up)
	}
	return ServiceStopped, ""
}

// table shows the supervisor's lines, indented.
func table(lines []ProcessLine) string {
	if len(lines) == 0 {
		return "  (no process is listed)"
	}
	var b strings.Builder
	for i, l := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("  " + l.String())
	}
	return b.String()
}

// tail returns the last lines of a text, cut to so many bytes.
func tail(text string, lines, bytes int) string {
	text = strings.TrimSpace(text)
	if len(text) > bytes {
		text = "…" + strings.ToValidUTF8(text[len(text)-bytes:], "")
	}
	all := strings.Split(text, "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return strings.Join(all, "\n")
}
