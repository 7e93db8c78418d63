package pg

import (
	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/proc"
)

// Tools runs PostgreSQL's own pg_dump and pg_restore.
type Tools struct {
	Runner proc.Runner
	// Clock is clock.System when nil.
	Clock clock.Clock
	// Dirs are the folders where the programs are looked for; nil for those of
	// PATH and those where Debian and Red Hat keep one folder a version.
	Dirs []string
}
