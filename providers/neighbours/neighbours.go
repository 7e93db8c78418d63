// Package neighbours knows which table prefixes an estate declares in each
// schema. A prefix may begin another instance's: its tables are not to be
// dumped, copied, set aside or dropped with ours.
package neighbours

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/pg"
)

// Prefixes are the table prefixes by the schema in which they are.
type Prefixes map[string][]string

// Survey gathers what the estate declares. It is linear in the instances.
func Survey(all []*config.Instance, r secret.Resolver) Prefixes {
	out := Prefixes{}
	for _, in := range all {
		b := in.Child("runtime_database")
		if b == nil || !b.Has("table_prefix") || len(b.Labels) == 0 || b.Labels[0] != "postgresql" {
			continue
		}
		host, port, database, ok := server(b, r)
		if !ok {
			continue // whoever needs the value says that it is missing
		}
		key := schemaKey(host, port, database, b.String("schema"))
		out[key] = append(out[key], b.String("table_prefix"))
	}
	return out
}

// server is what a block declares, by a JDBC URL or without.
func server(b *config.Block, r secret.Resolver) (host string, port int, database string, ok bool) {
	value := func(name string) (string, bool) {
		if !b.Has(name) {
			return "", true
		}
		v, err := b.Text(name).Reveal(r)
		return v, err == nil
	}
	host, hostKnown := value("host")
	database, databaseKnown := value("database")
	url, urlKnown := value("jdbc_url")
	if port = int(b.Int("port")); url == "" {
		return host, port, database, hostKnown && databaseKnown && urlKnown
	}
	u, err := pg.ParseJDBC(url)
	return u.Host, u.Port, cmp.Or(u.Database, database), err == nil && databaseKnown
}

func schemaKey(host string, port int, database, schema string) string {
	if port == 0 {
		port = 5432
	}
	if schema == "" {
		schema = "public"
	}
	return fmt.Sprintf("%s\x00%s\x00%s\x00%s", pg.HostKey(host), strconv.Itoa(port), database, schema)
}

// Others are the longer prefixes at a place that begin with its own: those of
// the estate, and those that the instance's block names.
func (p Prefixes) Others(in *config.Instance, l pg.Login, place pg.Place) []string {
	var out []string
	add := func(prefix string) {
		if len(prefix) > len(place.Prefix) && strings.HasPrefix(strings.ToLower(prefix), strings.ToLower(place.Prefix)) && !slices.Contains(out, prefix) {
			out = append(out, prefix)
		}
	}
	for _, prefix := range p[schemaKey(l.Host, l.Port, l.Database, place.Schema)] {
		add(prefix)
	}
	if in == nil {
		return out
	}
	if b := in.Child("runtime_database"); b != nil && b.Has("other_prefixes") && !b.Value("other_prefixes").ContainsMarked() {
		for it := b.Value("other_prefixes").ElementIterator(); it.Next(); {
			if _, v := it.Element(); v.IsKnown() && !v.IsNull() {
				add(v.AsString())
			}
		}
	}
	slices.Sort(out)
	return out
}
