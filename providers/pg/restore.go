package pg

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Restore is a dump to be restored.
type Restore struct {
	Login Login
	// To is where the tables go: the place that they were dumped from, or
	// another one. For a whole database it means nothing.
	To   Place
	File string
	Info DumpInfo
	// CreateSchema allows a schema that is not there to be made, marked as of
	// the run, see DropSchema.
	CreateSchema bool
	Run          string
	// Planned is told what will exist once the restore is committed, before the
	// commit; its error stops the restore. It is what Drop is to be given to
	// undo the restore. May be nil.
	Planned func([]Object) error
	// Begins is told instead, of a whole database that has been found empty, the
	// schemas that are there: what DropWhole is to be given. May be nil.
	Begins func(schemas []string) error
	// Progress is told the rows' bytes read, a rough total, and the table at
	// work. May be nil.
	Progress func(done, total int64, table string)
}

const restoring = "restore the dump into"

// Restore makes the tables, all or none, in one transaction. The place must be
// empty: what is there is set aside first, see SetAside. Nothing runs before the
// file has its checksum and lists nothing but what DumpInfo names.
//
// The tables are made from DumpInfo's definition, under the place's own names,
// and pg_restore gives nothing but their rows: no statement out of the dump is
// run. What a definition does not hold is as the server makes it: storage and
// statistics settings, privileges. The tables belong to the login's role. Rows
// are counted before the commit. Of a whole database, what pg_restore prints is
// run as it is, into a database without any table.
func (t Tools) Restore(ctx context.Context, r Restore) error {
	if err := t.VerifyDump(ctx, r.File, r.Info); err != nil {
		return err
	}
	program, err := t.restorer(ctx, r.Info)
	if err != nil {
		return err
	}
	if r.Info.Whole {
		return t.restoreWhole(ctx, r, program)
	}
	if r.Info.Definition == nil {
		return &Error{Kind: Damaged, Doing: restoring, Where: r.Login.Where(), Detail: "the manifest of the dump does not say how its tables are made"}
	}
	c, err := Connect(ctx, r.Login)
	if err != nil {
		return err
	}
	defer c.Close()
	err = pgx.BeginFunc(ctx, c.Conn, func(tx pgx.Tx) error { return t.fill(ctx, r, program, c, tx) })
	return c.fail(ctx, restoring, err)
}

// fill does it all inside the transaction.
func (t Tools) fill(ctx context.Context, r Restore, program tool, c *Conn, tx pgx.Tx) error {
	exec := func(sql string) error {
		_, err := tx.Exec(ctx, sql)
		return c.fail(ctx, restoring, err)
	}
	if err := unhurried(ctx, c, tx); err != nil {
		return err
	}
	// As pg_dump had them when it wrote the rows as text.
	if err := exec(`SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL xmloption = 'content'`); err != nil {
		return err
	}
	if err := r.makeSchema(ctx, tx); err != nil {
		return err
	}
	def, side := r.Info.Definition, Side{r.Login, r.To}
	m, err := claim(ctx, def, r.Info.Place, side, c, tx)
	if err != nil {
		return err
	}
	if err := m.createAll(def, side, exec); err != nil {
		return err
	}
	rows := map[string]int64{}
	for _, dumped := range r.Info.Tables {
		rows[dumped.Name] = dumped.Rows
	}
	var done int64
	total := def.bytes()
	for _, tab := range def.Tables {
		told := func(n int64) {
			done += n
			if r.Progress != nil {
				r.Progress(done, max(total, done), m.tables[tab.Name])
			}
		}
		n, err := t.rows(ctx, r, program, c, m, tab, told)
		if err != nil {
			return err
		}
		if n != rows[tab.Name] {
			return &Error{
				Kind: Mismatch, Doing: restoring, Where: r.Login.Where(), Role: r.Login.User,
				Detail: fmt.Sprintf("table %s got %d rows, counted at the dump were %d; nothing was kept", m.tables[tab.Name], n, rows[tab.Name]),
			}
		}
	}
	for _, sql := range m.afterData(def) {
		if err := exec(sql); err != nil {
			return err
		}
	}
	if r.Planned != nil {
		if err := r.Planned(m.objects(def)); err != nil {
			return &callerError{fmt.Errorf("note down the tables of the restore before the commit: %w", err)}
		}
	}
	return nil
}

// makeSchema makes the schema where it is not there.
func (r Restore) makeSchema(ctx context.Context, tx pgx.Tx) error {
	var there bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, r.To.Schema).Scan(&there)
	switch {
	case err != nil || there:
		return err
	case !r.CreateSchema:
		return &Error{
			Kind: Failed, Doing: restoring, Where: r.Login.Where(), Role: r.Login.User,
			Detail: fmt.Sprintf("schema %s is not there; run as an administrator: CREATE SCHEMA %s AUTHORIZATION %s", r.To.Schema, Quote(r.To.Schema), Quote(r.Login.User)),
		}
	}
	return createSchema(ctx, tx, r.To.Schema, mark(r.Run))
}

// rows streams one table out of the dump.
func (t Tools) rows(ctx context.Context, r Restore, program tool, c *Conn, m *move, tab *table, told func(int64)) (int64, error) {
	args := []string{"--data-only", "--schema=" + r.Info.Place.Schema, "--table=" + tab.Name}
	if program.major >= 12 {
		args = append(args, "--file=-")
	}
	var n int64
	doing := "read table " + tab.Name + " of the dump " + r.File
	err := t.stream(ctx, doing, program, append(args, r.File), func(b *bufio.Reader) error {
		rows, columns, err := openRows(b)
		if err == nil && !tab.sameColumns(columns) {
			err = errors.New("its columns are others than the manifest says: " + FirstNames(columns))
		}
		if err != nil {
			return &Error{Kind: Damaged, Doing: "read table " + tab.Name + " of", Where: "the dump " + r.File, Detail: err.Error()}
		}
		for i := range columns {
			columns[i] = Quote(columns[i])
		}
		counted := &meter{r: rows, told: told}
		tag, err := c.PgConn().CopyFrom(ctx, counted,
			"COPY "+m.quote(m.tables[tab.Name])+" ("+strings.Join(columns, ", ")+") FROM STDIN")
		counted.end()
		if broken := rows.broken.Load(); broken != nil && !c.IsClosed() {
			return *broken // when pg_restore ended too early, it says why
		}
		if err != nil {
			return c.fail(ctx, "write table "+m.tables[tab.Name]+" to", err)
		}
		n = tag.RowsAffected()
		_, err = io.Copy(io.Discard, b)
		return err
	})
	return n, err
}
