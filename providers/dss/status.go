package dss

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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

// UnknownStatusError says that `dss status` printed nothing that fits.
type UnknownStatusError struct {
	Text string // what it printed, redacted and cut
	Why  string
}

func (e *UnknownStatusError) Error() string {
	text := "it printed nothing"
	if e.Text != "" {
		text = "it printed:\n" + e.Text
	}
	return fmt.Sprintf("the state of DSS cannot be told from bin/dss status: %s; %s", e.Why, text)
}

// State asks bin/dss status. The exit code is not looked at. When the output
// fits nothing known the state is ServiceUnknown and the error an
// *UnknownStatusError; other errors say that the command could not be run.
func (in *Instance) State(ctx context.Context) (Service, []ProcessLine, error) {
	if in.o.Bare && in.empty() {
		// Whoever runs for it would be seen among the processes.
		return ServiceStopped, nil, nil
	}
	main, err := in.mainProcess()
	if err != nil {
		return ServiceUnknown, nil, err
	}
	result, err := in.command(ctx, proc.Cmd{Path: "dss", Args: []string{"status"}, Timeout: statusTimeout})
	var exit *proc.ExitError
	switch {
	case err == nil:
	case ctx.Err() != nil || !errors.As(err, &exit):
		return ServiceUnknown, nil, err
	case exit.Timeout:
		return ServiceUnknown, nil, &UnknownStatusError{Why: fmt.Sprintf("it has not ended within %s", statusTimeout)}
	}
	// A missing locale is the shell's complaint and says nothing of DSS.
	text := localeWarning.ReplaceAllString(string(result.Stdout)+"\n"+string(result.Stderr), "")
	lines := parseStatus(text, main)
	state, why := judge(lines, text, main)
	if len(lines) == 0 && !notRunning.MatchString(text) && !noAccess.MatchString(text) {
		// No table, and how a stopped DSS says that it is stopped is nowhere
		// written: what else there is of it tells.
		sign, err := in.signOfLife(ctx)
		switch {
		case err != nil:
			return ServiceUnknown, nil, err
		case sign == "":
			state = ServiceStopped
		default:
			state, why = ServiceUnknown, "expected a table with a line for "+main+", and "+sign
		}
	}
	if state == ServiceUnknown {
		return state, lines, &UnknownStatusError{Text: in.o.Redactor.String(tail(text, 15, 2000)), Why: why}
	}
	return state, lines, nil
}

// signOfLife says in words what there is of a running DSS beside its own
// report; "" for nothing.
func (in *Instance) signOfLife(ctx context.Context) (string, error) {
	left, err := in.Processes()
	if err != nil {
		return "", err
	}
	if len(left) > 0 {
		return "processes of this data directory run: " + listProcesses(left), nil
	}
	base, _, err := in.base()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/", http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := in.o.HTTP.Do(req)
	switch {
	case err == nil:
		resp.Body.Close()
		return base + " answers", nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return "", nil
	}
	return base + " is not simply closed: " + rootCause(err), nil
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
	notRunning = lazyregexp.New(`(?i)\bnot\s+(?:currently\s+)?(?:running|started)\b|\b(?:is|already)\s+stopped\b|no such file|refused connection|connection refused|isn't running|(?:could not|cannot|can't|unable to) connect`)
	// A supervisor that is there and does not let itself be asked.
	noAccess = lazyregexp.New(`(?i)requires? authentication|unauthori[sz]ed|permission denied|command not found`)
)

// judge tells the state, and for ServiceUnknown why.
func judge(lines []ProcessLine, text, main string) (Service, string) {
	var mainState string
	up := ""
	for _, l := range lines {
		if isProcess(l.Name, main) {
			mainState = l.State
			continue
		}
		switch l.State {
		case "RUNNING", "STARTING", "STOPPING", "BACKOFF":
			up = l.Name + " " + l.State
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
		return ServiceUnknown, "its supervisor reports " + main + " as UNKNOWN"
	}
	if m := noAccess.FindString(text); m != "" {
		return ServiceUnknown, fmt.Sprintf("it says %q: a supervisor that dssctl cannot ask; where the installer or dssadmin ran while DSS was up, DSS has to be ended by hand", m)
	}
	if up != "" {
		return ServiceUnknown, fmt.Sprintf("there is no line for %s, and %s", main, up)
	}
	if len(lines) > 0 || strings.TrimSpace(text) == "" || notRunning.MatchString(text) {
		for _, l := range lines {
			if l.State != "STOPPED" && l.State != "EXITED" {
				return ServiceUnknown, fmt.Sprintf("there is no line for %s, and %s is %s", main, l.Name, l.State)
			}
		}
		return ServiceStopped, ""
	}
	return ServiceUnknown, "expected a table with a line for " + main
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
