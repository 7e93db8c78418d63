package places

import (
	"strings"

	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// Site is where one instance keeps its runtime databases in PostgreSQL, or is to.
type Site struct {
	Login pg.Login
	Place pg.Place
	// Whole says that all of the database belongs to it, as a Govern node's does.
	Whole bool
}

// String names the site for messages.
func (s Site) String() string {
	if s.Whole {
		return "all of the " + s.Login.Where()
	}
	return s.Place.String() + ", in " + s.Login.Where()
}

// Of reads where an instance's runtime databases are. external is false for
// embedded ones.
func Of(in *dss.Instance) (site Site, external bool, err error) {
	db, err := in.RuntimeDatabase()
	if err != nil || !db.External {
		return Site{}, false, err
	}
	site.Whole = db.Govern
	site.Login, site.Place, err = db.Target()
	if db.Encrypted() {
		site.Login.Password = "" // of use to DSS alone
	}
	return site, true, err
}

// overlaps reports whether the two would have the same tables if they were in
// one database. Case does not tell prefixes apart: DSS may leave names unquoted.
func (s Site) overlaps(t Site) bool {
	return s.Whole || t.Whole || s.Place.Schema == t.Place.Schema && strings.EqualFold(s.Place.Prefix, t.Place.Prefix)
}

// longer reports whether t's tables begin with s's prefix and are not s's.
func (s Site) longer(t Site) bool {
	return s.Place.Schema == t.Place.Schema && len(t.Place.Prefix) > len(s.Place.Prefix) &&
		strings.HasPrefix(strings.ToLower(t.Place.Prefix), strings.ToLower(s.Place.Prefix))
}
