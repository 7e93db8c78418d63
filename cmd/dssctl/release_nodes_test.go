package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// Every type of node is upgraded; and a Govern node, which keeps all it has in
// PostgreSQL, comes back with it when its new version does not start. A deployer
// moves its databases in the same run; an API node has none to move.
func TestUpgradeNodes(t *testing.T) {
	t.Parallel()
	for i, node := range []string{"automation", "api", "govern", "deployer"} {
		t.Run(node, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, int64(101+i))
			l.version = oldVersion
			o := dsskit.InstallOptions{NodeType: node}
			more := ""
			if node == "govern" {
				l.installGovern(o)
			} else {
				l.install("design", o)
			}
			switch node {
			case "api":
				l.releaseEstate(kitVersion, "    rehearse = false", l.inPostgres())
				if o := l.run("plan").must(t, 1); !strings.Contains(o.stderr, "An API node has no runtime databases") {
					t.Errorf("that it has no databases is not said: %s", o)
				}
			case "deployer":
				more = l.inPostgres()
			}
			l.releaseEstate(kitVersion, "    rehearse = false", more)
			if node == "govern" {
				l.newKit(dsskit.Faults{dsskit.StartFatal: ""})
				before := l.governRows()
				l.run("apply", "-auto-approve").must(t, 6)
				if v := l.versionOf("design"); v != oldVersion || !l.running("design") {
					t.Fatalf("DSS is of version %s, running %v", v, l.running("design"))
				}
				if after := l.governRows(); after < before {
					t.Fatalf("%d of %d rows are left", after, before)
				}
				l.newKit(nil)
			}
			l.run("apply", "-auto-approve").must(t, 0)
			if v := l.versionOf("design"); v != kitVersion || !l.running("design") {
				t.Fatalf("DSS is of version %s, running %v", v, l.running("design"))
			}
			if node == "deployer" && !l.external("design") {
				t.Error("the databases are not in PostgreSQL")
			}
			l.run("plan", "-detailed-exitcode").must(t, 0)
			if node == "govern" {
				l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
				if v := l.versionOf("design"); v != oldVersion || !l.running("design") {
					t.Fatalf("DSS is of version %s, running %v", v, l.running("design"))
				}
			}
		})
	}
}

// installGovern makes a Govern node whose database is dss, and starts it.
func (l *lab) installGovern(o dsskit.InstallOptions) {
	l.t.Helper()
	in := l.add("design", o)
	properties := fmt.Sprintf("psql.jdbc.url=jdbc:postgresql://%s:%d/dss\npsql.jdbc.user=dss\npsql.jdbc.password=%s\n", l.pg.Host, l.pg.Port, l.password)
	l.ok(os.WriteFile(filepath.Join(in.DataDir, "config", "dip.properties"), []byte(properties), 0o600))
	if r, err := in.Run(context.Background(), "govern-admin", "init-db"); err != nil || r.ExitCode != 0 {
		l.t.Fatal(r, err)
	}
	l.start("design")
}

// governRows counts all rows of the database dss.
func (l *lab) governRows() int {
	l.t.Helper()
	return l.rowsIn("dss")
}

// rowsIn counts all rows of a database.
func (l *lab) rowsIn(database string) int {
	l.t.Helper()
	out, err := l.pg.Exec(context.Background(), database, `SELECT coalesce(sum((xpath('/row/c/text()', query_to_xml('SELECT count(*) AS c FROM ' || quote_ident(schemaname) || '.' || quote_ident(tablename), false, true, '')))[1]::text::int), 0) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	l.ok(err)
	n, err := strconv.Atoi(strings.TrimSpace(out))
	l.ok(err)
	return n
}
