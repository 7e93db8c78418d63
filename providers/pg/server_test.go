package pg

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// shared is one throwaway server for all tests that do not stop it.
var shared struct {
	once sync.Once
	dir  string
	pg   *dsskit.Postgres
	err  error
}

var databases atomic.Int64

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.pg != nil {
		_ = shared.pg.Close()
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

func server(t *testing.T) *dsskit.Postgres {
	t.Helper()
	if os.Getuid() == 0 {
		t.Skip("PostgreSQL does not run as root: run the tests with scripts/test")
	}
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "dssctl-pg-"); shared.err == nil {
			shared.pg, shared.err = dsskit.StartPostgres(context.Background(), filepath.Join(shared.dir, "pg"), dsskit.PGOptions{MaxConnections: 100})
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.pg
}

// database makes a role and a database of its own and returns how to log in.
func database(t *testing.T, p *dsskit.Postgres) Login {
	t.Helper()
	ctx := context.Background()
	name := fmt.Sprintf("t%d", databases.Add(1))
	l := Login{Host: p.Host, Port: p.Port, Database: name, User: name, Password: "pw ' \\ " + name}
	if err := p.CreateRole(ctx, name, l.Password); err != nil {
		t.Fatal(err)
	}
	if err := p.CreateDatabase(ctx, name, name); err != nil {
		t.Fatal(err)
	}
	return l
}

// admin is a login of the superuser to the same database.
func admin(p *dsskit.Postgres, l Login) Login {
	l.User, l.Password = p.User, p.Password
	return l
}

func connect(t *testing.T, l Login) *Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := Connect(ctx, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func run(t *testing.T, l Login, statements ...string) {
	t.Helper()
	c := connect(t, l)
	for _, sql := range statements {
		if _, err := c.Exec(context.Background(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// ask returns one column of text.
func ask(t *testing.T, l Login, sql string) []string {
	t.Helper()
	rows, err := connect(t, l).Query(context.Background(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}
