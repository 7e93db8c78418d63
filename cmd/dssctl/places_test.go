package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/internal/jsonedit"
)

// identities are the tables of a database by their numbers, which a replaced
// table does not keep, with their rows.
func (l *lab) identities(database, schema string) []string {
	l.t.Helper()
	out, err := l.pg.Exec(context.Background(), database, fmt.Sprintf(`SELECT c.oid || ' ' || c.relname || ' ' ||
(xpath('/row/c/text()', query_to_xml('SELECT count(*) AS c FROM ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname), false, true, '')))[1]::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '%s' AND c.relkind = 'r' ORDER BY 1`, schema))
	l.ok(err)
	return strings.Split(out, "\n")
}

// byURL has the instance use its databases by a JDBC URL, with the server's
// members beside it leading nowhere.
func (l *lab) byURL(name, url string) {
	l.t.Helper()
	path := filepath.Join(l.dss[name].DataDir, "config", "general-settings.json")
	raw, err := os.ReadFile(path)
	l.ok(err)
	d, err := jsonedit.Parse(raw)
	l.ok(err)
	const params = "/internalDatabase/connection/params/"
	for _, kv := range [][2]string{{"useURL", "true"}, {"url", fmt.Sprintf("%q", url)}, {"host", `"nowhere.invalid"`}, {"port", "1"}, {"db", `"nothing"`}} {
		l.ok(d.Set(params+kv[0], []byte(kv[1])))
	}
	l.ok(os.WriteFile(path, d.Bytes(), 0o600))
}

// What is restored never comes to the tables of a living instance, whatever
// it is called by: it gets a place of its own, or the plan refuses.
func TestRestoreElsewhereLeavesTheOriginalsTables(t *testing.T) {
	t.Parallel()
	l := newLab(t, 87)
	ctx := context.Background()
	l.install("design", dsskit.InstallOptions{RowsPerTable: 30})
	l.externalEstate("")
	l.run("apply", "-auto-approve").must(t, 0)
	l.run("backup", "run", "-auto-approve").must(t, 0)
	l.stop("design")
	before := l.identities("dss", "dss_runtime")
	same := func(when string) {
		t.Helper()
		if now := l.identities("dss", "dss_runtime"); !slices.Equal(before, now) {
			t.Fatalf("%s: the original's tables are others:\n%v\nwere\n%v", when, now, before)
		}
	}
	elsewhere := func(name string, flags ...string) []string {
		port := l.freePort()
		l.port[name] = port
		return append([]string{
			"backup", "restore", "instance.design", "-auto-approve", "-data-dir", l.place(name), "-port", fmt.Sprint(port),
			"-kit", kit(t, kitVersion, l.seed),
		}, flags...)
	}

	// The original exists, and that is enough: it need not run.
	for _, tt := range []struct {
		name  string
		flags []string
		want  string
	}{
		{"no place", nil, "instance.design (" + l.place("design") + ") keeps its runtime databases there"},
		{"the same place by another name of the server", []string{"-pg-host", "localhost"}, "keeps its runtime databases there"},
		{"the same place named", []string{"-pg-schema", "dss_runtime", "-pg-prefix", "design_"}, "keeps its runtime databases there"},
		{"a server that does not let us in", []string{"-pg-host", "127.0.0.2", "-pg-port", "1", "-pg-schema", "x"}, "the connection was refused"},
	} {
		o := l.run(elsewhere("refused", tt.flags...)...).must(t, 1)
		if text := unwrapped(o.stdout + o.stderr); !strings.Contains(text, unwrapped(tt.want)) || !strings.Contains(text, "load the dump of the runtime databases into schema") {
			t.Errorf("%s: %s", tt.name, o)
		}
		l.nothingMade("refused")
		same(tt.name)
	}

	// Tables of nobody that dssctl knows are nobody's to replace either.
	_, err := l.pg.Exec(ctx, "dss", `CREATE SCHEMA theirs AUTHORIZATION dss; CREATE TABLE theirs.x_jobs (id int); ALTER TABLE theirs.x_jobs OWNER TO dss`)
	l.ok(err)
	if o := l.run(elsewhere("refused", "-pg-schema", "theirs", "-pg-prefix", "x_")...).must(t, 1); !strings.Contains(unwrapped(o.stdout+o.stderr), "an empty place") {
		t.Errorf("a place in use: %s", o)
	}

	// A declared instance of the set is refused the same place, too.
	src, err := os.ReadFile(filepath.Join(l.dir, "main.dss.hcl"))
	l.ok(err)
	write(t, l.dir, "second.dss.hcl", fmt.Sprintf(`
instance "second" {
  data_dir = %q
  port     = %d

  origin "backup" {
    of  = instance.design
    kit = %q
  }

  runtime_database "postgresql" {
    host         = "localhost"
    port         = %d
    database     = "dss"
    schema       = "dss_runtime"
    table_prefix = "design_"
    user         = "dss"
    password     = var.pg_password
  }
}
`, l.place("second"), l.freePort(), kit(t, kitVersion, l.seed), l.pg.Port))
	if o := l.run("plan", "-target", "instance.second").must(t, 1); !strings.Contains(unwrapped(o.stdout+o.stderr), "keeps its runtime databases there") &&
		!strings.Contains(unwrapped(o.stdout+o.stderr), "share their runtime databases") {
		t.Errorf("origin backup at the original's place: %s", o)
	}
	l.ok(os.Remove(filepath.Join(l.dir, "second.dss.hcl")))
	write(t, l.dir, "main.dss.hcl", string(src))
	same("origin backup")

	// By a JDBC URL, to another database: there it goes, and nowhere else.
	url := fmt.Sprintf("jdbc:postgresql://%s:%d/dss?loginTimeout=20", l.pg.Host, l.pg.Port)
	l.byURL("design", url)
	l.edit("host         = ", "jdbc_url     = \""+url+"\"\n    host         = ")
	l.start("design")
	l.run("backup", "run", "-auto-approve").must(t, 0)
	l.stop("design")
	before = l.identities("dss", "dss_runtime")
	l.ok(l.pg.CreateDatabase(ctx, "copies", "dss"))
	o := l.run(elsewhere("copy", "-pg-database", "copies")...).must(t, 0)
	if want := fmt.Sprintf("into schema dss_runtime, prefix design_, in database copies on %s:%d", l.pg.Host, l.pg.Port); !strings.Contains(unwrapped(o.stdout), want) {
		t.Errorf("the plan does not say where it loads: %s", o)
	}
	l.adopt("copy", l.port["copy"])
	if !l.running("copy") {
		t.Fatalf("the copy does not run: %s", o)
	}
	same("a copy in another database")
	settings, err := os.ReadFile(filepath.Join(l.place("copy"), "config", "general-settings.json"))
	l.ok(err)
	if want := fmt.Sprintf("jdbc:postgresql://%s:%d/copies?loginTimeout=20", l.pg.Host, l.pg.Port); !strings.Contains(strings.ReplaceAll(string(settings), `\u003d`, "="), want) {
		t.Errorf("the URL is not %s: %s", want, settings)
	}
	if copied := l.identities("copies", "dss_runtime"); len(copied) != len(before) {
		t.Errorf("copied: %v\nthe original has\n%v", copied, before)
	}
	l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
	if left, err := l.pg.Exec(ctx, "copies", `SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%' AND nspname NOT IN ('information_schema', 'public')`); err != nil || left != "" {
		t.Errorf("the rollback left %s (%v)", left, err)
	}
	same("the copy's rollback")

	// A load that fails leaves nothing, and touches nothing: the kit fails after it.
	l.failingInstaller(elsewhere("failed", "-pg-schema", "dss_copy")...).must(t, 6)
	l.nothingMade("failed")
	if left := only(l.tables(), "dss_copy."); len(left) > 0 {
		t.Errorf("a failed restore left %v", left)
	}
	same("a failed restore")

	// The original was lost: its tables are its own, and are set aside.
	lost := l.place("design") + ".lost"
	l.ok(os.Rename(l.place("design"), lost))
	l.run(elsewhere("back")...).must(t, 0)
	l.adopt("back", l.port["back"])
	if aside := only(l.tables(), "dssctl_aside_"); len(aside) != len(before) {
		t.Errorf("set aside: %v", aside)
	}
	l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
	same("the rollback of the lost one")
	l.ok(os.Rename(lost, l.place("design")))
}
