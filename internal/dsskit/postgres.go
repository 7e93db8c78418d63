package dsskit

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// PGOptions say how to run a throwaway PostgreSQL server.
type PGOptions struct {
	// MaxConnections is 50 where it is zero. A few of them are kept for the superuser.
	MaxConnections int
	// Port is a free one where it is zero.
	Port int
	// Detached lets the server outlive this process. Otherwise it ends when this process dies.
	Detached bool
}

// Postgres is a real PostgreSQL server for one test: on 127.0.0.1 and on a socket, asking for passwords, and not
// troubling to survive a power cut.
type Postgres struct {
	Dir       string // all of it
	Host      string
	Port      int
	SocketDir string
	User      string // the superuser
	Password  string

	bin     string
	release func()
	unguard func()
}

// StartPostgres makes a server in dir and starts it. Close ends and removes it.
func StartPostgres(ctx context.Context, dir string, opts PGOptions) (*Postgres, error) {
	if os.Getuid() == 0 {
		return nil, errors.New("start PostgreSQL: it does not run as root; run the tests as another user, for instance " +
			"with setpriv --reuid=65534 --regid=65534 --clear-groups")
	}
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	p := &Postgres{Dir: dir, Host: "127.0.0.1", Port: opts.Port, User: "postgres", Password: "super secret", bin: bin}
	if p.Port == 0 {
		if p.Port, p.release, err = FreePorts(1); err != nil {
			return nil, err
		}
	}
	if err := p.initialize(ctx, opts); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if !opts.Detached {
		p.unguard, err = guard(`kill -QUIT "$(head -n 1 "$1/data/postmaster.pid")"; sleep 1; rm -rf "$1" "$2"`, p.Dir, p.SocketDir)
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	if err := p.Start(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if opts.Detached && p.release != nil {
		p.release()
		p.release = nil
	}
	return p, nil
}

// OpenPostgres takes a server that another process made in dir.
func OpenPostgres(dir string) (*Postgres, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	p := &Postgres{Dir: dir, Host: "127.0.0.1", User: "postgres", Password: "super secret", bin: bin}
	text, err := os.ReadFile(filepath.Join(dir, "data", "dsskit.conf"))
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		switch name {
		case "port":
			_, err = fmt.Sscan(value, &p.Port)
		case "unix_socket_directories":
			p.SocketDir = strings.Trim(value, "'")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	return p, nil
}

func (p *Postgres) initialize(ctx context.Context, opts PGOptions) (err error) {
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return fmt.Errorf("make a PostgreSQL server: %w", err)
	}
	// The path of a socket must be shorter than that of a test's folder often is.
	if p.SocketDir, err = os.MkdirTemp("", "dsskit-pg-"); err != nil {
		return fmt.Errorf("make a PostgreSQL server: %w", err)
	}
	data := filepath.Join(p.Dir, "data")
	if err := p.cluster(ctx, data); err != nil {
		return err
	}
	connections := opts.MaxConnections
	if connections == 0 {
		connections = 50
	}
	settings := fmt.Sprintf(`port = %d
listen_addresses = '127.0.0.1'
unix_socket_directories = '%s'
max_connections = %d
shared_buffers = 16MB
fsync = off
synchronous_commit = off
full_page_writes = off
max_wal_size = 256MB
jit = off
log_min_messages = warning
`, p.Port, p.SocketDir, connections)
	if err := os.WriteFile(filepath.Join(data, "dsskit.conf"), []byte(settings), 0o600); err != nil {
		return fmt.Errorf("make a PostgreSQL server: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("make a PostgreSQL server: %w", err)
	}
	_, err = f.WriteString("include 'dsskit.conf'\n")
	return errors.Join(err, f.Close())
}

// cluster makes the files of a server: a copy of those in the folder that DSSKIT_CACHE names, where they are made once,
// for initdb takes longer than the start.
func (p *Postgres) cluster(ctx context.Context, data string) error {
	cache := os.Getenv("DSSKIT_CACHE")
	if cache == "" {
		return p.initdb(ctx, data)
	}
	unlock, err := lockFile(filepath.Join(cache, "initdb.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	made := filepath.Join(cache, "cluster-"+filepath.Base(filepath.Dir(p.bin)))
	if !exists(made) {
		// Of one that was killed at it.
		if err := os.RemoveAll(made + ".part"); err != nil {
			return fmt.Errorf("make a PostgreSQL server: %w", err)
		}
		if err := p.initdb(ctx, made+".part"); err != nil {
			return err
		}
		if err := os.Rename(made+".part", made); err != nil {
			return fmt.Errorf("make a PostgreSQL server: %w", err)
		}
	}
	if out, err := exec.CommandContext(ctx, "cp", "-a", made, data).CombinedOutput(); err != nil {
		return fmt.Errorf("make a PostgreSQL server: cp: %w\n%s", err, out)
	}
	return nil
}

func (p *Postgres) initdb(ctx context.Context, data string) error {
	secret := filepath.Join(p.Dir, "password")
	if err := os.WriteFile(secret, []byte(p.Password+"\n"), 0o600); err != nil {
		return fmt.Errorf("make a PostgreSQL server: %w", err)
	}
	return p.tool(ctx, "initdb", "--pgdata", data, "--username", p.User, "--pwfile", secret, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
}

// Start starts the server after a Stop and waits until it accepts connections.
func (p *Postgres) Start(ctx context.Context) error {
	return p.control(ctx, "start", "--log", filepath.Join(p.Dir, "log"))
}

// Stop ends the server and every connection to it.
func (p *Postgres) Stop(ctx context.Context) error {
	return p.control(ctx, "stop", "--mode", "fast")
}

// Crash ends the server without the time to tidy up.
func (p *Postgres) Crash(ctx context.Context) error {
	return p.control(ctx, "stop", "--mode", "immediate")
}

// Restart stops the server and starts it.
func (p *Postgres) Restart(ctx context.Context) error {
	if err := p.Stop(ctx); err != nil {
		return err
	}
	return p.Start(ctx)
}

// Running tells whether the server runs.
func (p *Postgres) Running(ctx context.Context) bool {
	return p.control(ctx, "status") == nil
}

// Close ends the server and removes all of it.
func (p *Postgres) Close() error {
	ctx := context.Background()
	var err error
	if p.Running(ctx) {
		err = p.Crash(ctx)
	}
	if p.unguard != nil {
		p.unguard()
		p.unguard = nil
	}
	if p.release != nil {
		p.release()
		p.release = nil
	}
	if p.SocketDir != "" {
		err = errors.Join(err, os.RemoveAll(p.SocketDir))
	}
	return errors.Join(err, os.RemoveAll(p.Dir))
}

// DSN is the address of a database for the superuser.
func (p *Postgres) DSN(database string) string {
	return p.DSNFor(p.User, p.Password, database)
}

// DSNFor is the address of a database for any role.
func (p *Postgres) DSNFor(user, password, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, password),
		Host: fmt.Sprintf("%s:%d", p.Host, p.Port), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// CreateRole makes a role that may log in.
func (p *Postgres) CreateRole(ctx context.Context, name, password string) error {
	_, err := p.Exec(ctx, "postgres", fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'",
		quoteName(name), strings.ReplaceAll(password, "'", "''")))
	return err
}

// CreateRotatedRole makes a role that owns things and may not log in, and a login that acts as it: its password is
// changed by making another login.
func (p *Postgres) CreateRotatedRole(ctx context.Context, owner, login, password string) error {
	if err := p.CreateRole(ctx, login, password); err != nil {
		return err
	}
	_, err := p.Exec(ctx, "postgres", fmt.Sprintf("CREATE ROLE %[1]s NOLOGIN; GRANT %[1]s TO %[2]s; ALTER ROLE %[2]s SET role = %[3]s",
		quoteName(owner), quoteName(login), "'"+strings.ReplaceAll(owner, "'", "''")+"'"))
	return err
}

// CreateDatabase makes a database that belongs to a role.
func (p *Postgres) CreateDatabase(ctx context.Context, name, owner string) error {
	_, err := p.Exec(ctx, "postgres", fmt.Sprintf("CREATE DATABASE %s OWNER %s", quoteName(name), quoteName(owner)))
	return err
}

// Exec runs SQL as the superuser and returns what psql prints: a line a row, with | between the columns.
func (p *Postgres) Exec(ctx context.Context, database, sql string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, "psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
		"--set", "ON_ERROR_STOP=1", "--host", p.Host, "--port", fmt.Sprint(p.Port), "--username", p.User,
		"--dbname", database, "--command", sql)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+p.Password)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %w\n%s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

func quoteName(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func (p *Postgres) control(ctx context.Context, verb string, args ...string) error {
	return p.tool(ctx, "pg_ctl", append([]string{verb, "--pgdata", filepath.Join(p.Dir, "data"), "--silent"}, args...)...)
}

func (p *Postgres) tool(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, name), args...)
	cmd.Dir = p.Dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(p.Dir, "log"))
		return fmt.Errorf("%s: %w\n%s%s", name, err, out, log)
	}
	return nil
}

// postgresBin finds the folder of the server's programs: Debian keeps them out of PATH, one folder a version.
func postgresBin() (string, error) {
	folders, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err == nil && len(folders) > 0 {
		slices.SortFunc(folders, func(a, b string) int {
			if len(a) != len(b) {
				return len(a) - len(b)
			}
			return strings.Compare(a, b)
		})
		return filepath.Dir(folders[len(folders)-1]), nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("no PostgreSQL server found in /usr/lib/postgresql or PATH: run scripts/setup")
	}
	return filepath.Dir(initdb), nil
}
