package pg

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// ApplicationName is how dssctl's own connections call themselves.
const ApplicationName = "dssctl"

// MinVersion is the oldest server that DSS supports, as server_version_num.
const MinVersion = 90500

// Login says where to connect, and as whom.
type Login struct {
	Host     string
	Port     int // 0 for 5432
	Database string
	User     string
	Password string
	// Properties are properties of the PostgreSQL JDBC driver. Those that
	// concern how the connection is made (ssl…, connectTimeout) are honored.
	Properties map[string]string

	lockWait string // "10s" when ""
}

// Where names the database for messages.
func (l Login) Where() string {
	return fmt.Sprintf("database %s on %s", l.Database, l.Server())
}

// Server is HOST:PORT.
func (l Login) Server() string { return net.JoinHostPort(l.Host, strconv.Itoa(l.port())) }

func (l Login) port() int {
	if l.Port == 0 {
		return 5432
	}
	return l.Port
}

// SameAddress reports whether both name the same database by the same address. Two
// names of one server are not the same address, see Identity.
func (l Login) SameAddress(m Login) bool {
	return HostKey(l.Host) == HostKey(m.Host) && l.port() == m.port() && l.Database == m.Database
}

// HostKey is the form of a host name by which two are compared.
func HostKey(host string) string {
	h := strings.ToLower(strings.TrimSuffix(strings.TrimSpace(host), "."))
	h = strings.Trim(h, "[]")
	switch h {
	case "127.0.0.1", "::1", "ip6-localhost", "localhost.localdomain":
		return "localhost"
	}
	return h
}

// Conn is one connection. Unless said otherwise its search_path is empty, a
// statement may take a minute, and a lock is waited for ten seconds.
type Conn struct {
	*pgx.Conn
	Login Login
	// Version is server_version_num.
	Version int
}

// firstWords bounds what a server may take to say its version.
const firstWords = 30 * time.Second

// Connect logs in.
func Connect(ctx context.Context, l Login) (*Conn, error) {
	cfg, err := config(l)
	if err != nil {
		return nil, err
	}
	var watched *watchedConn
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := l.dial(ctx, network, address)
		watched, _ = c.(*watchedConn)
		return c, err
	}
	c, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, classify(ctx, l, "connect to", err)
	}
	conn := &Conn{Conn: c, Login: l}
	var version string
	var backend string
	talking, cancel := context.WithTimeout(ctx, firstWords)
	defer cancel()
	err = c.QueryRow(talking, `SELECT current_setting('server_version_num'), set_config('search_path', '', false),
		set_config('statement_timeout', '60s', false), set_config('lock_timeout', $1, false),
		set_config('client_encoding', 'UTF8', false), pg_backend_pid()::text`, cmp.Or(l.lockWait, "10s")).Scan(&version, nil, nil, nil, nil, &backend)
	if watched != nil && backend == strconv.FormatUint(uint64(c.PgConn().PID()), 10) { // a pooler has numbers of its own
		watched.backend.Store(c.PgConn().PID())
	}
	if err == nil {
		conn.Version, err = strconv.Atoi(version)
	}
	if err != nil {
		conn.Close()
		return nil, classify(ctx, l, "talk to", err)
	}
	if conn.Version < MinVersion {
		conn.Close()
		return nil, &Error{
			Kind: TooOld, Doing: "connect to", Where: l.Where(), Role: l.User,
			Detail: "the server is PostgreSQL " + VersionText(conn.Version),
		}
	}
	return conn, nil
}

// Close ends the connection, within a second.
func (c *Conn) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.Conn.Close(ctx) // nothing depends on a polite goodbye
}

// fail turns the driver's error into one of ours.
func (c *Conn) fail(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	return classify(ctx, c.Login, doing, err)
}

// VersionText writes a server_version_num as people say it: "15.4", "9.6.24".
func VersionText(num int) string {
	if num >= 100000 {
		return fmt.Sprintf("%d.%d", num/10000, num%10000)
	}
	return fmt.Sprintf("%d.%d.%d", num/10000, num/100%100, num%100)
}

// config builds the driver's configuration from fields. The password never is
// part of a string that is parsed, because a parser's error repeats it.
func config(l Login) (*pgx.ConnConfig, error) {
	settings, err := l.settings()
	if err != nil {
		return nil, err
	}
	cfg, err := pgx.ParseConfig(settings)
	if err != nil {
		return nil, &Error{
			Kind: TLS, Doing: "connect to", Where: l.Where(), Role: l.User,
			Detail: "the connection could not be prepared: check the files that sslrootcert, sslcert and sslkey name, and the PG… variables of the environment",
		}
	}
	cfg.Password = l.Password
	cfg.RuntimeParams = map[string]string{"application_name": ApplicationName}
	// Works through connection poolers too, which know no prepared statements.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	return cfg, nil
}
