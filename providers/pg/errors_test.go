package pg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestClassify(t *testing.T) {
	l := Login{Host: "pg.internal", Database: "dss", User: "role", Password: "planted"}
	for want, err := range map[Kind]error{
		NoDatabase:    &pgconn.PgError{Code: "3D000", Message: "planted"},
		WrongPassword: &pgconn.PgError{Code: "28P01", Message: "planted"},
		NoRole:        &pgconn.PgError{Code: "28000", Routine: "InitializeSessionUserId"},
		NotAllowed:    &pgconn.PgError{Code: "28000", Routine: "ClientAuthentication"},
		TooMany:       &pgconn.PgError{Code: "53300"},
		Starting:      &pgconn.PgError{Code: "57P03"},
		Locked:        &pgconn.PgError{Code: "55P03"},
		Denied:        &pgconn.PgError{Code: "42501", Message: "permission denied for schema x"},
		Refused:       fmt.Errorf("dial: %w", syscall.ECONNREFUSED),
		UnknownHost:   &net.DNSError{Err: "no such host"},
		Unreachable:   &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH},
		Timeout:       context.DeadlineExceeded,
		Lost:          fmt.Errorf("x: %w", io.ErrUnexpectedEOF),
		TLS:           errors.New("tls error: server refused TLS connection"),
		Failed:        pgconn.NewParseConfigError("host=x password=planted", "bad", errors.New("planted")),
	} {
		got := classify(context.Background(), l, "connect to", err)
		if KindOf(got) != want {
			t.Errorf("%v: %s, want %s", err, KindOf(got), want)
		}
		text := fmt.Sprintf("%v %+v %#v", got, got, got)
		if strings.Contains(text, "planted") || !strings.Contains(got.Error(), "database dss on pg.internal:5432 as role") {
			t.Errorf("%s: %s", want, text)
		}
	}
	// With the mode prefer, the second try decides.
	both := errors.Join(errors.New("tls error: server refused TLS connection"), context.DeadlineExceeded)
	if got := classify(context.Background(), l, "connect to", both); KindOf(got) != Timeout {
		t.Errorf("no TLS, and no answer without: %v", got)
	}
	// The data in a data error stays out.
	got := classify(context.Background(), l, "write to", &pgconn.PgError{Code: "23505", Message: "duplicate key", Detail: "Key (x)=(planted) exists"})
	if strings.Contains(got.Error(), "planted") {
		t.Error(got)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("interrupted"))
	if got := classify(ctx, l, "connect to", io.EOF); KindOf(got) != "" || !strings.Contains(got.Error(), "interrupted") {
		t.Errorf("%v, want the interruption", got)
	}
}

// Each way a connection fails, for real.
func TestConnectFails(t *testing.T) {
	p := server(t)
	good := database(t, p)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	deaf := closed.Addr().(*net.TCPAddr).Port // accepts, never answers
	defer closed.Close()
	unused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := unused.Addr().(*net.TCPAddr).Port
	unused.Close()
	bad := filepath.Join(t.TempDir(), "root.crt")
	if err := os.WriteFile(bad, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, admin(p, good), `CREATE ROLE nobody_`+good.User+` LOGIN PASSWORD 'x' CONNECTION LIMIT 0`, `REVOKE CONNECT ON DATABASE `+good.Database+` FROM PUBLIC`, `CREATE ROLE stranger_`+good.User+` LOGIN PASSWORD 'x'`)
	for name, tt := range map[string]struct {
		change func(*Login)
		want   Kind
	}{
		"wrong password": {func(l *Login) { l.Password = "planted" }, WrongPassword},
		"no password":    {func(l *Login) { l.Password = "" }, WrongPassword},
		"no role":        {func(l *Login) { l.User = "nobody there" }, WrongPassword}, // scram does not tell
		"no database":    {func(l *Login) { l.Database = "nowhere 'x" }, NoDatabase},
		"refused":        {func(l *Login) { l.Port = refusing }, Refused},
		"deaf":           {func(l *Login) { l.Port = deaf }, Timeout},
		"unknown host":   {func(l *Login) { l.Host = "no-such-host.invalid" }, UnknownHost},
		"no TLS":         {func(l *Login) { l.Properties = map[string]string{"sslmode": "require"} }, TLS},
		"bad sslmode":    {func(l *Login) { l.Properties = map[string]string{"sslmode": "planted"} }, TLS},
		"bad root":       {func(l *Login) { l.Properties = map[string]string{"ssl": "true", "sslrootcert": bad} }, TLS},
		"no connection":  {func(l *Login) { l.User, l.Password = "nobody_"+good.User, "x" }, TooMany},
		"no CONNECT":     {func(l *Login) { l.User, l.Password = "stranger_"+good.User, "x" }, Denied},
	} {
		t.Run(name, func(t *testing.T) {
			l := good
			tt.change(&l)
			patience := time.Minute
			if name == "deaf" || name == "unknown host" {
				patience = 700 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_, err := Connect(ctx, l)
			if k := KindOf(err); k != tt.want && (name != "unknown host" || k != Timeout) {
				t.Errorf("%v (%s), want %s", err, KindOf(err), tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), l.Password) && len(l.Password) > 1) {
				t.Errorf("the password shows: %v", err)
			}
		})
	}
}
