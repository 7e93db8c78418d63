package pg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// asideMark is the comment by which the schema of things set aside is known.
func asideMark(p Place) string {
	return fmt.Sprintf("set aside by dssctl from schema %q, prefix %q", p.Schema, p.Prefix)
}

// SetAside moves all that the place owns into a schema of its own, by metadata
// only and in one transaction: indexes, constraints and owned sequences go with
// their tables. The schema is made, and marked so that it is known again; where
// the role may not make one, an empty one that the role owns is taken. When
// things were set aside there before, nothing happens: so it can be run again
// after a crash, also when the place has been filled anew. An object of another
// role is an error that leaves all where it is.
func SetAside(ctx context.Context, l Login, p Place, aside string) error {
	return moveAside(ctx, l, "set aside the tables of", p.Schema, func(c *Conn, tx pgx.Tx) error {
		state, err := lookAside(ctx, tx, p, aside)
		if err != nil || state == asideOurs {
			return err
		}
		e := &Error{Kind: Denied, Doing: "set aside the tables of", Where: l.Where(), Role: l.User}
		s := &Sight{}
		if _, err := lookObjects(ctx, tx, p, s); err != nil {
			return err
		}
		var foreign []string
		for _, o := range s.All() {
			if !s.Mine(o) {
				foreign = append(foreign, o.Name)
			}
		}
		switch {
		case state == asideTaken:
			e.Kind, e.Detail = InUse, fmt.Sprintf("schema %s is there and is neither dssctl's nor empty and the role's own", aside)
			return e
		case len(foreign) > 0:
			e.Detail = "these belong to other roles: " + FirstNames(foreign)
			return e
		case state == asideMissing:
			err = createSchema(ctx, tx, aside, asideMark(p))
		default:
			_, err = tx.Exec(ctx, `COMMENT ON SCHEMA `+Quote(aside)+` IS `+literal(asideMark(p)))
		}
		if KindOf(c.fail(ctx, "", err)) == Denied {
			e.Detail = fmt.Sprintf("the role may not make a schema; run as an administrator: CREATE SCHEMA %s AUTHORIZATION %s", Quote(aside), Quote(l.User))
			return e
		}
		if err != nil {
			return err
		}
		return moveAll(ctx, tx, p, p.Schema, aside)
	})
}

// IsAside reports whether the place was set aside there and is still.
func IsAside(ctx context.Context, l Login, p Place, aside string) (bool, error) {
	c, err := Connect(ctx, l)
	if err != nil {
		return false, err
	}
	defer c.Close()
	var state asideState
	err = pgx.BeginTxFunc(ctx, c.Conn, snapshot, func(tx pgx.Tx) error {
		state, err = lookAside(ctx, tx, p, aside)
		return err
	})
	return state == asideOurs, c.fail(ctx, "look for what was set aside in", err)
}

// BringBack moves what was set aside back to the place, which must be empty, and
// drops the schema that held it. When nothing is aside, nothing happens.
func BringBack(ctx context.Context, l Login, p Place, aside string) error {
	return moveAside(ctx, l, "bring back the tables of", aside, func(c *Conn, tx pgx.Tx) error {
		state, err := lookAside(ctx, tx, p, aside)
		if err != nil || state != asideOurs {
			return err
		}
		s := &Sight{}
		if _, err := lookObjects(ctx, tx, p, s); err != nil {
			return err
		}
		if all := s.All(); len(all) > 0 {
			return &Error{
				Kind: InUse, Doing: "bring back the tables of", Where: l.Where(), Role: l.User,
				Detail: fmt.Sprintf("schema %s has %d objects with the prefix %q again, the first of them %s", p.Schema, len(all), p.Prefix, all[0].Name),
			}
		}
		if err := moveAll(ctx, tx, Place{}, aside, p.Schema); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DROP SCHEMA `+Quote(aside)+` RESTRICT`)
		return err
	})
}

// DropAside drops what was set aside, and the schema that held it. It never
// cascades. When nothing is aside, nothing happens.
func DropAside(ctx context.Context, l Login, p Place, aside string) error {
	return moveAside(ctx, l, "drop what was set aside in", aside, func(c *Conn, tx pgx.Tx) error {
		state, err := lookAside(ctx, tx, p, aside)
		if err != nil || state != asideOurs {
			return err
		}
		s := &Sight{}
		if _, err := lookObjects(ctx, tx, Place{Schema: aside}, s); err != nil {
			return err
		}
		if err := dropAll(ctx, tx, aside, s.All()); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DROP SCHEMA `+Quote(aside)+` RESTRICT`)
		return err
	})
}

// moveAside runs f in a transaction and names who holds a lock on the schema's
// tables where that is in the way.
func moveAside(ctx context.Context, l Login, doing, schema string, f func(*Conn, pgx.Tx) error) error {
	c, err := Connect(ctx, l)
	if err != nil {
		return err
	}
	defer c.Close()
	err = c.fail(ctx, doing, pgx.BeginFunc(ctx, c.Conn, func(tx pgx.Tx) error { return f(c, tx) }))
	if e := (*Error)(nil); errors.As(err, &e) && e.Kind == Locked {
		e.Detail = c.holders(ctx, schema)
	}
	return err
}

type asideState int

const (
	asideMissing asideState = iota
	asideEmpty              // there, the role's own, unmarked, nothing in it
	asideOurs
	asideTaken
)

func lookAside(ctx context.Context, tx pgx.Tx, p Place, aside string) (asideState, error) {
	var comment string
	var own, empty bool
	err := tx.QueryRow(ctx, `
SELECT coalesce(obj_description(n.oid, 'pg_namespace'), ''), pg_has_role(n.nspowner, 'USAGE'),
       NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid) AND NOT EXISTS (SELECT FROM pg_type t WHERE t.typnamespace = n.oid)
  FROM pg_namespace n WHERE nspname = $1`, aside).Scan(&comment, &own, &empty)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return asideMissing, nil
	case err != nil:
		return asideTaken, err
	case own && comment == asideMark(p):
		return asideOurs, nil
	case own && empty && comment == "":
		return asideEmpty, nil
	}
	return asideTaken, nil
}

// moveAll moves what p owns from one schema to another. What belongs to a table
// goes with it; a list of one's own is made of the rest.
func moveAll(ctx context.Context, tx pgx.Tx, p Place, from, to string) error {
	rows, err := tx.Query(ctx, `
SELECT c.relname::text, c.relkind::text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'S', 'v', 'm', 'f', 'c')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind = 'S'
     AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0)
UNION ALL
SELECT t.typname::text, 't'
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = $1 AND t.typtype IN ('d', 'e', 'r')
 ORDER BY 1, 2`, from)
	if err != nil {
		return err
	}
	var statements []string
	var name, kind string
	_, err = pgx.ForEachRow(rows, []any{&name, &kind}, func() error {
		if p.Owns(name) {
			statements = append(statements, `ALTER `+objectKinds[kind]+` `+Quote(from, name)+` SET SCHEMA `+Quote(to))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(statements, 100) {
		if _, err := tx.Exec(ctx, strings.Join(batch, "; ")); err != nil {
			return err
		}
	}
	return nil
}
