package runtimedb

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/dss"
)

// The settings as DSS writes them: what is not meant stays byte for byte.
const head = "{\n  \"first\": 1.50,\n  \"path\": \"a\\u0026b\",\n"

func TestWriteConnection(t *testing.T) {
	base := connection{Host: secret.Plain("pg.internal"), Port: secret.Plain("15432"), Database: secret.Plain("dss"), User: secret.Plain("dss"), Schema: "dss_runtime", Prefix: "design_"}
	for name, tt := range map[string]struct {
		before, after string
		change        func(*connection)
		args          connectionArgs
		password      string
	}{
		"absent": {
			before: head + "  \"last\": true\n}\n",
			after: head + "  \"last\": true,\n  \"internalDatabase\": {\n    \"connection\": {\n      \"params\": {\n        \"port\": 15432,\n        \"host\": \"pg.internal\",\n" +
				"        \"user\": \"dss\",\n        \"password\": \"e:AES:abc\",\n        \"db\": \"dss\"\n      },\n      \"type\": \"PostgreSQL\"\n    },\n" +
				"    \"tableNamePrefix\": \"design_\",\n    \"schema\": \"dss_runtime\"\n  }\n}\n",
			password: "e:AES:abc",
		},
		"null, in one line, no prefix": {
			before:   `{"internalDatabase":null,"z":1}`,
			after:    `{"internalDatabase":{"connection":{"params":{"port":15432,"host":"pg.internal","user":"dss","db":"dss"},"type":"PostgreSQL"},"schema":"dss_runtime"},"z":1}`,
			change:   func(c *connection) { c.Prefix = "" },
			password: "",
		},
		"pool numbers and unknown members stay": {
			before:   `{"internalDatabase": {"maxPooledExternalConnections": 5e1, "future": {"a": [1,  2]}}}`,
			after:    `{"internalDatabase": {"maxPooledExternalConnections": 5e1, "future": {"a": [1,  2]}, "connection": {"params": {"port": 15432, "host": "pg.internal", "user": "dss", "password": "e:AES:abc", "db": "dss"}, "type": "PostgreSQL"}, "tableNamePrefix": "design_", "schema": "dss_runtime"}}`,
			password: "e:AES:abc",
		},
		"update in place": {
			before: `{"internalDatabase": {"connection": {"type": "PostgreSQL", "params": {"host": "old", "port": "15432", "db": "dss", "user": "dss", "password": "e:AES:old", "odd": null}, "x": 1},
				"tableNamePrefix": "was_", "schema": "dss_runtime", "maxPooledExternalConnections": 50}}`,
			after: `{"internalDatabase": {"connection": {"type": "PostgreSQL", "params": {"host": "pg.internal", "port": "15432", "db": "dss", "user": "dss", "password": "e:AES:old", "odd": null}, "x": 1},
				"tableNamePrefix": "design_", "schema": "dss_runtime", "maxPooledExternalConnections": 70}}`,
			change: func(c *connection) {
				c.Pool = map[string]secret.Text{"maxPooledExternalConnections": secret.Plain("70")}
			},
		},
		"prefix taken out": {
			before: `{"internalDatabase": {"connection": {"type": "PostgreSQL", "params": {"host": "pg.internal", "port": 15432, "db": "dss", "user": "dss"}}, "tableNamePrefix": "", "schema": "dss_runtime"}}`,
			after:  `{"internalDatabase": {"connection": {"type": "PostgreSQL", "params": {"host": "pg.internal", "port": 15432, "db": "dss", "user": "dss"}}, "schema": "dss_runtime"}}`,
			change: func(c *connection) { c.Prefix = "" },
		},
		"URL out of use": {
			before: `{"internalDatabase": {"connection": {"type": "PostgreSQL", "params": {"useURL": true, "url": "jdbc:postgresql://old/x", "user": "dss"}}, "tableNamePrefix": "design_", "schema": "dss_runtime"}}`,
			after:  `{"internalDatabase": {"connection": {"type": "PostgreSQL", "params": {"useURL": false, "user": "dss", "host": "pg.internal", "port": 15432, "db": "dss"}}, "tableNamePrefix": "design_", "schema": "dss_runtime"}}`,
			args:   connectionArgs{DropURL: true},
		},
		"URL stays in use": {
			before: `{"internalDatabase": {"connection": {"type": "PostgreSQL", "params": {"useURL": true, "url": "jdbc:postgresql://pg.internal:15432/dss", "user": "was"}}, "tableNamePrefix": "design_", "schema": "dss_runtime"}}`,
			after:  `{"internalDatabase": {"connection": {"type": "PostgreSQL", "params": {"useURL": true, "url": "jdbc:postgresql://pg.internal:15432/dss", "user": "dss"}}, "tableNamePrefix": "design_", "schema": "dss_runtime"}}`,
		},
		"properties keep their order and company": {
			before: `{"internalDatabase": {"connection": {"type": "PostgreSQL", "params": {"host": "pg.internal", "port": 15432, "db": "dss", "user": "dss", "properties": [{"name": "z", "value": "1", "secret": false}, {"name": "gone", "value": "x"}, {"name": "ssl", "value": "false"}]}}, "tableNamePrefix": "design_", "schema": "dss_runtime"}}`,
			after:  `{"internalDatabase": {"connection": {"type": "PostgreSQL", "params": {"host": "pg.internal", "port": 15432, "db": "dss", "user": "dss", "properties": [{"name": "z", "value": "1", "secret": false}, {"name": "ssl", "value": "true"}, {"name": "new", "value": "'&<"}]}}, "tableNamePrefix": "design_", "schema": "dss_runtime"}}`,
			change: func(c *connection) {
				c.Managed = true
				c.Properties = map[string]secret.Text{"z": secret.Plain("1"), "ssl": secret.Plain("true"), "new": secret.Plain("'&<")}
			},
		},
		"nothing differs": {
			before: head + "  \"internalDatabase\" : {\"schema\":\"dss_runtime\", \"tableNamePrefix\":\"design_\",\t\"connection\":{\"type\":\"PostgreSQL\",\"params\":{\"port\":15432.0,\"host\":\"pg.internal\",\"db\":\"dss\",\"user\":\"dss\"}}}\n}",
			after:  head + "  \"internalDatabase\" : {\"schema\":\"dss_runtime\", \"tableNamePrefix\":\"design_\",\t\"connection\":{\"type\":\"PostgreSQL\",\"params\":{\"port\":15432.0,\"host\":\"pg.internal\",\"db\":\"dss\",\"user\":\"dss\"}}}\n}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := base
			if tt.change != nil {
				tt.change(&c)
			}
			s, err := c.resolve(secret.Values{})
			if err != nil {
				t.Fatal(err)
			}
			doc, err := jsonedit.Parse([]byte(tt.before))
			if err != nil {
				t.Fatal(err)
			}
			old, _ := jsonedit.Parse([]byte(tt.before))
			if err := writeConnection(doc, s, tt.args, tt.password); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.after, string(doc.Bytes())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// What was written is what was declared, and goes back to the byte.
			l, err := dss.ReadRuntimeDatabase(doc)
			if err != nil {
				t.Fatal(err)
			}
			if left := compare(c, s, l); len(left) > 0 && !strings.Contains(name, "URL") {
				t.Errorf("still differs: %v", left)
			}
			if err := doc.Restore(member, old); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.before, string(doc.Bytes())); diff != "" {
				t.Errorf("after Restore (-want +got):\n%s", diff)
			}
		})
	}
}
