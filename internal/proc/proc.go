// Package proc runs other programs. There is one Runner, so that tests can
// stand in for it, and so that every command is treated alike: no standard
// input, a process group of its own (a Ctrl-C at the terminal is dssctl's to
// handle), output into an unnamed file (so that a command outlives a killed
// dssctl unharmed, and a daemon that keeps its output open blocks nobody), and
// a bounded capture of it.
package proc

import (
	"context"
	"os"
	"time"
)

// Cmd is one program to run.
type Cmd struct {
	Path string
	Args []string // without the program's name
	Dir  string   // "" for the caller's
	// Env is added to the environment that the Runner gives, "NAME=value".
	Env []string
	// Keep names the variables of dssctl's environment that the command inherits
	// beside those of the account (HOME, PATH, LANG and the like); "NAME*" is for
	// all that begin so, see Everything.
	Keep []string
	// Secrets are values that must not be shown where the command or its
	// output is.
	Secrets []string
	// Timeout ends the command; 0 for none. The group gets SIGTERM, and
	// SIGKILL after Grace (10 s when zero).
	Timeout time.Duration
	Grace   time.Duration
	// Stdout, when not nil, is where standard output goes instead of being
	// captured: for data. At the end of a pipe the command dies with its reader.
	Stdout *os.File
	// Started is told the process before the program in it begins: when the
	// caller dies in Started, nothing was begun.
	Started func(Process)
	// Line is told each line of output as it comes, redacted, from one
	// goroutine.
	Line func(string)
}

// Process identifies a process beyond the reuse of its number.
type Process struct {
	PID int `json:"pid"`
	// StartTicks is field 22 of /proc/PID/stat.
	StartTicks uint64 `json:"start_ticks"`
	BootID     string `json:"boot_id"`
}

// Result is how a command ended.
type Result struct {
	ExitCode int // -1 when ended by a signal
	Signal   string
	// Stdout and Stderr hold the head and the tail of what was printed,
	// unredacted: for parsing, not for showing.
	Stdout  []byte
	Stderr  []byte
	Elapsed time.Duration
}

// Runner runs commands.
type Runner interface {
	// Run waits for the command. The error is nil only for exit code 0; it is
	// an *ExitError, redacted and fit to be shown, when the command ran and
	// failed. When ctx ends, the command is ended like at a timeout.
	Run(ctx context.Context, c Cmd) (Result, error)
}
