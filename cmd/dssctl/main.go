// Command dssctl brings Dataiku DSS instances to the state that HCL files
// declare: it observes, plans, shows, applies, and undoes. This room knows
// flags, wiring and exit codes, one file a command; no rule of DSS is here.
package main

import (
	"os"
	"strings"

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
	environ := os.Environ()
	forgetPostgreSQL(environ)
	return &world{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		environ: environ,
		uid:     os.Getuid,
		self:    os.Executable,
		image:   os.Executable,
		clock:   clock.System{},
		runner:  proc.New(proc.Options{}),
		openStore: func(dir string, c clock.Clock) (state.Store, error) {
			return state.OpenLocal(dir, state.LocalOptions{Clock: c})
		},
	}
}

// forgetPostgreSQL keeps the account's PGSERVICE, PGSSLROOTCERT and the like from
// reaching into connections that the files declare: the driver would read them.
// env("PGPASSWORD") still finds what was there.
func forgetPostgreSQL(environ []string) {
	for _, e := range environ {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "PG") {
			_ = os.Unsetenv(name) // a name that is there can be unset
		}
	}
}
