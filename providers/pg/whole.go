package pg

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// schemas are those of the database except the system's own.
func (c *Conn) schemas(ctx context.Context) ([]string, error) {
	rows, err := c.Query(ctx, `SELECT nspname::text FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_' ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// DropWhole empties a database that had nothing but these schemas before a restore:
// it drops all that the role owns, and the schemas that were not there, in one
// transaction and without a cascade.
func DropWhole(ctx context.Context, l Login, before []string) error {
	c, err := Connect(ctx, l)
	if err != nil {
		return err
	}
	defer c.Close()
	err = pgx.BeginFunc(ctx, c.Conn, func(tx pgx.Tx) error {
		for _, sql := range []string{
			`SELECT 'DROP ' || CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END,
			        quote_ident(n.nspname) || '.' || quote_ident(c.relname)` + ofUsers + `
			    AND c.relkind IN ('v', 'm', 'f', 'r', 'p') AND pg_has_role(c.relowner, 'USAGE')
			  ORDER BY CASE c.relkind WHEN 'v' THEN 0 WHEN 'm' THEN 0 ELSE 1 END, c.oid DESC`,
			`SELECT 'DROP ROUTINE', p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
			  WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND pg_has_role(p.proowner, 'USAGE')
			    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')`,
			`SELECT 'DROP SEQUENCE', quote_ident(n.nspname) || '.' || quote_ident(c.relname)` + ofUsers + `
			    AND c.relkind = 'S' AND pg_has_role(c.relowner, 'USAGE')`,
			`SELECT 'DROP TYPE', quote_ident(n.nspname) || '.' || quote_ident(t.typname) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
			  WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND pg_has_role(t.typowner, 'USAGE')
			    AND (t.typtype IN ('d', 'e', 'r') OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
			    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')`,
		} {
			if err := dropListed(ctx, tx, sql); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, `SELECT nspname::text FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_' AND pg_has_role(nspowner, 'USAGE')`)
		if err != nil {
			return err
		}
		now, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, name := range now {
			if slices.Contains(before, name) {
				continue
			}
			if _, err := tx.Exec(ctx, `DROP SCHEMA `+Quote(name)+` RESTRICT`); err != nil {
				return err
			}
		}
		return nil
	})
	return c.fail(ctx, "drop what was restored into", err)
}

// dropListed drops what the query lists: a command and a name. One statement for
// each command, because tables may refer to each other.
func dropListed(ctx context.Context, tx pgx.Tx, query string) error {
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return err
	}
	var commands []string
	names := map[string][]string{}
	var command, name string
	_, err = pgx.ForEachRow(rows, []any{&command, &name}, func() error {
		if names[command] == nil {
			commands = append(commands, command)
		}
		names[command] = append(names[command], name)
		return nil
	})
	if err != nil {
		return err
	}
	for _, command := range commands {
		if _, err := tx.Exec(ctx, command+" "+strings.Join(names[command], ", ")+" RESTRICT"); err != nil {
			return err
		}
	}
	return nil
}
