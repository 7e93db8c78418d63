package runtimedb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// governStep writes psql.jdbc.* into dip.properties.
type governStep struct{}

func propertiesSum(c *providers.Call) (string, error) {
	p, err := c.Instance.Properties()
	if errors.Is(err, fs.ErrNotExist) {
		return fileSum(c.Key, nil), nil
	}
	if err != nil {
		return "", err
	}
	return fileSum(c.Key, p.Bytes()), nil
}

func (governStep) Done(_ context.Context, c *providers.Call) (bool, error) {
	var r editReceipt
	if found, err := c.Receipt.Load(&r); err != nil || !found {
		return false, err
	}
	now, err := propertiesSum(c)
	return err == nil && secret.Equal(now, r.After), err
}

func governCall(c *providers.Call) (governArgs, resolved, error) {
	a, err := decode[governArgs](c)
	if err != nil {
		return a, resolved{}, err
	}
	r, err := a.resolve(c)
	r.place.Schema = governSchema(r.settings)
	return a, r, err
}

func (governStep) Do(ctx context.Context, c *providers.Call) error {
	a, r, err := governCall(c)
	if err != nil {
		return err
	}
	if err := c.Instance.SaveOriginal(c.Run, dss.PropertiesFile); err != nil {
		return err
	}
	return c.Instance.EditProperties(ctx, func(p *dss.Properties) error {
		before := p.Bytes()
		values := [][2]string{{dss.GovernUser, r.User}}
		if !a.KeepURL {
			values = append(values, [2]string{dss.GovernURL, governJDBC(r.settings)})
		}
		if a.SetPassword && r.Password != nil {
			values = append(values, [2]string{dss.GovernPassword, *r.Password})
		}
		for _, kv := range values {
			if err := p.Set(kv[0], kv[1]); err != nil {
				return fmt.Errorf("set %s in dip.properties: the value cannot be written", kv[0])
			}
		}
		return c.Receipt.Save(editReceipt{fileSum(c.Key, before), fileSum(c.Key, p.Bytes()), c.Clock.Now()})
	})
}

func (governStep) Verify(_ context.Context, c *providers.Call) error {
	_, r, err := governCall(c)
	if err != nil {
		return err
	}
	l, err := c.Instance.GovernDatabase()
	if err != nil {
		return err
	}
	t, ok := target(l)
	if !ok || !sameDatabase(t, r.settings) || l.User != r.User {
		return fmt.Errorf("read %s again: it is not as it was written", c.Instance.Path(dss.PropertiesFile))
	}
	return c.Record(Name, record{Type: postgresql, Password: passwordOf(c.Key, r.Password, l.Password)})
}

func (governStep) Undo(ctx context.Context, c *providers.Call) error {
	var r editReceipt
	if found, err := c.Receipt.Load(&r); err != nil || !found {
		return err
	}
	original, existed, kept, err := c.Instance.Original(c.Run, dss.PropertiesFile)
	if err != nil {
		return err
	}
	if !kept {
		return fmt.Errorf("undo the edit of dip.properties: the original is not kept in %s any more", c.Instance.Companion())
	}
	now, err := propertiesSum(c)
	switch {
	case err != nil:
		return err
	case secret.Equal(now, r.Before) && existed:
		return nil
	case secret.Equal(now, r.After), secret.Equal(now, r.Before):
		return c.Instance.PutBack(c.Run, dss.PropertiesFile)
	}
	old := dss.ParseProperties(original)
	return c.Instance.EditProperties(ctx, func(p *dss.Properties) error {
		for _, key := range []string{dss.GovernURL, dss.GovernUser, dss.GovernPassword} {
			if v, ok := old.Get(key); !ok {
				p.Delete(key)
			} else if err := p.Set(key, v); err != nil {
				return fmt.Errorf("put back %s in dip.properties: the value cannot be written", key)
			}
		}
		return nil
	})
}

// governInitStep runs govern-admin init-db on a node that has no tables yet.
type governInitStep struct{}

func (governInitStep) Done(_ context.Context, c *providers.Call) (bool, error) {
	var r copyReceipt
	found, err := c.Receipt.Load(&r)
	return found && r.Finished, err
}

func (governInitStep) Do(ctx context.Context, c *providers.Call) error {
	_, r, err := governCall(c)
	if err != nil {
		return err
	}
	var receipt copyReceipt
	begun, err := c.Receipt.Load(&receipt)
	if err != nil {
		return err
	}
	if begun {
		err = dropOwn(ctx, r)
	} else {
		err = emptyPlace(ctx, r, nil)
	}
	if err != nil {
		return err
	}
	if err := c.Receipt.Save(copyReceipt{}); err != nil {
		return err
	}
	watched, unwatch := pg.Watch(ctx, r.login, c.Clock)
	defer unwatch()
	result, err := c.Instance.GovernAdmin(watched, "init-db")
	if silent := context.Cause(watched); err != nil && ctx.Err() == nil && pg.KindOf(silent) == pg.Silent {
		return fmt.Errorf("initialize Govern's database: %w", silent)
	}
	c.Notice(commandNotice("govern-admin init-db", result))
	if err != nil {
		return fmt.Errorf("initialize Govern's database: %w", err)
	}
	made, err := pg.Objects(ctx, r.login, r.place, true)
	if err != nil {
		return err
	}
	tables, err := pg.Count(ctx, r.login, r.place, nil)
	if err != nil {
		return err
	}
	return c.Receipt.Save(copyReceipt{Finished: true, Made: made, Before: verifyReceipt{Rows: rowsOf(tables), Time: c.Clock.Now()}})
}

func (governInitStep) Verify(ctx context.Context, c *providers.Call) error {
	_, r, err := governCall(c)
	if err != nil {
		return err
	}
	found, err := pg.Objects(ctx, r.login, r.place, false)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("initialize Govern's database: the command ended well, but %s holds no table", r.shownPlace())
	}
	return err
}

func (governInitStep) Undo(ctx context.Context, c *providers.Call) error {
	var receipt copyReceipt
	if begun, err := c.Receipt.Load(&receipt); err != nil || !begun {
		return err
	}
	_, r, err := governCall(c)
	if err != nil {
		return err
	}
	made := receipt.Made
	if !receipt.Finished {
		if made, err = pg.Objects(ctx, r.login, r.place, true); err != nil {
			return left(c, record{}, r, nil, true, err)
		}
	}
	if err := pg.Drop(ctx, r.login, r.place.Schema, made); err != nil {
		return left(c, record{}, r, made, false, err)
	}
	return nil
}
