package pg

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What others have on the place's tables is named; what the place has among its
// own, and what uses other tables, is not.
func TestDependents(t *testing.T) {
	p := server(t)
	l := database(t, p)
	run(t, l, wide...)
	place, _ := places()
	run(t, l, `CREATE SCHEMA bi`,
		`CREATE TABLE "Old Schema".a_keyed (id int PRIMARY KEY)`,
		`CREATE TABLE "Old Schema".a_own (id int REFERENCES "Old Schema".a_keyed (id))`,
		`CREATE VIEW "Old Schema".a_view AS SELECT id FROM "Old Schema".a_jobs`,
		`CREATE VIEW bi.report AS SELECT a.id, b.id AS other FROM "Old Schema".a_jobs a, "Old Schema".a_keyed b`,
		`CREATE MATERIALIZED VIEW bi.kept AS SELECT id FROM "Old Schema".a_view`,
		`CREATE VIEW bi.unrelated AS SELECT * FROM "Old Schema".ab_jobs`,
		`CREATE TABLE bi.facts (id int REFERENCES "Old Schema".a_keyed (id))`,
	)
	got, err := Dependents(context.Background(), l, place)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a foreign key of table bi.facts", "view bi.kept", "view bi.report"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
