package origin

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/iniedit"
	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// placer performs origin.place.
type placer struct{}

func (placer) Done(_ context.Context, pc *providers.Call) (bool, error) {
	c, err := openClone(pc)
	if err != nil {
		return false, err
	}
	var r made
	known, err := c.Receipt.Load(&r)
	return known && c.staging() == "" && exists(c.Instance.Path("install.ini")), err
}

func (placer) Do(_ context.Context, pc *providers.Call) error {
	c, err := openClone(pc)
	if err != nil {
		return err
	}
	r, err := c.claim()
	if err != nil {
		return err
	}
	from := c.staging()
	switch {
	case from == "":
		return fmt.Errorf("the copy of %s is gone", c.Source.Address)
	case !r.Existed:
		if err := c.madeHere(r, from); err != nil {
			return err
		}
		if err := os.Rename(from, c.Instance.DataDir); err != nil {
			return fmt.Errorf("put the copy in place: %w", err)
		}
		return atomicfile.SyncDir(filepath.Dir(from))
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(from, e.Name()), c.Instance.Path(e.Name())); err != nil {
			return fmt.Errorf("put the copy in place: %w", err)
		}
	}
	return errors.Join(os.Remove(from), atomicfile.SyncDir(c.Instance.DataDir))
}

func (placer) Verify(_ context.Context, pc *providers.Call) error {
	_, err := pc.Instance.Identity()
	return err
}

// CheckUndo implements providers.UndoChecker.
func (placer) CheckUndo(_ context.Context, pc *providers.Call) error {
	c, err := openClone(pc)
	if err != nil {
		return err
	}
	return checkUndoMade(c)
}

func (placer) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := openClone(pc)
	if err != nil {
		return err
	}
	return c.undoMade(ctx)
}

// Loses tells what comes to an end with the instance.
func (placer) Loses(ctx context.Context, pc *providers.Call) (string, error) {
	return installer{}.Loses(ctx, pc)
}

// identifier performs origin.identity: what tells the clone from its source.
type identifier struct{}

// identity is what it remembers.
type identity struct {
	InstallID string `json:"installid"`
}

func (identifier) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (identifier) Do(ctx context.Context, pc *providers.Call) error {
	c, err := openClone(pc)
	if err != nil {
		return err
	}
	var id identity
	if known, err := c.Receipt.Load(&id); err != nil {
		return err
	} else if !known {
		if id.InstallID, err = installID(); err != nil {
			return err
		}
		if err := c.Receipt.Save(id); err != nil {
			return err
		}
	}
	if err := c.Instance.EditInstallINI(ctx, func(f *iniedit.File) error {
		f.Set("server", "port", strconv.Itoa(c.Port))
		f.Set("general", "installid", id.InstallID)
		return nil
	}); err != nil {
		return err
	}
	switch {
	case c.Database == nil:
		return nil
	case c.Database.Govern:
		// Until all of it is known it leads nowhere.
		return c.Instance.EditProperties(ctx, func(p *dss.Properties) error {
			p.Delete(dss.GovernURL)
			return nil
		})
	}
	return c.Instance.EditSettings(ctx, func(d *jsonedit.Doc) error {
		if c.Database.Own {
			// Without its password the connection is of no use, and it still
			// leads to the source's tables: until it is whole there is none.
			if _, ok := d.Get(connectionMember); ok {
				return d.Delete(connectionMember)
			}
			return nil
		}
		return c.Database.relocation("", "").Edit(d)
	})
}

const connectionMember = dss.RuntimeDatabaseMember + "/connection"

func (d *database) relocation(host, name string) dss.Relocation {
	r := dss.Relocation{Host: host, Database: name, Schema: d.Schema, Prefix: &d.Prefix}
	if host != "" {
		r.Port = d.Port
	}
	return r
}

// installID makes one as the installer does: 24 letters and digits.
func installID() (string, error) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	const most = 256 - 256%len(letters) // above, some would be likelier
	out := make([]byte, 0, 24)
	b := make([]byte, 1)
	for len(out) < cap(out) {
		if _, err := rand.Read(b); err != nil {
			return "", fmt.Errorf("make an installid: %w", err)
		}
		if int(b[0]) < most {
			out = append(out, letters[int(b[0])%len(letters)])
		}
	}
	return string(out), nil
}

func (identifier) Verify(_ context.Context, pc *providers.Call) error {
	c, err := openClone(pc)
	if err != nil {
		return err
	}
	if err := c.isAs(c.Source.InstallID); err != nil || c.Database == nil {
		return err
	}
	db, err := c.Instance.RuntimeDatabase()
	if err != nil {
		return err
	}
	if c.Database.Own {
		if db.External {
			err = errors.New("the clone's settings still lead to the source's database")
		}
		return err
	}
	return c.ownPlace(db)
}

// ownPlace checks that the clone's settings lead to its own tables.
func (c *call) ownPlace(db dss.RuntimeDatabase) error {
	schema := db.Schema
	if db.Govern && db.External {
		_, place, err := db.Target()
		if err != nil {
			return err
		}
		schema = place.Schema
	}
	if !db.External || schema != c.Database.Schema || db.Prefix != c.Database.Prefix {
		return fmt.Errorf("the clone's settings lead to schema %q, prefix %q, and not to %s", schema, db.Prefix, c.Database.words())
	}
	return nil
}

// Undo: what was edited goes with the content.
func (identifier) Undo(context.Context, *providers.Call) error { return nil }

// deactivator performs origin.scenarios.
type deactivator struct{}

func (deactivator) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (deactivator) Do(ctx context.Context, pc *providers.Call) error {
	n := 0
	err := eachScenario(ctx, pc.Instance, func(path string, d *jsonedit.Doc) error {
		if err := d.Set("/active", json.RawMessage("false")); err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		n++
		return pc.Instance.Confined().Write(path, d.Bytes(), info.Mode().Perm())
	})
	if n > 0 {
		pc.Notice(humanize.Count(int64(n), "scenario was active and is", "scenarios were active and are") + " deactivated here; activate what this instance shall run")
	}
	return err
}

// eachScenario calls f for every active one.
func eachScenario(ctx context.Context, in *dss.Instance, f func(path string, d *jsonedit.Doc) error) error {
	projects, err := os.ReadDir(in.Path("config", "projects"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // an API node has none
	}
	if err != nil {
		return fmt.Errorf("list the projects: %w", err)
	}
	for _, p := range projects {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		folder := in.Path("config", "projects", p.Name(), "scenarios")
		entries, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return fmt.Errorf("list the scenarios of the project %s: %w", p.Name(), err)
		}
		for _, e := range entries {
			if filepath.Ext(e.Name()) != ".json" {
				continue
			}
			if err := ifActive(filepath.Join(folder, e.Name()), f); err != nil {
				return err
			}
		}
	}
	return nil
}

// ifActive calls f for a scenario that would run.
func ifActive(path string, f func(path string, d *jsonedit.Doc) error) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read a scenario: %w", err)
	}
	d, err := jsonedit.Parse(raw)
	if err != nil {
		return fmt.Errorf("the scenario %s cannot be read, so it cannot be deactivated: %w", path, err)
	}
	if active, ok := d.Get("/active"); !ok || string(active) == "false" {
		return nil
	}
	if err := f(path, d); err != nil {
		return fmt.Errorf("deactivate the scenario %s: %w", path, err)
	}
	return nil
}

func (deactivator) Verify(ctx context.Context, pc *providers.Call) error {
	return eachScenario(ctx, pc.Instance, func(string, *jsonedit.Doc) error { return errors.New("it is still active") })
}

// Undo: what was edited goes with the content.
func (deactivator) Undo(context.Context, *providers.Call) error { return nil }
