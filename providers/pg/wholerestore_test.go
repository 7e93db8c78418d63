package pg

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/proc"
)

// newerRestorer is a pg_restore of version 17 in front of the one that is there:
// it begins with a setting that only its own server has, as the real one does, and
// fails where it is to run that itself.
func newerRestorer(t *testing.T) Tools {
	t.Helper()
	program, err := exec.LookPath("pg_restore")
	if err != nil {
		t.Skip("pg_restore is not installed; scripts/setup installs it")
	}
	dir := t.TempDir()
	script := fmt.Sprintf(`#!/bin/sh
case "$*" in
*--version*) echo "pg_restore (PostgreSQL) 17.6"; exit ;;
*--list*) exec %[1]s "$@" ;;
*--dbname*) echo 'ERROR:  unrecognized configuration parameter "transaction_timeout"' >&2; exit 1 ;;
esac
printf '%%s\n' '--' '-- PostgreSQL database dump' '--' '' '\restrict abc' '' 'SET statement_timeout = 0;' 'SET transaction_timeout = 0;'
%[1]s "$@" || exit
printf '%%s\n' '\unrestrict abc'
`, program)
	if err := os.WriteFile(filepath.Join(dir, "pg_restore"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return Tools{Runner: proc.New(proc.Options{}), Dirs: []string{dir}}
}

// A dump of a whole database by newer programs comes into an older server, all or
// nothing: settings that it does not have are passed over.
func TestWholeDatabaseIntoAnOlderServer(t *testing.T) {
	p := server(t)
	newer := newerRestorer(t)
	src, dst, half := database(t, p), database(t, p), database(t, p)
	run(t, src, `CREATE SCHEMA gov`, `CREATE TABLE gov."odd `+"\n"+`name" (id serial PRIMARY KEY, "a`+"\n"+`b" text)`,
		`CREATE FUNCTION gov.f() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
SET transaction_timeout = 0;
RETURN 1;
END $$`,
		`CREATE TABLE gov.empty (x int)`,
		`INSERT INTO gov."odd `+"\n"+`name" ("a`+"\n"+`b") VALUES ('COPY x (a) FROM stdin;'), (E'\\.'), (E'two\nlines\n\\.\n'), (NULL), (repeat('x', 1000000))`)
	ctx := context.Background()
	to, _ := tools()
	file := filepath.Join(t.TempDir(), "d")
	info, err := to.Dump(ctx, Dump{Login: src, Whole: true, File: file})
	if err != nil {
		t.Fatal(err)
	}
	info = throughJSON(t, info)
	var told int64
	if err := newer.Restore(ctx, Restore{Login: dst, File: file, Info: info, Progress: func(done, _ int64, _ string) { told = done }}); err != nil {
		t.Fatal(err)
	}
	if err := Restored(ctx, dst, Place{}, info); err != nil {
		t.Error(err)
	}
	const rows = `SELECT string_agg(coalesce(md5(t::text), 'null'), ' ' ORDER BY id) FROM gov."odd ` + "\n" + `name" t`
	if want, got := ask(t, src, rows), ask(t, dst, rows); want[0] != got[0] {
		t.Errorf("rows %q, want %q", got, want)
	}
	// What a function says is its own.
	if got := ask(t, dst, `SELECT prosrc FROM pg_proc WHERE proname = 'f'`); !strings.Contains(got[0], "SET transaction_timeout = 0;") {
		t.Errorf("the function is %q", got[0])
	}
	if told == 0 {
		t.Error("no progress was told")
	}
	// What fails in the middle leaves nothing.
	run(t, admin(p, half), `CREATE FUNCTION public.no() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'`,
		`CREATE EVENT TRIGGER no ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION public.no()`)
	if err := newer.Restore(ctx, Restore{Login: half, File: file, Info: info}); err == nil {
		t.Error("a restore that could not go on went well")
	}
	if got := ask(t, half, `SELECT count(*)::text FROM pg_namespace WHERE nspname = 'gov'`); got[0] != "0" {
		t.Error("half of a database was left")
	}
}

func TestSettingsOfNewerServers(t *testing.T) {
	w := &wholeRestore{settings: map[string]bool{"statement_timeout": true}}
	head := true
	for _, c := range []struct {
		line string
		runs bool
	}{
		{"--\n", true},
		{"\\restrict x\n", false},
		{"SET statement_timeout = 0;\n", true},
		{"SET transaction_timeout = 0;\n", false},
		{"SELECT pg_catalog.set_config('search_path', '', false);\n", true},
		{"SET other = 'x';\n", false},
		{"CREATE FUNCTION f() RETURNS int AS $$\n", true},
		{"SET transaction_timeout = 0;\n", true},
		{"SET default_table_access_method = heap;\n", false},
	} {
		if w.runs(c.line, &head) != c.runs {
			t.Errorf("%q: run %v", c.line, !c.runs)
		}
	}
}
