package pg

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Restored compares the place with what the dump held when it was made: the same
// tables, rows and sequences make nil. The error says the first differences.
func Restored(ctx context.Context, l Login, to Place, info DumpInfo) error {
	c, err := Connect(ctx, l)
	if err != nil {
		return err
	}
	defer c.Close()
	want := info
	if !info.Whole {
		if want, err = info.at(to, c.Version); err != nil {
			return Side{l, to}.refused(err)
		}
	}
	found := DumpInfo{Whole: info.Whole, Place: to}
	err = pgx.BeginTxFunc(ctx, c.Conn, snapshot, func(tx pgx.Tx) error {
		if err := unhurried(ctx, c, tx); err != nil {
			return err
		}
		if info.Whole {
			if err := found.readWhole(ctx, tx); err != nil {
				return err
			}
		} else if err := found.readTables(ctx, c, tx); err != nil {
			return err
		}
		return found.count(ctx, tx)
	})
	if err != nil {
		return c.fail(ctx, "look at what was restored in", err)
	}
	if odd := want.differences(found); len(odd) > 0 {
		return &Error{
			Kind: Mismatch, Doing: "compare with the dump", Where: l.Where(), Role: l.User, Detail: FirstNames(odd),
		}
	}
	return nil
}

// at is what the dump holds under the names of another place. Sequences of
// tables go by those, for their own name may have been taken.
func (i DumpInfo) at(to Place, version int) (DumpInfo, error) {
	if i.Definition == nil {
		return i, fmt.Errorf("the manifest of the dump does not say how its tables are made")
	}
	m, err := newMove(i.Definition, i.Place, to, version, map[string]bool{})
	if err != nil {
		return i, err
	}
	out := DumpInfo{Place: to}
	for _, t := range i.Tables {
		out.Tables = append(out.Tables, DumpedTable{Schema: to.Schema, Name: m.tables[t.Name], Rows: t.Rows})
	}
	for _, s := range i.Sequences {
		s.Schema, s.Name, s.Table = to.Schema, m.seqs[s.Name], m.tables[s.Table]
		out.Sequences = append(out.Sequences, s)
	}
	return out, nil
}

// differences says what of i is not so in found, and the other way round.
func (i DumpInfo) differences(found DumpInfo) []string {
	var odd []string
	tables := map[string]DumpedTable{}
	for _, t := range found.Tables {
		tables[Quote(t.Schema, t.Name)] = t
	}
	for _, t := range i.Tables {
		is, ok := tables[Quote(t.Schema, t.Name)]
		delete(tables, Quote(t.Schema, t.Name))
		switch {
		case !ok:
			odd = append(odd, "table "+t.Name+" is missing")
		case is.Rows != t.Rows:
			odd = append(odd, fmt.Sprintf("table %s has %d rows, dumped were %d", t.Name, is.Rows, t.Rows))
		}
	}
	for _, t := range tables {
		odd = append(odd, "table "+t.Name+" was not in the dump")
	}
	sequences := map[string]DumpedSequence{}
	for _, s := range found.Sequences {
		sequences[s.key()] = s
	}
	for _, s := range i.Sequences {
		is, ok := sequences[s.key()]
		switch {
		case !ok:
			odd = append(odd, "sequence "+s.Name+" is missing")
		case i.Whole: // pg_dump read it, and a live one later than we did
		case is.Last != s.Last || is.Called != s.Called:
			odd = append(odd, fmt.Sprintf("sequence %s is at %d, dumped was %d", s.Name, is.Last, s.Last))
		}
	}
	return odd
}

func (s DumpedSequence) key() string {
	if s.Table != "" {
		return Quote(s.Schema, s.Table, s.Column)
	}
	return Quote(s.Schema, s.Name)
}
