package main

import (
	"context"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// Settings that lead to a place without tables are an error, which names what
// still holds the history and how it comes to the place; and so it does.
func TestDatabasesAreNotWhereSettingsLeadTo(t *testing.T) {
	t.Parallel()
	l := newLab(t, 88)
	ctx := context.Background()
	sql := func(s string) string {
		out, err := l.pg.Exec(ctx, "dss", s)
		l.ok(err)
		return strings.TrimSpace(out)
	}
	l.add("design", dsskit.InstallOptions{RowsPerTable: 20})
	rows := l.rows("design")
	l.start("design")
	l.externalEstate("")
	l.run("apply", "-auto-approve").must(t, 0)
	l.run("plan", "-detailed-exitcode").must(t, 0)
	l.stop("design")
	says := func(o outcome, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(unwrapped(o.stdout+o.stderr), want) {
				t.Errorf("%q is not said: %s", want, o)
			}
		}
	}

	// Some of what dssctl moved is gone.
	some := strings.Fields(sql(`SELECT tablename FROM pg_tables WHERE schemaname = 'dss_runtime' ORDER BY 1`))
	for _, name := range some[:len(some)/2] {
		sql(`ALTER TABLE dss_runtime."` + name + `" SET SCHEMA public`)
	}
	says(l.run("plan").must(t, 1), "Runtime databases are missing", some[0], ".mv.db")
	for _, name := range some[:len(some)/2] {
		sql(`ALTER TABLE public."` + name + `" SET SCHEMA dss_runtime`)
	}
	l.run("plan", "-detailed-exitcode").must(t, 0)

	// All of it is gone, with the schema.
	sql(`DROP SCHEMA dss_runtime CASCADE`)
	says(l.run("plan").must(t, 1), "the schema dss_runtime is not there", ".mv.db", `if_empty = "copy"`, "adopt = true")
	says(l.run("status"), "Runtime databases are missing")
	says(l.run("doctor"), "DSS is set up to use PostgreSQL, but the schema dss_runtime is not there")

	// The copy is made up for, with DSS down and up again.
	l.edit(`user         = "dss"`, "if_empty     = \"copy\"\n    user         = \"dss\"")
	says(l.run("apply", "-auto-approve").must(t, 0), "copy the runtime databases to PostgreSQL", "create schema dss_runtime")
	l.run("plan", "-detailed-exitcode").must(t, 0)
	if !l.running("design") {
		l.start("design")
	}
	if !l.external("design") {
		t.Error("DSS does not run with PostgreSQL")
	}
	l.stop("design")
	if now := l.rows("design"); now < rows {
		t.Errorf("%d rows were copied of %d", now, rows)
	}
}
