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
	"github.com/dssctl/dssctl/internal/killpoint"
)

// externalEstate declares one instance with runtime databases in PostgreSQL and
// a policy.
func (l *lab) externalEstate(body string) {
	l.t.Helper()
	write(l.t, l.dir, "main.dss.hcl", fmt.Sprintf(`
variable "pg_password" {
  type      = string
  sensitive = true
}

instance "design" {
  data_dir = %q

  runtime_database "postgresql" {
    host         = %q
    port         = %d
    database     = "dss"
    schema       = "dss_runtime"
    table_prefix = "design_"
    user         = "dss"
    password     = var.pg_password
  }

  backup "nightly" {
    destination = %q
%s
  }
}
`, l.dss["design"].DataDir, l.pg.Host, l.pg.Port, filepath.Join(l.data, "..", "backups"), body))
}

// With the runtime databases in PostgreSQL a set has the matching dump: of
// exactly this instance's tables, restored in place, undone, and restored
// elsewhere into a schema of its own.
func TestBackupWithExternalDatabases(t *testing.T) {
	t.Parallel()
	l := newLab(t, 83)
	l.install("design", dsskit.InstallOptions{RowsPerTable: 60})
	l.externalEstate("")
	l.run("apply", "-auto-approve").must(t, 0)
	// A neighbour in the same schema, whose prefix begins like ours.
	sql := func(s string) string {
		out, err := l.pg.Exec(context.Background(), "dss", s)
		l.ok(err)
		return strings.TrimSpace(out)
	}
	sql(`CREATE TABLE dss_runtime.design_2_jobs (id int); INSERT INTO dss_runtime.design_2_jobs VALUES (7);
CREATE TABLE dss_runtime."designXother" (id int); ALTER TABLE dss_runtime.design_2_jobs OWNER TO dss; ALTER TABLE dss_runtime."designXother" OWNER TO dss`)
	l.externalEstate("")
	src, err := os.ReadFile(filepath.Join(l.dir, "main.dss.hcl"))
	l.ok(err)
	write(t, l.dir, "main.dss.hcl", strings.Replace(string(src), "user         = \"dss\"\n", "user         = \"dss\"\n    other_prefixes = [\"design_2_\"]\n", 1))

	outputs := ""
	run := func(codes []int, args ...string) outcome {
		t.Helper()
		o := l.run(args...).must(t, codes...)
		outputs += o.String()
		return o
	}
	run([]int{0}, "apply", "-auto-approve")
	l.stop("design")
	rows := l.rows("design")
	l.start("design")
	o := run([]int{0}, "backup", "run", "-auto-approve")
	if !strings.Contains(o.stdout, "dump the runtime databases in schema dss_runtime, prefix design_") {
		t.Errorf("no dump: %s", o)
	}
	sets := l.sets()
	if len(sets) != 1 || !sets[0].Database {
		t.Fatalf("want one set with a dump: %+v", sets)
	}
	manifest, err := os.ReadFile(filepath.Join(sets[0].Folder, "manifest.json"))
	l.ok(err)
	if strings.Contains(string(manifest), "design_2_jobs") || strings.Contains(string(manifest), "designXother") {
		t.Errorf("a neighbour's table is in the set: %s", manifest)
	}
	run([]int{0}, "backup", "verify")
	run([]int{0}, "backup", "show", sets[0].Set)

	// What comes later is gone after a restore, and comes back with its rollback.
	tables := strings.Split(sql(`SELECT tablename FROM pg_tables WHERE schemaname = 'dss_runtime' AND tablename LIKE 'design\_%' AND tablename NOT LIKE 'design\_2%' ORDER BY 1`), "\n")
	sql(`CREATE TABLE dss_runtime.design_later (id int); ALTER TABLE dss_runtime.design_later OWNER TO dss`)
	run([]int{0}, "backup", "restore", "instance.design", "-auto-approve", "-allow", "data-loss")
	if !l.running("design") {
		t.Fatal("DSS does not run after the restore")
	}
	if now := strings.Join(l.tables(), "\n"); strings.Contains(now, "dss_runtime.design_later") {
		t.Errorf("a table that came later is still in place: %s", now)
	}
	if got := sql(`SELECT count(*) FROM dss_runtime.design_2_jobs`); !strings.Contains(got, "1") {
		t.Errorf("the neighbour's rows: %s", got)
	}
	l.stop("design")
	if now := l.rows("design"); now < rows {
		t.Errorf("%d rows were restored, and there were %d", now, rows)
	}
	l.start("design")
	run([]int{0}, "rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss")
	if now := strings.Join(l.tables(), "\n"); !strings.Contains(now, "dss_runtime.design_later") || strings.Contains(now, "dssctl_aside") {
		t.Errorf("the rollback did not bring the tables back: %s", now)
	}
	if !l.running("design") {
		t.Fatal("DSS does not run after the rollback")
	}

	// Elsewhere, beside the original, in a schema of its own.
	port, release, err := dsskit.FreePorts(10)
	l.ok(err)
	t.Cleanup(release)
	there := filepath.Join(l.data, "elsewhere")
	run([]int{0}, "backup", "restore", "instance.design", "-auto-approve", "-data-dir", there, "-port", fmt.Sprint(port),
		"-kit", kit(t, kitVersion, l.seed), "-pg-schema", "dss_copy", "-pg-prefix", "copy_")
	in, err := dsskit.Open(there)
	l.ok(err)
	l.ok(in.Guard())
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	l.dss["elsewhere"], l.port["elsewhere"] = in, port
	if !l.running("elsewhere") || !l.running("design") {
		t.Fatalf("running: elsewhere %v, design %v", l.running("elsewhere"), l.running("design"))
	}
	l.stop("elsewhere")
	if now := l.rows("elsewhere"); now < rows {
		t.Errorf("%d rows came along of %d", now, rows)
	}
	copied := only(l.tables(), "dss_copy.copy_")
	if len(copied) != len(tables) {
		t.Errorf("tables elsewhere: %v; the original had %v", copied, tables)
	}
	run([]int{0}, "rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss")
	if left := only(l.tables(), "dss_copy."); len(left) > 0 {
		t.Errorf("the rollback left %v", left)
	}

	noSecrets(t, l, outputs)
}

// PostgreSQL goes away in the middle of a backup and comes back later: no good
// set is lost, no half one is listed, and DSS runs again, by itself or after
// `recover`.
func TestBackupWhilePostgreSQLGoesAway(t *testing.T) {
	t.Parallel()
	l := newLab(t, 84)
	l.install("design", dsskit.InstallOptions{})
	l.externalEstate("    retention {\n      keep_last = 2\n    }")
	l.run("apply", "-auto-approve").must(t, 0)
	args := []string{"backup", "run", "-auto-approve"}
	l.run(args...).must(t, 0)
	l.run(args...).must(t, 0)
	all := slices.DeleteFunc(records(1)(l.places(args...)), func(p place) bool { return p.soon })
	all = choose(all, some(5, every(1)))
	failed, reached := 0, 0
	for _, at := range all {
		stopped := false
		before := goodSets(t, l)
		o := l.traced(func(p place) killpoint.Fate {
			if p == at {
				stopped = true
				l.ok(l.pg.Stop(context.Background()))
			}
			return killpoint.Live
		}, args...)
		if !stopped {
			o.must(t, 0) // not on its way this time
			continue
		}
		reached++
		l.ok(l.pg.Start(context.Background()))
		where := fmt.Sprintf("PostgreSQL stopped %s: %s", at, o)
		if o.code != 0 {
			failed++
		}
		rec := l.run("recover").must(t, 0, 6)
		switch {
		case l.running("design"):
		case o.code == 0, strings.Contains(o.stdout, "DSS was found failed"):
			// It had lost PostgreSQL by itself: when it was up and ready again, or
			// before dssctl came to stop it.
			l.ok(l.dss["design"].Kill())
			l.start("design")
		default:
			t.Fatalf("DSS does not run\n%s\n%s", where, rec)
		}
		after := goodSets(t, l)
		if lost := lostSets(before, after, 2); len(lost) > 0 {
			t.Fatalf("good sets were lost: %v\n%s", lost, where)
		}
		if o.code == 0 && len(lostSets(after, before, 1)) == 0 {
			t.Fatalf("it went well, and there is no new set\n%s", where)
		}
		for _, r := range l.sets() {
			if r.Broken != "" || !r.Database {
				t.Fatalf("a half set is listed: %+v\n%s", r, where)
			}
		}
		l.whole(where)
		t.Logf("ended with %d, then recover with %d: stopped %s", o.code, rec.code, at)
	}
	l.run(args...).must(t, 0)
	for id := range goodSets(t, l) {
		l.run("backup", "verify", "-set", id).must(t, 0)
	}
	if failed == 0 || reached < len(all)*3/4 {
		t.Errorf("PostgreSQL was stopped at %d of %d places, and missed at %d", reached, len(all), failed)
	}
}
