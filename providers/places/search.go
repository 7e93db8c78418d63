package places

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// Instance is one that may own a place.
type Instance struct {
	Address string `json:"address,omitempty"` // "" for one that no file declares
	DataDir string `json:"data_dir"`
}

func (i Instance) String() string {
	if i.Address == "" {
		return "the instance in " + i.DataDir
	}
	return i.Address + " (" + i.DataDir + ")"
}

// Owner is an instance whose settings lead to the place.
type Owner struct {
	Instance
	Site Site
}

// Finding is what a search found.
type Finding struct {
	// Owners live at the place.
	Owners []Owner
	// Unknown are instances of which it cannot be told, each with why.
	Unknown []string
	// Others are the longer prefixes of instances in the same schema.
	Others []string
	// Sight is what the place holds.
	Sight *pg.Sight
	// Filled says how much is there already; "" for an empty place.
	Filled string
}

// Search looks for owners. The zero value needs Open.
type Search struct {
	// Open opens a data directory to read its files.
	Open func(dataDir string) (*dss.Instance, error)
	// Self is the data directory of the instance that the place is for.
	Self string
	// Resolve is the machine's own resolver when nil.
	Resolve func(ctx context.Context, host string) ([]string, error)
	// Identify is pg.Identify when nil.
	Identify func(context.Context, pg.Login) (pg.Identity, error)
}

// Beside is a search by way of an instance.
func Beside(in *dss.Instance) Search {
	return Search{Self: in.DataDir, Open: func(dir string) (*dss.Instance, error) { return in.Beside(dir, "", "") }}
}

// lookTimeout bounds a look at one server.
const lookTimeout = 15 * time.Second

// Look finds who of these owns the site, and what is there. It only looks. The
// error says that the site itself could not be looked at.
func (s Search) Look(ctx context.Context, at Site, among []Instance) (Finding, error) {
	f, err := s.Owners(ctx, at, among)
	if err != nil {
		return f, err
	}
	bounded, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if at.Whole {
		names, err := pg.Relations(bounded, at.Login)
		if len(names) > 0 {
			f.Filled = fmt.Sprintf("%s: %s", counted(len(names), "table"), pg.FirstNames(names))
		}
		return f, err
	}
	place := at.Place
	place.Others = append(slices.Clone(place.Others), f.Others...)
	if f.Sight, err = pg.Look(bounded, at.Login, place); err != nil {
		return f, err
	}
	if all := f.Sight.All(); len(all) > 0 {
		names := make([]string, len(all))
		for i, o := range all {
			names[i] = o.Name
		}
		f.Filled = fmt.Sprintf("%s with about %s: %s", counted(len(all), "object"), counted(f.Sight.Rows(), "row"), pg.FirstNames(names))
	}
	return f, nil
}

// Owners finds who of these owns the site by their files, and asks servers only
// where two addresses may be one server.
func (s Search) Owners(ctx context.Context, at Site, among []Instance) (Finding, error) {
	var f Finding
	known := &servers{search: s, at: at, asked: map[string]pg.Identity{}}
	for _, in := range distinct(among, s.Self) {
		site, external, err := s.siteOf(in)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // no instance there, or not any more
		case err != nil:
			f.Unknown = append(f.Unknown, fmt.Sprintf("%s: %v", in, err))
			continue
		case !external || !at.overlaps(site) && !at.longer(site):
			continue
		}
		same, why := known.same(ctx, site)
		switch {
		case ctx.Err() != nil:
			return f, context.Cause(ctx)
		case why != "":
			f.Unknown = append(f.Unknown, fmt.Sprintf("%s: %s", in, why))
		case same && at.overlaps(site):
			f.Owners = append(f.Owners, Owner{in, site})
		case same:
			f.Others = append(f.Others, site.Place.Prefix)
		}
	}
	slices.Sort(f.Others)
	f.Others = slices.Compact(f.Others)
	return f, nil
}

func (s Search) siteOf(in Instance) (Site, bool, error) {
	if _, err := os.Stat(filepath.Join(in.DataDir, dss.InstallINIFile)); err != nil {
		return Site{}, false, err
	}
	inst, err := s.Open(in.DataDir)
	if err != nil {
		return Site{}, false, err
	}
	return Of(inst)
}

// distinct leaves out the instance itself, and those named twice, by their real
// paths.
func distinct(all []Instance, self string) []Instance {
	seen := map[string]bool{resolve(self): true}
	var out []Instance
	for _, in := range all {
		if in.DataDir == "" || seen[resolve(in.DataDir)] {
			continue
		}
		seen[resolve(in.DataDir)] = true
		out = append(out, in)
	}
	return out
}

func resolve(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return filepath.Clean(path)
}

// servers compares addresses by who answers there.
type servers struct {
	search Search
	at     Site
	here   pg.Identity // of at
	asked  map[string]pg.Identity
}

// same reports whether a site is in the database of s.at; why says that it
// cannot be told.
func (s *servers) same(ctx context.Context, site Site) (same bool, why string) {
	if s.at.Login.SameAddress(site.Login) {
		return true, ""
	}
	identify := s.search.Identify
	if identify == nil {
		identify = pg.Identify
	}
	ask := func(l pg.Login) (pg.Identity, error) {
		bounded, cancel := context.WithTimeout(ctx, lookTimeout)
		defer cancel()
		return identify(bounded, l)
	}
	if s.here.Running == "" && s.at.Login.User != "" {
		var err error
		if s.here, err = ask(s.at.Login); err != nil {
			return false, fmt.Sprintf("whether %s is the same server cannot be told: %v", site.Login.Server(), err)
		}
	}
	there, err := s.ask(site, ask)
	if err == nil && s.here.Running != "" {
		return s.here.Same(there), ""
	}
	if site.Login.Database != s.at.Login.Database || !s.search.sameHost(ctx, s.at.Login, site.Login) {
		if err == nil {
			err = errors.New("there is no login to ask with")
		}
		return false, fmt.Sprintf("whether %s is the same server cannot be told: %v", site.Login.Server(), err)
	}
	return true, ""
}

// ask asks the server of a site, with its own login where it has a password in
// clear, or else with ours.
func (s *servers) ask(site Site, ask func(pg.Login) (pg.Identity, error)) (pg.Identity, error) {
	key := site.Login.Where()
	if known, ok := s.asked[key]; ok {
		return known, nil
	}
	ours := s.at.Login
	ours.Host, ours.Port, ours.Database = site.Login.Host, site.Login.Port, site.Login.Database
	var err error
	for _, l := range []pg.Login{site.Login, ours} {
		if l.User == "" {
			continue
		}
		var i pg.Identity
		if i, err = ask(l); err == nil {
			s.asked[key] = i
			return i, nil
		}
	}
	if err == nil {
		err = errors.New("there is no login to ask with")
	}
	return pg.Identity{}, err
}

// sameHost compares addresses: the same port, and a common IP address.
func (s Search) sameHost(ctx context.Context, a, b pg.Login) bool {
	if portOf(a) != portOf(b) {
		return false
	}
	resolve := s.Resolve
	if resolve == nil {
		resolve = net.DefaultResolver.LookupHost
	}
	bounded, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	ours, err := resolve(bounded, pg.HostKey(a.Host))
	if err != nil {
		return false
	}
	theirs, err := resolve(bounded, pg.HostKey(b.Host))
	return err == nil && slices.ContainsFunc(ours, func(ip string) bool { return slices.Contains(theirs, ip) })
}

func portOf(l pg.Login) int {
	if l.Port == 0 {
		return 5432
	}
	return l.Port
}

func counted[N int | int64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
