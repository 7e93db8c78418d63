package runtimedb

import (
	"context"
	"fmt"
	"slices"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/pg"
)

// looksOnly is the part of a step that changes nothing: there is nothing to
// find done, to prove again, or to undo.
type looksOnly struct{}

func (looksOnly) Done(context.Context, *providers.Call) (bool, error) { return false, nil }
func (looksOnly) Verify(context.Context, *providers.Call) error       { return nil }
func (looksOnly) Undo(context.Context, *providers.Call) error         { return nil }

// rehearseStep proves before the window that DSS will be able to work at the
// declared place.
type rehearseStep struct{ looksOnly }

func (rehearseStep) Do(ctx context.Context, c *providers.Call) error {
	a, err := decode[rehearseArgs](c)
	if err != nil {
		return err
	}
	r, err := a.resolve(c)
	if err != nil {
		return err
	}
	s, err := pg.Rehearse(ctx, r.login, r.place)
	if err != nil {
		return err
	}
	if a.Empty {
		var foreign []string
		for _, o := range s.All() {
			if !slices.Contains(a.Leftovers, o) {
				foreign = append(foreign, o.Name)
			}
		}
		if len(foreign) > 0 {
			return inUseError(r, foreign)
		}
	}
	c.Notice(fmt.Sprintf("PostgreSQL %s: the role may create tables in %s; %s free of %d",
		pg.VersionText(s.Version), r.shownPlace(), count(s.FreeConnections, "connection"), s.MaxConnections))
	return nil
}

func inUseError(r resolved, names []string) error {
	return &pg.Error{
		Kind: pg.InUse, Doing: fmt.Sprintf("use schema %s with the prefix %q as an empty place in", r.place.Schema, r.place.Prefix), Where: r.login.Where(), Role: r.login.User,
		Detail: fmt.Sprintf("tables that this run did not make are there: %s; plan again", pg.FirstNames(names)),
	}
}

// schemaStep creates the schema. It carries the run's mark, by which Undo knows
// it again.
type schemaStep struct{}

func (schemaStep) Done(ctx context.Context, c *providers.Call) (bool, error) {
	_, r, err := connected(c)
	if err != nil {
		return false, err
	}
	return pg.SchemaExists(ctx, r.login, r.place.Schema)
}

func (schemaStep) Do(ctx context.Context, c *providers.Call) error {
	_, r, err := connected(c)
	if err != nil {
		return err
	}
	return pg.CreateSchema(ctx, r.login, r.place.Schema, c.Run)
}

func (s schemaStep) Verify(ctx context.Context, c *providers.Call) error {
	there, err := s.Done(ctx, c)
	if err == nil && !there {
		err = fmt.Errorf("create the schema: it is not there")
	}
	return err
}

func (schemaStep) Undo(ctx context.Context, c *providers.Call) error {
	_, r, err := connected(c)
	if err != nil {
		return err
	}
	kept, err := pg.DropSchema(ctx, r.login, r.place.Schema, c.Run)
	if err != nil {
		return &providers.LeftoverError{What: "schema " + r.place.Schema + " in " + r.login.Where(), Err: err}
	}
	if kept != "" {
		c.Notice(kept)
	}
	return nil
}
