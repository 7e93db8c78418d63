package runtimedb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// CheckUndo: the original of the settings must be kept still, and the file be
// replaceable.
func (configureStep) CheckUndo(_ context.Context, c *providers.Call) error {
	return providers.CheckEdit(c, dss.SettingsFile, &editReceipt{})
}

// CheckUndo: the original of dip.properties must be kept still.
func (governStep) CheckUndo(_ context.Context, c *providers.Call) error {
	return providers.CheckEdit(c, dss.PropertiesFile, &editReceipt{})
}

// CheckUndo: the original of the settings must be kept still, and the databases
// that it leads to must be in PostgreSQL still.
func (embedStep) CheckUndo(ctx context.Context, c *providers.Call) error {
	if err := providers.CheckEdit(c, dss.SettingsFile, &editReceipt{}); err != nil || c.Glance {
		return err
	}
	return checkFormer(ctx, c, copyArgs{}, settings{})
}

// CheckUndo: the databases that the copy was made of must be there still, and what
// a copy that was broken off has left of them is put back.
func (copyStep) CheckUndo(ctx context.Context, c *providers.Call) error {
	var receipt copyReceipt
	if begun, err := c.Receipt.Load(&receipt); err != nil || !begun {
		return err
	}
	if !receipt.Finished {
		return c.CheckPutBack(ctx, "databases")
	}
	for _, name := range receipt.Embedded {
		path := c.Instance.Path("databases", name)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return &providers.GoneError{What: fmt.Sprintf("the embedded database %s, from before the move to PostgreSQL, is not there any more", path)}
		} else if err != nil {
			return err
		}
	}
	return nil
}

// CheckUndo: the tables must be at their former place still.
func (transferStep) CheckUndo(ctx context.Context, c *providers.Call) error {
	var receipt transferReceipt
	if found, err := c.Receipt.Load(&receipt); err != nil || !found || c.Glance {
		return err
	}
	a, r, err := copyCall(c)
	if err != nil {
		return err
	}
	return checkFormer(ctx, c, a, r.settings)
}

// checkFormer looks for tables at the place that the kept original of the settings
// leads to. Where dssctl has no login for it, DSS's next start tells.
func checkFormer(ctx context.Context, c *providers.Call, a copyArgs, to settings) error {
	original, existed, kept, err := c.Instance.Original(c.Run, dss.SettingsFile)
	if err != nil || !kept || !existed {
		return err // the settings were not edited
	}
	doc, err := jsonedit.Parse(original)
	if err != nil {
		return fmt.Errorf("the kept original of the settings: %w", err)
	}
	l, err := dss.ReadRuntimeDatabase(doc)
	if err != nil {
		return err
	}
	from, err := sourceIn(c, l, a, to)
	if err != nil {
		return nil //nolint:nilerr // there is no login: nothing can be seen
	}
	found, err := pg.Objects(ctx, from.Login, from.Place, false)
	if err != nil {
		return fmt.Errorf("look for the tables at their former place: %w", err)
	}
	if len(found) == 0 {
		return &providers.GoneError{What: fmt.Sprintf("the tables at their former place, schema %s with the prefix %q on %s, are not there any more", from.Place.Schema, from.Place.Prefix, from.Login.Where())}
	}
	return nil
}
