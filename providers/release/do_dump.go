package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/pg"
)

// dumper performs release.dump: the new version changes the tables in PostgreSQL
// when it starts, so they are kept as they are. Undoing it puts them back exactly,
// where they have changed.
type dumper struct{}

// dumpReceipt remembers what was dumped, without the password.
type dumpReceipt struct {
	Login pg.Login    `json:"login"`
	Place pg.Place    `json:"place"`
	Whole bool        `json:"whole,omitempty"`
	Info  pg.DumpInfo `json:"info"`
	Made  bool        `json:"made"`
	// Restored are what a restore made, once it is about to.
	Restored []pg.Object `json:"restored,omitempty"`
}

// dumpOf is where DSS keeps its databases now, with the password.
func (c *call) dumpOf() (dumpReceipt, error) {
	db, err := c.Instance.RuntimeDatabase()
	if err != nil {
		return dumpReceipt{}, err
	}
	if !db.External {
		return dumpReceipt{}, errors.New("the runtime databases are embedded now, and the plan was made to dump them from PostgreSQL: plan again")
	}
	login, place, err := db.Target()
	if err != nil {
		return dumpReceipt{}, err
	}
	place.Others = c.Others
	login, err = c.withPassword(login)
	return dumpReceipt{Login: login, Place: place, Whole: db.Govern}, err
}

func (c *call) withPassword(l pg.Login) (pg.Login, error) {
	if c.Database == nil {
		return l, nil
	}
	var err error
	l.Password, err = c.Database.Reveal(c.Secrets)
	return l, err
}

func (c *call) tools() pg.Tools { return pg.Tools{Runner: c.Instance.Runner(), Clock: c.Clock} }

// runFolder is where a run keeps what belongs to its upgrade.
func (c *call) runFolder() string { return filepath.Join(c.Instance.Companion(), "release", c.Run) }

func (c *call) dumpFile() string { return filepath.Join(c.runFolder(), "runtime-databases.dump") }

// withoutSecrets is fit to be stored.
func withoutSecrets(l pg.Login) pg.Login {
	l.Password = ""
	l.Properties = maps.Clone(l.Properties)
	maps.DeleteFunc(l.Properties, func(k, _ string) bool { return strings.Contains(strings.ToLower(k), "password") })
	return l
}

func (dumper) Done(ctx context.Context, pc *providers.Call) (bool, error) {
	c, err := open(pc)
	if err != nil {
		return false, err
	}
	var r dumpReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil || !known || !r.Made {
		return false, err
	}
	return c.tools().VerifyDump(ctx, c.dumpFile(), r.Info) == nil, nil
}

func (dumper) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	r, err := c.dumpOf()
	if err != nil {
		return err
	}
	if _, err := c.Instance.EnsureCompanion("release", c.Run); err != nil {
		return err
	}
	login := r.Login
	r.Login = withoutSecrets(login)
	dump := pg.Dump{
		Login: login, Place: r.Place, Whole: r.Whole, File: c.dumpFile(),
		Progress: func(done, total int64, table string) {
			c.Progress(event.Progress{Done: done, Total: total, Unit: "bytes", Note: table})
		},
	}
	if r.Info, err = c.tools().Dump(ctx, dump); err != nil {
		return err
	}
	if r.Whole && only(r.Info, r.Place.Schema) {
		// A Govern node's tables that all stand in one schema can be put back
		// there without another database to be at hand.
		dump.Whole = false
		if info, err := c.tools().Dump(ctx, dump); err == nil {
			r.Info, r.Whole = info, false
		} else if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	r.Made = true
	return c.Receipt.Save(r)
}

// only reports whether all tables of a dump stand in this schema.
func only(info pg.DumpInfo, schema string) bool {
	return !slices.ContainsFunc(info.Tables, func(t pg.DumpedTable) bool { return t.Schema != schema })
}

func (dumper) Verify(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var r dumpReceipt
	known, err := c.Receipt.Load(&r)
	if err == nil && !known {
		err = errors.New("what the dump holds is not known")
	}
	if err != nil {
		return err
	}
	if err := c.tools().VerifyDump(ctx, c.dumpFile(), r.Info); err != nil {
		return err
	}
	c.Kept(c.dumpFile())
	return nil
}

// CheckUndo: the dump must be whole. A database that has to be emptied first is a
// person's, before the rollback and not in the middle of it.
func (dumper) CheckUndo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var r dumpReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil || !known || !r.Made || !exists(c.installingFile()) {
		return err
	}
	gone := func(err error) error {
		return &providers.GoneError{What: "the dump of the runtime databases from before the upgrade, " + c.dumpFile() + ", is not whole any more", Err: err}
	}
	info, err := os.Stat(c.dumpFile())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &providers.GoneError{What: "the dump of the runtime databases from before the upgrade, " + c.dumpFile() + ", is not there any more"}
	case err != nil:
		return err
	case info.Size() != r.Info.Bytes:
		return gone(fmt.Errorf("it has %d bytes, expected %d", info.Size(), r.Info.Bytes))
	case c.Glance:
		return nil
	}
	if err := c.tools().VerifyDump(ctx, c.dumpFile(), r.Info); err != nil {
		if pg.KindOf(err) == pg.Damaged {
			return gone(err)
		}
		return err
	}
	login, err := c.loginOf(r)
	if err != nil {
		return err
	}
	// Asking for what is aside tells whether the login works.
	if _, err := pg.IsAside(ctx, login, r.Place, c.aside()); err != nil {
		return err
	}
	if r.Whole && pg.Restored(ctx, login, r.Place, r.Info) != nil {
		return fmt.Errorf("the database %s of this Govern node has changed since the dump and cannot be emptied by dssctl: stop DSS, restore the database from\n  %s\ninto an empty one of that name with pg_restore, then roll back", r.Login.Database, c.dumpFile())
	}
	return nil
}

// loginOf is the login that the dump was made with.
func (c *call) loginOf(r dumpReceipt) (pg.Login, error) {
	login, err := c.withPassword(r.Login)
	if err != nil || c.Database != nil {
		return login, err
	}
	// DSS keeps it in clear, and its settings are put back already or never were
	// touched.
	if now, err := c.dumpOf(); err == nil {
		login.Password = now.Login.Password
	}
	return login, nil
}

// Undo restores the tables, unless the new version's installer never ran. Rows
// that are as many as before prove nothing: a migration changes them in place.
// DSS is stopped.
func (dumper) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var r dumpReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil {
		return err
	}
	if !known || !r.Made {
		err := os.Remove(c.dumpFile())
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	}
	c.Kept(c.dumpFile())
	login, err := c.loginOf(r)
	if err != nil {
		return err
	}
	if !exists(c.installingFile()) {
		return nil // DSS was down all the time, and no other version was let near
	}
	same := pg.Restored(ctx, login, r.Place, r.Info) == nil
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if r.Whole && same {
		c.Notice("the tables of the database have as many rows as before the upgrade, so they are left alone; the dump of the whole database is " + c.dumpFile())
		return nil
	}
	if r.Whole {
		return fmt.Errorf("the database %s of this Govern node has changed since the dump and cannot be emptied by dssctl: restore it from\n  %s\ninto an empty database of that name with pg_restore, then go on with `dssctl recover`", r.Login.Database, c.dumpFile())
	}
	if same && len(r.Restored) > 0 {
		// An undo that was broken off behind the restore: the newer tables are
		// still aside. What only has as many rows is not ours.
		aside, err := pg.IsAside(ctx, login, r.Place, c.aside())
		if err != nil {
			return err
		}
		if aside {
			return c.dropAside(ctx, login, r)
		}
	}
	c.Notice("restoring the runtime databases as they were before the upgrade")
	if err := pg.SetAside(ctx, login, r.Place, c.aside()); err != nil {
		return err
	}
	if err := c.tools().Restore(ctx, pg.Restore{
		Login: login, To: r.Place, File: c.dumpFile(), Info: r.Info, CreateSchema: true, Run: c.Run,
		Planned: func(objects []pg.Object) error { r.Restored = objects; return c.Receipt.Save(r) },
		Progress: func(done, total int64, table string) {
			c.Progress(event.Progress{Done: done, Total: total, Unit: "bytes", Note: table})
		},
	}); err != nil {
		return err
	}
	if err := pg.Restored(ctx, login, r.Place, r.Info); err != nil {
		return err
	}
	return c.dropAside(ctx, login, r)
}

func (c *call) aside() string { return "dssctl_aside_" + strings.ReplaceAll(c.Run, "-", "_") }

// dropAside drops the tables of the newer version, once the older ones are back.
func (c *call) dropAside(ctx context.Context, login pg.Login, r dumpReceipt) error {
	if r.Whole || len(r.Restored) == 0 {
		return nil
	}
	if err := pg.DropAside(ctx, login, r.Place, c.aside()); err != nil {
		return &providers.LeftoverError{What: "the tables of the newer version in the schema " + c.aside(), Err: err}
	}
	return nil
}

// pruneRuns removes what all but the newest runs kept, and those that can still be
// undone; their names are in the order of their times.
func (c *call) pruneRuns(ctx context.Context) error {
	needed, err := providers.NeededRuns(ctx, c.Call)
	if err != nil {
		return err
	}
	const kept = 3
	root := filepath.Join(c.Instance.Companion(), "release")
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var runs []string
	for _, e := range entries {
		if e.IsDir() && !needed[e.Name()] {
			runs = append(runs, e.Name())
		}
	}
	slices.Sort(runs)
	var errs []error
	for _, run := range runs[:max(0, len(runs)-kept)] {
		errs = append(errs, removeTree(filepath.Join(root, run)))
	}
	return errors.Join(errs...)
}
