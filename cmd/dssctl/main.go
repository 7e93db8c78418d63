// Command dssctl brings Dataiku DSS instances to the state that HCL files
// declare: it observes, plans, shows, applies, and undoes. This room knows
// flags, wiring and exit codes, one file a command; no rule of DSS is here.
package main

import (
	"os"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/state"
)

// version is set when building.
var version = "dev"

func main() {
	w := systemWorld()
	collectLess(w.getenv)
	os.Exit(run(w, os.Args[1:])) //nolint:forbidigo // the one place
}

// systemWorld is the real one.
func systemWorld() *world {
	return &world{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		environ: os.Environ(),
		uid:     os.Getuid,
		self:    os.Executable,
		clock:   clock.System{},
		runner:  proc.New(proc.Options{}),
		openStore: func(dir string, c clock.Clock) (state.Store, error) {
			return state.OpenLocal(dir, state.LocalOptions{Clock: c})
		},
	}
}
