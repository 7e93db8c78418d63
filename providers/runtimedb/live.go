package runtimedb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/providers/pg"
)

// live is how the instance is set up: internalDatabase of general-settings.json.
type live struct {
	External   bool
	Host       string
	Port       int
	Database   string
	User       string
	Password   string // plain or e:AES:…
	Schema     string // "" when the key is absent
	Prefix     string
	UseURL     bool
	URL        string
	Properties map[string]string
	Pool       map[string]int64 // by DSS's key; those that are there
}

// member is the place in general-settings.json.
const member = "/internalDatabase"

// readLive understands the member tolerantly. The error says what was found.
func readLive(doc *jsonedit.Doc) (live, error) {
	raw, ok := doc.Get(member)
	if !ok || isNull(raw) {
		return live{}, nil
	}
	var block struct {
		Connection json.RawMessage `json:"connection"`
		Prefix     *string         `json:"tableNamePrefix"`
		Schema     *string         `json:"schema"`
	}
	if err := json.Unmarshal(raw, &block); err != nil {
		return live{}, unreadable("it is no object with a connection, a tableNamePrefix and a schema")
	}
	l := live{Pool: readPool(raw)}
	if len(block.Connection) == 0 || isNull(block.Connection) {
		// The pool's numbers can be there all the same.
		return l, nil
	}
	var c struct {
		Type   string `json:"type"`
		Params *struct {
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
		} `json:"params"`
	}
	if err := json.Unmarshal(block.Connection, &c); err != nil {
		return live{}, unreadable("its connection has members of unexpected types")
	}
	switch {
	case !strings.EqualFold(c.Type, "PostgreSQL"):
		return live{}, unreadable(fmt.Sprintf("its connection has the type %q", c.Type))
	case c.Params == nil:
		return live{}, unreadable("its connection has no params")
	}
	p := c.Params
	l.External, l.Host, l.Database, l.User, l.Password, l.UseURL, l.URL = true, p.Host, p.Database, p.User, p.Password, p.UseURL, p.URL
	if block.Prefix != nil {
		l.Prefix = *block.Prefix
	}
	if block.Schema != nil {
		l.Schema = *block.Schema
	}
	if len(p.Port) > 0 && !isNull(p.Port) {
		var ok bool
		if l.Port, ok = portNumber(p.Port); !ok {
			return live{}, unreadable("its port is no number")
		}
	}
	for _, e := range p.Properties {
		if l.Properties == nil {
			l.Properties = map[string]string{}
		}
		l.Properties[e.Name] = scalar(e.Value)
	}
	return l, nil
}

// portNumber understands 5432, 5432.0 and "5432".
func portNumber(raw json.RawMessage) (int, bool) {
	f, err := strconv.ParseFloat(scalar(raw), 64)
	return int(f), err == nil && f == float64(int(f))
}

func unreadable(what string) error {
	return fmt.Errorf("understand internalDatabase in config/general-settings.json: %s; expected a connection of the type PostgreSQL, or none for embedded databases; correct it by DSS's documentation", what)
}

func isNull(raw []byte) bool { return bytes.Equal(bytes.TrimSpace(raw), []byte("null")) }

// scalar is a JSON string's content, or the text of another value.
func scalar(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

func readPool(raw []byte) map[string]int64 {
	var all map[string]json.RawMessage
	_ = json.Unmarshal(raw, &all) // was understood before
	var pool map[string]int64
	for _, k := range poolKeys {
		if n, err := strconv.ParseFloat(string(all[k.key]), 64); err == nil {
			if pool == nil {
				pool = map[string]int64{}
			}
			pool[k.key] = int64(n)
		}
	}
	return pool
}

// target is what DSS really connects to: with a URL in use, host, port and
// database beside it mean nothing. ok is false when the URL is not understood.
func (l live) target() (s settings, ok bool) {
	s = settings{Host: l.Host, Port: portOr(l.Port), Database: l.Database, User: l.User, effective: map[string]string{}}
	s.place = pg.Place{Schema: l.Schema, Prefix: l.Prefix}
	if s.place.Schema == "" {
		s.place.Schema = "public"
	}
	for k, v := range l.Properties {
		s.effective[k] = v
	}
	if !l.UseURL {
		return s, true
	}
	u, err := pg.ParseJDBC(l.URL)
	if err != nil {
		return s, false
	}
	s.Host, s.Port = u.Host, portOr(u.Port)
	if u.Database != "" {
		s.Database = u.Database
	}
	if s.User == "" {
		s.User = u.Properties["user"]
	}
	for k, v := range u.Properties {
		if k != "password" {
			s.effective[k] = v
		}
	}
	return s, true
}

// loginPassword is the password that the driver is given: as such, or among the
// properties.
func (l live) loginPassword() string {
	if l.Password == "" {
		return l.Properties["password"]
	}
	return l.Password
}
