package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/pg"
	"github.com/dssctl/dssctl/providers/places"
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
	// Kept says that what was there was set aside.
	Kept bool `json:"kept,omitempty"`
	// Objects are what the restore makes.
	Objects []pg.Object `json:"objects,omitempty"`
	// Empty: nothing was there when the load began, and the place is for a data
	// directory that this run makes. What the role owns there is the run's.
	Empty bool `json:"empty,omitempty"`
	// Whole: the database was empty except for these schemas.
	Whole   bool     `json:"whole,omitempty"`
	Schemas []string `json:"schemas,omitempty"`
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
	// Whatever happened on the way: never where the original's tables are.
	if err := c.leadsThere(e); err != nil {
		return fmt.Errorf("load the dump: %w", err)
	}
	login, place, err := c.target(db)
	if err != nil {
		return err
	}
	at := places.Site{Login: login, Place: place, Whole: info.Whole}
	r := loadReceipt{Login: withoutSecrets(login), Place: place, Aside: "dssctl_aside_" + strings.ReplaceAll(c.Run, "-", "_")}
	var former loadReceipt
	if known, err := c.Receipt.Load(&former); err != nil {
		return err
	} else if known {
		r.Objects, r.Empty, r.Whole, r.Schemas, r.Kept = former.Objects, former.Empty, former.Whole, former.Schemas, former.Kept
		if (len(r.Objects) > 0 || r.Whole) && pg.Restored(ctx, login, place, info) == nil {
			return nil // by a dssctl that was killed behind the commit
		}
	}
	found, err := c.writable(ctx, e, &at)
	if err != nil {
		return err
	}
	r.Place, place = at.Place, at.Place
	r.Empty = r.Empty || found.Filled == "" && c.Restore.Elsewhere != nil && !info.Whole
	if err := c.Receipt.Save(r); err != nil {
		return err
	}
	tools := c.tools()
	if info.Whole {
		// A Govern node's database is all its own: what is in it cannot be set
		// aside in itself.
		return tools.Restore(ctx, c.loading(login, place, e, info, &r))
	}
	c.note("setting aside the tables that are there")
	if err := pg.SetAside(ctx, login, place, r.Aside); err != nil {
		return err
	}
	r.Kept = true
	if err := c.Receipt.Save(r); err != nil {
		return err
	}
	return tools.Restore(ctx, c.loading(login, place, e, info, &r))
}

func (c *call) loading(login pg.Login, place pg.Place, e set.Entry, info pg.DumpInfo, r *loadReceipt) pg.Restore {
	return pg.Restore{
		Login: login, To: place, File: filepath.Join(e.Folder, set.DumpName), Info: info, CreateSchema: true, Run: c.Run,
		Planned: func(objects []pg.Object) error { r.Objects = objects; return c.Receipt.Save(*r) },
		Begins:  func(schemas []string) error { r.Whole, r.Schemas = true, schemas; return c.Receipt.Save(*r) },
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

// CheckUndo: what was set aside must be there still, and nothing in its way.
func (loader) CheckUndo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	var r loadReceipt
	if known, err := c.Receipt.Load(&r); err != nil || !known || !r.Kept || c.Glance {
		return err
	}
	login, r, err := c.loaded()
	if err != nil {
		return err
	}
	aside, err := pg.IsAside(ctx, login, r.Place, r.Aside)
	if err != nil {
		return err
	}
	if !aside {
		return &providers.GoneError{What: fmt.Sprintf("the tables from before the restore, which were set aside in the schema %s on %s, are not there any more", r.Aside, login.Where())}
	}
	found, err := pg.Objects(ctx, login, r.Place, false)
	if err != nil {
		return err
	}
	var more []string
	for _, o := range found {
		// What belongs to a table, such as its sequence, goes with it.
		if o.Kind == "TABLE" && !slices.Contains(r.Objects, o) {
			more = append(more, o.Name)
		}
	}
	if len(more) > 0 && !r.Empty {
		return fmt.Errorf("tables that the restore did not make are at the place of those that it set aside: %s; drop them, or move them to another schema", pg.FirstNames(more))
	}
	return nil
}

// Undo drops what was loaded, with the schema that was made for it, and brings
// back what was set aside.
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
	if r.Whole {
		return pg.DropWhole(ctx, login, r.Schemas)
	}
	drop := r.Objects
	if r.Empty {
		// DSS may have made more at its start, and what it made it for goes too.
		if drop, err = pg.Objects(ctx, login, r.Place, true); err != nil {
			return err
		}
	}
	if err := pg.Drop(ctx, login, r.Place.Schema, drop); err != nil {
		return err
	}
	if _, err := pg.DropSchema(ctx, login, r.Place.Schema, c.Run); err != nil {
		return err
	}
	return pg.BringBack(ctx, login, r.Place, r.Aside)
}
