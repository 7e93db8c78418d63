package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/pg"
)

// loader performs backup.load: the runtime databases of the set come to the
// place that the restored data directory names, before DSS starts from it. What
// is there is set aside in a schema of its own.
type loader struct{}

// loadReceipt remembers where, without the password.
type loadReceipt struct {
	Login pg.Login `json:"login"`
	Place pg.Place `json:"place"`
	Aside string   `json:"aside"`
	// Objects are what the restore makes.
	Objects []pg.Object `json:"objects,omitempty"`
}

// withoutSecrets is fit to be stored.
func withoutSecrets(l pg.Login) pg.Login {
	l.Password = ""
	l.Properties = maps.Clone(l.Properties)
	maps.DeleteFunc(l.Properties, func(k, _ string) bool { return strings.Contains(strings.ToLower(k), "password") })
	return l
}

func (loader) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (loader) Do(ctx context.Context, pc *providers.Call) error {
	c, e, err := openRestore(pc)
	if err != nil {
		return err
	}
	info, err := dumpInfo(e)
	if err != nil {
		return err
	}
	db, err := c.Instance.RuntimeDatabase()
	if err != nil {
		return err
	}
	if !db.External {
		return errors.New("the set has a dump of external runtime databases, and its own settings name none")
	}
	login, place, err := c.target(db)
	if err != nil {
		return err
	}
	r := loadReceipt{Login: withoutSecrets(login), Place: place, Aside: "dssctl_aside_" + strings.ReplaceAll(c.Run, "-", "_")}
	var former loadReceipt
	if known, err := c.Receipt.Load(&former); err != nil {
		return err
	} else if known {
		r.Objects = former.Objects
	}
	if err := c.Receipt.Save(r); err != nil {
		return err
	}
	tools := c.tools()
	if info.Whole {
		// A Govern node's database is all its own: what is in it cannot be set
		// aside in itself.
		return tools.Restore(ctx, c.loading(login, place, e, info, &r))
	}
	if pg.Restored(ctx, login, place, info) == nil {
		return nil // by a dssctl that was killed behind the commit
	}
	c.note("setting aside the tables that are there")
	if err := pg.SetAside(ctx, login, place, r.Aside); err != nil {
		return err
	}
	return tools.Restore(ctx, c.loading(login, place, e, info, &r))
}

func (c *call) loading(login pg.Login, place pg.Place, e set.Entry, info pg.DumpInfo, r *loadReceipt) pg.Restore {
	return pg.Restore{
		Login: login, To: place, File: filepath.Join(e.Folder, set.DumpName), Info: info, CreateSchema: true, Run: c.Run,
		Planned: func(objects []pg.Object) error { r.Objects = objects; return c.Receipt.Save(*r) },
		Progress: func(done, total int64, table string) {
			c.Progress(event.Progress{Done: done, Total: total, Unit: "bytes", Note: table})
		},
	}
}

func dumpInfo(e set.Entry) (pg.DumpInfo, error) {
	var info pg.DumpInfo
	if e.Manifest.Database == nil {
		return info, fmt.Errorf("the set %s has no dump", e.ID)
	}
	if err := json.Unmarshal(e.Manifest.Database.Dump, &info); err != nil {
		return info, fmt.Errorf("the manifest of the set %s does not describe its dump: %w", e.ID, err)
	}
	return info, nil
}

func (loader) Verify(ctx context.Context, pc *providers.Call) error {
	c, e, err := openRestore(pc)
	if err != nil {
		return err
	}
	info, err := dumpInfo(e)
	if err != nil {
		return err
	}
	login, r, err := c.loaded()
	if err != nil {
		return err
	}
	return pg.Restored(ctx, login, r.Place, info)
}

// loaded is where it was loaded to, with the password.
func (c *call) loaded() (pg.Login, loadReceipt, error) {
	var r loadReceipt
	known, err := c.Receipt.Load(&r)
	if err == nil && !known {
		err = errors.New("where the dump was loaded to is not known")
	}
	if err != nil {
		return pg.Login{}, r, err
	}
	login := r.Login
	if c.Database != nil {
		if login.Password, err = c.Database.Reveal(c.Secrets); err != nil {
			return login, r, err
		}
	}
	return login, r, nil
}

// Undo drops what was loaded and brings back what was set aside.
func (loader) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var r loadReceipt
	if known, err := c.Receipt.Load(&r); err != nil || !known {
		return err
	}
	login, r, err := c.loaded()
	if err != nil {
		return err
	}
	if err := pg.Drop(ctx, login, r.Place.Schema, r.Objects); err != nil {
		return err
	}
	return pg.BringBack(ctx, login, r.Place, r.Aside)
}
