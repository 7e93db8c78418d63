package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// externalSource declares an instance whose runtime databases are in
// PostgreSQL; more follows it.
func (l *lab) externalSource(more string) {
	l.t.Helper()
	write(l.t, l.dir, "main.dss.hcl", `
variable "pg_password" {
  type      = string
  sensitive = true
}

locals {
  pg = { host = "`+l.pg.Host+`", port = `+fmt.Sprint(l.pg.Port)+` }
}

instance "design" {
  data_dir = "`+l.dss["design"].DataDir+`"
  port     = `+fmt.Sprint(l.port["design"])+`

  runtime_database "postgresql" {
    host         = local.pg.host
    port         = local.pg.port
    database     = "dss"
    schema       = "dss_runtime"
    table_prefix = "dss_"
    user         = "dss"
    password     = var.pg_password
  }
}
`+more)
}

// cloneBlock declares a clone in the source's schema, with a prefix that the
// source's begins.
func (l *lab) cloneBlock(port int, database string) string {
	return `
instance "clone" {
  data_dir = "` + l.place("clone") + `"
  port     = ` + fmt.Sprint(port) + `

  origin "clone" {
    of = instance.design
  }
` + database + `
}
`
}

const cloneDatabase = `
  runtime_database "postgresql" {
    host         = local.pg.host
    port         = local.pg.port
    database     = "dss"
    schema       = "dss_runtime"
    table_prefix = "dss_clone_"
    user         = "dss"
    password     = var.pg_password
  }`

// place is where an instance of this name is made.
func (l *lab) place(name string) string { return filepath.Join(l.data, name) }

// freePort returns the first of ten ports that stay free for the test.
func (l *lab) freePort() int {
	l.t.Helper()
	port, release, err := dsskit.FreePorts(10)
	l.ok(err)
	l.t.Cleanup(release)
	return port
}

// adopt takes an instance that dssctl has made.
func (l *lab) adopt(name string, port int) {
	l.t.Helper()
	in, err := dsskit.Open(l.place(name))
	l.ok(err)
	l.ok(in.Guard())
	l.t.Cleanup(func() {
		if _, err := os.Stat(in.DataDir); err == nil {
			if err := in.Close(); err != nil {
				l.t.Error(err)
			}
		}
	})
	l.dss[name], l.port[name] = in, port
}

// iniValue reads a line of an instance's install.ini.
func (l *lab) iniValue(name, key string) string {
	l.t.Helper()
	raw, err := os.ReadFile(filepath.Join(l.place(name), "install.ini"))
	l.ok(err)
	for line := range strings.Lines(string(raw)) {
		if k, v, ok := strings.Cut(line, "="); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	l.t.Fatalf("install.ini of %s has no %s", name, key)
	return ""
}

// scenarios are an instance's scenario files by path.
func (l *lab) scenarios(name string) map[string]string {
	l.t.Helper()
	paths, err := filepath.Glob(filepath.Join(l.place(name), "config", "projects", "*", "scenarios", "*.json"))
	l.ok(err)
	out := map[string]string{}
	for _, p := range paths {
		raw, err := os.ReadFile(p)
		l.ok(err)
		rel, err := filepath.Rel(l.place(name), p)
		l.ok(err)
		out[rel] = string(raw)
	}
	return out
}

// ranScenarios counts the scenarios that an instance has run, by its log; a
// clone's holds what its source has said of itself, too.
func (l *lab) ranScenarios(name string) int {
	l.t.Helper()
	raw, err := os.ReadFile(filepath.Join(l.place(name), "run", "backend.log"))
	l.ok(err)
	n := 0
	for line := range strings.Lines(string(raw)) {
		if strings.Contains(line, "[dku.scenarios] - Run ") && strings.HasSuffix(strings.TrimSpace(line), " in "+l.place(name)) {
			n++
		}
	}
	return n
}

// nothingMade checks that no trace of an instance is left but dssctl's own
// folder beside it.
func (l *lab) nothingMade(name string) {
	l.t.Helper()
	entries, err := os.ReadDir(l.data)
	l.ok(err)
	for _, e := range entries {
		if strings.Contains(e.Name(), name) && e.Name() != name+".dssctl" {
			l.t.Errorf("%s is left", e.Name())
		}
	}
}

// A fresh instance is installed, started, found as declared, and taken away
// again.
func TestOriginInstall(t *testing.T) {
	t.Parallel()
	l := newLab(t, 91)
	port := l.freePort()
	license := filepath.Join(l.data, "license.json")
	write(t, l.data, "license.json", `{"licenseKind": "PLANTED"}`)
	estate := `
instance "fresh" {
  data_dir  = "` + l.place("fresh") + `"
  node_type = "automation"
  port      = ` + fmt.Sprint(port) + `

  origin "install" {
    kit     = "` + kit(t, kitVersion, l.seed) + `"
    license = "` + license + `"
  }
}
`
	write(t, l.dir, "main.dss.hcl", estate)
	o := l.run("plan", "-detailed-exitcode").must(t, 2)
	for _, want := range []string{"not there yet", "install the automation node", "start DSS for the first time"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("the plan does not say %q: %s", want, o)
		}
	}
	l.run("apply", "-auto-approve").must(t, 0)
	l.adopt("fresh", port)
	if !l.running("fresh") {
		t.Fatal("the fresh instance does not run")
	}
	if raw, err := os.ReadFile(filepath.Join(l.place("fresh"), "config", "license.json")); err != nil || !strings.Contains(string(raw), "PLANTED") {
		t.Errorf("license: %s, %v", raw, err)
	}
	l.run("plan", "-detailed-exitcode").must(t, 0)
	run := l.lastRun()
	l.run("rollback", run, "-auto-approve").must(t, 5)
	l.run("rollback", run, "-auto-approve", "-allow", "data-loss").must(t, 0)
	l.nothingMade("fresh")

	// The installer fails: nothing is left, and the same plan works later.
	o = l.failingInstaller("apply", "-auto-approve")
	if o.code != 6 {
		t.Errorf("a failing installer: %s", o)
	}
	l.nothingMade("fresh")
	// Into a folder that is there and empty, such as a volume's.
	l.ok(os.Mkdir(l.place("fresh"), 0o750))
	l.run("apply", "-auto-approve").must(t, 0)
	l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
	if entries, err := os.ReadDir(l.place("fresh")); err != nil || len(entries) > 0 {
		t.Errorf("the folder that was there: %v, %v", entries, err)
	}
}

// Ports that somebody has are refused before anything is made: at the plan, and
// by the first look of the apply where they were free then.
func TestOriginPortsTaken(t *testing.T) {
	t.Parallel()
	l := newLab(t, 95)
	// Stopped: nobody listens. The ports of the fresh one are kept from others.
	clash := l.freePort()
	l.add("other", dsskit.InstallOptions{Port: clash + 9})
	instance := func(name, port, more string) string {
		return fmt.Sprintf("instance %q {\n  data_dir = %q\n  port = %s\n%s}\n", name, l.place(name), port, more)
	}
	other := fmt.Sprint(l.port["other"])
	origin := "  node_type = \"api\"\n  origin \"install\" { kit = \"" + kit(t, kitVersion, l.seed) + "\" }\n"
	refused := func(o outcome, code int, want string) {
		t.Helper()
		if o.must(t, code); !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(o.String(), "│", " ")), " "), want) {
			t.Errorf("it does not say %q: %s", want, o)
		}
		l.nothingMade("fresh")
	}

	write(t, l.dir, "main.dss.hcl", instance("fresh", fmt.Sprint(clash), origin)+instance("other", other, ""))
	refused(l.run(apply...), 1, "instance.fresh has")
	refused(l.run("apply", "-auto-approve", "-target", "instance.fresh"), 1, "instance.other ("+l.place("other")+"), which this plan leaves out, has "+other)
	write(t, l.dir, "main.dss.hcl", instance("fresh", fmt.Sprint(clash), origin))
	refused(l.run("plan"), 0, "the data directory "+l.place("other")+", which is of no instance of this estate, has "+other)

	port := l.freePort()
	write(t, l.dir, "main.dss.hcl", instance("fresh", fmt.Sprint(port), origin))
	file := filepath.Join(l.dir, "fresh.plan")
	l.run("plan", "-out", file).must(t, 0)
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+3))
	l.ok(err)
	defer taken.Close()
	refused(l.run("plan"), 1, fmt.Sprintf("a process on this machine listens on %d", port+3))
	refused(l.run("apply", file), 6, fmt.Sprintf("since the plan was made a process on this machine listens on %d: end that process", port+3))
}

// A clone runs beside its source, shares no port, no table, no installid, and
// runs no scenario; its rollback leaves the source alone.
func TestOriginCloneWithExternalDatabases(t *testing.T) {
	t.Parallel()
	l := newLab(t, 92)
	l.install("design", dsskit.InstallOptions{RowsPerTable: 40})
	l.externalSource("")
	outputs := l.run("apply", "-auto-approve").must(t, 0).String()
	port := l.freePort()
	l.externalSource(l.cloneBlock(port, cloneDatabase))
	before := l.tables()
	theirs := l.scenarios("design")

	o := l.run("plan", "-detailed-exitcode").must(t, 2)
	outputs += o.String()
	for _, want := range []string{"not there yet", "stop instance.design, copy its data directory", "schema dss_runtime, prefix dss_clone_", "deactivate all scenarios"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("the plan does not say %q: %s", want, o)
		}
	}
	outputs += l.run("apply", "-auto-approve").must(t, 0).String()
	l.adopt("clone", port)
	if !l.running("clone") || !l.running("design") {
		t.Fatalf("running: clone %v, design %v", l.running("clone"), l.running("design"))
	}
	if a, b := l.iniValue("clone", "installid"), l.iniValue("design", "installid"); a == b || len(a) != 24 {
		t.Errorf("the installids are %q and %q", a, b)
	}
	if got := l.iniValue("clone", "port"); got != fmt.Sprint(port) {
		t.Errorf("the clone's port is %s, want %d", got, port)
	}
	mine := l.scenarios("clone")
	if len(mine) != len(theirs) || len(mine) == 0 {
		t.Fatalf("%d scenarios in the clone, %d in its source", len(mine), len(theirs))
	}
	if n := l.ranScenarios("clone"); n != 0 {
		t.Errorf("the clone has run %d scenarios", n)
	}
	if n := l.ranScenarios("design"); n == 0 {
		t.Error("the source has run no scenario: nothing was tried")
	}
	active := 0
	for path, text := range theirs {
		if want := deactivated(text); mine[path] != want {
			t.Errorf("%s is\n%s\nwant\n%s", path, mine[path], want)
		}
		if deactivated(text) != text {
			active++
		}
	}
	if active == 0 {
		t.Error("the source has no active scenario: nothing was tried")
	}
	for path, text := range l.scenarios("design") {
		if theirs[path] != text {
			t.Errorf("the source's %s has changed", path)
		}
	}
	source, copied := without(only(before, "dss_runtime.dss_"), "dss_runtime.dss_clone_"), only(l.tables(), "dss_runtime.dss_clone_")
	if len(copied) != len(source) || len(copied) == 0 {
		t.Errorf("tables of the clone: %v; of its source: %v", copied, source)
	}
	outputs += l.run("plan", "-detailed-exitcode").must(t, 0).String()

	// What the clone writes comes to its own tables: those of a source that is
	// stopped stay as they are.
	l.stop("design")
	theirRows, mineRows := l.rows("design"), l.liveRows("clone")
	for end := time.Now().Add(patience); l.liveRows("clone") <= mineRows; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the clone writes no history")
		}
	}
	if now := l.rows("design"); now != theirRows {
		t.Errorf("the source is stopped, had %d rows of history and has %d", theirRows, now)
	}
	l.start("design")

	outputs += l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0).String()
	l.nothingMade("clone")
	if after := l.tables(); strings.Join(after, " ") != strings.Join(before, " ") {
		t.Errorf("tables after the rollback: %v; before: %v", after, before)
	}
	if !l.running("design") {
		t.Error("the source does not run after the rollback")
	}
	delete(l.dss, "clone")

	// What would fail in the stop is in the plan: a place that is not empty.
	if _, err := l.pg.Exec(context.Background(), "dss", `CREATE TABLE dss_runtime.dss_clone_jobs (id int)`); err != nil {
		t.Fatal(err)
	}
	o = l.run("apply", "-auto-approve").must(t, 1)
	if outputs += o.String(); !strings.Contains(o.String(), "dss_clone_jobs") || strings.Contains(o.String(), "1/7") {
		t.Errorf("a place that is not empty: %s", o)
	}
	if _, err := l.pg.Exec(context.Background(), "dss", `DROP TABLE dss_runtime.dss_clone_jobs`); err != nil {
		t.Fatal(err)
	}
	// The clone's installer fails: nothing of it is left, and its source runs.
	o = l.failingInstaller("apply", "-auto-approve").must(t, 6)
	outputs += o.String()
	l.nothingMade("clone")
	if after := l.tables(); strings.Join(after, " ") != strings.Join(before, " ") || !l.running("design") {
		t.Errorf("after a failed clone: tables %v, the source runs: %v", after, l.running("design"))
	}

	// A login and a schema of its own.
	ctx := context.Background()
	l.ok(l.pg.CreateRole(ctx, "other", "planted-other"))
	l.ok(l.pg.CreateDatabase(ctx, "clones", "other"))
	l.env = append(l.env, "DSSCTL_VAR_clone_password=planted-other")
	own := strings.NewReplacer(`database     = "dss"`, `database     = "clones"`, `"dss_runtime"`, `"clone_runtime"`, `user         = "dss"`, `user         = "other"`, "var.pg_password", "var.clone_password").Replace(cloneDatabase)
	l.externalSource(l.cloneBlock(port, own) + "variable \"clone_password\" {\n  type      = string\n  sensitive = true\n}\n")
	outputs += l.run("apply", "-auto-approve").must(t, 0).String()
	l.adopt("clone", port)
	if !l.running("clone") || !l.running("design") {
		t.Fatalf("running: clone %v, design %v", l.running("clone"), l.running("design"))
	}
	outputs += l.run("plan", "-detailed-exitcode").must(t, 0).String()
	noSecrets(t, l, outputs)
	l.stop("clone")
	l.stop("design")
	if a, b := l.rows("design"), l.rows("clone"); b < 14*40 || a < b/2 {
		t.Errorf("%d rows of history in the clone, %d in its source", b, a)
	}
	l.start("design")
	l.start("clone")
	l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
	if out, err := l.pg.Exec(ctx, "clones", `SELECT nspname FROM pg_namespace WHERE nspname = 'clone_runtime'`); err != nil || strings.TrimSpace(out) != "" {
		t.Errorf("the clone's schema after the rollback: %q, %v", out, err)
	}
}

// A clone of a source that goes on running and writing: made from a snapshot of
// its volume, it opens its databases with every row that was there before, and
// nothing is left of the snapshot, also when dssctl is killed while it copies.
func TestOriginCloneFromASnapshot(t *testing.T) {
	t.Parallel()
	volume := onVolume(t, "btrfs")
	l := newLab(t, 98)
	l.data = volume
	l.install("design", dsskit.InstallOptions{RowsPerTable: 50})
	port := l.freePort()
	block := strings.Replace(l.cloneBlock(port, ""), "of = instance.design", "of          = instance.design\n    consistency = \"snapshot\"", 1)
	write(t, l.dir, "main.dss.hcl", fmt.Sprintf("instance \"design\" {\n  data_dir = %q\n  port     = %d\n}\n", l.place("design"), l.port["design"])+block)
	running := func(where string) string {
		t.Helper()
		raw, err := os.ReadFile(filepath.Join(l.place("design"), "run", "supervisord.pid"))
		if err != nil || !l.running("design") {
			t.Fatalf("%s: the source does not run: %v", where, err)
		}
		views, err := filepath.Glob(filepath.Join(l.place("design")+".dssctl", "still", "*", "*"))
		if err != nil || len(views) > 0 {
			t.Errorf("%s: snapshots are left: %v, %v", where, views, err)
		}
		return string(raw)
	}
	history, process := l.liveRows("design"), running("before")
	if o := l.run("plan").must(t, 0); !strings.Contains(o.stdout, "hold instance.design still (btrfs snapshot)") || strings.Contains(o.stdout, "stop instance.design") {
		t.Errorf("the plan: %s", o)
	}
	all := l.places(apply...)
	l.adopt("clone", port)
	if !l.running("clone") || running("the clone is made") != process {
		t.Errorf("the clone runs: %v; the source was stopped: %v", l.running("clone"), running("the clone is made") != process)
	}
	if a, b := l.iniValue("clone", "installid"), l.iniValue("design", "installid"); a == b {
		t.Errorf("the installid of both is %s", a)
	}
	if rows := l.liveRows("clone"); rows < history {
		t.Errorf("the source had %d rows of history, its clone has %d", history, rows)
	}
	theirs := l.scenarios("design")
	for path, text := range l.scenarios("clone") {
		if text != deactivated(theirs[path]) {
			t.Errorf("%s is %s", path, text)
		}
	}
	l.run("plan", "-detailed-exitcode").must(t, 0)
	l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
	delete(l.dss, "clone")
	l.nothingMade("clone")

	at := slices.IndexFunc(all, func(p place) bool {
		return strings.Contains(p.after, " process btrfs") && strings.Contains(p.call, "clone.dssctl-making")
	})
	if at < 0 {
		t.Fatal("no place in the copy is known")
	}
	for _, way := range []string{"-rollback", "-resume"} {
		if o := l.killedAt(all[at], apply...); !o.killed {
			t.Fatalf("not killed %s: %s", all[at], o)
		}
		l.run("recover", way).must(t, 0)
		if running("killed, "+way) != process {
			t.Errorf("%s: the source was stopped", way)
		}
		if way == "-rollback" {
			l.nothingMade("clone")
		}
	}
	l.adopt("clone", port)
	if rows := l.liveRows("clone"); rows < history {
		t.Errorf("after a kill: the source had %d rows of history, its clone has %d", history, rows)
	}
}

// A Govern node keeps all it has in a database of its own: so does its clone.
func TestOriginCloneOfGovern(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l := newLab(t, 99)
	l.installGovern(dsskit.InstallOptions{NodeType: "govern"})
	l.ok(l.pg.CreateDatabase(ctx, "clones", "dss"))
	port := l.freePort()
	l.governCloneEstate(port, "dss")
	if o := l.run(apply...).must(t, 1); !strings.Contains(o.stderr, "The source's own database") {
		t.Errorf("the source's database for the clone: %s", o)
	}
	l.governCloneEstate(port, "clones")
	properties := func(name string) string {
		t.Helper()
		raw, err := os.ReadFile(filepath.Join(l.place(name), "config", "dip.properties"))
		l.ok(err)
		return string(raw)
	}
	theirs, rows := properties("design"), l.rowsIn("dss")
	if rows == 0 {
		t.Fatal("the source has no rows")
	}

	// What would be missing is refused before the source is stopped.
	_, err := l.pg.Exec(ctx, "dss", `CREATE SCHEMA extra; CREATE TABLE extra.more (id int)`)
	l.ok(err)
	if o := l.run(apply...).must(t, 6); !strings.Contains(o.String(), "it has tables in the schema extra beside public") || strings.Contains(o.String(), "2/6") {
		t.Errorf("tables in two schemas: %s", o)
	}
	_, err = l.pg.Exec(ctx, "dss", `DROP SCHEMA extra CASCADE; CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE uses (id int DEFAULT one())`)
	l.ok(err)
	if o := l.run(apply...).must(t, 6); !strings.Contains(o.String(), "these cannot be carried: ") || !strings.Contains(o.String(), "one()") || strings.Contains(o.String(), "2/6") {
		t.Errorf("a function: %s", o)
	}
	_, err = l.pg.Exec(ctx, "dss", `DROP TABLE uses; DROP FUNCTION one`)
	l.ok(err)
	l.nothingMade("clone")

	outputs := l.run("plan").must(t, 0).String() + l.run(apply...).must(t, 0).String()
	l.adopt("clone", port)
	if !l.running("clone") || !l.running("design") {
		t.Fatalf("running: clone %v, design %v", l.running("clone"), l.running("design"))
	}
	if now := l.rowsIn("clones"); now < rows {
		t.Errorf("the source had %d rows, its clone has %d", rows, now)
	}
	if a, b := l.iniValue("clone", "installid"), l.iniValue("design", "installid"); a == b {
		t.Errorf("the installid of both is %s", a)
	}
	want := fmt.Sprintf("psql.jdbc.url=jdbc:postgresql://%s:%d/clones\n", l.pg.Host, l.pg.Port)
	if mine := properties("clone"); !strings.Contains(mine, want) || strings.Count(mine, "psql.jdbc.url") != 1 {
		t.Errorf("the clone is not led to its database: it has no %s", want)
	}
	if properties("design") != theirs {
		t.Error("the source's dip.properties has changed")
	}
	outputs += l.run("plan", "-detailed-exitcode").must(t, 0).String()
	for _, needle := range spellings(t, l.password) {
		if strings.Contains(outputs, needle) {
			t.Errorf("the password is told, as %q", needle)
		}
	}
	l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
	delete(l.dss, "clone")
	l.nothingMade("clone")
	if left := l.tablesIn("clones"); left != "" {
		t.Errorf("the clone's database after the rollback has %s", left)
	}
	if !l.running("design") || l.rowsIn("dss") < rows {
		t.Errorf("the source runs: %v, with %d of %d rows", l.running("design"), l.rowsIn("dss"), rows)
	}
}

// governCloneEstate declares a clone of the Govern node, in a database of its own.
func (l *lab) governCloneEstate(port int, database string) {
	l.t.Helper()
	write(l.t, l.dir, "main.dss.hcl", fmt.Sprintf(`
variable "pg_password" {
  type      = string
  sensitive = true
}
instance "design" {
  data_dir = %q
  port     = %d
}
`, l.place("design"), l.port["design"])+l.cloneBlock(port, fmt.Sprintf(`
  runtime_database "postgresql" {
    host     = %q
    port     = %d
    database = %q
    user     = "dss"
    password = var.pg_password
  }`, l.pg.Host, l.pg.Port, database)))
}

// tablesIn are the names of what a database has in its schema public.
func (l *lab) tablesIn(database string) string {
	l.t.Helper()
	out, err := l.pg.Exec(context.Background(), database, `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`)
	l.ok(err)
	return strings.Join(strings.Fields(out), ", ")
}

// deactivated is a scenario's file with its own "active" off, and nothing else
// changed.
func deactivated(text string) string {
	// The kit writes the scenario's own member ahead of those of its triggers.
	i := strings.Index(text, `"active"`)
	if i < 0 {
		return text
	}
	if j := strings.Index(text, `"triggers"`); j >= 0 && j < i {
		return text
	}
	head, tail := text[:i], text[i:]
	return head + strings.Replace(tail[:min(len(tail), 20)], "true", "false", 1) + tail[min(len(tail), 20):]
}

func without(names []string, prefix string) []string {
	var out []string
	for _, n := range names {
		if !strings.HasPrefix(n, prefix) {
			out = append(out, n)
		}
	}
	return out
}

// A lost instance comes back from its newest set as it was, and another one is
// made beside it from the same set, with an identity of its own.
func TestOriginBackup(t *testing.T) {
	t.Parallel()
	l := newLab(t, 93)
	l.install("design", dsskit.InstallOptions{RowsPerTable: 30})
	port := l.freePort()
	l.ok(os.Mkdir(filepath.Join(l.data, "..", "sets"), 0o700))
	origin := "origin \"backup\" {\n    kit = \"" + kit(t, kitVersion, l.seed) + "\"\n"
	estate := func(more string) {
		write(t, l.dir, "main.dss.hcl", `
instance "design" {
  data_dir = "`+l.dss["design"].DataDir+`"
  port     = `+fmt.Sprint(l.port["design"])+`

  backup "nightly" { destination = "`+filepath.Join(l.data, "..", "sets")+`" }
  `+origin+"  }\n}\n"+more)
	}
	estate("")
	l.run("apply", "-auto-approve").must(t, 0)
	l.run("backup", "run", "-auto-approve").must(t, 0)
	installID, theirs := l.iniValue("design", "installid"), l.scenarios("design")

	estate(`
instance "second" {
  data_dir = "` + l.place("second") + `"
  port     = ` + fmt.Sprint(port) + "\n  " + origin + "    of = instance.design\n  }\n}\n")
	l.run("apply", "-auto-approve", "-target", "instance.second").must(t, 0)
	l.adopt("second", port)
	if !l.running("second") || !l.running("design") {
		t.Fatalf("running: second %v, design %v", l.running("second"), l.running("design"))
	}
	if l.iniValue("second", "installid") == installID {
		t.Error("the second instance has the installid of the first")
	}
	for path, text := range l.scenarios("second") {
		if text != deactivated(theirs[path]) {
			t.Errorf("%s is %s", path, text)
		}
	}
	l.run("plan", "-detailed-exitcode", "-target", "instance.second").must(t, 0)
	l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
	l.nothingMade("second")

	// Lost.
	estate("")
	l.ok(l.dss["design"].Close())
	l.ok(os.RemoveAll(l.dss["design"].DataDir))
	o := l.run("plan", "-detailed-exitcode").must(t, 2)
	if !strings.Contains(o.stderr, "was there before") {
		t.Errorf("the plan does not say that the instance was there: %s", o)
	}
	l.run("apply", "-auto-approve").must(t, 0)
	l.adopt("design", l.port["design"])
	if !l.running("design") {
		t.Fatal("the instance that was lost does not run")
	}
	if got := l.iniValue("design", "installid"); got != installID {
		t.Errorf("the installid is %s, and was %s", got, installID)
	}
	for path, text := range l.scenarios("design") {
		if text != theirs[path] {
			t.Errorf("%s has changed", path)
		}
	}
}
