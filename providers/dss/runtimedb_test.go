package dss

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/providers/pg"
)

// withSettings is an instance with this internalDatabase.
func withSettings(t *testing.T, internal string) *Instance {
	t.Helper()
	dir := newDataDir(t)
	write(t, dir+"/"+SettingsFile, `{"a": 1, "internalDatabase": `+internal+`}`, 0o600)
	return open(t, dir, nil)
}

func TestRuntimeDatabaseRefuses(t *testing.T) {
	for _, internal := range []string{
		`7`, `{"connection": {}}`, `{"connection": {"type": "MySQL", "params": {}}}`, `{"connection": {"type": "PostgreSQL"}}`,
		`{"connection": {"type": "PostgreSQL", "params": {"port": "x"}}}`, `{"connection": {"type": "PostgreSQL", "params": {"host": 1}}}`,
	} {
		if _, err := withSettings(t, internal).RuntimeDatabase(); err == nil || !strings.Contains(err.Error(), "expected") {
			t.Errorf("%s: error %v, want one that says what was expected", internal, err)
		}
	}
}

func TestRuntimeDatabaseEmbedded(t *testing.T) {
	for _, internal := range []string{`null`, `{}`, `{"connection": null}`, `{"maxPooledExternalConnections": 50}`} {
		if d, err := withSettings(t, internal).RuntimeDatabase(); err != nil || d.External {
			t.Errorf("%s: %+v, %v, want embedded", internal, d, err)
		}
	}
}

func TestRuntimeDatabaseTarget(t *testing.T) {
	for name, tt := range map[string]struct {
		params, beside string
		login          pg.Login
		place          pg.Place
	}{
		"plain": {
			`"host": "pg", "port": "6432", "db": "dss", "user": "u", "password": "p"`, `, "schema": "S", "tableNamePrefix": "x_"`,
			pg.Login{Host: "pg", Port: 6432, Database: "dss", User: "u", Password: "p", Properties: map[string]string{}},
			pg.Place{Schema: "S", Prefix: "x_"},
		},
		"only DSS reads the password": {
			`"host": "pg", "db": "dss", "user": "u", "password": "e:AES:x"`, ``,
			pg.Login{Host: "pg", Port: 5432, Database: "dss", User: "u", Password: "e:AES:x", Properties: map[string]string{}},
			pg.Place{Schema: "public"},
		},
		"URL in use": {
			`"host": "old", "db": "old", "useURL": true, "url": "jdbc:postgresql://new:7/d%20b?user=u&ssl=true&password=no",
			"properties": [{"name": "password", "value": "p"}, {"name": "loginTimeout", "value": 5}]`, ``,
			pg.Login{Host: "new", Port: 7, Database: "d b", User: "u", Password: "p", Properties: map[string]string{"user": "u", "ssl": "true", "password": "p", "loginTimeout": "5"}},
			pg.Place{Schema: "public"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := withSettings(t, `{"connection": {"type": "PostgreSQL", "params": {`+tt.params+`}}`+tt.beside+`}`).RuntimeDatabase()
			if err != nil || !d.External {
				t.Fatalf("%+v, %v, want external", d, err)
			}
			l, p, err := d.Target()
			if err != nil {
				t.Fatal(err)
			}
			if l.Host != tt.login.Host || l.Port != tt.login.Port || l.Database != tt.login.Database || l.User != tt.login.User || l.Password != tt.login.Password {
				t.Errorf("login %+v, want %+v", l, tt.login)
			}
			if diff := cmp.Diff(tt.login.Properties, l.Properties); diff != "" {
				t.Errorf("properties (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.place, p); diff != "" {
				t.Errorf("place (-want +got):\n%s", diff)
			}
			if d.Encrypted() != strings.HasPrefix(tt.login.Password, "e:") {
				t.Errorf("encrypted: %t", d.Encrypted())
			}
		})
	}
}

func TestRuntimeDatabaseBadURL(t *testing.T) {
	d := RuntimeDatabase{External: true, UseURL: true, URL: "jdbc:mysql://u:hunter2@h/d"}
	if _, _, err := d.Target(); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v, want one without the URL", err)
	}
}

func TestRuntimeDatabaseOfGovern(t *testing.T) {
	dir := newDataDir(t)
	write(t, dir+"/install.ini", strings.Replace(sampleINI, "design", "govern", 1), 0o640)
	in := open(t, dir, nil)
	if d, err := in.RuntimeDatabase(); err != nil || d.External || !d.Govern {
		t.Errorf("no properties: %+v, %v", d, err)
	}
	write(t, dir+"/"+PropertiesFile, "psql.jdbc.url=jdbc:postgresql://h/gov?currentSchema=g\npsql.jdbc.user=u\npsql.jdbc.password=p\n", 0o600)
	d, err := in.RuntimeDatabase()
	if err != nil {
		t.Fatal(err)
	}
	l, p, err := d.Target()
	if err != nil || !d.External || l.Database != "gov" || l.User != "u" || l.Password != "p" || p.Schema != "g" {
		t.Errorf("%+v at %+v, %v", l, p, err)
	}
}

func TestRuntimeDatabaseOfAPINode(t *testing.T) {
	dir := newDataDir(t)
	write(t, dir+"/install.ini", strings.Replace(sampleINI, "design", "api", 1), 0o640)
	in := open(t, dir, nil)
	if err := os.Remove(in.Path(SettingsFile)); err != nil {
		t.Fatal(err)
	}
	if d, err := in.RuntimeDatabase(); err != nil || d.External {
		t.Errorf("%+v, %v, want nothing", d, err)
	}
}
