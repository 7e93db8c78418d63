package pg

import (
	"cmp"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// CurrentSchema is the driver's parameter for the schema of unqualified names.
const CurrentSchema = "currentSchema"

// MoveJDBC writes another server, port or database into a JDBC URL; what is ""
// or 0 stays. Its parameters stay as they are written, secrets among them. The
// error does not repeat the URL.
func MoveJDBC(s, host string, port int, database string) (string, error) {
	u, err := ParseJDBC(s)
	if err != nil {
		return "", err
	}
	_, query, found := strings.Cut(s, "?")
	out := s[:len("jdbc:postgresql:")] + "//" + net.JoinHostPort(cmp.Or(host, u.Host), strconv.Itoa(cmp.Or(port, u.Port, 5432))) +
		"/" + url.PathEscape(cmp.Or(database, u.Database))
	if found {
		out += "?" + query
	}
	return out, nil
}

// WithJDBCParameter sets one parameter of a JDBC URL where it stands, or adds it
// at the end. "" takes it out.
func WithJDBCParameter(s, name, value string) string {
	head, query, _ := strings.Cut(s, "?")
	var pairs []string
	written := value == ""
	for pair := range strings.SplitSeq(query, "&") {
		if k, _, _ := strings.Cut(pair, "="); k != name {
			if pair != "" {
				pairs = append(pairs, pair)
			}
			continue
		}
		if !written {
			pairs, written = append(pairs, name+"="+url.QueryEscape(value)), true
		}
	}
	if !written {
		pairs = append(pairs, name+"="+url.QueryEscape(value))
	}
	if len(pairs) == 0 {
		return head
	}
	return head + "?" + strings.Join(pairs, "&")
}
