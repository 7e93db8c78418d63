package dsskit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// TestMove is the whole way from H2 to PostgreSQL, for instances that differ in all that is not public.
func TestMove(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	for seed := range int64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { move(t, pg, seed) })
	}
}

func move(t *testing.T, pg *dsskit.Postgres, seed int64) {
	ctx := t.Context()
	i := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: seed, RowsPerTable: 700})
	before := start(t, i)
	waitFor(t, "writes to H2 while it runs", func() bool { return modified(t, i, "databases").After(before) })
	if _, err := i.Rows(ctx); err == nil {
		t.Error("the databases of a running DSS can be opened")
	}
	stop(t, i)

	role, database := fmt.Sprint("dss_", seed), fmt.Sprint("history_", seed)
	password := `pass"word'` + database
	must(t, pg.CreateRole(ctx, role, password))
	must(t, pg.CreateDatabase(ctx, database, role))
	if _, err := pg.Exec(ctx, database, `CREATE SCHEMA "Dss" AUTHORIZATION `+role); err != nil {
		t.Fatal(err)
	}
	connectTo(t, i, map[string]any{
		"host": pg.Host, "port": pg.Port, "db": database, "user": role, "password": encrypt(t, i, password),
	}, "Dss", fmt.Sprintf("p%d_", seed))
	result := mustRun(t, i, "dssadmin", "copy-databases-to-external")
	if result.ExitCode != 0 {
		t.Fatalf("copy ended with %d:\n%s", result.ExitCode, result.Output)
	}

	inside, outside := rows(t, i.Rows), rows(t, i.ExternalRows)
	if len(inside) < 6 || len(inside) > 16 {
		t.Errorf("%d tables, want 6 to 16", len(inside))
	}
	for n, table := range inside {
		if outside[n] != table {
			t.Errorf("after the copy PostgreSQL has %+v, H2 has %+v", outside[n], table)
		}
	}
	if n := dsskit.Total(inside, "requests"); n < 700 {
		t.Errorf("%d rows of requests, want 700", n)
	}

	start(t, i)
	jobs := outside[1]
	waitFor(t, "rows to grow in PostgreSQL", func() bool {
		now, err := pg.Exec(ctx, database, fmt.Sprintf(`SELECT count(*) > %d FROM "Dss"."p%d_%s"`, jobs.Rows, seed, jobs.Table))
		must(t, err)
		return now == "t"
	})
	open, err := pg.Exec(ctx, "postgres", fmt.Sprintf("SELECT count(*) FROM pg_stat_activity WHERE usename='%s'", role))
	must(t, err)
	if open == "0" {
		t.Error("no connection stays open")
	}
	must(t, pg.Restart(ctx))
	waitFor(t, "the backend to die of the restart", func() bool {
		state, err := i.Main(ctx)
		must(t, err)
		return state == "FATAL" || state == "EXITED"
	})
	if i.Ready(ctx) {
		t.Error("DSS is ready though its backend is gone")
	}
	stop(t, i)
	start(t, i)
	stop(t, i)
	if again := rows(t, i.Rows); !slices.Equal(again, inside) {
		t.Error("H2 was written to though the databases are external")
	}

	outside = rows(t, i.ExternalRows)
	result = mustRun(t, i, "dssadmin", "copy-databases-to-external")
	grown := dsskit.Total(rows(t, i.ExternalRows), "") > dsskit.Total(outside, "")
	if (result.ExitCode == 0) != grown {
		t.Errorf("a second copy ended with %d, rows were added: %t", result.ExitCode, grown)
	}
}

func TestCopyFaults(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pg := startPostgres(t)
	must(t, pg.CreateRole(ctx, "dss", "pw"))
	i := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: 11, RowsPerTable: 40})

	result := mustRun(t, i, "dssadmin", "copy-databases-to-external")
	if result.ExitCode == 0 {
		t.Error("copied to nowhere with success")
	}
	for name, c := range map[string]struct {
		faults  dsskit.Faults
		success bool
	}{
		"fail":       {faults: dsskit.Faults{dsskit.CopyFail: ""}},
		"refuse":     {faults: dsskit.Faults{dsskit.CopyRefuse: ""}},
		"incomplete": {faults: dsskit.Faults{dsskit.CopyIncomplete: ""}, success: true},
		"slow":       {faults: dsskit.Faults{dsskit.CopySlow: "1200ms"}, success: true},
	} {
		must(t, pg.CreateDatabase(ctx, name, "dss"))
		connectTo(t, i, map[string]any{
			"useURL": true, "url": fmt.Sprintf("jdbc:postgresql://%s:%d/%s", pg.Host, pg.Port, name), "user": "dss",
			"properties": []any{map[string]any{"name": "password", "value": "pw"}},
		}, "public", "")
		must(t, i.SetFault(c.faults))
		begun := time.Now()
		result := mustRun(t, i, "dssadmin", "copy-databases-to-external")
		if (result.ExitCode == 0) != c.success {
			t.Errorf("%s: copy ended with %d:\n%s", name, result.ExitCode, result.Output)
		}
		inside, outside := dsskit.Total(rows(t, i.Rows), ""), dsskit.Total(rows(t, i.ExternalRows), "")
		switch name {
		case "fail", "incomplete":
			if outside == 0 || outside >= inside {
				t.Errorf("%s: %d of %d rows copied, want a part", name, outside, inside)
			}
		case "refuse":
			if outside != 0 {
				t.Errorf("%s: %d rows copied, want none", name, outside)
			}
		case "slow":
			if outside != inside || time.Since(begun) < 1200*time.Millisecond {
				t.Errorf("%s: %d of %d rows copied in %v", name, outside, inside, time.Since(begun))
			}
		}
	}
}

// DSS starts without complaint on a PostgreSQL that the history was never copied to, and has none.
func TestForgottenCopy(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pg := startPostgres(t)
	must(t, pg.CreateRole(ctx, "dss", "pw"))
	must(t, pg.CreateDatabase(ctx, "dss", "dss"))
	i := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: 13, RowsPerTable: 400})
	connectTo(t, i, map[string]any{"host": pg.Host, "port": pg.Port, "db": "dss", "user": "dss", "password": "pw"}, "public", "")
	start(t, i)
	stop(t, i)
	if n, history := dsskit.Total(rows(t, i.ExternalRows), ""), dsskit.Total(rows(t, i.Rows), ""); n == 0 || n >= history {
		t.Errorf("%d rows in PostgreSQL and %d in the history, want only those written since the start", n, history)
	}
}

// Before 12.5.2 the copy left one database behind.
func TestCopyOfOldVersionSkipsRequests(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pg := startPostgres(t)
	must(t, pg.CreateRole(ctx, "dss", "pw"))
	must(t, pg.CreateDatabase(ctx, "dss", "dss"))
	i := install(t, kit(t, "12.5.1"), dsskit.InstallOptions{Seed: 3, RowsPerTable: 10})
	connectTo(t, i, map[string]any{
		"host": pg.Host, "port": fmt.Sprint(pg.Port), "db": "dss", "user": "dss", "password": "pw",
	}, "", "")
	if r := mustRun(t, i, "dssadmin", "copy-databases-to-external"); r.ExitCode != 0 {
		t.Fatal(r.Output)
	}
	outside := rows(t, i.ExternalRows)
	if n := dsskit.Total(outside, "requests"); n != 0 {
		t.Errorf("%d rows of requests copied, want none", n)
	}
	if n := dsskit.Total(outside, "metrics"); n < 10 {
		t.Errorf("%d rows of metrics copied, want all", n)
	}
}

func startPostgres(t *testing.T) *dsskit.Postgres {
	t.Helper()
	pg, err := dsskit.StartPostgres(t.Context(), filepath.Join(t.TempDir(), "pg"), dsskit.PGOptions{})
	must(t, err)
	t.Cleanup(func() { must(t, pg.Close()) })
	return pg
}

// connectTo edits general-settings.json as an administrator would, keeping the pool numbers that may be there.
func connectTo(t *testing.T, i *dsskit.Instance, params map[string]any, schema, prefix string) {
	t.Helper()
	path := filepath.Join(i.DataDir, "config", "general-settings.json")
	text, err := os.ReadFile(path)
	must(t, err)
	var settings map[string]json.RawMessage
	must(t, json.Unmarshal(text, &settings))
	block := map[string]any{}
	if raw, ok := settings["internalDatabase"]; ok {
		must(t, json.Unmarshal(raw, &block))
	}
	maps.DeleteFunc(block, func(k string, _ any) bool { return k == "schema" || k == "tableNamePrefix" })
	block["connection"] = map[string]any{"type": "PostgreSQL", "params": params}
	if schema != "" {
		block["schema"] = schema
	}
	if prefix != "" {
		block["tableNamePrefix"] = prefix
	}
	settings["internalDatabase"], err = json.Marshal(block)
	must(t, err)
	text, err = json.MarshalIndent(settings, "", "  ")
	must(t, err)
	must(t, os.WriteFile(path, text, 0o600))
}

func encrypt(t *testing.T, i *dsskit.Instance, password string) string {
	t.Helper()
	result := mustRun(t, i, "dssadmin", "encrypt-password", password)
	for line := range strings.Lines(result.Output) {
		if strings.HasPrefix(line, "e:AES:") {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("encrypt-password ended with %d:\n%s", result.ExitCode, result.Output)
	return ""
}

func rows(t *testing.T, count func(context.Context) ([]dsskit.TableRows, error)) []dsskit.TableRows {
	t.Helper()
	tables, err := count(t.Context())
	must(t, err)
	return tables
}

func modified(t *testing.T, i *dsskit.Instance, dir string) (latest time.Time) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(i.DataDir, dir))
	must(t, err)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().After(latest) {
			latest = info.ModTime()
		}
	}
	return latest
}
