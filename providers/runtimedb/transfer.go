package runtimedb

import (
	"context"
	"fmt"
	"slices"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/pg"
)

// transferStep carries the tables from the live PostgreSQL place to the
// declared one. It runs before the settings are changed: the live place is read
// from them.
type transferStep struct{}

// Done: the tables appear all at once, by one commit, and only after the receipt.
func (transferStep) Done(ctx context.Context, c *providers.Call) (bool, error) {
	var receipt transferReceipt
	if found, err := c.Receipt.Load(&receipt); err != nil || !found {
		return false, err
	}
	_, r, err := copyCall(c)
	if err != nil {
		return false, err
	}
	found, err := pg.Objects(ctx, r.login, r.place, true)
	if err != nil {
		return false, err
	}
	for _, o := range receipt.Planned {
		if o.Kind == "TABLE" && !slices.Contains(found, o) {
			return false, nil
		}
	}
	return len(receipt.Planned) > 0, nil
}

// source is where the tables are, and how dssctl logs in there.
func transferSource(c *providers.Call, a copyArgs, to settings) (pg.Side, error) {
	l, err := readInstance(c)
	if err != nil {
		return pg.Side{}, err
	}
	return sourceIn(c, l, a, to)
}

// sourceIn is the place that settings lead to, those of now or the kept ones.
func sourceIn(c *providers.Call, l live, a copyArgs, to settings) (pg.Side, error) {
	from, ok := target(l)
	if !ok || !l.External {
		return pg.Side{}, fmt.Errorf("carry the tables over: the instance's settings have changed; plan again")
	}
	from.place.Others = othersAt(from, to)
	side := pg.Side{Place: from.place}
	if a.SourceUser != nil && a.SourcePassword != nil {
		user, err := a.SourceUser.Reveal(c.Secrets)
		if err != nil {
			return side, err
		}
		password, err := a.SourcePassword.Reveal(c.Secrets)
		if err != nil {
			return side, err
		}
		from.User, side.Login = user, from.login(password)
		side.Login.User = user
		return side, nil
	}
	if side.Login, ok = knownLogin(from, l.LoginPassword(), to); !ok {
		return side, errNoSource
	}
	return side, nil
}

func (transferStep) Do(ctx context.Context, c *providers.Call) error {
	a, r, err := copyCall(c)
	if err != nil {
		return err
	}
	from, err := transferSource(c, a, r.settings)
	if err != nil {
		return err
	}
	if err := emptyPlace(ctx, r, a.Leftovers); err != nil {
		return err
	}
	t := pg.Transfer{
		From: from, To: pg.Side{Login: r.login, Place: r.place},
		Planned: func(objects []pg.Object) error { return c.Receipt.Save(transferReceipt{objects}) },
		Progress: throttled(c, func(done, total int64, table string) event.Progress {
			return event.Progress{Done: done, Total: total, Unit: "bytes", Note: table}
		}),
	}
	result, err := t.Run(ctx)
	if err != nil {
		return err
	}
	c.Notice(fmt.Sprintf("%s with %s carried to %s, counted and checksummed on both sides",
		count(result.Tables, "table"), count(result.Rows, "row"), r.shownPlace()))
	return nil
}

// throttled reports progress once a megabyte at most.
func throttled(c *providers.Call, say func(done, total int64, table string) event.Progress) func(int64, int64, string) {
	var last int64 = -1
	return func(done, total int64, table string) {
		if last < 0 || done-last >= 1<<20 {
			last = done
			c.Progress(say(done, total, table))
		}
	}
}

// Verify counts again on both sides, on connections of its own.
func (transferStep) Verify(ctx context.Context, c *providers.Call) error {
	a, r, err := copyCall(c)
	if err != nil {
		return err
	}
	from, err := transferSource(c, a, r.settings)
	if err != nil {
		return err
	}
	old, err := pg.Count(ctx, from.Login, from.Place, nil)
	if err != nil {
		return err
	}
	now, err := pg.Count(ctx, r.login, r.place, nil)
	if err != nil {
		return err
	}
	oldRows, nowRows := rowsOf(old), rowsOf(now)
	if len(old) != len(now) || oldRows != nowRows {
		return fmt.Errorf("carry the tables over: %s with %s at the source, but %s with %s in %s",
			count(len(old), "table"), count(oldRows, "row"), count(len(now), "table"), count(nowRows, "row"), r.shownPlace())
	}
	return nil
}

func rowsOf(tables []pg.Table) int64 {
	var n int64
	for _, t := range tables {
		n += t.Rows
	}
	return n
}

// Undo drops exactly what was carried; the old tables were never touched.
func (transferStep) Undo(ctx context.Context, c *providers.Call) error {
	var receipt transferReceipt
	if found, err := c.Receipt.Load(&receipt); err != nil || !found {
		return err
	}
	a, r, err := copyCall(c)
	if err != nil {
		return err
	}
	if err := pg.Drop(ctx, r.login, r.place.Schema, receipt.Planned); err != nil {
		return left(c, a.Former, r, receipt.Planned, false, err)
	}
	return leaveMore(ctx, c, a.Former, r)
}
