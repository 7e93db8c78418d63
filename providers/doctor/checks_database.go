package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/providers"
)

// largeH2 is where a file of the embedded databases is worth a word: they do
// not shrink by themselves, and are copied whole at each backup.
const largeH2 = 2 << 30

func embedded(_ context.Context, s *Subject) result {
	if s.Server != nil && s.Server.External {
		return skipped("the runtime databases are in PostgreSQL")
	}
	var large []string
	var total int64
	for _, pattern := range []string{"*.mv.db", "*.h2.db"} {
		files, _ := filepath.Glob(filepath.Join(s.DataDir, "databases", pattern))
		for _, f := range files {
			info, err := os.Stat(f)
			if err != nil {
				continue // gone since
			}
			total += info.Size()
			if info.Size() >= largeH2 {
				large = append(large, fmt.Sprintf("%s %s", filepath.Base(f), humanize.Bytes(info.Size())))
			}
		}
	}
	if len(large) > 0 {
		return warning("embedded databases have grown large: "+few(large),
			"Move the runtime databases to PostgreSQL (runtime_database \"postgresql\"), which scales better and survives a crash.")
	}
	return ok(humanize.Bytes(total) + " in embedded databases")
}

// databasesInUse looks whether the databases are where DSS's settings lead to.
func databasesInUse(_ context.Context, s *Subject) result {
	if r, stop := unseen(s.Server); stop {
		return r
	}
	if s.Server.Missing != "" {
		return failed("DSS is set up to use PostgreSQL, but "+s.Server.Missing,
			"Do not start DSS: it would begin with an empty history. Copy the databases first (runtime_database with if_empty = \"copy\"), or restore their dump.")
	}
	return ok("the tables are where DSS's settings lead to")
}

// What DSS, and a Govern node, ask of the server.
const (
	leastServer       = 90500
	leastServerGovern = 120005
	leastConnections  = 500
)

func serverVersion(_ context.Context, s *Subject) result {
	if r, stop := unseen(s.Server); stop {
		return r
	}
	least := leastServer
	if s.Facts.NodeType == "govern" {
		least = leastServerGovern
	}
	if s.Server.Version < least {
		return failed(fmt.Sprintf("PostgreSQL is %s, and at least %s is asked for", serverNumber(s.Server.Version), serverNumber(least)),
			"Upgrade the server, or move the runtime databases to a newer one.")
	}
	return ok("PostgreSQL " + serverNumber(s.Server.Version))
}

func serverConnections(_ context.Context, s *Subject) result {
	if r, stop := unseen(s.Server); stop {
		return r
	}
	if s.Server.MaxConnections < leastConnections {
		return warning(fmt.Sprintf("max_connections is %d, and at least %d is asked for", s.Server.MaxConnections, leastConnections),
			fmt.Sprintf("Set max_connections = %d in postgresql.conf and restart PostgreSQL; DSS must be restarted after it.", leastConnections))
	}
	return ok(fmt.Sprintf("max_connections is %d, %d are free", s.Server.MaxConnections, s.Server.FreeConnections))
}

// unseen says why the server cannot be judged.
func unseen(server *providers.RuntimeServer) (result, bool) {
	switch {
	case server == nil:
		return skipped("nothing is known of the runtime databases"), true
	case !server.External && server.Version == 0 && server.Why == "":
		return skipped("the runtime databases are embedded"), true
	case server.Version == 0 && server.Why != "":
		return skipped("PostgreSQL was not looked at: " + firstLine(server.Why)), true
	case server.Version == 0:
		return skipped("PostgreSQL was not looked at: dssctl has no login for it (declare runtime_database)"), true
	}
	return result{}, false
}

// serverNumber writes server_version_num as people do: 90500 is 9.5, 160003 is
// 16.3.
func serverNumber(n int) string {
	if n < 100000 {
		return strings.TrimSuffix(fmt.Sprintf("%d.%d.%d", n/10000, n/100%100, n%100), ".0")
	}
	return fmt.Sprintf("%d.%d", n/10000, n%10000)
}
