package origin

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// attacher performs origin.attach: the steps of a data directory that has
// moved, with what needs the clone's own commands.
type attacher struct{}

func (attacher) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (attacher) Do(ctx context.Context, pc *providers.Call) error {
	c, err := openClone(pc)
	if err != nil {
		return err
	}
	if err := c.mustBeStopped(ctx); err != nil {
		return err
	}
	// Never the source's ports, id and tables, whatever happened since.
	if err := c.isAs(c.Source.InstallID); err != nil {
		return err
	}
	if err := c.Instance.Attach(ctx, c.Kit, c.JavaHome, c.note, c.Notice); err != nil {
		return err
	}
	if c.Database != nil && c.Database.Own {
		if err := c.connect(ctx); err != nil {
			return err
		}
	}
	if len(c.Graphite) != 2 {
		return nil
	}
	c.note("installing the monitoring integration")
	_, err = c.Instance.Dssadmin(ctx, "install-monitoring-integration", "-graphiteServer", c.Graphite[0], "-prefix", c.Graphite[1])
	return err
}

// connect gives the clone the source's connection with its own login.
func (c *call) connect(ctx context.Context) error {
	src, err := openSource(c.Instance, c.Source)
	if err != nil {
		return err
	}
	_, to, err := c.sides(src)
	if err != nil {
		return err
	}
	if c.Database.Govern {
		return c.connectGovern(ctx, to.Login)
	}
	password := to.Login.Password
	if !isEncrypted(password) {
		if password, err = c.Instance.EncryptPassword(ctx, password); err != nil {
			return err
		}
	}
	theirs, err := src.Settings()
	if err != nil {
		return err
	}
	connection, ok := theirs.Get(connectionMember)
	if !ok {
		return fmt.Errorf("%s has no connection to its runtime databases any more", c.Source.Address)
	}
	return c.Instance.EditSettings(ctx, func(d *jsonedit.Doc) error {
		const params = connectionMember + "/params"
		return errors.Join(
			d.Set(connectionMember, connection),
			c.Database.relocation(to.Login.Host, to.Login.Database).Edit(d),
			d.Set(params+"/user", encode(to.Login.User)),
			d.Set(params+"/password", encode(password)),
		)
	})
}

// connectGovern leads a Govern node to its own database. The password is written
// as it is declared, as DSS's documentation has it there.
func (c *call) connectGovern(ctx context.Context, to pg.Login) error {
	to.Properties = maps.Clone(to.Properties)
	maps.DeleteFunc(to.Properties, func(name, _ string) bool { return name == "user" || name == "password" })
	u := pg.JDBCURL{Host: to.Host, Port: to.Port, Database: to.Database, Properties: to.Properties}
	return c.Instance.EditProperties(ctx, func(p *dss.Properties) error {
		for _, kv := range [][2]string{{dss.GovernURL, u.String()}, {dss.GovernUser, to.User}, {dss.GovernPassword, to.Password}} {
			if err := p.Set(kv[0], kv[1]); err != nil {
				return fmt.Errorf("set %s in dip.properties: the value cannot be written", kv[0])
			}
		}
		return nil
	})
}

func isEncrypted(password string) bool {
	return len(password) > len(dss.EncryptedPrefix) && password[:len(dss.EncryptedPrefix)] == dss.EncryptedPrefix
}

func (attacher) Verify(_ context.Context, pc *providers.Call) error {
	c, err := openClone(pc)
	if err != nil {
		return err
	}
	// An installer that writes there would undo the edits.
	if err := errors.Join(c.Instance.AttachedTo(c.Kit), c.isAs(c.Source.InstallID)); err != nil || c.Database == nil {
		return err
	}
	db, err := c.Instance.RuntimeDatabase()
	if err != nil {
		return err
	}
	return c.ownPlace(db)
}

// Undo: what the installer did goes with the content.
func (attacher) Undo(context.Context, *providers.Call) error { return nil }
