package places

import (
	"fmt"
	"strings"

	"github.com/dssctl/dssctl/providers/pg"
	"github.com/dssctl/dssctl/providers/preflight"
)

// Use is what somebody is about to do with a place.
type Use struct {
	At Site
	// Doing is a headline's beginning: "The dump cannot be loaded".
	Doing string
	// Replaces says that tables which nobody living owns are set aside first, and
	// may be: they are those of the instance that the use is for.
	Replaces bool
	// Own says how to give it a place of its own, as a sentence.
	Own string
}

// Judge says what of a finding is in the way of the use.
func (u Use) Judge(f Finding) []preflight.Finding {
	is := func(found, expected, remedy string) []preflight.Finding {
		return []preflight.Finding{{What: u.Doing, Where: sentenceCase(u.At.String()), Found: found, Expected: expected, Remedy: remedy}}
	}
	switch {
	case len(f.Owners) > 0:
		o := f.Owners[0]
		found := fmt.Sprintf("%s keeps its runtime databases there", o.Instance)
		if !u.At.Login.SameAddress(o.Site.Login) {
			found += " (as " + o.Site.String() + ": another name of the same database)"
		}
		return is(found, "a place that no other instance uses", u.Own)
	case f.Filled != "" && !u.Replaces:
		found := f.Filled
		if len(f.Unknown) > 0 {
			found += "; whose they are is not known: " + strings.Join(f.Unknown, "; ")
		}
		return is(found, "an empty place, for nobody can tell who uses these tables", u.Own)
	case f.Filled != "" && u.At.Whole:
		return is(f.Filled, "an empty database: the dump is of a whole one, and what is in it cannot be set aside in itself",
			"Create a new, empty database and restore there, to another data directory with --pg-database; or empty this one first, if nothing in it counts.")
	case f.Sight == nil:
		return nil
	case f.Filled != "":
		return u.aside(f.Sight, is)
	}
	if err := f.Sight.Usable(u.At.Login, u.At.Place); err != nil && (f.Sight.SchemaExists || !f.Sight.CreateSchema || f.Sight.Standby) {
		return is(err.Error(), "a place where the role may create tables", "")
	}
	return nil
}

// aside says why what is there could not be set aside.
func (u Use) aside(s *pg.Sight, is func(found, expected, remedy string) []preflight.Finding) []preflight.Finding {
	var foreign []string
	for _, o := range s.All() {
		if !s.Mine(o) {
			foreign = append(foreign, o.Name)
		}
	}
	switch {
	case s.Standby:
		return is("the server is a standby and only reads", "the primary", "")
	case len(foreign) > 0:
		return is("objects that belong to other roles: "+pg.FirstNames(foreign), "tables of the role "+u.At.Login.User+", which are set aside before the dump is loaded",
			"Give them to the role (ALTER TABLE … OWNER TO), or move them out of the schema.")
	case !s.CreateSchema:
		return is("the role "+u.At.Login.User+" may not create a schema in the database", "the right to make one, into which the tables that are there now are set aside",
			fmt.Sprintf("Run as an administrator: GRANT CREATE ON DATABASE %s TO %s.", pg.Quote(u.At.Login.Database), pg.Quote(u.At.Login.User)))
	}
	return nil
}

func sentenceCase(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
