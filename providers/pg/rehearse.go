package pg

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// errRollback ends a transaction that must leave nothing.
var errRollback = errors.New("rolled back on purpose")

// Rehearse does what DSS will have to do, and takes it back: it creates a table
// with an index and a sequence at the place, writes, reads and drops it, inside a
// transaction that is rolled back. It returns what it saw on the way.
func Rehearse(ctx context.Context, l Login, p Place) (*Sight, error) {
	c, err := Connect(ctx, l)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	s, err := c.look(ctx, p)
	if err != nil {
		return nil, c.fail(ctx, "look at", err)
	}
	if err := s.Usable(l, p); err != nil {
		return s, err
	}
	err = pgx.BeginFunc(ctx, c.Conn, func(tx pgx.Tx) error {
		var tail [6]byte
		_, _ = rand.Read(tail[:]) // never fails
		table := Quote(p.Schema, clip(p.Prefix+"dssctl_rehearsal_"+hex.EncodeToString(tail[:])))
		for _, sql := range []string{
			`SET LOCAL statement_timeout = '15s'`,
			`CREATE TABLE ` + table + ` (id bigserial PRIMARY KEY, v text)`,
			`INSERT INTO ` + table + ` (v) VALUES ('rehearsal')`,
			`CREATE INDEX ON ` + table + ` (v)`,
			`ALTER TABLE ` + table + ` ADD w integer`,
			`UPDATE ` + table + ` SET w = 1 WHERE v = 'rehearsal'`,
			`DROP TABLE ` + table,
		} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return errRollback
	})
	if errors.Is(err, errRollback) {
		err = nil
	}
	return s, c.fail(ctx, "create a scratch table in schema "+p.Schema+" of", err)
}

// Usable says what a sight shows to be missing for DSS to work there: nil,
// or an *Error.
func (s *Sight) Usable(l Login, p Place) error {
	e := &Error{Kind: Denied, Doing: "use schema " + p.Schema + " of", Where: l.Where(), Role: l.User}
	switch {
	case s.Standby:
		e.Kind, e.Detail = Failed, "the server is a standby and only reads; name the primary"
	case !s.SchemaExists && !s.CreateSchema:
		e.Detail = fmt.Sprintf("the schema is not there and the role may not create it; run as an administrator: CREATE SCHEMA %s AUTHORIZATION %s", Quote(p.Schema), Quote(l.User))
	case !s.SchemaExists:
		e.Kind, e.Detail = Failed, "the schema is not there"
	case !s.Usage || !s.Create:
		e.Detail = fmt.Sprintf("the role lacks CREATE or USAGE on it; run as an administrator: GRANT USAGE, CREATE ON SCHEMA %s TO %s", Quote(p.Schema), Quote(l.User))
	default:
		return nil
	}
	return e
}

// mark is the comment by which a schema made by a run is known again.
func mark(run string) string { return "created by dssctl, run " + run }

// CreateSchema makes the schema and marks it as the run's, in one transaction.
func CreateSchema(ctx context.Context, l Login, schema, run string) error {
	c, err := Connect(ctx, l)
	if err != nil {
		return err
	}
	defer c.Close()
	err = pgx.BeginFunc(ctx, c.Conn, func(tx pgx.Tx) error { return createSchema(ctx, tx, schema, mark(run)) })
	var server *pgconn.PgError
	if errors.As(err, &server) && server.Code == "42P06" { // somebody else was faster
		return nil
	}
	return c.fail(ctx, "create schema "+schema+" in", err)
}

func createSchema(ctx context.Context, tx pgx.Tx, schema, comment string) error {
	if _, err := tx.Exec(ctx, `CREATE SCHEMA `+Quote(schema)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `COMMENT ON SCHEMA `+Quote(schema)+` IS `+literal(comment))
	return err
}

// SchemaExists reports whether the schema is there.
func SchemaExists(ctx context.Context, l Login, schema string) (bool, error) {
	c, err := Connect(ctx, l)
	if err != nil {
		return false, err
	}
	defer c.Close()
	var there bool
	err = c.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, schema).Scan(&there)
	return there, c.fail(ctx, "look for schema "+schema+" in", err)
}

// DropSchema drops a schema that the run created and that is empty. kept says
// why it was left, "" when it is gone.
func DropSchema(ctx context.Context, l Login, schema, run string) (kept string, err error) {
	c, err := Connect(ctx, l)
	if err != nil {
		return "", err
	}
	defer c.Close()
	var comment *string
	err = c.QueryRow(ctx, `SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = $1`, schema).Scan(&comment)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return "", nil
	case err != nil:
		return "", c.fail(ctx, "look for schema "+schema+" in", err)
	case comment == nil || *comment != mark(run):
		return "schema " + schema + " is left: this run did not create it", nil
	}
	_, err = c.Exec(ctx, `DROP SCHEMA `+Quote(schema)+` RESTRICT`)
	var server *pgconn.PgError
	if errors.As(err, &server) && server.Code == "2BP01" {
		return "schema " + schema + " is left: it is not empty", nil
	}
	return "", c.fail(ctx, "drop schema "+schema+" in", err)
}

// Objects lists everything of the place: tables first, then the others. mine
// leaves out what the role does not own.
func Objects(ctx context.Context, l Login, p Place, mine bool) ([]Object, error) {
	c, err := Connect(ctx, l)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	s := &Sight{}
	err = pgx.BeginTxFunc(ctx, c.Conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		_, err := lookObjects(ctx, tx, p, s)
		return err
	})
	all := s.All()
	if mine {
		all = slices.DeleteFunc(all, func(o Object) bool { return s.foreign[o] })
	}
	return all, c.fail(ctx, "list the tables of", err)
}

// Drop drops exactly the named objects of the schema that are there, in one
// transaction. It never cascades: something of somebody else's that depends on
// one of them makes it fail and leave all.
func Drop(ctx context.Context, l Login, schema string, objects []Object) error {
	if len(objects) == 0 {
		return nil
	}
	c, err := Connect(ctx, l)
	if err != nil {
		return err
	}
	defer c.Close()
	err = pgx.BeginFunc(ctx, c.Conn, func(tx pgx.Tx) error { return dropAll(ctx, tx, schema, objects) })
	err = c.fail(ctx, "drop "+fmt.Sprint(len(objects))+" objects of schema "+schema+" in", err)
	if e := (*Error)(nil); errors.As(err, &e) && e.Kind == Locked {
		e.Detail = c.holders(ctx, schema)
	}
	return err
}

func dropAll(ctx context.Context, tx pgx.Tx, schema string, objects []Object) error {
	// In this order nothing is left that depends on the next; a sequence
	// goes with its table.
	for _, kind := range []string{"VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "TABLE", "SEQUENCE", "TYPE"} {
		var names []string
		for _, o := range objects {
			if o.Kind == kind {
				names = append(names, Quote(schema, o.Name))
			}
		}
		if len(names) == 0 {
			continue
		}
		slices.Sort(names)
		// One statement, because the tables may refer to each other.
		if _, err := tx.Exec(ctx, `DROP `+kind+` IF EXISTS `+strings.Join(names, ", ")+` RESTRICT`); err != nil {
			return err
		}
	}
	return nil
}

// holders names the sessions that hold locks on the schema's relations.
func (c *Conn) holders(ctx context.Context, schema string) string {
	rows, err := c.Query(ctx, `
SELECT DISTINCT 'process ' || l.pid || ' (' || coalesce(nullif(a.application_name, ''), 'no name') || ', '
       || coalesce(a.usename::text, '?') || ')'
  FROM pg_locks l JOIN pg_class r ON r.oid = l.relation JOIN pg_namespace n ON n.oid = r.relnamespace
  LEFT JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE n.nspname = $1 AND l.pid <> pg_backend_pid() AND l.granted LIMIT 5`, schema)
	if err != nil {
		return ""
	}
	who, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return ""
	}
	return strings.Join(who, ", ")
}
