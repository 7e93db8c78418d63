package proc

import (
	"fmt"
	"strings"
	"time"
)

// ExitError says that a command ran and failed. It is redacted and fit to be
// shown.
type ExitError struct {
	// Cmd is the command line, quoted for a shell.
	Cmd      string
	ExitCode int    // -1 when ended by a signal
	Signal   string // "SIGTERM"; "" when it was none
	// Stdout and Stderr are what was captured, see Result.
	Stdout string
	Stderr string
	// Timeout says that Cmd.Timeout ended it.
	Timeout bool
	// After is how long it ran.
	After time.Duration

	cause error
}

// shownLines is how many of the last lines of output an error text holds.
const shownLines = 10

// Error returns the command, how it ended, and the last lines that it printed
// as errors, or else printed at all.
func (e *ExitError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", e.Cmd, e.how())
	switch out, err := lastLines(e.Stdout), lastLines(e.Stderr); {
	case err != "":
		b.WriteString("; it said:\n" + err)
	case out != "":
		b.WriteString("; it printed:\n" + out)
	default:
		b.WriteString(" and said nothing")
	}
	return b.String()
}

func (e *ExitError) how() string {
	after := e.After.Round(time.Millisecond)
	switch {
	case e.Timeout:
		return fmt.Sprintf("had not ended after %s and was ended", after)
	case e.cause != nil:
		return fmt.Sprintf("was ended after %s (%v)", after, e.cause)
	case e.Signal != "":
		return fmt.Sprintf("was ended by %s after %s", e.Signal, after)
	default:
		return fmt.Sprintf("failed with exit code %d", e.ExitCode)
	}
}

// Unwrap returns the context's error when the context ended the command.
func (e *ExitError) Unwrap() error { return e.cause }

// Overwritten returns the text as a terminal shows it in the end: of a line that
// was written over and over, behind carriage returns, the last state.
func Overwritten(text string) string {
	if !strings.Contains(text, "\r") {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line = strings.TrimRight(line, "\r")
		lines[i] = line[strings.LastIndexByte(line, '\r')+1:]
	}
	return strings.Join(lines, "\n")
}

func lastLines(s string) string {
	lines := strings.Split(strings.TrimSpace(Overwritten(s)), "\n")
	if over := len(lines) - shownLines; over > 0 {
		lines = lines[over:]
	}
	return strings.Join(lines, "\n")
}

// startError says that a command did not run. Its text is redacted.
type startError struct {
	cmd, text string
	err       error
}

func (e *startError) Error() string { return fmt.Sprintf("run %s: %s", e.cmd, e.text) }
func (e *startError) Unwrap() error { return e.err }
