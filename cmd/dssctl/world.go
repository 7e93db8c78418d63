package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/term"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/state"
)

// world is what the commands may touch, so that a test can hand them another.
type world struct {
	in        io.Reader
	out, err  io.Writer
	environ   []string
	uid       func() int
	unitDirs  []string               // of boot units; nil for those of the system
	self      func() (string, error) // this program's path
	image     func() (string, error) // the same, to be started as a second dssctl
	clock     clock.Clock
	runner    proc.Runner
	openStore func(dir string, c clock.Clock) (state.Store, error)

	// redactor is the last line: everything printed passes it.
	redactor secret.Redactor
	delivery delivery
	// varFlags are the flags of this command that give variables.
	varFlags varOptions
	// ran says that a run was carried out: its end counts more than whether
	// somebody could read of it.
	ran   bool
	chdir string
	// onErrors is told what is wrong with the files, beside standard error.
	onErrors func(hcl.Diagnostics)
}

// getenv returns the value of an environment variable, "" when it is not set.
func (w *world) getenv(name string) string {
	for i := len(w.environ) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(w.environ[i], name+"="); ok {
			return v
		}
	}
	return ""
}

// dir is the estate's folder.
func (w *world) dir() string {
	if w.chdir != "" {
		return w.chdir
	}
	return "."
}

// stdout and stderr take known secrets out, and never fail.
func (w *world) stdout() io.Writer { return w.redactor.Writer(w.delivery.to(w.out)) }
func (w *world) stderr() io.Writer { return w.redactor.Writer(w.delivery.to(w.err)) }

// say tells people something on standard error. Parts of it may come from DSS or
// another program: nothing in it acts on a terminal or a CI system.
func (w *world) say(format string, args ...any) {
	fmt.Fprint(w.stderr(), view.Clean(fmt.Sprintf(format, args...)))
}

// terminal describes what f is.
func (w *world) terminal(f any) view.Terminal {
	file, ok := f.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return view.Terminal{}
	}
	width := func() int {
		n, _, err := term.GetSize(int(file.Fd()))
		if err != nil || n < 20 {
			return 80
		}
		return n
	}
	return view.Terminal{IsTTY: true, Width: width(), WidthNow: width}
}

// interactive reports whether questions can be asked.
func (w *world) interactive() bool {
	return w.terminal(w.in).IsTTY && w.terminal(w.err).IsTTY && w.getenv("DSSCTL_IN_AUTOMATION") == ""
}

// style of what is written to f.
func (w *world) style(f any) view.Style {
	t := w.terminal(f)
	width := t.Width
	if width == 0 {
		width = 100
	}
	return view.Style{Color: view.DetectColor(w.getenv, t.IsTTY), Width: width, Unicode: view.DetectUnicode(w.getenv)}
}
