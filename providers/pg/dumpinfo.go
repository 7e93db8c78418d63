package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// DumpInfo says what a dump holds. It is kept in the manifest of the backup set
// and holds no secret.
type DumpInfo struct {
	Server   int    `json:"server"` // server_version_num
	Tool     string `json:"tool"`   // "pg_dump 15.18"
	Database string `json:"database"`
	// Whole says that the dump is of all of the database; Place is then empty.
	Whole bool  `json:"whole,omitempty"`
	Place Place `json:"place"`
	// Tables with the rows at the dump's snapshot, by schema and name.
	Tables    []DumpedTable    `json:"tables"`
	Sequences []DumpedSequence `json:"sequences,omitempty"`
	Bytes     int64            `json:"bytes"` // of the file
	SHA256    string           `json:"sha256"`
	// Definition is how the tables are made at another place; nil for a whole
	// database.
	Definition *catalog `json:"definition,omitempty"`

	onDisk int64 // bytes that the tables take on the server
}

// DumpedTable is a table of a dump.
type DumpedTable struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
}

// DumpedSequence is a sequence of a dump. Sequences know no snapshot: the value
// is one that it had while the dump was made.
type DumpedSequence struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	Last   int64  `json:"last"`
	Called bool   `json:"called"`
	// Table and Column own it, "" for none.
	Table  string `json:"table,omitempty"`
	Column string `json:"column,omitempty"`
}

// Rows is the sum over the tables.
func (i DumpInfo) Rows() int64 {
	var n int64
	for _, t := range i.Tables {
		n += t.Rows
	}
	return n
}

// OnDisk is the bytes that the tables take on the server, without their indexes:
// more than the dump will be. It is not stored.
func (i DumpInfo) OnDisk() int64 { return i.onDisk }

// readPlace notes down what the place has, and that a restore could make it.
func (i *DumpInfo) readPlace(ctx context.Context, c *Conn, tx pgx.Tx) error {
	if err := i.readTables(ctx, c, tx); err != nil {
		return err
	}
	return i.Definition.carriable(dumping, c.Login, i.Place)
}

func (i *DumpInfo) readTables(ctx context.Context, c *Conn, tx pgx.Tx) error {
	found, err := readCatalog(ctx, tx, c.Version, i.Place)
	if err != nil {
		return err
	}
	i.Definition = found
	for _, t := range found.Tables {
		i.Tables = append(i.Tables, DumpedTable{Schema: i.Place.Schema, Name: t.Name})
		i.onDisk += t.Bytes
	}
	for _, s := range found.Sequences {
		i.Sequences = append(i.Sequences, DumpedSequence{
			Schema: i.Place.Schema, Name: s.Name, Last: s.Last, Called: s.Called, Table: s.Table, Column: s.Column,
		})
	}
	return nil
}

// readWhole notes down all tables of the database that are no extension's.
func (i *DumpInfo) readWhole(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `
SELECT n.nspname::text, c.relname::text, c.relkind::text, CASE WHEN c.relkind = 'r' THEN pg_table_size(c.oid) ELSE 0 END`+ofUsers+`
   AND c.relkind IN ('r', 'S') ORDER BY 1, 2`)
	if err != nil {
		return err
	}
	var schema, name, kind string
	var bytes int64
	_, err = pgx.ForEachRow(rows, []any{&schema, &name, &kind, &bytes}, func() error {
		i.onDisk += bytes
		if kind == "S" {
			i.Sequences = append(i.Sequences, DumpedSequence{Schema: schema, Name: name})
		} else {
			i.Tables = append(i.Tables, DumpedTable{Schema: schema, Name: name})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for n := range i.Sequences {
		s := &i.Sequences[n]
		if err := tx.QueryRow(ctx, `SELECT last_value, is_called FROM `+Quote(s.Schema, s.Name)).Scan(&s.Last, &s.Called); err != nil {
			return err
		}
	}
	return nil
}

// ofUsers are the relations of a database that neither PostgreSQL nor an
// extension made.
const ofUsers = `
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`

// Relations are the names of all relations of the database that neither
// PostgreSQL nor an extension made, as SCHEMA.NAME.
func Relations(ctx context.Context, l Login) ([]string, error) {
	c, err := Connect(ctx, l)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	names, err := c.relations(ctx)
	return names, c.fail(ctx, "look at", err)
}

func (c *Conn) relations(ctx context.Context) ([]string, error) {
	rows, err := c.Query(ctx, `SELECT n.nspname || '.' || c.relname`+ofUsers+` AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
