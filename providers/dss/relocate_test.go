package dss

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever the form of the connection, the place that DSS uses afterwards is
// the one that was asked for.
func TestRelocateEveryForm(t *testing.T) {
	const ini = "[general]\nnodetype = %s\n\n[server]\nport = 11200\n"
	prefix := "copy_"
	for name, tt := range map[string]struct {
		node, settings, properties string
		r                          Relocation
		want, err                  string
	}{
		"members": {
			node:     "design",
			settings: `{"internalDatabase":{"connection":{"type":"PostgreSQL","params":{"host":"a","port":5432,"db":"dss","user":"u"}},"schema":"s","tableNamePrefix":"p_"}}`,
			r:        Relocation{Host: "b", Database: "d2", Prefix: &prefix}, want: "schema s, prefix copy_ in database d2 on b:5432",
		},
		"a URL": {
			node:     "design",
			settings: `{"internalDatabase":{"connection":{"type":"PostgreSQL","params":{"host":"old","port":1,"db":"x","useURL":true,"url":"jdbc:postgresql://a:5433/dss?sslmode=disable","user":"u"}},"schema":"s"}}`,
			r:        Relocation{Host: "b", Port: 6000, Database: "d2", Schema: "t"}, want: "schema t in database d2 on b:6000",
		},
		"a URL that names the schema": {
			node:     "automation",
			settings: `{"internalDatabase":{"connection":{"type":"PostgreSQL","params":{"useURL":true,"url":"jdbc:postgresql://a/dss?currentSchema=s&x=1","user":"u"}},"schema":"s"}}`,
			r:        Relocation{Schema: "t"}, want: "schema t in database dss on a:5432",
		},
		"Govern": {
			node: "govern", properties: "psql.jdbc.url=jdbc:postgresql://a:5432/gov?currentSchema=g&ssl=true\npsql.jdbc.user=gov\n",
			r: Relocation{Host: "b", Database: "gov2"}, want: "schema g in database gov2 on b:5432",
		},
		"Govern, another schema": {
			node: "govern", properties: "psql.jdbc.url=jdbc:postgresql://a:5432/gov\npsql.jdbc.user=gov\n",
			r: Relocation{Schema: "g"}, want: "schema g in database gov on a:5432",
		},
		"Govern has no prefix": {
			node: "govern", properties: "psql.jdbc.url=jdbc:postgresql://a:5432/gov\n",
			r: Relocation{Prefix: &prefix}, err: "tables have no prefix",
		},
		"embedded":                 {node: "design", settings: `{}`, r: Relocation{Schema: "t"}, err: "they are embedded"},
		"a URL with several hosts": {node: "design", settings: `{"internalDatabase":{"connection":{"type":"PostgreSQL","params":{"useURL":true,"url":"jdbc:postgresql://a,b/dss"}}}}`, r: Relocation{Host: "c"}, err: "must name one host"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDataDir(t)
			write(t, filepath.Join(dir, "install.ini"), fmt.Sprintf(ini, tt.node), 0o640)
			write(t, filepath.Join(dir, SettingsFile), cmp.Or(tt.settings, "{}"), 0o600)
			if tt.properties != "" {
				write(t, filepath.Join(dir, PropertiesFile), tt.properties, 0o600)
			}
			in := open(t, dir, nil)
			err := in.Relocate(context.Background(), tt.r)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			db, err := in.RuntimeDatabase()
			if err != nil {
				t.Fatal(err)
			}
			login, place, err := db.Target()
			if got := place.String() + " in " + login.Where(); err != nil || got != tt.want {
				t.Errorf("got %s (%v), want %s", got, err, tt.want)
			}
			for _, other := range []Relocation{{Host: "c"}, {Port: 1}, {Database: "other"}, {Schema: "other"}, {Prefix: new(string)}} {
				l, p := other.From(login, place)
				if in.LeadsTo(l, p) == nil && (other.Prefix == nil || place.Prefix != "") {
					t.Errorf("%+v is taken for the same place", other)
				}
			}
		})
	}
}
