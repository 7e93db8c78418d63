package runtimedb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// verifyStep looks, while DSS is stopped, for tables and rows at the declared
// place, and has state remember the move.
type verifyStep struct{ looksOnly }

func (verifyStep) Do(ctx context.Context, c *providers.Call) error {
	_, r, err := connected(c)
	if err != nil {
		return err
	}
	tables, err := pg.Count(ctx, r.login, r.place, func(done, total int) {
		c.Progress(event.Progress{Done: int64(done), Total: int64(total), Unit: "tables"})
	})
	if err != nil {
		return err
	}
	rows := rowsOf(tables)
	switch {
	case len(tables) == 0:
		return fmt.Errorf("verify the runtime databases: %s holds no table", r.shownPlace())
	case rows == 0:
		return fmt.Errorf("verify the runtime databases: %s in %s, but not one row", count(len(tables), "table"), r.shownPlace())
	}
	if err := c.Receipt.Save(verifyReceipt{Rows: rows, Time: c.Clock.Now()}); err != nil {
		return err
	}
	c.Notice(fmt.Sprintf("%s with %s in %s", count(len(tables), "table"), count(rows, "row"), r.shownPlace()))
	return nil
}

func (verifyStep) Verify(ctx context.Context, c *providers.Call) error {
	a, r, err := connected(c)
	if err != nil {
		return err
	}
	l, err := readInstance(c)
	if err != nil {
		return err
	}
	tables, err := roleTables(ctx, r)
	if err != nil {
		return err
	}
	f, err := c.Instance.Identity()
	if err != nil {
		return err
	}
	return c.Record(Name, record{Type: postgresql, Password: passwordOf(c.Key, r.Password, l.Password), Tables: tables, Version: f.Version, Leftovers: a.Kept})
}

// How long inUseStep watches, and how often.
const (
	watchFor   = 30 * time.Second
	watchEvery = 500 * time.Millisecond
)

// inUseStep looks, once DSS runs, for signs that it uses the declared place. How
// DSS connects and writes is not public: no sign is no failure. It also tells
// which tables DSS had to make itself.
type inUseStep struct{ looksOnly }

func (inUseStep) Do(ctx context.Context, c *providers.Call) error {
	_, r, err := connected(c)
	if err != nil {
		return err
	}
	if err := watchUse(ctx, c, r); err != nil {
		return err
	}
	compareTables(ctx, c, r)
	return nil
}

func watchUse(ctx context.Context, c *providers.Call, r resolved) error {
	state, _, err := c.Instance.State(ctx)
	if err != nil && ctx.Err() != nil {
		return err
	}
	if state == dss.ServiceStopped || state == dss.ServiceFailed {
		return fmt.Errorf("verify that DSS uses the runtime databases: DSS is %s, expected it to run", state)
	}
	var first int64 = -1
	var lookErr error
	for end := c.Clock.Now().Add(watchFor); ; {
		sessions, written, err := pg.Sessions(ctx, r.login, r.place)
		lookErr = err
		switch {
		case err != nil && !gone(err):
			return err
		case err != nil:
		case sessions > 0:
			c.Notice(fmt.Sprintf("DSS runs, and the role %s holds %s to %s", r.login.User, count(sessions, "connection"), r.login.Where()))
			return nil
		case first >= 0 && written > first:
			c.Notice(fmt.Sprintf("DSS runs, and rows are written in %s", r.shownPlace()))
			return nil
		case first < 0:
			first = written
		}
		if !c.Clock.Now().Before(end) {
			break
		}
		if err := c.Clock.Sleep(ctx, watchEvery); err != nil {
			return err
		}
	}
	if lookErr != nil {
		return lookErr
	}
	c.Notice(fmt.Sprintf("could not see DSS use %s within %s: no connection as that role, no rows written; look at DSS's log if this lasts", r.login.Where(), watchFor))
	return nil
}

// roleTables are the names of the tables at the place that the role owns, sorted.
func roleTables(ctx context.Context, r resolved) ([]string, error) {
	objects, err := pg.Objects(ctx, r.login, r.place, true)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, o := range objects {
		if o.Kind == "TABLE" {
			names = append(names, o.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// compareTables tells how the tables differ from those that the move made, as
// recorded. That may be DSS's right, so it is no failure.
func compareTables(ctx context.Context, c *providers.Call, r resolved) {
	raw, err := c.Recorded(ctx, Name)
	before := readRecord(raw).Tables
	if err == nil && len(before) == 0 {
		return // no move
	}
	var now []string
	if err == nil {
		now, err = roleTables(ctx, r)
	}
	if err != nil {
		c.Notice(fmt.Sprintf("could not compare the tables with those before DSS's start: %v", err))
		return
	}
	if more := without(now, before); len(more) > 0 {
		c.Notice(fmt.Sprintf("DSS made %s more at its start: %s; they are empty if the copy left them out", count(len(more), "table"), pg.FirstNames(more)))
	}
	if gone := without(before, now); len(gone) > 0 {
		// From now on they are not missed any more: what DSS itself has left out
		// is nothing lost.
		rec := readRecord(raw)
		rec.Tables = now
		if err := c.Record(Name, rec); err != nil {
			c.Notice(fmt.Sprintf("could not remember the tables as they are now: %v", err))
		}
		c.Notice(fmt.Sprintf("since DSS's start there is no more: %s; compare the tables before you rely on them", pg.FirstNames(gone)))
	}
}
