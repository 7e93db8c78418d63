package dss

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strconv"
	"strings"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/providers/pg"
)

// RuntimeDatabaseMember is where general-settings.json says which runtime
// database is used, as a JSON pointer.
const RuntimeDatabaseMember = "/internalDatabase"

// A Govern node keeps all its data in PostgreSQL, set up by three properties.
const (
	GovernURL      = "psql.jdbc.url"
	GovernUser     = "psql.jdbc.user"
	GovernPassword = "psql.jdbc.password"
)

// RuntimeDatabase is what the instance's own files say of its runtime database:
// internalDatabase of general-settings.json, or on a Govern node psql.jdbc.* of
// dip.properties. The zero value is embedded databases.
type RuntimeDatabase struct {
	External bool
	// Govern says that the whole database is the node's: there is no prefix.
	Govern     bool
	Host       string
	Port       int // 0 when not said
	Database   string
	User       string
	Password   string // as it stands there: plain, or e:AES:…, which only DSS can read
	Schema     string // "" when the key is absent
	Prefix     string
	UseURL     bool
	URL        string
	Properties map[string]string
	// Pool holds the numbers that stand beside the connection, by DSS's key.
	Pool map[string]int64
}

// RuntimeDatabase reads the files. A node without them, such as an API node, has
// nothing but embedded databases. The error says what was found.
func (in *Instance) RuntimeDatabase() (RuntimeDatabase, error) {
	ini, err := in.head()
	if err != nil {
		return RuntimeDatabase{}, err
	}
	if ini.nodeType == "govern" {
		return in.GovernDatabase()
	}
	doc, err := in.Settings()
	if errors.Is(err, fs.ErrNotExist) {
		return RuntimeDatabase{}, nil
	}
	if err != nil {
		return RuntimeDatabase{}, err
	}
	return ReadRuntimeDatabase(doc)
}

// GovernDatabase reads the three properties of a Govern node.
func (in *Instance) GovernDatabase() (RuntimeDatabase, error) {
	d := RuntimeDatabase{Govern: true}
	p, err := in.Properties()
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return d, err
	}
	d.URL, d.External = p.Get(GovernURL)
	d.UseURL = d.External
	d.User, _ = p.Get(GovernUser)
	d.Password, _ = p.Get(GovernPassword)
	return d, nil
}

// Target is what DSS really connects to: with a URL in use, host, port and
// database beside it mean nothing. The login's password is the one that the
// driver is given, as it stands in the file. The error does not repeat the URL.
func (d RuntimeDatabase) Target() (pg.Login, pg.Place, error) {
	l := pg.Login{
		Host: d.Host, Port: d.Port, Database: d.Database, User: d.User, Password: d.LoginPassword(),
		Properties: map[string]string{},
	}
	p := pg.Place{Schema: d.Schema, Prefix: d.Prefix}
	maps.Copy(l.Properties, d.Properties)
	var err error
	if d.UseURL {
		err = d.follow(&l)
	}
	if v := l.Properties["currentSchema"]; d.Govern && v != "" {
		p.Schema = v
	}
	if l.Port == 0 {
		l.Port = 5432
	}
	if p.Schema == "" {
		p.Schema = "public"
	}
	return l, p, err
}

// follow has the URL's words win.
func (d RuntimeDatabase) follow(l *pg.Login) error {
	u, err := pg.ParseJDBC(d.URL)
	if err != nil {
		return fmt.Errorf("the JDBC URL in DSS's settings %w", err)
	}
	l.Host, l.Port = u.Host, u.Port
	if u.Database != "" {
		l.Database = u.Database
	}
	if l.User == "" {
		l.User = u.Properties["user"]
	}
	for k, v := range u.Properties {
		if k != "password" {
			l.Properties[k] = v
		}
	}
	return nil
}

// LoginPassword is the password that the driver is given: as such, or among the
// properties.
func (d RuntimeDatabase) LoginPassword() string {
	if d.Password == "" {
		return d.Properties["password"]
	}
	return d.Password
}

// Encrypted reports whether only DSS can read the password.
func (d RuntimeDatabase) Encrypted() bool {
	return strings.HasPrefix(d.LoginPassword(), EncryptedPrefix)
}

// ReadRuntimeDatabase understands internalDatabase tolerantly. The error says
// what was found.
func ReadRuntimeDatabase(doc *jsonedit.Doc) (RuntimeDatabase, error) {
	raw, ok := doc.Get(RuntimeDatabaseMember)
	if !ok || isNull(raw) {
		return RuntimeDatabase{}, nil
	}
	var block struct {
		Connection json.RawMessage `json:"connection"`
		Prefix     string          `json:"tableNamePrefix"`
		Schema     string          `json:"schema"`
	}
	if err := json.Unmarshal(raw, &block); err != nil {
		return RuntimeDatabase{}, notUnderstood("it is no object with a connection, a tableNamePrefix and a schema")
	}
	// The pool's numbers can be there without a connection.
	d := RuntimeDatabase{Pool: readPool(raw)}
	if len(block.Connection) == 0 || isNull(block.Connection) {
		return d, nil
	}
	var c struct {
		Type   string      `json:"type"`
		Params *parameters `json:"params"`
	}
	if err := json.Unmarshal(block.Connection, &c); err != nil {
		return RuntimeDatabase{}, notUnderstood("its connection has members of unexpected types")
	}
	switch {
	case !strings.EqualFold(c.Type, "PostgreSQL"):
		return RuntimeDatabase{}, notUnderstood(fmt.Sprintf("its connection has the type %q", c.Type))
	case c.Params == nil:
		return RuntimeDatabase{}, notUnderstood("its connection has no params")
	}
	d.External, d.Prefix, d.Schema = true, block.Prefix, block.Schema
	if err := c.Params.fill(&d); err != nil {
		return RuntimeDatabase{}, err
	}
	return d, nil
}

// parameters are those of a PostgreSQL connection of DSS.
type parameters struct {
	Host       string          `json:"host"`
	Port       json.RawMessage `json:"port"`
	Database   string          `json:"db"`
	User       string          `json:"user"`
	Password   string          `json:"password"`
	UseURL     bool            `json:"useURL"`
	URL        string          `json:"url"`
	Properties []struct {
		Name  string          `json:"name"`
		Value json.RawMessage `json:"value"`
	} `json:"properties"`
}

func (p *parameters) fill(d *RuntimeDatabase) error {
	d.Host, d.Database, d.User, d.Password, d.UseURL, d.URL = p.Host, p.Database, p.User, p.Password, p.UseURL, p.URL
	if len(p.Port) > 0 && !isNull(p.Port) {
		var ok bool
		if d.Port, ok = PortNumber(p.Port); !ok {
			return notUnderstood("its port is no number")
		}
	}
	for _, e := range p.Properties {
		if d.Properties == nil {
			d.Properties = map[string]string{}
		}
		d.Properties[e.Name] = Scalar(e.Value)
	}
	return nil
}

func notUnderstood(what string) error {
	return fmt.Errorf("understand internalDatabase in config/general-settings.json: %s; expected a connection of the type PostgreSQL, or none for embedded databases; correct it by DSS's documentation", what)
}

// PortNumber understands 5432, 5432.0 and "5432".
func PortNumber(raw json.RawMessage) (int, bool) {
	f, err := strconv.ParseFloat(Scalar(raw), 64)
	return int(f), err == nil && f == float64(int(f))
}

// Scalar is a JSON string's content, or the text of another value.
func Scalar(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

func isNull(raw []byte) bool { return bytes.Equal(bytes.TrimSpace(raw), []byte("null")) }

// readPool takes every member that is a number.
func readPool(raw []byte) map[string]int64 {
	var all map[string]json.RawMessage
	_ = json.Unmarshal(raw, &all) // was understood before
	var pool map[string]int64
	for k, v := range all {
		if n, err := strconv.ParseFloat(string(v), 64); err == nil {
			if pool == nil {
				pool = map[string]int64{}
			}
			pool[k] = int64(n)
		}
	}
	return pool
}
