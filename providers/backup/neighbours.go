package backup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/pg"
)

// neighbours are the table prefixes that the estate declares, by the schema in
// which they are. A prefix may begin another instance's: its tables are not to
// be dumped, set aside or dropped with ours.
type neighbours map[string][]string

// Survey returns the provider that knows the estate's table prefixes. It is
// linear in the instances.
func (p *Provider) Survey(all []*config.Instance, r secret.Resolver) providers.Provider {
	return p.surveyed(all, r)
}

func (p *Provider) surveyed(all []*config.Instance, r secret.Resolver) *Provider {
	out := &Provider{o: p.o, near: neighbours{}}
	for _, in := range all {
		b := in.Child("runtime_database")
		if b == nil || !b.Has("table_prefix") || len(b.Labels) == 0 || b.Labels[0] != "postgresql" {
			continue
		}
		host, herr := plainText(b, "host", r)
		database, derr := plainText(b, "database", r)
		if herr != nil || derr != nil {
			continue // whoever needs the value says that it is missing
		}
		key := schemaKey(host, int(b.Int("port")), database, b.String("schema"))
		out.near[key] = append(out.near[key], b.String("table_prefix"))
	}
	return out
}

func plainText(b *config.Block, name string, r secret.Resolver) (string, error) {
	return b.Text(name).Reveal(r)
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

// others are the longer prefixes at a place that begin with its own: those of
// the estate, and those that the instance's block names.
func (p *Provider) others(in *config.Instance, l pg.Login, place pg.Place) []string {
	var out []string
	add := func(prefix string) {
		if len(prefix) > len(place.Prefix) && strings.HasPrefix(strings.ToLower(prefix), strings.ToLower(place.Prefix)) && !slices.Contains(out, prefix) {
			out = append(out, prefix)
		}
	}
	for _, prefix := range p.near[schemaKey(l.Host, l.Port, l.Database, place.Schema)] {
		add(prefix)
	}
	if in == nil {
		return out
	}
	if b := in.Child("runtime_database"); b != nil && b.Has("other_prefixes") && !b.Value("other_prefixes").ContainsMarked() {
		for _, prefix := range stringsOf(b.Value("other_prefixes")) {
			add(prefix)
		}
	}
	slices.Sort(out)
	return out
}
