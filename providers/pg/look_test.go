package pg

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLook(t *testing.T) {
	p := server(t)
	l := database(t, p)
	run(t, l, `CREATE SCHEMA s`, `CREATE TABLE s.dss_jobs (id serial)`, `CREATE TABLE s.dss_runs (id integer)`, `CREATE TABLE s.dss_2_jobs (id integer)`,
		`CREATE TABLE s.dssxjobs (id integer)`, `CREATE TABLE s.b_jobs (id integer)`, `CREATE TABLE s.b_runs (id integer)`, `CREATE VIEW s.dss_view AS SELECT 1`,
		`CREATE TYPE s.dss_mood AS ENUM ('a')`, `INSERT INTO s.dss_jobs DEFAULT VALUES`, `CREATE TABLE public.dss_jobs (id integer)`)
	run(t, admin(p, l), `CREATE TABLE s.dss_foreign (id integer)`)
	ctx := context.Background()
	s, err := Look(ctx, l, Place{Schema: "s", Prefix: "dss_", Others: []string{"dss_2_"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"dss_foreign", "dss_jobs", "dss_runs"}, s.Names()); diff != "" {
		t.Errorf("tables: %s", diff)
	}
	if diff := cmp.Diff([]Object{{"SEQUENCE", "dss_jobs_id_seq"}, {"TYPE", "dss_mood"}, {"VIEW", "dss_view"}}, s.Objects); diff != "" {
		t.Errorf("objects: %s", diff)
	}
	if s.Rows() != 1 || !s.Tables[1].Exact || s.Bytes == 0 || !s.SchemaExists || !s.Usage || !s.Create || !s.CreateSchema || s.Standby || s.MaxConnections != 100 ||
		s.FreeConnections <= 0 || s.FreeConnections > 97 || s.Version < 100000 || s.Mine(Object{"TABLE", "dss_foreign"}) || !s.Mine(Object{"TABLE", "dss_jobs"}) {
		t.Errorf("%+v", s)
	}
	if diff := cmp.Diff([]string{"b_"}, s.OtherPrefixes); diff != "" {
		t.Errorf("other prefixes: %s", diff)
	}
	again, err := Look(ctx, l, Place{Schema: "absent", Prefix: "dss_"})
	if err != nil || again.SchemaExists || again.Identity != s.Identity {
		t.Errorf("%+v, %v", again, err)
	}
	if err := again.Usable(l, Place{Schema: "absent"}); err == nil {
		t.Error("a schema that is not there is usable")
	}
	other, err := Look(ctx, database(t, p), Place{Schema: "public"})
	if err != nil || other.Identity == s.Identity {
		t.Errorf("another database has the same identity, %v", err)
	}
	bytes, err := Bytes(ctx, l, Place{Schema: "s", Prefix: "dss_"})
	if err != nil || bytes == 0 {
		t.Errorf("%d bytes, %v", bytes, err)
	}
}

// A table that somebody holds locked costs no more than its size.
func TestLookAtLockedTable(t *testing.T) {
	p := server(t)
	l := database(t, p)
	run(t, l, `CREATE SCHEMA s`, `CREATE TABLE s.a (id integer)`)
	c := connect(t, l)
	tx, err := c.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(context.Background(), `LOCK TABLE s.a IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	s, err := Look(context.Background(), l, Place{Schema: "s"})
	if err != nil || !cmp.Equal(s.Names(), []string{"a"}) {
		t.Errorf("%+v, %v, want the table without its size", s, err)
	}
	l.lockWait = "200ms"
	err = Drop(context.Background(), l, "s", []Object{{"TABLE", "a"}})
	if KindOf(err) != Locked || !strings.Contains(err.Error(), "process ") {
		t.Errorf("%v, want one that names who holds the lock", err)
	}
}

func TestRehearse(t *testing.T) {
	p := server(t)
	l := database(t, p)
	run(t, admin(p, l), `CREATE SCHEMA open AUTHORIZATION `+l.User, `CREATE SCHEMA shut`, `CREATE SCHEMA seen`, `GRANT USAGE ON SCHEMA seen TO `+l.User)
	ctx := context.Background()
	long := strings.Repeat("é", 31)
	for _, prefix := range []string{"dss_", "", `odd "%_`, long} {
		if _, err := Rehearse(ctx, l, Place{Schema: "open", Prefix: prefix}); err != nil {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
	if left := ask(t, l, `SELECT relname::text FROM pg_class WHERE relnamespace = 'open'::regnamespace`); len(left) > 0 {
		t.Errorf("the rehearsal left %q", left)
	}
	for _, schema := range []string{"shut", "seen"} {
		_, err := Rehearse(ctx, l, Place{Schema: schema})
		if KindOf(err) != Denied || !strings.Contains(err.Error(), "GRANT USAGE, CREATE ON SCHEMA") {
			t.Errorf("%s: %v, want one that says which privilege to grant", schema, err)
		}
	}
	run(t, admin(p, l), `REVOKE CREATE ON DATABASE `+l.Database+` FROM `+l.User, `ALTER DATABASE `+l.Database+` OWNER TO postgres`)
	s, err := Look(ctx, l, Place{Schema: "absent"})
	if err != nil || s.CreateSchema {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := s.Usable(l, Place{Schema: "absent"}); err == nil || !strings.Contains(err.Error(), `CREATE SCHEMA "absent" AUTHORIZATION`) {
		t.Errorf("%v, want the command for an administrator", err)
	}
	if err := CreateSchema(ctx, l, "absent", "r"); KindOf(err) != Denied {
		t.Errorf("%v", err)
	}
}

func TestSchemaIsDroppedByItsRunAlone(t *testing.T) {
	p := server(t)
	l := database(t, p)
	ctx := context.Background()
	create := func() {
		t.Helper()
		if err := CreateSchema(ctx, l, "made", "run-1"); err != nil {
			t.Fatal(err)
		}
	}
	create()
	create() // there already
	if kept, err := DropSchema(ctx, l, "made", "run-2"); err != nil || kept == "" {
		t.Errorf("another run dropped it: %q, %v", kept, err)
	}
	run(t, l, `CREATE TABLE made.x (id integer)`)
	if kept, err := DropSchema(ctx, l, "made", "run-1"); err != nil || !strings.Contains(kept, "not empty") {
		t.Errorf("dropped though not empty: %q, %v", kept, err)
	}
	run(t, l, `DROP TABLE made.x`)
	for range 2 {
		if kept, err := DropSchema(ctx, l, "made", "run-1"); err != nil || kept != "" {
			t.Errorf("%q, %v", kept, err)
		}
	}
	if there, err := SchemaExists(ctx, l, "made"); err != nil || there {
		t.Errorf("still there: %t, %v", there, err)
	}
}

func TestDropExactly(t *testing.T) {
	p := server(t)
	l := database(t, p)
	run(t, l, `CREATE SCHEMA s`, `CREATE TABLE s.a (id serial PRIMARY KEY)`, `CREATE TABLE s.b (id integer REFERENCES s.a, self integer)`, `CREATE TABLE s.keep (id integer)`,
		`CREATE VIEW s.v AS SELECT * FROM s.a`, `CREATE TYPE s.mood AS ENUM ('x')`, `CREATE SEQUENCE s.q`, `CREATE TABLE public.a (id integer)`)
	ctx := context.Background()
	all, err := Objects(ctx, l, Place{Schema: "s"}, true)
	if err != nil || len(all) != 7 {
		t.Fatalf("%v, %v", all, err)
	}
	var drop []Object
	for _, o := range all {
		if o.Name != "keep" {
			drop = append(drop, o)
		}
	}
	// Something of somebody else's depends on it: all stays.
	run(t, l, `CREATE VIEW public.mine AS SELECT * FROM s.b`)
	if err := Drop(ctx, l, "s", drop); err == nil || !strings.Contains(err.Error(), "mine") {
		t.Errorf("%v, want one that names what depends", err)
	}
	if now, _ := Objects(ctx, l, Place{Schema: "s"}, true); !cmp.Equal(now, all) {
		t.Errorf("a failed drop took something: %v", now)
	}
	run(t, l, `DROP VIEW public.mine`)
	for range 2 {
		if err := Drop(ctx, l, "s", drop); err != nil {
			t.Fatal(err)
		}
	}
	if now, _ := Objects(ctx, l, Place{Schema: "s"}, true); !cmp.Equal(now, []Object{{"TABLE", "keep"}}) {
		t.Errorf("left: %v", now)
	}
	if got := ask(t, l, `SELECT count(*)::text FROM public.a`); got[0] != "0" {
		t.Error(got)
	}
}

func TestSessions(t *testing.T) {
	p := server(t)
	l := database(t, p)
	run(t, l, `CREATE SCHEMA s`, `CREATE TABLE s.a_x (id integer)`)
	ctx := context.Background()
	n, _, err := Sessions(ctx, l, Place{Schema: "s", Prefix: "a_"})
	if err != nil || n != 0 {
		t.Errorf("%d sessions, %v: dssctl's own must not count", n, err)
	}
	c := connect(t, l)
	if _, err := c.Exec(ctx, `SET application_name = 'PostgreSQL JDBC Driver'`); err != nil {
		t.Fatal(err)
	}
	if n, _, err = Sessions(ctx, l, Place{Schema: "s", Prefix: "a_"}); err != nil || n != 1 {
		t.Errorf("%d sessions, %v", n, err)
	}
}
