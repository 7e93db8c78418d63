package pg

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func objectsOf(t *testing.T, l Login, schema string) []string {
	t.Helper()
	return ask(t, l, `SELECT c.relkind::text || ' ' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = `+literal(schema)+` ORDER BY 1`)
}

func TestSetAside(t *testing.T) {
	p := server(t)
	l := database(t, p)
	run(t, l, wide...)
	run(t, l, `CREATE TYPE "Old Schema".a_mood AS ENUM ('x')`, `CREATE VIEW "Old Schema".a_view AS SELECT id FROM "Old Schema".a_jobs`)
	place, _ := places()
	ctx := context.Background()
	const aside = `dssctl "aside" 1`
	before := objectsOf(t, l, place.Schema)
	if is, err := IsAside(ctx, l, place, aside); err != nil || is {
		t.Errorf("aside before: %t, %v", is, err)
	}
	for range 2 { // the second time after a crash
		if err := SetAside(ctx, l, place, aside); err != nil {
			t.Fatal(err)
		}
	}
	if is, err := IsAside(ctx, l, place, aside); err != nil || !is {
		t.Errorf("aside: %t, %v", is, err)
	}
	if diff := cmp.Diff([]string{"r a_2_jobs", "r ab_jobs"}, objectsOf(t, l, place.Schema)); diff != "" {
		t.Errorf("left at the place (-want +got):\n%s", diff)
	}
	if got := len(objectsOf(t, l, aside)); got != len(before)-2 {
		t.Errorf("%d objects aside, want %d", got, len(before)-2)
	}

	// The place fills anew: neither a second SetAside nor BringBack may mix.
	run(t, l, `CREATE TABLE "Old Schema".a_jobs (id bigserial PRIMARY KEY, name text)`)
	if err := SetAside(ctx, l, place, aside); err != nil {
		t.Fatal(err)
	}
	if got := objectsOf(t, l, place.Schema); len(got) != 5 {
		t.Errorf("the new table was moved: %q", got)
	}
	if err := BringBack(ctx, l, place, aside); KindOf(err) != InUse || !strings.Contains(err.Error(), "a_jobs") {
		t.Errorf("error %v, want one that names a_jobs", err)
	}
	run(t, l, `DROP TABLE "Old Schema".a_jobs`)
	for range 2 {
		if err := BringBack(ctx, l, place, aside); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(before, objectsOf(t, l, place.Schema)); diff != "" {
		t.Errorf("brought back (-want +got):\n%s", diff)
	}
	if there, err := SchemaExists(ctx, l, aside); err != nil || there {
		t.Errorf("the schema is left: %t, %v", there, err)
	}
	run(t, l, `INSERT INTO "Old Schema".a_jobs (name) VALUES ('works')`, `INSERT INTO "Old Schema".a_empty DEFAULT VALUES`)

	// And for good.
	if err := SetAside(ctx, l, place, aside); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := DropAside(ctx, l, place, aside); err != nil {
			t.Fatal(err)
		}
	}
	if there, err := SchemaExists(ctx, l, aside); err != nil || there {
		t.Errorf("the schema is left: %t, %v", there, err)
	}
	if diff := cmp.Diff([]string{"r a_2_jobs", "r ab_jobs"}, objectsOf(t, l, place.Schema)); diff != "" {
		t.Errorf("left at the place (-want +got):\n%s", diff)
	}

	// Of an empty place it is remembered that nothing was there.
	if err := SetAside(ctx, l, place, aside); err != nil {
		t.Fatal(err)
	}
	run(t, l, `CREATE TABLE "Old Schema".a_new (id int)`)
	if err := SetAside(ctx, l, place, aside); err != nil {
		t.Fatal(err)
	}
	if got := objectsOf(t, l, aside); len(got) != 0 {
		t.Errorf("moved: %q", got)
	}
}

func TestSetAsideRefuses(t *testing.T) {
	p := server(t)
	l := database(t, p)
	place := Place{Schema: "s", Prefix: "x_"}
	ctx := context.Background()
	run(t, l, `CREATE SCHEMA s`, `CREATE TABLE s.x_a (id int)`, `CREATE SCHEMA taken`, `CREATE TABLE taken.t (id int)`)
	untouched := func(name string) {
		t.Helper()
		if got := objectsOf(t, l, "s"); len(got) == 0 || got[0] != "r x_a" {
			t.Errorf("%s: left at the place: %q", name, got)
		}
	}
	if err := SetAside(ctx, l, place, "taken"); KindOf(err) != InUse {
		t.Errorf("error %v, want that the schema is in use", err)
	}
	if err := DropAside(ctx, l, place, "taken"); err != nil || len(objectsOf(t, l, "taken")) != 1 {
		t.Errorf("error %v, want that it is left alone", err)
	}
	untouched("taken")

	// Of another role.
	run(t, admin(p, l), `CREATE TABLE s.x_foreign (id int)`)
	if err := SetAside(ctx, l, place, "aside"); KindOf(err) != Denied || !strings.Contains(err.Error(), "x_foreign") {
		t.Errorf("error %v, want one that names x_foreign", err)
	}
	untouched("foreign")
	if there, _ := SchemaExists(ctx, l, "aside"); there {
		t.Error("the schema was made")
	}
	run(t, admin(p, l), `DROP TABLE s.x_foreign`)

	// Somebody works with the table.
	holder := connect(t, l)
	if _, err := holder.Exec(ctx, `BEGIN; SELECT * FROM s.x_a`); err != nil {
		t.Fatal(err)
	}
	impatient := l
	impatient.lockWait = "100ms"
	if err := SetAside(ctx, impatient, place, "aside"); KindOf(err) != Locked || !strings.Contains(err.Error(), "process") {
		t.Errorf("error %v, want who holds the lock", err)
	}
	if _, err := holder.Exec(ctx, `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	untouched("locked")

	// A role that may not make schemas takes one that is made for it.
	run(t, admin(p, l), `ALTER DATABASE "`+l.Database+`" OWNER TO postgres`)
	if err := SetAside(ctx, l, place, "aside"); KindOf(err) != Denied || !strings.Contains(err.Error(), `CREATE SCHEMA "aside" AUTHORIZATION`) {
		t.Errorf("error %v, want what to run", err)
	}
	untouched("denied")
	run(t, admin(p, l), `CREATE SCHEMA aside AUTHORIZATION "`+l.User+`"`)
	if err := SetAside(ctx, l, place, "aside"); err != nil {
		t.Fatal(err)
	}
	// A view of somebody else's on what is aside: nothing is dropped.
	run(t, admin(p, l), `CREATE VIEW public.theirs AS SELECT * FROM aside.x_a`)
	if err := DropAside(ctx, l, place, "aside"); err == nil || len(objectsOf(t, l, "aside")) != 1 {
		t.Errorf("error %v, want a refusal", err)
	}
	if err := BringBack(ctx, l, place, "aside"); err != nil {
		t.Fatal(err)
	}
	untouched("brought back")
}
