package pg

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// catalog is the definition of a place's tables and sequences, read from the
// server that holds them. Exported fields are kept beside a dump.
type catalog struct {
	Tables    []*table    `json:"tables"`
	Sequences []*sequence `json:"sequences,omitempty"`
	// obstacles name what the transfer cannot carry.
	obstacles []string
}

type table struct {
	Name     string    `json:"name"`
	Quoted   string    `json:"quoted"` // schema-qualified, as the server quotes it
	Unlogged bool      `json:"unlogged,omitempty"`
	Options  []string  `json:"options,omitempty"` // "fillfactor=70"
	Comment  *string   `json:"comment,omitempty"`
	Bytes    int64     `json:"bytes"`
	Columns  []*column `json:"columns"`
	// Constraints and indexes by the server's words.
	Constraints []constraint `json:"constraints,omitempty"`
	Indexes     []index      `json:"indexes,omitempty"`
}

type column struct {
	Name      string  `json:"name"`
	Typ       string  `json:"type"`
	NotNull   bool    `json:"not_null,omitempty"`
	Def       *string `json:"default,omitempty"`
	Identity  string  `json:"identity,omitempty"`  // "a" always, "d" by default, "" none
	Generated string  `json:"generated,omitempty"` // "s" stored, "v" virtual, "" none
	Collation *string `json:"collation,omitempty"`
	Comment   *string `json:"comment,omitempty"`
	Send      string  `json:"send,omitempty"` // the function that writes the type's binary form, "" for none
}

type constraint struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Def    string `json:"definition"`
	Refers string `json:"refers,omitempty"` // the table a foreign key refers to
	Head   string `json:"head,omitempty"`   // what its definition begins with, up to that table
}

type index struct {
	Name   string `json:"name"`
	Quoted string `json:"quoted"`
	Def    string `json:"definition"`
	Unique bool   `json:"unique,omitempty"`
}

type sequence struct {
	Name     string `json:"name"`
	Quoted   string `json:"quoted"`
	Typ      string `json:"type"`
	Start    int64  `json:"start"`
	Step     int64  `json:"step"`
	Least    int64  `json:"least"`
	Most     int64  `json:"most"`
	Cache    int64  `json:"cache"`
	Cycle    bool   `json:"cycle,omitempty"`
	Last     int64  `json:"last"`
	Called   bool   `json:"called"`
	Table    string `json:"table,omitempty"` // owner, "" for none
	Column   string `json:"column,omitempty"`
	Identity bool   `json:"identity,omitempty"`
}

// readCatalog reads the definitions of what p owns. The connection's search_path is
// empty, so the server qualifies every name in what it writes.
func readCatalog(ctx context.Context, tx pgx.Tx, version int, p Place) (*catalog, error) {
	c := &catalog{}
	for _, read := range []func(context.Context, pgx.Tx, int, Place) error{
		c.readTables, c.readColumns, c.readConstraints, c.readIndexes, c.readSequences, c.readObstacles,
	} {
		if err := read(ctx, tx, version, p); err != nil {
			return nil, err
		}
	}
	slices.Sort(c.obstacles)
	c.obstacles = slices.Compact(c.obstacles)
	return c, nil
}

func (c *catalog) obstacle(format string, args ...any) {
	c.obstacles = append(c.obstacles, fmt.Sprintf(format, args...))
}

func (c *catalog) names() []string {
	out := make([]string, len(c.Tables))
	for i, t := range c.Tables {
		out[i] = t.Name
	}
	return out
}

func (c *catalog) table(name string) *table {
	i, ok := slices.BinarySearchFunc(c.Tables, name, func(t *table, n string) int { return strings.Compare(t.Name, n) })
	if !ok {
		return nil
	}
	return c.Tables[i]
}

func (c *catalog) readTables(ctx context.Context, tx pgx.Tx, _ int, p Place) error {
	rows, err := tx.Query(ctx, `
SELECT c.relname::text, c.relkind::text, quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relpersistence = 'u',
       coalesce(c.reloptions, '{}')::text[], obj_description(c.oid, 'pg_class'),
       CASE WHEN c.relkind = 'r' THEN pg_table_size(c.oid) ELSE 0 END,
       c.reloftype <> 0, c.relrowsecurity, c.relhasrules, has_table_privilege(c.oid, 'SELECT'),
       EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid OR i.inhparent = c.oid),
       EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`, p.Schema)
	if err != nil {
		return err
	}
	var t table
	var kind string
	var typed, policies, rules, readable, inherits, triggers bool
	_, err = pgx.ForEachRow(rows, []any{
		&t.Name, &kind, &t.Quoted, &t.Unlogged, &t.Options, &t.Comment, &t.Bytes,
		&typed, &policies, &rules, &readable, &inherits, &triggers,
	}, func() error {
		if !p.Owns(t.Name) {
			return nil
		}
		for _, o := range []struct {
			is   bool
			what string
		}{
			{kind == "p", "partitioned table %s"},
			{kind == "v", "view %s"},
			{kind == "m", "materialized view %s"},
			{kind == "f", "foreign table %s"},
			{typed, "table %s of a composite type"},
			{policies, "row security of table %s"},
			{kind == "r" && rules, "rules of table %s"},
			{!readable, "table %s, which the role may not read"},
			{kind != "p" && inherits, "inheritance of table %s"},
			{triggers, "triggers of table %s"},
		} {
			if o.is {
				c.obstacle(o.what, t.Name)
			}
		}
		if kind == "r" {
			one := t
			c.Tables = append(c.Tables, &one)
		}
		return nil
	})
	slices.SortFunc(c.Tables, func(a, b *table) int { return strings.Compare(a.Name, b.Name) })
	return err
}

func (c *catalog) readColumns(ctx context.Context, tx pgx.Tx, version int, p Place) error {
	identity, generated := "''", "''"
	if version >= 100000 {
		identity = "a.attidentity::text"
	}
	if version >= 120000 {
		generated = "a.attgenerated::text"
	}
	rows, err := tx.Query(ctx, `
SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
       `+identity+`, `+generated+`,
       CASE WHEN a.attcollation <> t.typcollation THEN quote_ident(cn.nspname) || '.' || quote_ident(co.collname) END,
       col_description(c.oid, a.attnum),
       CASE WHEN t.typsend = 0 OR t.typname ~ '^_?(reg|aclitem)' THEN '' ELSE t.typsend::text END
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  LEFT JOIN pg_collation co ON co.oid = a.attcollation LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
 WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname::text = ANY($2::text[])
 ORDER BY c.oid, a.attnum`, p.Schema, c.names())
	if err != nil {
		return err
	}
	var name string
	var col column
	_, err = pgx.ForEachRow(rows, []any{
		&name, &col.Name, &col.Typ, &col.NotNull, &col.Def, &col.Identity, &col.Generated,
		&col.Collation, &col.Comment, &col.Send,
	}, func() error {
		one := col
		t := c.table(name)
		t.Columns = append(t.Columns, &one)
		return nil
	})
	for _, t := range c.Tables {
		if len(t.copied()) == 0 {
			c.obstacle("table %s, which has no column to copy", t.Name)
		}
	}
	return err
}

// copied are the columns that hold data of their own.
func (t *table) copied() []*column {
	return slices.DeleteFunc(slices.Clone(t.Columns), func(col *column) bool { return col.Generated != "" })
}

func (c *catalog) readConstraints(ctx context.Context, tx pgx.Tx, _ int, p Place) error {
	rows, err := tx.Query(ctx, `
SELECT c.relname::text, k.conname::text, k.contype::text, pg_get_constraintdef(k.oid),
       coalesce(CASE WHEN fn.nspname = n.nspname THEN f.relname::text END, ''),
       coalesce('FOREIGN KEY (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY x.ord)
          FROM unnest(k.conkey) WITH ORDINALITY x(num, ord) JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = x.num)
          || ') REFERENCES ' || quote_ident(fn.nspname) || '.' || quote_ident(f.relname) || '(', '')
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_class f ON f.oid = k.confrelid LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
 WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname::text = ANY($2::text[]) AND k.contype IN ('p', 'u', 'x', 'c', 'f')
 ORDER BY k.conname`, p.Schema, c.names())
	if err != nil {
		return err
	}
	var name string
	var k constraint
	_, err = pgx.ForEachRow(rows, []any{&name, &k.Name, &k.Kind, &k.Def, &k.Refers, &k.Head}, func() error {
		if k.Kind == "f" && (c.table(k.Refers) == nil || !strings.HasPrefix(k.Def, k.Head)) {
			c.obstacle("foreign key %s of table %s, which refers to a table outside", k.Name, name)
			return nil
		}
		t := c.table(name)
		t.Constraints = append(t.Constraints, k)
		return nil
	})
	return err
}

func (c *catalog) readIndexes(ctx context.Context, tx pgx.Tx, _ int, p Place) error {
	rows, err := tx.Query(ctx, `
SELECT c.relname::text, x.relname::text, quote_ident(x.relname), pg_get_indexdef(x.oid), i.indisunique
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname::text = ANY($2::text[])
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.oid AND k.contype IN ('p', 'u', 'x'))
 ORDER BY x.relname`, p.Schema, c.names())
	if err != nil {
		return err
	}
	var name string
	var x index
	_, err = pgx.ForEachRow(rows, []any{&name, &x.Name, &x.Quoted, &x.Def, &x.Unique}, func() error {
		t := c.table(name)
		if !strings.HasPrefix(x.Def, x.head(t)) {
			c.obstacle("index %s of table %s, whose definition is not understood", x.Name, name)
			return nil
		}
		t.Indexes = append(t.Indexes, x)
		return nil
	})
	return err
}

// head is what the server's definition of the index begins with.
func (x index) head(t *table) string {
	unique := ""
	if x.Unique {
		unique = "UNIQUE "
	}
	return "CREATE " + unique + "INDEX " + x.Quoted + " ON " + t.Quoted + " USING "
}

func (c *catalog) readSequences(ctx context.Context, tx pgx.Tx, version int, p Place) error {
	columns, from := "'bigint', 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, false", ""
	if version >= 100000 {
		columns = "format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle"
		from = "JOIN pg_sequence s ON s.seqrelid = q.oid"
	}
	rows, err := tx.Query(ctx, `
SELECT q.relname::text, quote_ident(n.nspname) || '.' || quote_ident(q.relname), `+columns+`,
       coalesce(o.relname::text, ''), coalesce(a.attname::text, ''), coalesce(d.deptype = 'i', false), has_sequence_privilege(q.oid, 'SELECT')
  FROM pg_class q JOIN pg_namespace n ON n.oid = q.relnamespace `+from+`
  LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = q.oid AND d.refclassid = 'pg_class'::regclass
       AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
  LEFT JOIN pg_class o ON o.oid = d.refobjid AND o.relnamespace = q.relnamespace
  LEFT JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum = d.refobjsubid
 WHERE n.nspname = $1 AND q.relkind = 'S' ORDER BY q.relname`, p.Schema)
	if err != nil {
		return err
	}
	var s sequence
	var readable bool
	_, err = pgx.ForEachRow(rows, []any{
		&s.Name, &s.Quoted, &s.Typ, &s.Start, &s.Step, &s.Least, &s.Most, &s.Cache, &s.Cycle,
		&s.Table, &s.Column, &s.Identity, &readable,
	}, func() error {
		owner := c.table(s.Table)
		if owner == nil && (s.Table != "" || !p.Owns(s.Name)) {
			return nil
		}
		if !readable {
			c.obstacle("sequence %s, which the role may not read", s.Name)
			return nil
		}
		one := s
		c.Sequences = append(c.Sequences, &one)
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range c.Sequences {
		extra, dest := "", []any{&s.Last, &s.Called}
		if version < 100000 {
			extra = ", start_value, increment_by, min_value, max_value, cache_value, is_cycled"
			dest = append(dest, &s.Start, &s.Step, &s.Least, &s.Most, &s.Cache, &s.Cycle)
		}
		if err := tx.QueryRow(ctx, `SELECT last_value, is_called`+extra+` FROM `+s.Quoted).Scan(dest...); err != nil {
			return err
		}
	}
	return nil
}

// readObstacles finds types, functions, operators, collations and sequences that
// the tables use and that are neither built in nor carried along.
func (c *catalog) readObstacles(ctx context.Context, tx pgx.Tx, _ int, p Place) error {
	rows, err := tx.Query(ctx, `
WITH mine AS (
  SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname::text = ANY($2::text[])),
users AS (
  SELECT 'pg_class'::regclass AS class, oid FROM mine
  UNION ALL SELECT 'pg_class'::regclass, indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM mine)
  UNION ALL SELECT 'pg_attrdef'::regclass, oid FROM pg_attrdef WHERE adrelid IN (SELECT oid FROM mine)
  UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE conrelid IN (SELECT oid FROM mine))
SELECT pg_describe_object(d.classid, d.objid, d.objsubid), pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid),
       coalesce(s.relname::text, '')
  FROM users u JOIN pg_depend d ON d.classid = u.class AND d.objid = u.oid
  LEFT JOIN pg_class s ON d.refclassid = 'pg_class'::regclass AND s.oid = d.refobjid AND s.relkind = 'S'
  CROSS JOIN LATERAL pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) i
 WHERE d.deptype IN ('n', 'a', 'e') AND i.schema IS DISTINCT FROM 'pg_catalog'
   AND (s.oid IS NOT NULL OR d.refclassid NOT IN ('pg_class'::regclass, 'pg_constraint'::regclass, 'pg_namespace'::regclass))`,
		p.Schema, c.names())
	if err != nil {
		return err
	}
	var user, used, seq string
	_, err = pgx.ForEachRow(rows, []any{&user, &used, &seq}, func() error {
		if seq != "" && slices.ContainsFunc(c.Sequences, func(s *sequence) bool { return s.Name == seq }) {
			return nil
		}
		c.obstacle("%s, which uses %s", user, used)
		return nil
	})
	return err
}

// Obstacles names what a transfer from the place could not carry: empty when
// everything can be.
func Obstacles(ctx context.Context, l Login, p Place) ([]string, error) {
	c, err := Connect(ctx, l)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var found *catalog
	err = pgx.BeginTxFunc(ctx, c.Conn, pgx.TxOptions{AccessMode: pgx.ReadOnly, IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		found, err = readCatalog(ctx, tx, c.Version, p)
		return err
	})
	if err != nil {
		return nil, c.fail(ctx, "read the definitions of the tables in", err)
	}
	return found.obstacles, nil
}
