package dss

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/providers/pg"
)

// Relocation is another place for external runtime databases: what is not set
// stays. The user and the password stay too: DSS has encrypted it with the data
// directory's own key.
type Relocation struct {
	Host     string
	Port     int
	Database string
	Schema   string
	Prefix   *string
}

// Empty reports that nothing is set.
func (r Relocation) Empty() bool { return r == Relocation{} }

// From is the place that databases come to from this one.
func (r Relocation) From(l pg.Login, p pg.Place) (pg.Login, pg.Place) {
	l.Host, l.Port, l.Database = cmp.Or(r.Host, l.Host), cmp.Or(r.Port, l.Port), cmp.Or(r.Database, l.Database)
	p.Schema = cmp.Or(r.Schema, p.Schema)
	if r.Prefix != nil {
		p.Prefix = *r.Prefix
	}
	return l, p
}

// Relocate has the instance use the runtime databases at another place,
// whatever the form in which its files name them: host, port and database, a JDBC
// URL, or Govern's properties. It reads the place again, and the error says
// where it still leads to. DSS must be stopped.
func (in *Instance) Relocate(ctx context.Context, r Relocation) error {
	db, err := in.RuntimeDatabase()
	if err != nil {
		return err
	}
	if !db.External {
		return errors.New("relocate the runtime databases: they are embedded, so there is no connection to change")
	}
	login, place, err := db.Target()
	if err != nil {
		return err
	}
	if db.Govern {
		if r.Prefix != nil && *r.Prefix != "" {
			return errors.New("relocate the runtime databases: a Govern node's tables have no prefix; give another database")
		}
		err = in.EditProperties(ctx, r.editGovern)
	} else {
		err = in.EditSettings(ctx, r.Edit)
	}
	if err != nil {
		return err
	}
	login, place = r.From(login, place)
	return in.LeadsTo(login, place)
}

// LeadsTo checks that DSS will use its runtime databases at exactly this place:
// server, port, database, schema and prefix. The error says where it leads to.
func (in *Instance) LeadsTo(l pg.Login, p pg.Place) error {
	db, err := in.RuntimeDatabase()
	if err != nil {
		return err
	}
	if !db.External {
		return fmt.Errorf("the settings of %s name embedded databases, and not %s in %s", in.DataDir, p, l.Where())
	}
	login, place, err := db.Target()
	if err != nil {
		return err
	}
	if !l.SameAddress(login) || place.Schema != p.Schema || place.Prefix != p.Prefix {
		return fmt.Errorf("the settings of %s lead to %s in %s, and not to %s in %s", in.DataDir, place, login.Where(), p, l.Where())
	}
	return nil
}

// editGovern changes psql.jdbc.url.
func (r Relocation) editGovern(p *Properties) error {
	url, _ := p.Get(GovernURL)
	moved, err := pg.MoveJDBC(url, r.Host, r.Port, r.Database)
	if err != nil {
		return fmt.Errorf("%s in dip.properties %w", GovernURL, err)
	}
	if r.Schema != "" {
		moved = pg.WithJDBCParameter(moved, pg.CurrentSchema, map[bool]string{false: r.Schema}[r.Schema == "public"])
	}
	if err := p.Set(GovernURL, moved); err != nil {
		return fmt.Errorf("set %s in dip.properties: the value cannot be written", GovernURL)
	}
	return nil
}

// Edit changes internalDatabase in general-settings.json.
func (r Relocation) Edit(d *jsonedit.Doc) error {
	const params = RuntimeDatabaseMember + "/connection/params"
	const prefix = RuntimeDatabaseMember + "/tableNamePrefix"
	type member struct {
		on    bool
		at    string
		value any
	}
	members := []member{
		{r.Host != "", params + "/host", r.Host},
		{r.Port != 0, params + "/port", r.Port},
		{r.Database != "", params + "/db", r.Database},
		{r.Schema != "", RuntimeDatabaseMember + "/schema", r.Schema},
		{r.Prefix != nil && *r.Prefix != "", prefix, r.Prefix},
	}
	if inUse, ok := d.Get(params + "/useURL"); ok && string(inUse) == "true" {
		// What stands beside a URL means nothing, and is kept in step with it.
		url, err := r.url(d, params)
		if err != nil {
			return err
		}
		members = append(members, member{true, params + "/url", url})
	}
	for _, m := range members {
		if !m.on {
			continue
		}
		raw, err := json.Marshal(m.value)
		if err != nil {
			return err
		}
		if old, ok := d.Get(m.at); ok && jsonedit.Equal(old, raw) {
			continue
		}
		if err := d.Set(m.at, raw); err != nil {
			return err
		}
	}
	if r.Prefix == nil || *r.Prefix != "" {
		return nil
	}
	// An unused prefix is left out.
	if _, ok := d.Get(prefix); !ok {
		return nil
	}
	return d.Delete(prefix)
}

// url is the JDBC URL in use, relocated.
func (r Relocation) url(d *jsonedit.Doc, params string) (string, error) {
	raw, _ := d.Get(params + "/url")
	moved := Scalar(raw)
	if r.Host != "" || r.Port != 0 || r.Database != "" {
		var err error
		if moved, err = pg.MoveJDBC(moved, r.Host, r.Port, r.Database); err != nil {
			return "", fmt.Errorf("the JDBC URL in general-settings.json %w", err)
		}
	}
	if u, err := pg.ParseJDBC(moved); err == nil && r.Schema != "" && u.Properties[pg.CurrentSchema] != "" {
		moved = pg.WithJDBCParameter(moved, pg.CurrentSchema, r.Schema)
	}
	return moved, nil
}
