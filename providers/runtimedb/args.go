package runtimedb

import (
	"errors"
	"fmt"
	"slices"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// resolved is the declared connection at apply: its values, and how dssctl logs
// in itself.
type resolved struct {
	settings
	login pg.Login
}

// resolve reads the arguments and fills in the secrets. The password that is
// not declared is taken from the instance, where the role is the same.
func (a connectionArgs) resolve(c *providers.Call) (resolved, error) {
	s, err := a.Connection.resolve(c.Secrets)
	if err != nil {
		return resolved{}, fmt.Errorf("read the declaration of %s: %w", c.Action.Block, err)
	}
	s.place.Others = append(s.place.Others, a.Siblings...)
	fallback := ""
	if s.Password == nil {
		read := readInstance
		if a.Govern {
			read = func(c *providers.Call) (live, error) { return c.Instance.GovernDatabase() }
		}
		l, err := read(c)
		if err != nil {
			return resolved{}, err
		}
		if t, ok := target(l); ok && t.User == s.User {
			fallback = l.LoginPassword()
		}
	}
	return resolved{settings: s, login: s.login(fallback)}, nil
}

// readInstance reads how the instance is set up now.
func readInstance(c *providers.Call) (live, error) {
	doc, err := c.Instance.Settings()
	if err != nil {
		return live{}, err
	}
	return dss.ReadRuntimeDatabase(doc)
}

// decode reads an action's arguments.
func decode[T any](c *providers.Call) (T, error) {
	var a T
	if err := c.Args(&a); err != nil {
		return a, fmt.Errorf("read the arguments of the step %q: %w", c.Action.Title, err)
	}
	return a, nil
}

// connected decodes and resolves the arguments that every step with a
// connection has.
func connected(c *providers.Call) (connectionArgs, resolved, error) {
	a, err := decode[connectionArgs](c)
	if err != nil {
		return a, resolved{}, err
	}
	r, err := a.resolve(c)
	return a, r, err
}

// shownPlace names the place for messages.
func (r resolved) shownPlace() string {
	s := "schema " + r.place.Schema
	if r.place.Prefix != "" {
		s += ", prefix " + r.place.Prefix
	}
	return s + ", " + r.login.Where()
}

// gone reports whether the server cannot be talked to at all.
func gone(err error) bool {
	switch pg.KindOf(err) {
	case pg.Unreachable, pg.UnknownHost, pg.Refused, pg.Timeout, pg.Lost, pg.Starting, pg.TooMany:
		return true
	}
	return false
}

// left makes the error for what could not be cleaned up, and has state remember
// it.
func left(c *providers.Call, former record, r resolved, objects []pg.Object, all bool, cause error) error {
	what := fmt.Sprintf("%s of this run in %s", count(len(objects), "object"), r.shownPlace())
	if all {
		what = "the tables of this run in " + r.shownPlace()
	}
	if err := former.remain(c, r, leftover{Objects: objects, All: all}); err != nil {
		cause = errors.Join(cause, err)
	}
	return &providers.LeftoverError{What: what, Err: cause}
}

// remain has state remember, beside the former record, what the run leaves at
// the place.
func (former record) remain(c *providers.Call, r resolved, l leftover) error {
	l.Run, l.Place = c.Run, placeSum(c.Key, r.settings)
	former.Leftovers = append(slices.Clip(former.Leftovers), l)
	if former.Type == "" {
		former.Type = embedded
	}
	return c.Record(Name, former)
}
