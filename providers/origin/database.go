package origin

import (
	"fmt"
	"maps"

	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// database is where a clone's tables go.
type database struct {
	Host         *secret.Text `json:"host"`
	Port         int          `json:"port"`
	Database     *secret.Text `json:"database"`
	User         *secret.Text `json:"user"`
	Password     *secret.Text `json:"password,omitempty"`
	Schema       string       `json:"schema"`
	Prefix       string       `json:"table_prefix,omitempty"`
	FromPassword *secret.Text `json:"source_password,omitempty"`
	// Own says that the clone logs in otherwise than its source: DSS has to
	// encrypt another password.
	Own bool `json:"own,omitempty"`
	// Govern says that it is a Govern node's: a database of its own, to which
	// psql.jdbc of dip.properties leads.
	Govern bool `json:"govern,omitempty"`
	// Longer prefixes of other instances, at the source's place and at the
	// clone's.
	FromOthers []string `json:"source_other_prefixes,omitempty"`
	Others     []string `json:"other_prefixes,omitempty"`
}

func (d *database) words() string {
	if d.Prefix == "" {
		return "schema " + d.Schema
	}
	return fmt.Sprintf("schema %s, prefix %s", d.Schema, d.Prefix)
}

func (d *database) place() pg.Place {
	return pg.Place{Schema: d.Schema, Prefix: d.Prefix, Others: d.Others}
}

// login is the clone's: what is not said is the source's.
func (d *database) login(from pg.Login, r secret.Resolver) (pg.Login, error) {
	to := from
	to.Properties = map[string]string{}
	maps.Copy(to.Properties, from.Properties)
	to.Port = d.Port
	if d.Govern {
		// The source's URL, with its driver's parameters, leads to its own schema.
		delete(to.Properties, currentSchema)
		if d.Schema != "public" {
			to.Properties[currentSchema] = d.Schema
		}
	}
	for _, t := range []struct {
		from *secret.Text
		to   *string
	}{{d.Host, &to.Host}, {d.Database, &to.Database}, {d.User, &to.User}, {d.Password, &to.Password}} {
		if t.from == nil {
			continue
		}
		v, err := t.from.Reveal(r)
		if err != nil {
			return to, err
		}
		*t.to = v
	}
	return to, nil
}

// currentSchema is the driver's parameter for where its tables are.
const currentSchema = "currentSchema"

func sameServer(a, b pg.Login) bool {
	return pg.HostKey(a.Host) == pg.HostKey(b.Host) && a.Port == b.Port && a.Database == b.Database
}

func sameLogin(a, b pg.Login) bool { return sameServer(a, b) && a.User == b.User }

// sides are the source's place and the clone's, with passwords.
func (c *call) sides(src *dss.Instance) (from, to pg.Side, err error) {
	db, err := src.RuntimeDatabase()
	if err != nil {
		return from, to, err
	}
	if !db.External {
		return from, to, fmt.Errorf("the runtime databases of %s are embedded now, and the plan was made to copy tables: plan again", c.Source.Address)
	}
	if from.Login, from.Place, err = db.Target(); err != nil {
		return from, to, err
	}
	from.Place.Others = c.Database.FromOthers
	if p := c.Database.FromPassword; p != nil {
		if from.Login.Password, err = p.Reveal(c.Secrets); err != nil {
			return from, to, err
		}
	}
	to.Place = c.Database.place()
	to.Login, err = c.Database.login(from.Login, c.Secrets)
	return from, to, err
}

// target is the clone's side, also where the source cannot be looked at any
// more.
func (c *call) target() (pg.Side, error) {
	if src, err := openSource(c.Instance, c.Source); err == nil {
		if _, to, err := c.sides(src); err == nil {
			return to, nil
		}
	}
	to := pg.Side{Place: c.Database.place()}
	var err error
	to.Login, err = c.Database.login(pg.Login{}, c.Secrets)
	if err == nil && c.Database.Password == nil && c.Database.FromPassword != nil {
		to.Login.Password, err = c.Database.FromPassword.Reveal(c.Secrets)
	}
	return to, err
}
