package pg

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// Side is one end of a transfer.
type Side struct {
	Login Login
	Place Place
}

// Transfer carries the tables of one place to another: definitions, rows,
// indexes, constraints and sequences. The source is read in one snapshot and
// left alone; everything at the target happens in one transaction, whose rows
// are counted and checksummed on both sides before it is committed. Privileges
// on the tables are not carried: the target's role owns them.
type Transfer struct {
	From, To Side
	// Planned is told what will exist once the transfer is committed, before
	// the commit; its error stops the transfer.
	Planned func([]Object) error
	// Progress is told the bytes done and the bytes on the source's disk, which
	// is a rough total, and the table at work.
	Progress func(done, total int64, table string)

	// tamper lets a test change the target before the rows are compared.
	tamper func(context.Context, pgx.Tx) error
}

// Result of a transfer.
type Result struct {
	Tables int
	Rows   int64
	Bytes  int64
}

// errTarget tells the reading side that the writing side broke.
var errTarget = errors.New("the target broke")

// Run carries everything, or leaves the target as it was.
func (t *Transfer) Run(ctx context.Context) (Result, error) {
	source, err := Connect(ctx, t.From.Login)
	if err != nil {
		return Result{}, err
	}
	defer source.Close()
	target, err := Connect(ctx, t.To.Login)
	if err != nil {
		return Result{}, err
	}
	defer target.Close()

	var result Result
	err = pgx.BeginTxFunc(ctx, source.Conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(from pgx.Tx) error {
		if err := unhurried(ctx, source, from); err != nil {
			return source.fail(ctx, "read from", err)
		}
		c, err := readCatalog(ctx, from, source.Version, t.From.Place)
		if err != nil {
			return source.fail(ctx, "read the definitions of the tables in", err)
		}
		if err := c.carriable("carry the tables of", t.From.Login, t.From.Place); err != nil {
			return err
		}
		err = pgx.BeginFunc(ctx, target.Conn, func(to pgx.Tx) error {
			result, err = t.carry(ctx, c, source, target, from, to)
			return err
		})
		return target.fail(ctx, "write to", err)
	})
	if err != nil {
		return Result{}, source.fail(ctx, "read from", err)
	}
	return result, nil
}

// carriable is nil when all that the place owns can be made again elsewhere.
func (c *catalog) carriable(doing string, l Login, p Place) error {
	e := &Error{Kind: Failed, Doing: doing, Where: l.Where(), Role: l.User}
	switch {
	case len(c.obstacles) > 0:
		e.Detail = "these cannot be carried: " + strings.Join(c.obstacles, "; ") +
			". What is not DSS's: move it to another schema, or list what its name begins with in other_prefixes of runtime_database"
	case len(c.Tables) == 0:
		e.Detail = fmt.Sprintf("schema %s has no table with the prefix %q", p.Schema, p.Prefix)
	default:
		return nil
	}
	return e
}

// unhurried lifts the limits that a long copy would run into.
func unhurried(ctx context.Context, c *Conn, tx pgx.Tx) error {
	// The server, too, notices that nobody is there any more, and lets go of locks.
	sql := `SET LOCAL statement_timeout = 0; SET LOCAL tcp_keepalives_idle = 30; SET LOCAL tcp_keepalives_interval = 10`
	if c.Version >= 90600 {
		sql += `; SET LOCAL idle_in_transaction_session_timeout = 0`
	}
	_, err := tx.Exec(ctx, sql)
	return err
}

func (t *Transfer) carry(ctx context.Context, c *catalog, source, target *Conn, from, to pgx.Tx) (Result, error) {
	exec := func(sql string) error {
		_, err := to.Exec(ctx, sql)
		return target.fail(ctx, "write to", err)
	}
	if err := unhurried(ctx, target, to); err != nil {
		return Result{}, target.fail(ctx, "write to", err)
	}
	m, err := claim(ctx, c, t.From.Place, t.To, target, to)
	if err != nil {
		return Result{}, err
	}
	if err := m.createAll(c, t.To, exec); err != nil {
		return Result{}, err
	}
	var result Result
	total := c.bytes()
	for _, tab := range c.Tables {
		told := func(n int64) {
			result.Bytes += n
			if t.Progress != nil {
				t.Progress(result.Bytes, max(total, result.Bytes), tab.Name)
			}
		}
		if err := t.rows(ctx, source, target, m, tab, told); err != nil {
			return Result{}, err
		}
	}
	if t.tamper != nil {
		if err := t.tamper(ctx, to); err != nil {
			return Result{}, err
		}
	}
	for _, tab := range c.Tables {
		n, err := t.compare(ctx, source, target, from, to, m, tab)
		if err != nil {
			return Result{}, err
		}
		result.Tables, result.Rows = result.Tables+1, result.Rows+n
	}
	for _, sql := range m.afterData(c) {
		if err := exec(sql); err != nil {
			return Result{}, err
		}
	}
	if t.Planned != nil {
		if err := t.Planned(m.objects(c)); err != nil {
			return Result{}, &callerError{fmt.Errorf("note down the tables of the transfer before the commit: %w", err)}
		}
	}
	return result, nil
}

// createAll makes the tables, and the sequences that their defaults need.
func (m *move) createAll(c *catalog, to Side, exec func(string) error) error {
	for _, s := range c.Sequences {
		if !s.Identity { // an identity's comes with its table
			if err := exec(m.createSequence(s)); err != nil {
				return err
			}
		}
	}
	for _, tab := range c.Tables {
		sql, err := m.createTable(c, tab)
		if err != nil {
			return to.refused(err)
		}
		if err := exec(sql); err != nil {
			return err
		}
	}
	return nil
}

// bytes are those that the tables took where they were read.
func (c *catalog) bytes() int64 {
	var n int64
	for _, t := range c.Tables {
		n += t.Bytes
	}
	return n
}

// claim makes sure that the target is ours alone and empty, and chooses names.
func claim(ctx context.Context, c *catalog, from Place, side Side, target *Conn, to pgx.Tx) (*move, error) {
	place := side.Place
	var free bool
	err := to.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtext('dssctl'), hashtext($1))`, place.Schema+"."+place.Prefix).Scan(&free)
	if err != nil {
		return nil, target.fail(ctx, "write to", err)
	}
	if !free {
		return nil, &Error{
			Kind: Locked, Doing: "write to", Where: side.Login.Where(), Role: side.Login.User,
			Detail: "another dssctl writes to the same schema and prefix",
		}
	}
	s := &Sight{}
	if _, err = lookObjects(ctx, to, place, s); err != nil {
		return nil, target.fail(ctx, "look at", err)
	}
	if names := s.Names(); len(names) > 0 {
		return nil, &Error{
			Kind: InUse, Doing: "write to", Where: side.Login.Where(), Role: side.Login.User,
			Detail: fmt.Sprintf("schema %s has tables with the prefix %q already: %s", place.Schema, place.Prefix, FirstNames(names)),
		}
	}
	rows, err := to.Query(ctx, `SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1
		UNION SELECT t.typname::text FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = $1`, place.Schema)
	var names []string
	if err == nil {
		names, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		return nil, target.fail(ctx, "look at", err)
	}
	taken := map[string]bool{}
	for _, n := range names {
		taken[n] = true
	}
	m, err := newMove(c, from, place, target.Version, taken)
	if err != nil {
		return nil, side.refused(err)
	}
	return m, nil
}

func (s Side) refused(err error) error {
	return &Error{Kind: Failed, Doing: "write to", Where: s.Login.Where(), Role: s.Login.User, Detail: err.Error()}
}

// rows streams one table through a pipe: neither side is more than a few
// blocks ahead of the other.
func (t *Transfer) rows(ctx context.Context, source, target *Conn, m *move, tab *table, told func(int64)) error {
	format := "binary"
	var names []string
	for _, col := range tab.copied() {
		names = append(names, Quote(col.Name))
		if col.Send == "" {
			format = "text"
		}
	}
	list := strings.Join(names, ", ")
	r, w := io.Pipe()
	read := make(chan error, 1)
	go func() {
		buffered := bufio.NewWriterSize(w, 256<<10)
		_, err := source.PgConn().CopyTo(ctx, buffered, "COPY (SELECT "+list+" FROM ONLY "+tab.Quoted+") TO STDOUT (FORMAT "+format+")")
		if err == nil {
			err = buffered.Flush()
		}
		w.CloseWithError(err)
		read <- err
	}()
	counted := &meter{r: r, told: told}
	_, writeErr := target.PgConn().CopyFrom(ctx, counted,
		"COPY "+m.quote(m.tables[tab.Name])+" ("+list+") FROM STDIN (FORMAT "+format+")")
	r.CloseWithError(errTarget)
	counted.end()
	if readErr := <-read; readErr != nil && !errors.Is(readErr, errTarget) {
		return source.fail(ctx, "read table "+tab.Name+" from", readErr)
	}
	return target.fail(ctx, "write table "+tab.Name+" to", writeErr)
}

// meter tells how much is read through it. A CopyFrom whose connection is lost
// returns while its reader is still at work: end waits for it, so that nothing is
// told any more when a transfer has ended.
type meter struct {
	r    io.Reader
	mu   sync.Mutex
	told func(int64) // nil at the end
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	m.mu.Lock()
	defer m.mu.Unlock()
	if n > 0 && m.told != nil {
		m.told(int64(n))
	}
	return n, err
}

func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = nil
}

// compare computes both sides' sums at the same time.
func (t *Transfer) compare(ctx context.Context, source, target *Conn, from, to pgx.Tx, m *move, tab *table) (int64, error) {
	var a, b sum
	var g errgroup.Group
	g.Go(func() (err error) {
		a, err = checksum(ctx, from, tab.Quoted, tab.copied())
		return source.fail(ctx, "checksum table "+tab.Name+" in", err)
	})
	g.Go(func() (err error) {
		b, err = checksum(ctx, to, m.quote(m.tables[tab.Name]), tab.copied())
		return target.fail(ctx, "checksum table "+m.tables[tab.Name]+" in", err)
	})
	if err := g.Wait(); err != nil {
		return 0, err
	}
	if a != b {
		return 0, &Error{
			Kind: Mismatch, Doing: "copy table " + tab.Name + " to", Where: t.To.Login.Where(), Role: t.To.Login.User,
			Detail: fmt.Sprintf("the copy differs from the source: %d rows there, %d here, checksums %s; nothing was kept at the target",
				a.rows, b.rows, map[bool]string{true: "equal", false: "different"}[a.high == b.high && a.low == b.low]),
		}
	}
	return a.rows, nil
}

// FirstNames joins the first ten names and says how many more there are.
func FirstNames(names []string) string {
	if len(names) <= 10 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:10], ", "), len(names)-10)
}
