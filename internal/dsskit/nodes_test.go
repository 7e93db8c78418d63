package dsskit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

func TestGovernNode(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pg := startPostgres(t)
	must(t, pg.CreateRole(ctx, "govern", "pw"))
	must(t, pg.CreateDatabase(ctx, "govern", "govern"))
	i := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: 30, NodeType: "govern"})
	properties := fmt.Sprintf("psql.jdbc.url=jdbc:postgresql://%s:%d/govern\npsql.jdbc.user=govern\npsql.jdbc.password=pw\n", pg.Host, pg.Port)
	must(t, os.WriteFile(filepath.Join(i.DataDir, "config", "dip.properties"), []byte(properties), 0o600))

	mustRun(t, i, "dss", "start")
	waitFor(t, "the start without tables to fail", func() bool {
		state, err := i.Main(ctx)
		must(t, err)
		return state == "FATAL"
	})
	stop(t, i)
	if r := mustRun(t, i, "govern-admin", "init-db"); r.ExitCode != 0 {
		t.Fatal(r.Output)
	}
	start(t, i)
	waitFor(t, "the server to run", func() bool {
		table, _, err := i.Status(ctx)
		must(t, err)
		return table[0].Name == "governserver" && table[0].State == "RUNNING"
	})
	stop(t, i)
}

func TestAPINode(t *testing.T) {
	t.Parallel()
	i := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: 31, NodeType: "api"})
	start(t, i)
	table, _, err := i.Status(t.Context())
	must(t, err)
	if table[0].Name != "apimain" {
		t.Errorf("unexpected table %+v", table)
	}
	stop(t, i)
	if rows, err := i.Rows(t.Context()); err == nil && dsskit.Total(rows, "") > 0 {
		t.Error("an API node has runtime databases")
	}
}
