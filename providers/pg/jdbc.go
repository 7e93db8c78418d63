package pg

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// settings writes the connection as PostgreSQL's keyword=value string, without
// the password. The names on the left are the JDBC driver's.
func (l Login) settings() (string, error) {
	mode, err := sslMode(l.Properties)
	if err != nil {
		return "", &Error{Kind: TLS, Doing: "connect to", Where: l.Where(), Role: l.User, Detail: err.Error()}
	}
	kv := [][2]string{
		{"host", l.Host},
		{"port", strconv.Itoa(l.port())},
		{"dbname", l.Database},
		{"user", l.User},
		{"sslmode", mode},
		{"connect_timeout", timeout(l.Properties)},
		// Named even when empty, so that the environment does not reach in.
		{"sslcert", l.Properties["sslcert"]},
		{"sslkey", l.Properties["sslkey"]},
		{"passfile", ""},
		// For the programs; dssctl's own connections have their dialer's.
		{"keepalives", "1"},
		{"keepalives_idle", "30"},
		{"keepalives_interval", "10"},
		{"keepalives_count", "6"},
	}
	if root := l.Properties["sslrootcert"]; root != "" {
		kv = append(kv, [2]string{"sslrootcert", root})
	}
	var b strings.Builder
	for _, p := range kv {
		fmt.Fprintf(&b, "%s='%s' ", p[0], strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(p[1]))
	}
	return b.String(), nil
}

// sslMode follows the JDBC driver: sslmode wins; ssl=true alone asks for a
// verified server.
func sslMode(properties map[string]string) (string, error) {
	if m := strings.ToLower(properties["sslmode"]); m != "" {
		switch m {
		case "disable", "allow", "prefer", "require", "verify-ca", "verify-full":
			return m, nil
		}
		return "", fmt.Errorf("sslmode is %q, expected disable, allow, prefer, require, verify-ca or verify-full", m)
	}
	if v, ok := properties["ssl"]; ok && (v == "" || strings.EqualFold(v, "true")) {
		return "verify-full", nil
	}
	return "prefer", nil
}

func timeout(properties map[string]string) string {
	for _, name := range []string{"connectTimeout", "loginTimeout"} {
		if n, err := strconv.Atoi(properties[name]); err == nil && n > 0 && n <= 60 {
			return strconv.Itoa(n)
		}
	}
	return "10"
}

// JDBCURL is what a jdbc:postgresql: URL says.
type JDBCURL struct {
	Host       string
	Port       int // 0 when not said
	Database   string
	Properties map[string]string // percent-decoded
}

// String is the URL, its properties in the order of their names.
func (u JDBCURL) String() string {
	s := "jdbc:postgresql://" + net.JoinHostPort(u.Host, strconv.Itoa(cmp.Or(u.Port, 5432))) + "/" + url.PathEscape(u.Database)
	between := "?"
	for _, name := range slices.Sorted(maps.Keys(u.Properties)) {
		s += between + url.QueryEscape(name) + "=" + url.QueryEscape(u.Properties[name])
		between = "&"
	}
	return s
}

// ParseJDBC reads jdbc:postgresql://HOST:PORT/DATABASE?NAME=VALUE&… and the
// short forms jdbc:postgresql:DATABASE and jdbc:postgresql://HOST/. The error
// does not repeat the URL.
func ParseJDBC(s string) (JDBCURL, error) {
	const scheme = "jdbc:postgresql:"
	if len(s) < len(scheme) || !strings.EqualFold(s[:len(scheme)], scheme) {
		return JDBCURL{}, fmt.Errorf("must begin with the scheme jdbc:postgresql, as in jdbc:postgresql://HOST/DATABASE")
	}
	rest, query, _ := strings.Cut(s[len(scheme):], "?")
	u := JDBCURL{Host: "localhost", Properties: map[string]string{}}
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		hostport, database, _ := strings.Cut(after, "/")
		if strings.Contains(hostport, ",") {
			return JDBCURL{}, fmt.Errorf("must name one host: dssctl cannot tell which of several holds the databases")
		}
		if strings.Contains(hostport, "@") {
			return JDBCURL{}, fmt.Errorf("must not hold a user or password before the host")
		}
		if hostport != "" {
			if err := u.setHost(hostport); err != nil {
				return JDBCURL{}, err
			}
		}
		rest = database
	}
	name, err := url.PathUnescape(strings.TrimPrefix(rest, "/"))
	if err != nil {
		return JDBCURL{}, fmt.Errorf("has a database name with a bad percent escape")
	}
	u.Database = name
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		k, v, _ := strings.Cut(pair, "=")
		if v, err = url.QueryUnescape(v); err != nil {
			return JDBCURL{}, fmt.Errorf("has a parameter with a bad percent escape")
		}
		u.Properties[k] = v
	}
	return u, nil
}

func (u *JDBCURL) setHost(hostport string) error {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil { // no port
		u.Host = strings.Trim(hostport, "[]")
		return nil
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("has a port that is not a number of 1 to 65535")
	}
	u.Host, u.Port = host, n
	return nil
}
