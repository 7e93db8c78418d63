package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// dumper performs backup.dump: the runtime databases that are in PostgreSQL, of
// exactly this instance.
type dumper struct{}

func (dumper) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (dumper) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	db, err := c.Instance.RuntimeDatabase()
	if err != nil {
		return err
	}
	if !db.External {
		return errors.New("the runtime databases are embedded now, and the plan was made to dump them: plan again")
	}
	login, place, err := c.target(db)
	if err != nil {
		return err
	}
	if err := c.still(c.heldAs()); err != nil {
		return err
	}
	info, err := c.tools().Dump(ctx, pg.Dump{
		Login: login, Place: place, Whole: db.Govern, File: filepath.Join(c.part(), set.DumpName),
		Progress: func(done, total int64, table string) {
			c.Progress(event.Progress{Done: done, Total: total, Unit: "bytes", Note: table})
		},
	})
	if err != nil {
		return err
	}
	about, err := json.Marshal(info)
	if err != nil {
		return fmt.Errorf("describe the dump: %w", err)
	}
	return c.update(func(m *making) {
		m.DumpSHA256 = info.SHA256
		m.Database = &set.Database{
			Host: login.Host, Port: login.Port, Database: login.Database, Schema: place.Schema, Prefix: place.Prefix, User: login.User, Dump: about,
		}
	})
}

// Verify reads the dump's own table of contents.
func (dumper) Verify(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	m, err := c.making()
	if err != nil {
		return err
	}
	if m.Database == nil {
		return errors.New("the dump is not there")
	}
	return verifyDump(ctx, c, c.part(), m.Database)
}

func verifyDump(ctx context.Context, c *call, folder string, d *set.Database) error {
	var info pg.DumpInfo
	if err := json.Unmarshal(d.Dump, &info); err != nil {
		return fmt.Errorf("the manifest does not describe the dump: %w", err)
	}
	return c.tools().VerifyDump(ctx, filepath.Join(folder, set.DumpName), info)
}

func (dumper) Undo(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	err = os.Remove(filepath.Join(c.part(), set.DumpName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// target is where DSS connects to, with the password that is declared or that
// DSS keeps in clear.
func (c *call) target(db dss.RuntimeDatabase) (pg.Login, pg.Place, error) {
	login, place, err := db.Target()
	place.Others = c.Others
	if err != nil || c.Database == nil {
		return login, place, err
	}
	login.Password, err = c.Database.Reveal(c.Secrets)
	return login, place, err
}

func (c *call) tools() pg.Tools { return pg.Tools{Runner: c.Instance.Runner(), Clock: c.Clock} }
