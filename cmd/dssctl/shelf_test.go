package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// shelf is a lab's world put aside, to come back to: data directories, the
// estate with its state, PostgreSQL.
type shelf struct {
	name    string
	running bool
	// rows of each instance's history.
	rows map[string]int
}

// shelve puts the world aside. DSS is stopped for it.
func (l *lab) shelve(name string, running bool) shelf {
	l.t.Helper()
	s := shelf{name: name, running: running, rows: map[string]int{}}
	for name := range l.dss {
		if running {
			l.stop(name)
		}
		s.rows[name] = l.rows(name)
	}
	copyTree(l.t, l.data, l.aside(name, "data"))
	copyTree(l.t, l.dir, l.aside(name, "estate"))
	l.sqlAt("postgres", `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'dss'`)
	l.sqlAt("postgres", fmt.Sprintf(`CREATE DATABASE "shelf-%s" TEMPLATE dss`, name))
	if running {
		l.startAll()
	}
	return s
}

// unshelve makes the world what it was.
func (l *lab) unshelve(s shelf) {
	l.t.Helper()
	for _, in := range l.dss {
		l.ok(in.Kill())
	}
	l.ok(os.RemoveAll(l.data))
	l.ok(os.RemoveAll(l.dir))
	copyTree(l.t, l.aside(s.name, "data"), l.data)
	copyTree(l.t, l.aside(s.name, "estate"), l.dir)
	l.sqlAt("postgres", `DROP DATABASE dss WITH (FORCE)`)
	l.sqlAt("postgres", fmt.Sprintf(`CREATE DATABASE dss TEMPLATE "shelf-%s" OWNER dss`, s.name))
	if s.running {
		l.startAll()
	}
}

func (l *lab) aside(name, part string) string {
	dir := filepath.Join(filepath.Dir(l.dir), "shelves", name)
	l.ok(os.MkdirAll(dir, 0o755))
	return filepath.Join(dir, part)
}

func (l *lab) startAll() {
	l.t.Helper()
	var g errgroup.Group
	for _, in := range l.dss {
		g.Go(func() error { return in.Start(l.t.Context()) })
	}
	l.ok(g.Wait())
}

func (l *lab) sqlAt(database, statement string) {
	l.t.Helper()
	_, err := l.pg.Exec(context.Background(), database, statement)
	l.ok(err)
}

// settled is how a run leaves an instance: wholly before, or wholly after.
type settled struct {
	name     string
	declared bool // what the estate declares is so: the next plan is empty
	rows     map[string]int
	configs  map[string]string
	tables   []string
}

// settle looks at the world as it is.
func (l *lab) settle(name string, declared bool, rows map[string]int) settled {
	l.t.Helper()
	return settled{name: name, declared: declared, rows: rows, configs: configs(l.t, l.data), tables: l.tables()}
}

// ciphertext is another one each time.
var ciphertext = regexp.MustCompile(`e:AES:[^"]+`)

// differs says how an instance differs from what it was then.
func (s settled) differs(now settled, instance string) string {
	was, is := below(s.configs, instance), below(now.configs, instance)
	settings := instance + "/config/general-settings.json"
	if strings.Contains(was[settings], `"PostgreSQL"`) {
		for _, files := range []map[string]string{was, is} {
			files[settings] = ciphertext.ReplaceAllString(files[settings], "e:AES:")
		}
	}
	return cmp.Diff(was, is) + cmp.Diff(tablesOf(s.tables, instance), tablesOf(now.tables, instance))
}

func tablesOf(all []string, instance string) []string {
	var out []string
	for _, name := range all {
		if strings.Contains(name, "."+instance+"_") {
			out = append(out, name)
		}
	}
	return out
}

// below is the part of a snapshot about one instance.
func below(files map[string]string, name string) map[string]string {
	out := maps.Clone(files)
	maps.DeleteFunc(out, func(rel, _ string) bool { return !strings.HasPrefix(rel, name+"/") })
	return out
}

// rows counts the history of a stopped instance, wherever it is.
func (l *lab) rows(name string) int {
	l.t.Helper()
	count := l.dss[name].Rows
	if l.external(name) {
		count = l.dss[name].ExternalRows
	}
	tables, err := count(context.Background())
	l.ok(err)
	return dsskit.Total(tables, "")
}

// copyTree copies a folder as it is: links, modes, times.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
}

func only(names []string, prefix string) []string {
	var out []string
	for _, n := range names {
		if strings.HasPrefix(n, prefix) {
			out = append(out, n)
		}
	}
	return out
}
