package dss_test

import (
	"testing"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/providers/dss"
)

func TestRelocation(t *testing.T) {
	const before = `{ "a" : 1.50, "internalDatabase": {"connection": {"params": {"port":5432, "host": "pg", "password":"e:AES:x"}, "type": "PostgreSQL"}, "tableNamePrefix": "dss_", "schema": "s", "maxPooledExternalConnections": 50} }`
	prefix, none := "clone_", ""
	for name, tt := range map[string]struct {
		r    dss.Relocation
		want string
	}{
		"nothing": {dss.Relocation{}, before},
		"schema and prefix": {
			dss.Relocation{Schema: "t", Prefix: &prefix},
			`{ "a" : 1.50, "internalDatabase": {"connection": {"params": {"port":5432, "host": "pg", "password":"e:AES:x"}, "type": "PostgreSQL"}, "tableNamePrefix": "clone_", "schema": "t", "maxPooledExternalConnections": 50} }`,
		},
		"no prefix, another server": {
			dss.Relocation{Host: "pg2", Port: 5433, Prefix: &none},
			`{ "a" : 1.50, "internalDatabase": {"connection": {"params": {"port":5433, "host": "pg2", "password":"e:AES:x"}, "type": "PostgreSQL"}, "schema": "s", "maxPooledExternalConnections": 50} }`,
		},
	} {
		d, err := jsonedit.Parse([]byte(before))
		if err != nil {
			t.Fatal(err)
		}
		if err := tt.r.Edit(d); err != nil {
			t.Fatal(err)
		}
		if got := string(d.Bytes()); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, tt.want)
		}
	}
}
