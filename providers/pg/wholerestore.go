package pg

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// mostScript bounds what pg_restore may print of a database without its rows.
const mostScript = 64 << 20

// restoreWhole runs what pg_restore prints of the dump, in one transaction.
// pg_restore could run it by itself, and would fail on a server that is older than
// it: it begins with settings of its own version, such as transaction_timeout.
// Those that the server does not have are passed over.
func (t Tools) restoreWhole(ctx context.Context, r Restore, program tool) error {
	c, err := Connect(ctx, r.Login)
	if err != nil {
		return err
	}
	defer c.Close()
	names, err := c.relations(ctx)
	if err != nil {
		return c.fail(ctx, "look at", err)
	}
	if len(names) > 0 {
		return &Error{
			Kind: InUse, Doing: restoring, Where: r.Login.Where(), Role: r.Login.User,
			Detail: "the dump is of a whole database and needs an empty one; this one has " + FirstNames(names),
		}
	}
	if r.Begins != nil {
		schemas, err := c.schemas(ctx)
		if err != nil {
			return c.fail(ctx, "look at", err)
		}
		if err := r.Begins(schemas); err != nil {
			return fmt.Errorf("note down the schemas before the restore: %w", err)
		}
	}
	w := &wholeRestore{t: t, r: r, program: program, c: c}
	if w.settings, err = settingsOf(ctx, c); err != nil {
		return c.fail(ctx, "look at", err)
	}
	err = pgx.BeginFunc(ctx, c.Conn, func(tx pgx.Tx) error {
		if err := unhurried(ctx, c, tx); err != nil {
			return err
		}
		if err := w.script(ctx, "pre-data"); err != nil {
			return err
		}
		if err := w.data(ctx); err != nil {
			return err
		}
		return w.script(ctx, "post-data")
	})
	return c.fail(ctx, restoring, err)
}

// settingsOf are the names of all settings that the server has.
func settingsOf(ctx context.Context, c *Conn) (map[string]bool, error) {
	rows, err := c.Query(ctx, `SELECT lower(name) FROM pg_settings`)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	out := map[string]bool{}
	for _, n := range names {
		out[n] = true
	}
	return out, err
}

// wholeRestore is a database on its way.
type wholeRestore struct {
	t        Tools
	r        Restore
	program  tool
	c        *Conn
	settings map[string]bool
	done     int64
}

// stream has read take what pg_restore prints of a section.
func (w *wholeRestore) stream(ctx context.Context, section string, read func(*bufio.Reader) error) error {
	args := []string{"--section=" + section, "--no-owner", "--no-privileges", "--no-tablespaces"}
	if w.program.major >= 12 {
		args = append(args, "--file=-")
	}
	return w.t.stream(ctx, "read the dump "+w.r.File, w.program, append(args, w.r.File), read)
}

// script runs a section without rows, all of it at once: the server finds the ends
// of statements better than anybody else.
func (w *wholeRestore) script(ctx context.Context, section string) error {
	var text strings.Builder
	err := w.stream(ctx, section, func(b *bufio.Reader) error {
		head := true
		for {
			line, err := b.ReadString('\n')
			if w.runs(line, &head) {
				text.WriteString(line)
			}
			if text.Len() > mostScript {
				return fmt.Errorf("read the dump %s: its definitions take more than %d MiB", w.r.File, mostScript>>20)
			}
			if err != nil {
				return ended(err)
			}
		}
	})
	if err != nil {
		return err
	}
	return w.exec(ctx, text.String())
}

func (w *wholeRestore) exec(ctx context.Context, sql string) error {
	_, err := w.c.PgConn().Exec(ctx, sql).ReadAll()
	return w.c.fail(ctx, restoring, err)
}

var (
	setting = lazyregexp.New(`^SET (?:SESSION |LOCAL )?([a-z_]+) = [^;]*;\s*$`)
	// Newer programs begin and end with one, for psql alone.
	forPsql = lazyregexp.New(`^\\(?:un)?restrict `)
)

// runs reports whether a line is for this server. head is true up to the first
// statement that is not about settings; behind it, only what pg_restore itself sets
// for tables is looked at, for a line may be one of a function.
func (w *wholeRestore) runs(line string, head *bool) bool {
	m := setting.FindStringSubmatch(line)
	switch {
	case forPsql.MatchString(line):
		return false
	case m != nil && (*head || m[1] == "default_table_access_method" || m[1] == "default_with_oids"):
		return w.settings[m[1]]
	case m == nil && strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "--") && !strings.HasPrefix(line, "SELECT pg_catalog.set_config("):
		*head = false
	}
	return true
}

// data runs the section of the rows: rows, and statements between them.
func (w *wholeRestore) data(ctx context.Context) error {
	return w.stream(ctx, "data", func(b *bufio.Reader) error {
		head, between, copying := true, "", ""
		for {
			line, err := b.ReadString('\n')
			switch {
			case copying != "" || strings.HasPrefix(line, "COPY ") && ends(between):
				copying += line // a name may hold the end of a line
				if _, ok := copyColumns(copying); !ok {
					break
				}
				if err := w.exec(ctx, between); err != nil {
					return err
				}
				if err := w.rows(ctx, b, strings.TrimSuffix(copying, ";\n")); err != nil {
					return err
				}
				between, copying = "", ""
			case w.runs(line, &head) && !strings.HasPrefix(line, "--"):
				between += line
			}
			if err == nil {
				continue
			}
			if copying != "" {
				return &Error{Kind: Damaged, Doing: "read", Where: "the dump " + w.r.File, Detail: errNoRows.Error()}
			}
			if err := ended(err); err != nil {
				return err
			}
			return w.exec(ctx, between)
		}
	})
}

// ends reports whether a statement has ended, or none has begun.
func ends(sql string) bool {
	sql = strings.TrimSpace(sql)
	return sql == "" || strings.HasSuffix(sql, ";")
}

func (w *wholeRestore) rows(ctx context.Context, b *bufio.Reader, statement string) error {
	rows := &copyRows{r: b}
	counted := &meter{r: rows, told: func(n int64) {
		w.done += n
		if w.r.Progress != nil {
			w.r.Progress(w.done, max(w.r.Info.Bytes, w.done), "")
		}
	}}
	_, err := w.c.PgConn().CopyFrom(ctx, counted, statement)
	counted.end()
	if broken := rows.broken.Load(); broken != nil && !w.c.IsClosed() {
		return *broken
	}
	if err != nil {
		return w.c.fail(ctx, restoring, err)
	}
	// The driver stops at the end of the rows, which is where the script goes on.
	_, err = io.Copy(io.Discard, rows)
	return err
}
