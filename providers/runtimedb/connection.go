package runtimedb

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// connection is what a block declares, fit for a plan: secrets are references.
type connection struct {
	Host     secret.Text  `json:"host"`
	Port     secret.Text  `json:"port"` // digits
	Database secret.Text  `json:"database"`
	Schema   string       `json:"schema"`
	Prefix   string       `json:"prefix,omitempty"`
	User     secret.Text  `json:"user"`
	Password *secret.Text `json:"password,omitempty"` // nil: unmanaged
	URL      *secret.Text `json:"jdbc_url,omitempty"`
	// Properties by name; nil: unmanaged. Where the map as a whole is secret,
	// its JSON stands under "".
	Properties map[string]secret.Text `json:"properties,omitempty"`
	Managed    bool                   `json:"properties_managed,omitempty"`
	Pool       map[string]secret.Text `json:"pool,omitempty"` // by DSS's key
	Others     []secret.Text          `json:"other_prefixes,omitempty"`
}

// text makes a Text of an attribute, "" when it is absent.
func text(b *config.Block, name string) secret.Text {
	v := b.Value(name)
	switch {
	case !b.Has(name):
		return secret.Plain("")
	case v.IsMarked():
		return secret.Ref(config.SecretName(b.Address, name, nil))
	case v.Type().FriendlyName() == "number":
		return secret.Plain(strconv.FormatInt(b.Int(name), 10))
	}
	return secret.Plain(v.AsString())
}

func optional(b *config.Block, name string) *secret.Text {
	if !b.Has(name) {
		return nil
	}
	t := text(b, name)
	return &t
}

// connectionOf reads a block "postgresql". The names that the plan and the
// journal must show are public by the schema.
func connectionOf(b *config.Block) connection {
	c := connection{
		Host: text(b, "host"), Port: text(b, "port"), Database: text(b, "database"), User: text(b, "user"),
		Schema: b.String("schema"), Prefix: b.String("table_prefix"),
		Password: optional(b, "password"), URL: optional(b, "jdbc_url"),
	}
	if b.Has("properties") {
		c.Managed, c.Properties = true, map[string]secret.Text{}
		if v := b.Value("properties"); v.IsMarked() {
			c.Properties[""] = secret.Ref(config.SecretName(b.Address, "properties", nil))
		} else {
			for k, e := range v.AsValueMap() {
				switch {
				case e.IsMarked():
					c.Properties[k] = secret.Ref(b.Address + ".properties." + k)
				case !e.IsNull():
					c.Properties[k] = secret.Plain(e.AsString())
				}
			}
		}
	}
	if b.Has("other_prefixes") {
		v, marks := b.Value("other_prefixes").Unmark()
		for i, e := range v.AsValueSlice() {
			if len(marks) > 0 || e.IsMarked() {
				c.Others = append(c.Others, secret.Ref(fmt.Sprintf("%s.other_prefixes[%d]", b.Address, i)))
			} else if !e.IsNull() {
				c.Others = append(c.Others, secret.Plain(e.AsString()))
			}
		}
	}
	c.Pool = poolOf(b)
	return c
}

func poolOf(b *config.Block) map[string]secret.Text {
	pool := b.Child("pool")
	if pool == nil {
		return nil
	}
	out := map[string]secret.Text{}
	for _, k := range poolKeys {
		if pool.Has(k.name) {
			out[k.key] = text(pool, k.name)
		}
	}
	return out
}

// settings is a connection with its secrets resolved. It stays in memory.
type settings struct {
	Host       string
	Port       int
	Database   string
	User       string
	Password   *string // nil: unmanaged
	URL        string  // "" when none is declared
	Properties map[string]string
	Managed    bool
	Pool       map[string]int64
	// Effective properties of the connection: Properties, and the URL's.
	effective map[string]string
	place     pg.Place
}

// resolve fills in the secrets, and host, port and database from the URL. The
// error says what is missing or malformed, without the value.
func (c connection) resolve(r secret.Resolver) (settings, error) {
	s := settings{place: pg.Place{Schema: c.Schema, Prefix: c.Prefix}, Managed: c.Managed, effective: map[string]string{}}
	var err error
	get := func(t secret.Text) string {
		v, e := t.Reveal(r)
		if err == nil {
			err = e
		}
		return v
	}
	number := func(t secret.Text, what string) int64 {
		n, e := strconv.ParseInt(get(t), 10, 64)
		if err == nil && e != nil {
			err = fmt.Errorf("%s is not a whole number", what)
		}
		return n
	}
	s.Host, s.Database, s.User = get(c.Host), get(c.Database), get(c.User)
	s.Port = int(number(c.Port, "port"))
	if c.Password != nil {
		p := get(*c.Password)
		s.Password = &p
	}
	for _, o := range c.Others {
		s.place.Others = append(s.place.Others, get(o))
	}
	if whole, ok := c.Properties[""]; ok && whole.IsSecret() {
		if json.Unmarshal([]byte(get(whole)), &s.Properties) != nil && err == nil {
			err = fmt.Errorf("properties is not a map of strings")
		}
	} else if c.Managed {
		s.Properties = map[string]string{}
		for k, t := range c.Properties {
			s.Properties[k] = get(t)
		}
	}
	if len(c.Pool) > 0 {
		s.Pool = map[string]int64{}
		for k, t := range c.Pool {
			s.Pool[k] = number(t, k)
		}
	}
	if err != nil {
		return settings{}, err
	}
	maps.Copy(s.effective, s.Properties)
	if c.URL != nil {
		if err := s.followURL(get(*c.URL)); err != nil {
			return settings{}, err
		}
	}
	return s, nil
}

func (s *settings) followURL(text string) error {
	u, err := pg.ParseJDBC(text)
	if err != nil {
		return fmt.Errorf("jdbc_url %w", err)
	}
	if _, ok := u.Properties["password"]; ok {
		return fmt.Errorf("jdbc_url must not hold the password: give it as password, which DSS then keeps encrypted")
	}
	s.URL, s.Host, s.Port = text, u.Host, u.Port
	if s.Port == 0 {
		s.Port = 5432
	}
	if u.Database != "" {
		s.Database = u.Database
	}
	if s.User == "" {
		s.User = u.Properties["user"]
	}
	maps.Copy(s.effective, u.Properties)
	return nil
}

// login is how dssctl connects to the declared place itself. fallback is the
// password used where none is declared.
func (s settings) login(fallback string) pg.Login {
	l := pg.Login{Host: s.Host, Port: s.Port, Database: s.Database, User: s.User, Password: fallback, Properties: s.effective}
	if s.Password != nil {
		l.Password = *s.Password
	}
	if isEncrypted(l.Password) {
		// Bound to the instance: of use to DSS alone. The server may let the
		// role in without one.
		l.Password = ""
	}
	return l
}

func isEncrypted(password string) bool { return strings.HasPrefix(password, dss.EncryptedPrefix) }

// sameServer compares servers by name.
func sameServer(hostA string, portA int, hostB string, portB int) bool {
	return pg.HostKey(hostA) == pg.HostKey(hostB) && portOr(portA) == portOr(portB)
}

func portOr(port int) int {
	if port == 0 {
		return 5432
	}
	return port
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
