package backup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
	"github.com/dssctl/dssctl/providers/places"
	"github.com/dssctl/dssctl/providers/preflight"
)

// instancesOf are those of an estate, as possible owners of a place.
func instancesOf(all []*config.Instance) []places.Instance {
	out := make([]places.Instance, 0, len(all))
	for _, in := range all {
		if in.DataDir != "" {
			out = append(out, places.Instance{Address: in.Address, DataDir: in.DataDir})
		}
	}
	return out
}

// databaseUser is the declared role, nil for none.
func databaseUser(in *config.Instance) *secret.Text {
	b := in.Child("runtime_database")
	if b == nil || !b.Has("user") {
		return nil
	}
	t := b.Text("user")
	return &t
}

// relocation is what the order changes of the place.
func (w *Elsewhere) relocation() dss.Relocation {
	if w == nil {
		return dss.Relocation{}
	}
	return dss.Relocation{Host: w.Host, Port: w.DBPort, Database: w.Database, Schema: w.Schema, Prefix: w.Prefix}
}

// site is where a set's databases were.
func siteOf(d *set.Database, node string) places.Site {
	return places.Site{
		Login: pg.Login{Host: d.Host, Port: d.Port, Database: d.Database, User: d.User},
		Place: pg.Place{Schema: d.Schema, Prefix: d.Prefix},
		Whole: node == "govern",
	}
}

// site is where a set's databases come to.
func (w *Elsewhere) site(d *set.Database, node string) places.Site {
	s := siteOf(d, node)
	s.Login, s.Place = w.relocation().From(s.Login, s.Place)
	return s
}

// refusesPlace says which of the flags, or of what is declared, cannot be had of
// this set.
func (w *Elsewhere) refusesPlace(e set.Entry, declared bool) (summary, detail string) {
	d, moved := e.Manifest.Database, w.relocation()
	switch {
	case moved.Empty():
	case d == nil && !declared:
		return "The set has no dump", fmt.Sprintf("The runtime databases of the set %s are embedded, and come along in the data directory: leave out the flags that begin with --pg-. To move them to PostgreSQL, declare runtime_database \"postgresql\" once the instance is there.", e.ID)
	case d == nil || e.Manifest.DSS.NodeType != "govern":
	case moved.Prefix != nil && *moved.Prefix != "", moved.Schema != "" && moved.Schema != d.Schema:
		return "A Govern node comes back whole", fmt.Sprintf("The set %s is of a Govern node: its dump is of a whole database, with the schemas that were in it (schema %s), and its tables have no prefix. Give it another database instead, which is there and empty.", e.ID, d.Schema)
	}
	return "", ""
}

// ownPlace says how what is restored gets a place of its own.
func ownPlace(declared, whole, elsewhere bool) string {
	switch {
	case declared && whole:
		return "Declare another database in runtime_database, which is there and empty."
	case declared:
		return "Declare a place of its own in runtime_database: another schema, table_prefix or database."
	case elsewhere && whole:
		return "Give it a database of its own, which is there and empty: --pg-database NAME, with --pg-host and --pg-port where it is on another server."
	case elsewhere:
		return "Give it a place of its own: --pg-schema SCHEMA or --pg-prefix PREFIX in this database, or --pg-database, --pg-host and --pg-port for another one."
	}
	return "Restore to another data directory with a place of its own: --data-dir DIR --kit KIT --pg-schema SCHEMA."
}

// loadTitle says where the dump comes to.
func loadTitle(s places.Site) string {
	return "load the dump of the runtime databases into " + s.String()
}

// target is where the dump of the set is to come to, and how to log in there.
// sure says that the login is one that DSS uses.
func (c *call) destination(e set.Entry) (site places.Site, sure bool, err error) {
	d := e.Manifest.Database
	if d == nil {
		return site, false, fmt.Errorf("the set %s has no dump", e.ID)
	}
	site = siteOf(d, e.Manifest.DSS.NodeType)
	if c.Restore.User != nil && site.Login.User == "" {
		if site.Login.User, err = c.Restore.User.Reveal(c.Secrets); err != nil {
			return site, false, err
		}
	}
	for _, dir := range c.originals(e) {
		in, err := c.Instance.Beside(dir, "", "")
		if err != nil {
			continue // gone, or another account's: it only serves the login
		}
		if theirs, external, err := places.Of(in); err == nil && external && theirs.Login.SameAddress(site.Login) {
			site.Login, sure = theirs.Login, true
			break
		}
	}
	site.Login, site.Place = c.Restore.Elsewhere.relocation().From(site.Login, site.Place)
	site.Place.Others = c.Others
	if c.Database != nil {
		site.Login.Password, err = c.Database.Reveal(c.Secrets)
	}
	return site, sure, err
}

// originals are the data directories in which the instance of the set may be.
func (c *call) originals(e set.Entry) []string {
	out := []string{e.Manifest.DataDir}
	if c.Restore.Elsewhere == nil {
		out = append([]string{c.Instance.DataDir}, out...)
	}
	for _, in := range c.Restore.Instances {
		if in.Address == e.Manifest.Instance {
			out = append(out, in.DataDir)
		}
	}
	return out
}

// use is what the load does with its site.
func (c *call) use(e set.Entry, at places.Site) places.Use {
	w := c.Restore.Elsewhere
	u := places.Use{At: at, Doing: "The dump cannot be loaded", Replaces: true, Own: ownPlace(c.Restore.Declared, at.Whole, w != nil)}
	if w == nil {
		return u
	}
	// The tables of an instance that was lost on this machine are its own.
	was := siteOf(e.Manifest.Database, e.Manifest.DSS.NodeType)
	host, err := os.Hostname()
	u.Replaces = err == nil && host == e.Manifest.Host && at.Login.SameAddress(was.Login) && at.Place.Schema == was.Place.Schema && at.Place.Prefix == was.Place.Prefix &&
		!slices.ContainsFunc(c.originals(e), func(dir string) bool {
			return exists(filepath.Join(dir, dss.InstallINIFile)) && !sameFolder(dir, c.Instance.DataDir)
		})
	return u
}

func sameFolder(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}

// among are the instances that may own a place: those of the estate, and the one
// that the set is of.
func (c *call) among(e set.Entry) []places.Instance {
	return append(slices.Clone(c.Restore.Instances), places.Instance{DataDir: e.Manifest.DataDir})
}

// Preflight looks whose the place is that the dump comes to.
func (loader) Preflight(ctx context.Context, pc *providers.Call) ([]preflight.Finding, error) {
	c, e, err := openRestore(pc)
	if err != nil {
		return nil, err
	}
	at, sure, err := c.destination(e)
	if err != nil {
		return nil, err
	}
	use, search := c.use(e, at), places.Beside(c.Instance)
	if c.Restore.Elsewhere != nil {
		search.Self = ""
	}
	if at.Login.User == "" {
		// Nobody says as whom to log in until the set is unpacked: it is asked again
		// before the load.
		found, err := search.Owners(ctx, at, c.among(e))
		return use.Judge(found), err
	}
	found, err := search.Look(ctx, at, c.among(e))
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	all := use.Judge(found)
	switch {
	case err != nil && len(all) == 0:
		f := preflight.Finding{What: "The place of the dump cannot be looked at", Where: at.String(), Found: err.Error()}
		if !sure {
			f.Severity = preflight.Warning
			f.Remedy = "It is looked at again before anything is written there, with the login of the restored settings."
		}
		all = append(all, f)
	case len(all) == 0 && found.Filled != "" && !c.isPlace(at):
		all = append(all, preflight.Finding{
			Severity: preflight.Warning, What: "Tables are set aside", Where: at.String(), Found: found.Filled,
			Remedy: "No instance that dssctl knows uses them. They are kept in a schema of their own, whose name begins with dssctl_aside_, and a rollback brings them back.",
		})
	}
	if err == nil && found.Filled != "" && len(preflight.Errors(all)) == 0 && !at.Whole {
		others, err := pg.Dependents(ctx, at.Login, at.Place)
		if err != nil {
			return nil, err
		}
		if len(others) > 0 {
			all = append(all, preflight.Finding{
				Severity: preflight.Warning, What: "Others use the tables that are set aside", Where: at.String(),
				Found:  pg.FirstNames(others),
				Remedy: "They go on reading the tables of before, in the schema whose name begins with dssctl_aside_, and not what is restored: make them again after the restore. A rollback brings back what they read.",
			})
		}
	}
	return all, nil
}

// isPlace reports whether the instance's databases are there today.
func (c *call) isPlace(at places.Site) bool {
	now, external, err := places.Of(c.Instance)
	return err == nil && external && now.Login.SameAddress(at.Login) && now.Place.Schema == at.Place.Schema && now.Place.Prefix == at.Place.Prefix
}

// writable asks once more, right before the load, with the restored login.
func (c *call) writable(ctx context.Context, e set.Entry, at *places.Site) (places.Finding, error) {
	found, err := places.Beside(c.Instance).Look(ctx, *at, c.among(e))
	if err != nil {
		return found, err
	}
	// Prefixes of living instances that begin with ours.
	for _, p := range found.Others {
		if !slices.Contains(at.Place.Others, p) {
			at.Place.Others = append(at.Place.Others, p)
		}
	}
	if bad := preflight.Errors(c.use(e, *at).Judge(found)); len(bad) > 0 {
		return found, fmt.Errorf("load the dump: %s", bad[0])
	}
	return found, nil
}

// elsewhereDatabase refuses a place that the set cannot come to.
func (m *maker) elsewhereDatabase(e set.Entry, o RestoreOrder, b *config.Block) *hcl.Diagnostic {
	if o.Elsewhere == nil {
		return nil
	}
	summary, detail := o.Elsewhere.refusesPlace(e, o.Declared)
	if summary == "" {
		return nil
	}
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: b.RangeOf("destination")}
}
