package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Dependents are the views and foreign keys of somebody else that use the tables
// of a place: they go on using those, wherever they are moved.
func Dependents(ctx context.Context, l Login, p Place) (out []string, err error) {
	c, err := Connect(ctx, l)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	err = pgx.BeginTxFunc(ctx, c.Conn, snapshot, func(tx pgx.Tx) error {
		out, err = lookDependents(ctx, tx, p)
		return err
	})
	return out, c.fail(ctx, "look who uses the tables of", err)
}

// lookDependents names what is not the place's and depends on its tables.
func lookDependents(ctx context.Context, tx pgx.Tx, p Place) ([]string, error) {
	rows, err := tx.Query(ctx, `
SELECT DISTINCT used.relname::text, n.nspname::text, v.relname::text, 'view '
  FROM pg_depend d
  JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  JOIN pg_class v ON v.oid = r.ev_class
  JOIN pg_namespace n ON n.oid = v.relnamespace
  JOIN pg_class used ON d.refclassid = 'pg_class'::regclass AND used.oid = d.refobjid
  JOIN pg_namespace at ON at.oid = used.relnamespace
 WHERE at.nspname = $1 AND v.oid <> used.oid
UNION
SELECT used.relname::text, n.nspname::text, v.relname::text, 'a foreign key of table '
  FROM pg_constraint k
  JOIN pg_class v ON v.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = v.relnamespace
  JOIN pg_class used ON used.oid = k.confrelid
  JOIN pg_namespace at ON at.oid = used.relnamespace
 WHERE k.contype = 'f' AND at.nspname = $1
 ORDER BY 2, 3, 1`, p.Schema)
	if err != nil {
		return nil, err
	}
	var out []string
	var used, schema, name, kind string
	_, err = pgx.ForEachRow(rows, []any{&used, &schema, &name, &kind}, func() error {
		said := kind + schema + "." + name
		if p.Owns(used) && (schema != p.Schema || !p.Owns(name)) && (len(out) == 0 || out[len(out)-1] != said) {
			out = append(out, said)
		}
		return nil
	})
	return out, err
}
