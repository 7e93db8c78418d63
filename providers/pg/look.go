package pg

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Sight is what one look at a place showed.
type Sight struct {
	Version int // server_version_num
	// Identity is the same for two ways to the same database of the same
	// running server.
	Identity string
	// Standby: the server only reads.
	Standby        bool
	MaxConnections int
	// FreeConnections are those that an ordinary role could still open, by
	// the server's, the database's and the role's limit.
	FreeConnections int
	// RoleSessions are the connections of this role to this database, without
	// dssctl's own.
	RoleSessions int
	// CreateSchema: the role may create a schema in the database.
	CreateSchema bool
	SchemaExists bool
	// LikeSchemas differ from the schema in case alone.
	LikeSchemas []string
	// Usage and Create: the role may use the schema, and create in it.
	Usage, Create bool
	// Tables are the place's tables and partitioned tables, by name.
	Tables []Table
	// Objects are the place's other relations and types, by name.
	Objects []Object
	// OtherPrefixes are guessed from the schema's other tables.
	OtherPrefixes []string
	// Bytes on disk of Tables, with their indexes.
	Bytes int64

	foreign map[Object]bool // of another owner
}

// Table is a table seen.
type Table struct {
	Name string
	// Rows is exact for small tables, the server's estimate otherwise.
	Rows  int64
	Exact bool
	Bytes int64
	Mine  bool // owned by the role, or by one it is a member of
}

// Object is something with a name in a schema, dropped by DROP Kind.
type Object struct {
	Kind string `json:"kind"` // TABLE, SEQUENCE, VIEW, MATERIALIZED VIEW, FOREIGN TABLE, TYPE
	Name string `json:"name"`
}

// Names of the tables.
func (s *Sight) Names() []string {
	out := make([]string, len(s.Tables))
	for i, t := range s.Tables {
		out[i] = t.Name
	}
	return out
}

// All are the tables and the other objects.
func (s *Sight) All() []Object {
	var out []Object
	for _, t := range s.Tables {
		out = append(out, Object{"TABLE", t.Name})
	}
	return append(out, s.Objects...)
}

// Mine reports whether the role owns the object.
func (s *Sight) Mine(o Object) bool { return !s.foreign[o] }

// Rows is the sum over the tables.
func (s *Sight) Rows() int64 {
	var n int64
	for _, t := range s.Tables {
		n += t.Rows
	}
	return n
}

// exactBytes is the size up to which a look counts a table's rows.
const exactBytes = 8 << 20

// Look reads what there is to know of a place, in one read-only transaction. It
// is meant for planning: it gives up when ctx ends, and no statement may take
// longer than five seconds.
func Look(ctx context.Context, l Login, p Place) (*Sight, error) {
	c, err := Connect(ctx, l)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	s, err := c.look(ctx, p)
	if err != nil {
		return nil, c.fail(ctx, "look at", err)
	}
	return s, nil
}

func (c *Conn) look(ctx context.Context, p Place) (*Sight, error) {
	s := &Sight{Version: c.Version}
	tx, err := c.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	// Only looked at: there is nothing to commit.
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	return s, func() error {
		if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '2s'`); err != nil {
			return err
		}
		if err := lookServer(ctx, tx, s); err != nil {
			return err
		}
		if err := lookSchema(ctx, tx, p, s); err != nil || !s.SchemaExists {
			return err
		}
		others, err := lookObjects(ctx, tx, p, s)
		if err != nil {
			return err
		}
		s.OtherPrefixes = p.otherPrefixes(s.Names(), others)
		if !s.Usage {
			return nil
		}
		if err := lookRows(ctx, tx, p, s); err != nil && ctx.Err() != nil {
			return err
		}
		// A locked table hides its size: the look goes without. The
		// transaction may be of no more use, and nothing comes after it.
		return nil
	}()
}

func lookServer(ctx context.Context, tx pgx.Tx, s *Sight) error {
	var inUse, inDatabase, ofRole, reserved, databaseLimit, roleLimit int
	err := tx.QueryRow(ctx, `
SELECT `+running+`,
       pg_is_in_recovery(), current_setting('max_connections')::int,
       current_setting('superuser_reserved_connections')::int
         + coalesce(nullif(current_setting('reserved_connections', true), ''), '0')::int,
       (SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL)::int,
       (SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database())::int,
       (SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = session_user)::int,
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = session_user
          AND application_name <> $1)::int,
       d.datconnlimit, r.rolconnlimit,
       has_database_privilege(d.oid, 'CREATE')
  FROM pg_database d, pg_roles r
 WHERE d.datname = current_database() AND r.rolname = session_user`, ApplicationName).
		Scan(&s.Identity, &s.Standby, &s.MaxConnections, &reserved, &inUse, &inDatabase, &ofRole,
			&s.RoleSessions, &databaseLimit, &roleLimit, &s.CreateSchema)
	if err != nil {
		return err
	}
	s.FreeConnections = s.MaxConnections - reserved - inUse
	if databaseLimit >= 0 {
		s.FreeConnections = min(s.FreeConnections, databaseLimit-inDatabase)
	}
	if roleLimit >= 0 {
		s.FreeConnections = min(s.FreeConnections, roleLimit-ofRole)
	}
	s.FreeConnections = max(s.FreeConnections, 0)
	return nil
}

func lookSchema(ctx context.Context, tx pgx.Tx, p Place, s *Sight) error {
	err := tx.QueryRow(ctx, `
SELECT has_schema_privilege(oid, 'USAGE'), has_schema_privilege(oid, 'CREATE')
  FROM pg_namespace WHERE nspname = $1`, p.Schema).Scan(&s.Usage, &s.Create)
	if errors.Is(err, pgx.ErrNoRows) {
		rows, err := tx.Query(ctx, `SELECT nspname::text FROM pg_namespace WHERE lower(nspname) = lower($1) ORDER BY 1`, p.Schema)
		if err == nil {
			s.LikeSchemas, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		return err
	}
	s.SchemaExists = err == nil
	return err
}

// objectKinds are DROP's words for pg_class.relkind.
var objectKinds = map[string]string{
	"r": "TABLE", "p": "TABLE", "S": "SEQUENCE", "v": "VIEW", "m": "MATERIALIZED VIEW", "f": "FOREIGN TABLE", "c": "TYPE", "t": "TYPE",
}

// lookObjects fills Tables and Objects and returns the names of the schema's
// other tables. The prefix is compared here, as a string: "_" is a wildcard
// to LIKE.
func lookObjects(ctx context.Context, tx pgx.Tx, p Place, s *Sight) (others []string, err error) {
	rows, err := tx.Query(ctx, `
SELECT c.relname::text, c.relkind::text, greatest(c.reltuples, 0)::bigint, pg_has_role(c.relowner, 'USAGE')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'S', 'v', 'm', 'f', 'c')
UNION ALL
SELECT t.typname::text, 't', 0, pg_has_role(t.typowner, 'USAGE')
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE n.nspname = $1 AND t.typtype IN ('d', 'e', 'r')
 ORDER BY 1, 2`, p.Schema)
	if err != nil {
		return nil, err
	}
	var name, kind string
	var t Table
	_, err = pgx.ForEachRow(rows, []any{&name, &kind, &t.Rows, &t.Mine}, func() error {
		isTable := kind == "r" || kind == "p"
		if !t.Mine {
			if s.foreign == nil {
				s.foreign = map[Object]bool{}
			}
			s.foreign[Object{objectKinds[kind], name}] = true
		}
		switch {
		case !p.Owns(name):
			if isTable {
				others = append(others, name)
			}
		case isTable:
			t.Name = name
			s.Tables = append(s.Tables, t)
		default:
			s.Objects = append(s.Objects, Object{objectKinds[kind], name})
		}
		return nil
	})
	return others, err
}

// lookRows asks for sizes, and counts the rows of small tables.
func lookRows(ctx context.Context, tx pgx.Tx, p Place, s *Sight) error {
	if len(s.Tables) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `
SELECT c.relname::text, pg_table_size(c.oid), pg_total_relation_size(c.oid), has_table_privilege(c.oid, 'SELECT')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND c.relname::text = ANY($2::text[])
   AND pg_table_size(c.oid) IS NOT NULL AND pg_total_relation_size(c.oid) IS NOT NULL`, p.Schema, s.Names())
	if err != nil {
		return err
	}
	var name string
	var heap, total int64
	var readable bool
	small := map[string]bool{}
	_, err = pgx.ForEachRow(rows, []any{&name, &heap, &total, &readable}, func() error {
		small[name] = heap <= exactBytes && readable
		i := slices.IndexFunc(s.Tables, func(t Table) bool { return t.Name == name })
		s.Tables[i].Bytes = total
		s.Bytes += total
		return nil
	})
	if err != nil {
		return err
	}
	budget := 200 // counts
	for i := range s.Tables {
		t := &s.Tables[i]
		if !small[t.Name] || budget == 0 {
			continue
		}
		budget--
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM `+Quote(p.Schema, t.Name)).Scan(&t.Rows); err != nil {
			return err
		}
		t.Exact = true
	}
	return nil
}

// Count counts the rows of the place's tables exactly.
func Count(ctx context.Context, l Login, p Place, told func(done, total int)) ([]Table, error) {
	c, err := Connect(ctx, l)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	tables, err := c.count(ctx, p, told)
	return tables, c.fail(ctx, "count the rows in", err)
}

func (c *Conn) count(ctx context.Context, p Place, told func(done, total int)) ([]Table, error) {
	s := &Sight{}
	err := pgx.BeginTxFunc(ctx, c.Conn, pgx.TxOptions{AccessMode: pgx.ReadOnly, IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = '0'`); err != nil {
			return err
		}
		if _, err := lookObjects(ctx, tx, p, s); err != nil {
			return err
		}
		for i := range s.Tables {
			t := &s.Tables[i]
			if err := tx.QueryRow(ctx, `SELECT count(*) FROM `+Quote(p.Schema, t.Name)).Scan(&t.Rows); err != nil {
				return err
			}
			t.Exact = true
			if told != nil {
				told(i+1, len(s.Tables))
			}
		}
		return nil
	})
	return s.Tables, err
}

// Bytes are the bytes on disk of the place's tables, with their indexes.
func Bytes(ctx context.Context, l Login, p Place) (int64, error) {
	c, err := Connect(ctx, l)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	rows, err := c.Query(ctx, `
SELECT c.relname::text, coalesce(pg_total_relation_size(c.oid), 0)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'`, p.Schema)
	var total int64
	if err == nil {
		var name string
		var n int64
		_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error {
			if p.Owns(name) {
				total += n
			}
			return nil
		})
	}
	return total, c.fail(ctx, "look at the size of the tables in", err)
}

// Sessions are the connections of the role to the database that are not
// dssctl's, and the rows written to the place's tables since the server's
// statistics began.
func Sessions(ctx context.Context, l Login, p Place) (sessions int, written int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := Connect(ctx, l)
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	rows, err := c.Query(ctx, `
SELECT ''::text, (SELECT count(*) FROM pg_stat_activity
   WHERE datname = current_database() AND usename = session_user AND application_name <> $2)::bigint
UNION ALL
SELECT relname::text, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE schemaname = $1`, p.Schema, ApplicationName)
	if err == nil {
		var name string
		var n int64
		_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error {
			if name == "" {
				sessions = int(n)
			} else if p.Owns(name) {
				written += n
			}
			return nil
		})
	}
	return sessions, written, c.fail(ctx, "look at the sessions in", err)
}
