package pg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/proc"
)

// Dump is a dump to be made.
type Dump struct {
	Login Login
	Place Place
	// Whole dumps all of the database instead of a place, for a Govern node.
	Whole bool
	// File is where it goes: it appears, for its owner alone and safe on disk,
	// when the dump is whole. Beside it FILE.part is used.
	File string
	// Progress is told the bytes written, the bytes that the tables take on
	// the server, which is more than the dump will be, and the table at work.
	// May be nil.
	Progress func(done, total int64, table string)
}

const (
	dumping = "dump the tables of"
	// argumentBytes bounds what a program is given as arguments: Linux takes
	// two megabytes of arguments and environment together.
	argumentBytes = 1 << 20
)

// CheckDump looks whether the place could be dumped now: the server lets dssctl
// in, a pg_dump new enough is there, and nothing stands in the way. It changes
// nothing. It returns what the dump would hold; rows are not counted.
func (t Tools) CheckDump(ctx context.Context, d Dump) (DumpInfo, error) {
	c, err := Connect(ctx, d.Login)
	if err != nil {
		return DumpInfo{}, err
	}
	defer c.Close()
	var info DumpInfo
	err = pgx.BeginTxFunc(ctx, c.Conn, snapshot, func(tx pgx.Tx) error {
		info, _, _, err = t.prepare(ctx, c, tx, d)
		return err
	})
	return info, c.fail(ctx, dumping, err)
}

var snapshot = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}

// Dump writes the file. Rows are counted in the dump's own snapshot. What a
// restore could not make again is refused, by name: views, triggers, row
// security, types and functions of one's own, tables the role may not read.
// When it fails or ctx ends, no file is there.
func (t Tools) Dump(ctx context.Context, d Dump) (info DumpInfo, err error) {
	c, err := Connect(ctx, d.Login)
	if err != nil {
		return DumpInfo{}, err
	}
	defer c.Close()
	part := d.File + ".part"
	if err := makePart(part); err != nil {
		return DumpInfo{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removePart(part))
		}
	}()
	err = pgx.BeginTxFunc(ctx, c.Conn, snapshot, func(tx pgx.Tx) error {
		var program tool
		var args []string
		if info, program, args, err = t.prepare(ctx, c, tx, d); err != nil {
			return err
		}
		return t.write(ctx, c, tx, d, &info, program, args)
	})
	if err != nil {
		return DumpInfo{}, c.fail(ctx, dumping, err)
	}
	if info.Bytes, info.SHA256, err = sealPart(ctx, part, d.File); err != nil {
		return DumpInfo{}, err
	}
	return info, nil
}

// makePart makes an empty file that only its owner can read; pg_dump by itself
// would go by the umask.
func makePart(part string) error {
	if err := removePart(part); err != nil {
		return err
	}
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make a file for the dump: %w", err)
	}
	return f.Close()
}

func removePart(part string) error {
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove an unfinished dump: %w", err)
	}
	return nil
}

// sealPart puts the finished file in its place.
func sealPart(ctx context.Context, part, file string) (size int64, sum string, err error) {
	f, err := os.Open(part)
	if err != nil {
		return 0, "", fmt.Errorf("read the dump: %w", err)
	}
	defer f.Close()
	if size, sum, err = digest(ctx, f); err != nil {
		return 0, "", fmt.Errorf("read the dump %s: %w", part, err)
	}
	if err := f.Sync(); err != nil {
		return 0, "", fmt.Errorf("write the dump %s: %w", part, err)
	}
	if err := os.Rename(part, file); err != nil {
		return 0, "", fmt.Errorf("put the dump in its place: %w", err)
	}
	return size, sum, atomicfile.SyncDir(filepath.Dir(file))
}

// prepare reads what there is and says how to dump it.
func (t Tools) prepare(ctx context.Context, c *Conn, tx pgx.Tx, d Dump) (DumpInfo, tool, []string, error) {
	info := DumpInfo{Server: c.Version, Database: d.Login.Database, Whole: d.Whole}
	if err := unhurried(ctx, c, tx); err != nil {
		return info, tool{}, nil, err
	}
	args := []string{
		"--format=custom", "--compress=1", "--encoding=UTF8", "--lock-wait-timeout=60s", "--strict-names", "--verbose",
		"--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions", "--no-security-labels", "--no-tablespaces",
	}
	var err error
	if d.Whole {
		err = info.readWhole(ctx, tx)
	} else {
		info.Place = d.Place
		if err = info.readPlace(ctx, c, tx); err == nil {
			var names []string
			names, err = info.patterns(d.Login)
			args = append(args, names...)
		}
	}
	if err != nil {
		return info, tool{}, nil, err
	}
	program, err := t.find(ctx, "pg_dump", major(c.Version))
	info.Tool = program.String()
	return info, program, args, err
}

// patterns names the tables and the sequences that come with none of them, each
// letter by letter: pg_dump takes what is in quotes as it is.
func (i *DumpInfo) patterns(l Login) ([]string, error) {
	var out []string
	size := 0
	add := func(schema, name string) {
		arg := "--table=" + Quote(schema, name)
		out = append(out, arg)
		size += len(arg) + 9 // the end and the pointer
	}
	for _, t := range i.Tables {
		add(t.Schema, t.Name)
	}
	for _, s := range i.Sequences {
		if s.Table == "" {
			add(s.Schema, s.Name)
		}
	}
	if size > argumentBytes {
		return nil, &Error{
			Kind: Failed, Doing: dumping, Where: l.Where(), Role: l.User,
			Detail: fmt.Sprintf("%d tables are more than pg_dump can be told by name (their names take %d bytes, %d is the most); dump the database by other means", len(out), size, argumentBytes),
		}
	}
	return out, nil
}

// write runs pg_dump on the transaction's snapshot, and counts meanwhile what
// it reads anyway.
func (t Tools) write(ctx context.Context, c *Conn, tx pgx.Tx, d Dump, info *DumpInfo, program tool, args []string) error {
	var id string
	if err := tx.QueryRow(ctx, `SELECT pg_export_snapshot()`).Scan(&id); err != nil {
		return err
	}
	args = append(args, "--snapshot="+id, "--file="+d.File+".part")
	told := &meterFile{path: d.File + ".part", total: info.onDisk, tell: d.Progress}
	g, inner := errgroup.WithContext(ctx)
	finished, stop := context.WithCancel(inner)
	defer stop()
	g.Go(func() error {
		defer stop()
		_, err := t.run(inner, &d.Login, dumping, program, proc.Cmd{Args: args, Line: told.line})
		if err != nil && ctx.Err() == nil && inner.Err() != nil {
			return context.Cause(inner) // the counting failed, and said why
		}
		return err
	})
	g.Go(func() error {
		err := info.count(inner, tx)
		if err != nil && ctx.Err() == nil && inner.Err() != nil {
			return context.Cause(inner)
		}
		return c.fail(ctx, "count the rows in", err)
	})
	g.Go(func() error {
		for t.clock().Sleep(finished, 500*time.Millisecond) == nil {
			told.look()
		}
		told.look()
		return nil
	})
	return g.Wait()
}

// count counts the rows of every table.
func (i *DumpInfo) count(ctx context.Context, tx pgx.Tx) error {
	for n := range i.Tables {
		t := &i.Tables[n]
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM ONLY `+Quote(t.Schema, t.Name)).Scan(&t.Rows); err != nil {
			return err
		}
	}
	return nil
}

// tableAtWork understands pg_dump's "dumping contents of table "public.x"".
func tableAtWork(line string) (string, bool) {
	_, after, ok := strings.Cut(line, "dumping contents of table ")
	return strings.Trim(after, `"`), ok
}
