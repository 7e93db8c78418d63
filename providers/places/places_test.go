package places_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
	"github.com/dssctl/dssctl/providers/places"
)

// instance makes a data directory whose settings are these, and returns it.
func instance(t *testing.T, node, settings, properties string) places.Instance {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dss")
	for name, text := range map[string]string{
		"install.ini":                  "[general]\nnodetype = " + node + "\n\n[server]\nport = 11200\n",
		"dss-version.json":             `{"product_version":"14.4.1"}`,
		"bin/dss":                      "#!/bin/sh\n",
		"config/general-settings.json": settings,
		"config/dip.properties":        properties,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return places.Instance{Address: "instance.x", DataDir: dir}
}

func members(host string, port int, database, schema, prefix string) string {
	return fmt.Sprintf(`{"internalDatabase":{"connection":{"type":"PostgreSQL","params":{"host":%q,"port":"%d","db":%q,"user":"dss","password":"e:AES:only-DSS-reads-it"}},"schema":%q,"tableNamePrefix":%q}}`,
		host, port, database, schema, prefix)
}

func search(self string) places.Search {
	return places.Search{Self: self, Open: func(dir string) (*dss.Instance, error) { return dss.Open(dir, dss.Options{}) }}
}

// Whatever name leads to a server and in whatever form the settings say it,
// who lives at a place is found; and nobody who lives beside it.
func TestOwners(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("PostgreSQL does not run as root: run the tests with scripts/test")
	}
	ctx := context.Background()
	server, err := dsskit.StartPostgres(ctx, filepath.Join(t.TempDir(), "pg"), dsskit.PGOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	for _, err := range []error{
		server.CreateRotatedRole(ctx, "owners", "dss", "the password"),
		server.CreateDatabase(ctx, "dss", "owners"), server.CreateDatabase(ctx, "gov", "owners"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	at := func(host, database, schema, prefix string) places.Site {
		return places.Site{
			Login: pg.Login{Host: host, Port: server.Port, Database: database, User: "dss", Password: "the password"},
			Place: pg.Place{Schema: schema, Prefix: prefix},
		}
	}
	url := fmt.Sprintf("jdbc:postgresql://localhost:%d/dss?currentSchema=elsewhere", server.Port)
	byURL := fmt.Sprintf(`{"internalDatabase":{"connection":{"type":"PostgreSQL","params":{"host":"nowhere.invalid","useURL":true,"url":%q,"user":"dss"}},"schema":"s","tableNamePrefix":"p_"}}`, url)
	govern := fmt.Sprintf("psql.jdbc.url=jdbc:postgresql://localhost:%d/gov\npsql.jdbc.user=dss\npsql.jdbc.password=the password\n", server.Port)
	for name, tt := range map[string]struct {
		in      places.Instance
		at      places.Site
		owned   bool
		unknown bool
		others  []string
	}{
		"the same words":                {instance(t, "design", members("127.0.0.1", server.Port, "dss", "s", "p_"), ""), at("127.0.0.1", "dss", "s", "p_"), true, false, nil},
		"another name of the server":    {instance(t, "design", members("localhost", server.Port, "dss", "s", "p_"), ""), at("127.0.0.1", "dss", "s", "p_"), true, false, nil},
		"a URL":                         {instance(t, "automation", byURL, ""), at("127.0.0.1", "dss", "s", "p_"), true, false, nil},
		"names folded by the server":    {instance(t, "design", members("127.0.0.1", server.Port, "dss", "s", "P_"), ""), at("127.0.0.1", "dss", "s", "p_"), true, false, nil},
		"another schema":                {instance(t, "design", members("127.0.0.1", server.Port, "dss", "S", "p_"), ""), at("127.0.0.1", "dss", "s", "p_"), false, false, nil},
		"another database":              {instance(t, "design", members("127.0.0.1", server.Port, "gov", "s", "p_"), ""), at("127.0.0.1", "dss", "s", "p_"), false, false, nil},
		"a longer prefix":               {instance(t, "design", members("localhost", server.Port, "dss", "s", "p_2_"), ""), at("127.0.0.1", "dss", "s", "p_"), false, false, []string{"p_2_"}},
		"no prefix of our own":          {instance(t, "design", members("127.0.0.1", server.Port, "dss", "s", "p_"), ""), at("127.0.0.1", "dss", "s", ""), false, false, []string{"p_"}},
		"embedded":                      {instance(t, "design", `{}`, ""), at("127.0.0.1", "dss", "s", "p_"), false, false, nil},
		"a Govern node has all of it":   {instance(t, "govern", `{}`, govern), at("127.0.0.1", "gov", "s", "p_"), true, false, nil},
		"a server that does not answer": {instance(t, "design", members("127.0.0.1", 1, "dss", "s", "p_"), ""), at("127.0.0.1", "dss", "s", "p_"), false, true, nil},
		"not there any more":            {places.Instance{DataDir: "/nowhere"}, at("127.0.0.1", "dss", "s", "p_"), false, false, nil},
		"settings not understood":       {instance(t, "design", `{"internalDatabase": 7}`, ""), at("127.0.0.1", "dss", "s", "p_"), false, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := search("").Owners(ctx, tt.at, []places.Instance{tt.in})
			if err != nil || len(f.Owners) > 0 != tt.owned || len(f.Unknown) > 0 != tt.unknown || !slices.Equal(f.Others, tt.others) {
				t.Fatalf("got %+v (%v)", f, err)
			}
			// Nobody is in his own way, by whatever path.
			link := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(tt.in.DataDir, link); err != nil {
				t.Fatal(err)
			}
			if f, err := search(link).Owners(ctx, tt.at, []places.Instance{tt.in}); err != nil || len(f.Owners)+len(f.Unknown) > 0 {
				t.Errorf("an instance is in its own way: %+v (%v)", f, err)
			}
		})
	}

	// What is there counts where nobody is known.
	if _, err := server.Exec(ctx, "dss", `CREATE SCHEMA s AUTHORIZATION owners; CREATE TABLE s.p_jobs (id int); CREATE TABLE s.p_2_jobs (id int); ALTER TABLE s.p_jobs OWNER TO owners; ALTER TABLE s.p_2_jobs OWNER TO owners; REVOKE CREATE ON DATABASE dss FROM owners`); err != nil {
		t.Fatal(err)
	}
	site := at("127.0.0.1", "dss", "s", "p_")
	among := []places.Instance{instance(t, "design", members("localhost", server.Port, "dss", "s", "p_2_"), "")}
	f, err := search("").Look(ctx, site, among)
	if err != nil || !strings.Contains(f.Filled, "p_jobs") || strings.Contains(f.Filled, "p_2_jobs") {
		t.Fatalf("got %+v (%v)", f, err)
	}
	if got := (places.Use{At: site, Doing: "no"}).Judge(f); len(got) != 1 || !strings.Contains(got[0].Expected, "an empty place") {
		t.Errorf("a filled place: %v", got)
	}
	if got := (places.Use{At: site, Doing: "no", Replaces: true}).Judge(f); len(got) != 1 || !strings.Contains(got[0].Found, "may not create a schema") {
		t.Errorf("a place that cannot be set aside: %v", got)
	}
	if _, err := server.Exec(ctx, "dss", `GRANT CREATE ON DATABASE dss TO owners`); err != nil {
		t.Fatal(err)
	}
	if f, err = search("").Look(ctx, site, among); err != nil {
		t.Fatal(err)
	}
	if got := (places.Use{At: site, Replaces: true}).Judge(f); len(got) != 0 {
		t.Errorf("a place that can be set aside: %v", got)
	}
	whole := at("127.0.0.1", "dss", "", "")
	whole.Whole = true
	if f, err = search("").Look(ctx, whole, nil); err != nil {
		t.Fatal(err)
	}
	if got := (places.Use{At: whole, Replaces: true}).Judge(f); len(got) != 1 || !strings.Contains(got[0].Expected, "an empty database") {
		t.Errorf("a whole database that is in use: %v", got)
	}
}

// Where no server can be asked, addresses decide, and what they leave open is said.
func TestOwnersByAddressAlone(t *testing.T) {
	ctx := context.Background()
	s := search("")
	s.Identify = func(context.Context, pg.Login) (pg.Identity, error) {
		return pg.Identity{}, errors.New("nobody is let in")
	}
	s.Resolve = func(_ context.Context, host string) ([]string, error) {
		return map[string][]string{"pg": {"10.0.0.7"}, "pg.internal": {"10.0.0.7", "fe80::7"}, "pg2": {"10.0.0.8"}}[host], nil
	}
	at := places.Site{Login: pg.Login{Host: "pg.internal", Database: "dss"}, Place: pg.Place{Schema: "s", Prefix: "p_"}}
	for name, tt := range map[string]struct {
		settings string
		owned    bool
	}{
		"the same IP address": {members("pg", 5432, "dss", "s", "p_"), true},
		"another one":         {members("pg2", 5432, "dss", "s", "p_"), false},
		"another port":        {members("pg", 5433, "dss", "s", "p_"), false},
	} {
		f, err := s.Owners(ctx, at, []places.Instance{instance(t, "design", tt.settings, "")})
		if err != nil || len(f.Owners) > 0 != tt.owned || len(f.Unknown) > 0 == tt.owned {
			t.Errorf("%s: %+v (%v)", name, f, err)
		}
	}
}
