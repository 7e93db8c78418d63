package pg

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dssctl/dssctl/internal/proc"
)

// What the restore of a whole database made is dropped again, of every kind, and
// nothing else.
func TestDropWhole(t *testing.T) {
	p := server(t)
	ctx := context.Background()
	from, to := database(t, p), database(t, p)
	run(t, from, `CREATE SCHEMA g; CREATE TYPE g.mood AS ENUM ('a', 'b')`,
		`CREATE FUNCTION g.one() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
		`CREATE TABLE g.parent (id serial PRIMARY KEY, m g.mood, n int DEFAULT g.one())`,
		`CREATE TABLE g.child (id int REFERENCES g.parent); CREATE SEQUENCE g.alone; CREATE VIEW g.seen AS SELECT * FROM g.parent`,
		`INSERT INTO g.parent (m) VALUES ('a'); INSERT INTO g.child VALUES (1)`)
	run(t, to, `CREATE SCHEMA before`)
	tools := Tools{Runner: proc.New(proc.Options{})}
	file := filepath.Join(t.TempDir(), "dump")
	info, err := tools.Dump(ctx, Dump{Login: from, Whole: true, File: file})
	if err != nil {
		t.Fatal(err)
	}
	everything := func() []string {
		return ask(t, to, `SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
			UNION ALL SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname IN ('g', 'before', 'public')
			UNION ALL SELECT proname::text FROM pg_proc c JOIN pg_namespace n ON n.oid = c.pronamespace WHERE nspname IN ('g', 'before', 'public') ORDER BY 1`)
	}
	before := everything()
	var schemas []string
	r := Restore{Login: to, File: file, Info: info, Begins: func(s []string) error { schemas = s; return nil }}
	if err := tools.Restore(ctx, r); err != nil {
		t.Fatal(err)
	}
	if err := Restored(ctx, to, Place{}, info); err != nil {
		t.Fatal(err)
	}
	if again := tools.Restore(ctx, r); KindOf(again) != InUse {
		t.Errorf("into a database that is not empty: %v", again)
	}
	if err := DropWhole(ctx, to, schemas); err != nil {
		t.Fatal(err)
	}
	if now := everything(); !slices.Equal(before, now) {
		t.Errorf("left %v, there were %v", now, before)
	}
	if err := DropWhole(ctx, to, schemas); err != nil {
		t.Errorf("once more: %v", err)
	}
}
