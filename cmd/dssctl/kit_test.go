package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/internal/systemdtest"
)

// kits are shared by the tests of a run: making one compiles Java.
var kits struct {
	sync.Mutex
	dir  string
	made map[string]string
}

const kitVersion = "14.4.1"

func kit(t *testing.T, version string, seed int64) string {
	t.Helper()
	kits.Lock()
	defer kits.Unlock()
	if kits.dir == "" {
		dir, err := os.MkdirTemp("", "dssctl-kits-")
		if err != nil {
			t.Fatal(err)
		}
		kits.dir, kits.made = dir, map[string]string{}
	}
	key := fmt.Sprintf("%s-%d", version, seed)
	if kits.made[key] == "" {
		_, dir, err := dsskit.Build(context.Background(), filepath.Join(kits.dir, key), dsskit.KitOptions{Version: version, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		kits.made[key] = dir
	}
	return kits.made[key]
}

// lab is an estate's folder with simulated instances and a real PostgreSQL.
type lab struct {
	t    *testing.T
	dir  string // of the estate
	data string // above the data directories
	pg   *dsskit.Postgres
	dss  map[string]*dsskit.Instance
	port map[string]int
	seed int64
	// version of the kit that instances are installed from; kitVersion when "".
	version string
	// startTook is the longest that DSS took to start.
	startTook time.Duration
	// password of the role dss.
	password string
	env      []string
	// systemd stands in for the machine's; nil until there is a boot unit.
	systemd *systemdtest.System
}

// newLab starts a PostgreSQL with a role and a database dss.
func newLab(t *testing.T, seed int64) *lab {
	t.Helper()
	if os.Getuid() == 0 {
		t.Fatal("neither DSS nor PostgreSQL runs as root: run the tests with `make test`")
	}
	base := t.TempDir()
	l := &lab{
		t: t, dir: filepath.Join(base, "estate"), data: filepath.Join(base, "data"), seed: seed,
		dss: map[string]*dsskit.Instance{}, port: map[string]int{},
		password: "planted-Se'cret \"pg\" " + fmt.Sprint(seed),
	}
	for _, d := range []string{l.dir, l.data} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	pg, err := dsskit.StartPostgres(context.Background(), filepath.Join(base, "pg"), dsskit.PGOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Close(); err != nil {
			t.Error(err)
		}
	})
	l.pg = pg
	l.ok(pg.CreateRole(context.Background(), "dss", l.password))
	l.ok(pg.CreateDatabase(context.Background(), "dss", "dss"))
	l.env = []string{"DSSCTL_VAR_pg_password=" + l.password}
	return l
}

func (l *lab) ok(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// install makes an instance and starts it.
func (l *lab) install(name string, o dsskit.InstallOptions) *dsskit.Instance {
	l.t.Helper()
	in := l.add(name, o)
	l.start(name)
	return in
}

// add makes an instance.
func (l *lab) add(name string, o dsskit.InstallOptions) *dsskit.Instance {
	l.t.Helper()
	port, release, err := dsskit.FreePorts(10)
	l.ok(err)
	l.t.Cleanup(release)
	o.DataDir, o.Seed = filepath.Join(l.data, name), l.seed
	if o.Port == 0 {
		o.Port = port
	}
	version := l.version
	if version == "" {
		version = kitVersion
	}
	in, err := dsskit.Install(context.Background(), kit(l.t, version, l.seed), o)
	l.ok(err)
	l.t.Cleanup(func() {
		if err := in.Close(); err != nil {
			l.t.Error(err)
		}
	})
	l.dss[name], l.port[name] = in, o.Port
	return in
}

func (l *lab) start(name string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	l.ok(l.dss[name].Start(ctx))
	l.startTook = max(l.startTook, time.Since(began))
}

// startTimeout is an attribute for a start that never gets ready: short, and long
// enough for one that does, on a slow machine too.
func (l *lab) startTimeout() string {
	return fmt.Sprintf("start_timeout = \"%.0fs\"", max(6, 5*l.startTook.Seconds()))
}

func (l *lab) stop(name string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l.ok(l.dss[name].Stop(ctx))
}

// run runs dssctl in the estate.
func (l *lab) run(args ...string) outcome {
	l.t.Helper()
	return dssctl(l.t, l.dir, l.env, args...)
}

// rotate has the role dss act as another one that owns the database, as where
// passwords are changed by making another login.
func (l *lab) rotate() {
	l.t.Helper()
	ctx := context.Background()
	for _, sql := range []string{
		`DROP DATABASE dss`, `DROP ROLE dss`,
	} {
		_, err := l.pg.Exec(ctx, "postgres", sql)
		l.ok(err)
	}
	l.ok(l.pg.CreateRotatedRole(ctx, "dss_owner", "dss", l.password))
	l.ok(l.pg.CreateDatabase(ctx, "dss", "dss_owner"))
}

// failingInstaller runs dssctl while the installer of the lab's kit fails in the
// middle.
func (l *lab) failingInstaller(args ...string) outcome {
	l.t.Helper()
	dir := kit(l.t, cmp.Or(l.version, kitVersion), l.seed)
	l.ok(dsskit.SetKitFaults(dir, dsskit.Faults{dsskit.InstallerFail: "config"}))
	o := l.run(args...)
	l.ok(dsskit.SetKitFaults(dir, nil))
	return o
}

// running reports whether DSS is up and ready.
func (l *lab) running(name string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return l.dss[name].Ready(ctx)
}

// tables are the tables of the database dss, "schema.name".
func (l *lab) tables() []string {
	l.t.Helper()
	out, err := l.pg.Exec(context.Background(), "dss", `SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`)
	l.ok(err)
	return strings.Fields(out)
}

// external reports whether the instance's settings name a PostgreSQL.
func (l *lab) external(name string) bool {
	l.t.Helper()
	raw, err := os.ReadFile(filepath.Join(l.dss[name].DataDir, "config", "general-settings.json"))
	l.ok(err)
	return strings.Contains(string(raw), `"PostgreSQL"`)
}

// estate writes the files of an example into the estate's folder.
func (l *lab) estate(example string) {
	l.t.Helper()
	from := filepath.Join("..", "..", "examples", example)
	files, err := filepath.Glob(filepath.Join(from, "*.hcl"))
	l.ok(err)
	if len(files) == 0 {
		l.t.Fatalf("the example %s has no files", example)
	}
	modules, err := filepath.Glob(filepath.Join(from, "*", "*.hcl"))
	l.ok(err)
	for _, f := range append(files, modules...) {
		raw, err := os.ReadFile(f)
		l.ok(err)
		name, err := filepath.Rel(from, f)
		l.ok(err)
		write(l.t, l.dir, name, string(raw))
	}
}
