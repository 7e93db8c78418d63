package main

import (
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// What somebody else has made of DSS's tables: a view among them, which no dump
// can hold, is found before DSS is stopped, by each command that would stop it for
// a dump; a view elsewhere is named before a restore sets aside what it reads.
func TestOthersUseTheTables(t *testing.T) {
	t.Parallel()
	l := newLab(t, 89)
	l.install("design", dsskit.InstallOptions{RowsPerTable: 10})
	l.externalEstate("    consistency = \"stop\"")
	l.run("apply", "-auto-approve").must(t, 0)
	l.run("backup", "run", "-auto-approve").must(t, 0)
	table := `dss_runtime."` + strings.TrimPrefix(only(l.tables(), "dss_runtime.")[0], "dss_runtime.") + `"`

	l.sqlAt("dss", "CREATE VIEW dss_runtime.design_report AS SELECT * FROM "+table)
	check := l.neverStopped("design")
	o := l.run("backup", "run", "-auto-approve").must(t, 1)
	if text := unwrapped(o.stderr); !strings.Contains(text, unwrapped("view design_report")) || !strings.Contains(text, "other_prefixes") {
		t.Errorf("it does not name the view, or what to do: %s", o)
	}
	check("a view that no dump can hold")
	l.edit("user         = ", "other_prefixes = [\"design_report\"]\n    user         = ")
	l.run("backup", "run", "-auto-approve").must(t, 0)

	l.sqlAt("dss", "DROP VIEW dss_runtime.design_report; CREATE SCHEMA bi; CREATE VIEW bi.report AS SELECT * FROM "+table)
	l.edit("other_prefixes = [\"design_report\"]\n", "\n")
	o = l.run("backup", "restore", "instance.design", "-auto-approve", "-allow", "data-loss").must(t, 0)
	if text := unwrapped(o.stdout + o.stderr); !strings.Contains(text, unwrapped("view bi.report")) || !strings.Contains(text, unwrapped("make them again after the restore")) {
		t.Errorf("it does not say that the view goes on reading the old tables: %s", o)
	}
}
