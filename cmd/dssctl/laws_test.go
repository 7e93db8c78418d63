package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/internal/plan"
)

// The laws of docs/explanation/architecture.md, over every example, on
// simulated instances with real H2 databases and a real PostgreSQL.

// example is a folder of examples/ and what it needs to run.
type example struct {
	name string
	// folder of examples/, where it is not called name.
	folder string
	// unit: the nodes run in boot units, which the account may control by sudo.
	unit bool
	// nodes by the name of their data directory.
	nodes map[string]dsskit.InstallOptions
	// stays: the databases stay where they are.
	stays bool
	// makes are the instances that the apply makes: their data directories are
	// not there before it, and not after its rollback.
	makes []string
	// imports are instances of which law 6 is tried, too.
	imports []string
	// rotated: DSS logs in as a role that acts as another one, which owns all.
	rotated bool
	// prepare brings the instances to where the example starts from.
	prepare func(l *lab)
	// loses is said of what a rollback of the apply would lose; "" for nothing.
	loses string
	// keeps is why a run of the example cannot be rolled back; "" where it can.
	keeps string
	// variables of the estate, beside the password.
	variables func(l *lab) map[string]any
}

var examples = []example{
	{
		name:  "single",
		nodes: map[string]dsskit.InstallOptions{"design": {}},
		loses: writtenSince,
		variables: func(l *lab) map[string]any {
			return map[string]any{"data_dir": l.dss["design"].DataDir, "pg_host": l.pg.Host, "pg_port": l.pg.Port}
		},
	},
	{
		// The same on folders that are links to another disk.
		name: "linked", folder: "single",
		nodes: map[string]dsskit.InstallOptions{"design": {Links: map[string]string{
			"config": "../disk/config", "databases": "../disk/databases", "managed_datasets": "../disk/datasets", "install.ini": "../disk/install.ini",
		}}},
		imports: []string{"design"},
		loses:   writtenSince,
		variables: func(l *lab) map[string]any {
			return map[string]any{"data_dir": l.dss["design"].DataDir, "pg_host": l.pg.Host, "pg_port": l.pg.Port}
		},
	},
	{
		// The same with a login that acts as the role which owns the tables.
		name: "rotated", folder: "single", rotated: true,
		nodes: map[string]dsskit.InstallOptions{"design": {}},
		loses: writtenSince,
		variables: func(l *lab) map[string]any {
			return map[string]any{"data_dir": l.dss["design"].DataDir, "pg_host": l.pg.Host, "pg_port": l.pg.Port}
		},
	},
	{
		name:  "pair",
		nodes: map[string]dsskit.InstallOptions{"design": {}, "auto1": {NodeType: "automation"}},
		loses: writtenSince,
		variables: func(l *lab) map[string]any {
			node := func(name, typ string) map[string]any {
				return map[string]any{"data_dir": l.dss[name].DataDir, "port": l.port[name], "node_type": typ}
			}
			return map[string]any{
				"nodes":      map[string]any{"design": node("design", "design"), "auto1": node("auto1", "automation")},
				"postgresql": map[string]any{"host": l.pg.Host, "port": l.pg.Port},
			}
		},
	},
	{
		name:  "modules",
		nodes: map[string]dsskit.InstallOptions{"auto1": {NodeType: "automation"}},
		stays: true,
		variables: func(l *lab) map[string]any {
			return map[string]any{"nodes": map[string]any{"auto1": map[string]any{"data_dir": l.dss["auto1"].DataDir, "port": l.port["auto1"], "heap": "3g"}}}
		},
	},
	{
		name: "modules in a boot unit", folder: "modules",
		unit:  true,
		nodes: map[string]dsskit.InstallOptions{"auto1": {NodeType: "automation"}},
		stays: true,
		variables: func(l *lab) map[string]any {
			return map[string]any{"nodes": map[string]any{"auto1": map[string]any{"data_dir": l.dss["auto1"].DataDir, "port": l.port["auto1"], "heap": "3g"}}}
		},
	},
	{
		name:  "backup",
		nodes: map[string]dsskit.InstallOptions{"design": {}},
		stays: true,
		keeps: "the set stays",
		variables: func(l *lab) map[string]any {
			return map[string]any{"data_dir": l.dss["design"].DataDir, "destination": filepath.Join(l.data, "..", "backups"), "schedule": nil}
		},
	},
	{
		name:    "clone",
		nodes:   map[string]dsskit.InstallOptions{"design": {}},
		makes:   []string{"clone"},
		prepare: func(l *lab) { l.run("apply", "-auto-approve", "-target", "instance.design").must(l.t, 0) },
		loses:   "with all that was done in it",
		variables: func(l *lab) map[string]any {
			node := func(name string) map[string]any {
				return map[string]any{"data_dir": l.place(name), "port": l.port[name]}
			}
			return map[string]any{
				"design": node("design"), "clone": node("clone"),
				"postgresql": map[string]any{"host": l.pg.Host, "port": l.pg.Port},
			}
		},
	},
}

// exampleOf is the example of that name; without one it is a bug of the tests.
func exampleOf(name string) example {
	return examples[slices.IndexFunc(examples, func(e example) bool { return e.name == name })]
}

// lives are the folders of the instances, with what their links lead to.
func (e example) lives(l *lab) []string {
	var out []string
	for name, o := range e.nodes {
		out = append(out, l.place(name))
		if len(o.Links) > 0 {
			out = append(out, filepath.Join(l.data, "disk"))
		}
	}
	return out
}

const writtenSince = "rows that DSS has written"

// lab makes the example's instances and its estate.
func (e example) lab(t *testing.T, seed int64) *lab {
	l := newLab(t, seed)
	if e.rotated {
		l.rotate()
	}
	for name, o := range e.nodes {
		l.install(name, o)
	}
	for _, name := range e.makes {
		l.port[name] = l.freePort()
	}
	if e.unit {
		for name := range e.nodes {
			l.inUnit(name, "start", "stop")
		}
	}
	folder := e.folder
	if folder == "" {
		folder = e.name
	}
	l.estate(folder)
	vars, err := json.Marshal(e.variables(l))
	l.ok(err)
	write(t, l.dir, "lab.auto.vars.json", string(vars))
	if e.prepare != nil {
		e.prepare(l)
	}
	return l
}

func TestEveryExampleIsTried(t *testing.T) {
	found, err := filepath.Glob("../../examples/*/*.dss.hcl")
	if err != nil {
		t.Fatal(err)
	}
	tried := map[string]bool{"adopted": true} // see TestImportedEstateHasAnEmptyPlan
	for _, e := range examples {
		tried[e.name] = true
	}
	for _, f := range found {
		if name := filepath.Base(filepath.Dir(f)); !tried[name] {
			t.Errorf("the example %s is not tried", name)
		}
	}
}

func TestLaws(t *testing.T) {
	t.Parallel()
	for i, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			l := e.lab(t, int64(11+i))
			outputs := ""
			run := func(codes []int, args ...string) outcome {
				t.Helper()
				o := l.run(args...).must(t, codes...)
				outputs += o.String()
				return o
			}

			// Law 1: planning is pure.
			for name := range e.nodes {
				l.stop(name)
			}
			before, tables := snapshot(t, l.data), l.tables()
			for _, dir := range e.lives(l) {
				readOnly(t, dir, true)
			}
			// What it would have to write there it cannot, and it says so.
			if o := run([]int{1, 2}, "plan", "-detailed-exitcode"); o.code == 1 && !strings.Contains(o.stderr, "may not make files") {
				t.Errorf("the plan on a read-only data directory fails otherwise: %s", o)
			}
			for _, dir := range e.lives(l) {
				readOnly(t, dir, false)
			}
			run([]int{2}, "plan", "-detailed-exitcode", "-out", filepath.Join(l.dir, "first.plan"))
			if diff := cmp.Diff(before, snapshot(t, l.data)); diff != "" {
				t.Errorf("planning changed something:\n%s", diff)
			}
			for name := range e.nodes {
				l.start(name)
			}
			settled := configs(t, l.data)
			first := planOf(t, run([]int{0}, "plan", "-out", filepath.Join(l.dir, "first.plan")), l)

			// Law 2: after apply, plan is empty.
			run([]int{0}, "apply", "-auto-approve")
			run([]int{0}, "plan", "-detailed-exitcode")
			for _, name := range e.makes {
				l.adopt(name, l.port[name])
			}
			for name := range l.dss {
				if l.external(name) == e.stays || !l.running(name) {
					t.Errorf("%s: external %v, running %v", name, l.external(name), l.running(name))
				}
			}
			if len(l.tables()) <= len(tables) && !e.stays {
				t.Error("no tables have come to PostgreSQL")
			}

			// Law 3: after rollback, everything is as before, and so is the plan.
			var list struct {
				Runs []struct{ ID string }
			}
			if err := json.Unmarshal([]byte(l.run("state", "list", "-json").must(t, 0).stdout), &list); err != nil {
				t.Fatal(err)
			}
			// DSS has written since: that is named, and not lost by the way.
			time.Sleep(time.Second)
			if e.loses != "" {
				if o := run([]int{5}, "rollback", list.Runs[0].ID, "-auto-approve"); !strings.Contains(o.stderr, e.loses) {
					t.Errorf("what would be lost is not named: %s", o)
				}
			}
			if e.keeps != "" {
				if o := run([]int{5}, "rollback", list.Runs[0].ID, "-auto-approve", "-allow", "data-loss"); !strings.Contains(unwrapped(o.stderr), e.keeps) {
					t.Errorf("why it is not undone is not said: %s", o)
				}
				run([]int{0}, "plan", "-detailed-exitcode")
				return
			}
			if o := run([]int{0}, "rollback", list.Runs[0].ID, "-auto-approve", "-allow", "data-loss"); !strings.Contains(unwrapped(o.stdout), e.loses) {
				t.Errorf("what is lost is not named where it is allowed: %s", o)
			}
			if diff := cmp.Diff(settled, configs(t, l.data)); diff != "" {
				t.Errorf("the rollback did not put everything back:\n%s", diff)
			}
			if diff := cmp.Diff(tables, l.tables()); diff != "" {
				t.Errorf("the rollback left other tables:\n%s", diff)
			}
			for _, name := range e.makes {
				l.nothingMade(name)
			}
			for name := range e.nodes {
				if !l.running(name) {
					t.Errorf("%s does not run after the rollback", name)
				}
			}
			again := planOf(t, run([]int{0}, "plan", "-out", filepath.Join(l.dir, "first.plan")), l)
			if diff := cmp.Diff(first, again); diff != "" {
				t.Errorf("the plan after the rollback is another one:\n%s", diff)
			}

			// Law 2 once more: what was undone can be done again.
			run([]int{0}, "apply", filepath.Join(l.dir, "first.plan"))
			run([]int{0}, "plan", "-detailed-exitcode")

			// DSS is where it was found: in its unit, or outside of any.
			for name := range e.nodes {
				if !e.unit {
					continue
				}
				calls := l.systemd.Calls()
				if !l.systemd.Active(unitOf(name)) || !slices.Contains(calls, "stop "+unitOf(name)+" by sudo") || !slices.Contains(calls, "start "+unitOf(name)+" by sudo") {
					t.Errorf("%s has left its boot unit: %q", name, calls)
				}
			}

			// Law 6: what was made can be imported, and is as declared.
			for _, name := range e.makes {
				l.adopt(name, l.port[name])
			}
			for _, name := range slices.Concat(e.makes, e.imports) {
				dir := filepath.Join(l.data, "..", "adopted-"+name)
				l.ok(os.Mkdir(dir, 0o755))
				outputs += dssctl(t, dir, nil, "import", name, "-data-dir", l.place(name)).must(t, 0).String()
				outputs += dssctl(t, dir, nil, "plan", "-detailed-exitcode").must(t, 0).String()
			}

			// Law 5: no secret anywhere, in no format.
			for _, format := range formatNames {
				run([]int{0}, "show", "-format", format)
				run([]int{0}, "show", "-format", format, filepath.Join(l.dir, "first.plan"))
			}
			noSecrets(t, l, outputs)
		})
	}
}

// Law 6: import of a live instance, then plan: empty. For those that an example
// makes, see TestLaws.
func TestImportedEstateHasAnEmptyPlan(t *testing.T) {
	t.Parallel()
	e := exampleOf("single")
	l := e.lab(t, 21)
	check := func(mode string) string {
		t.Helper()
		dir := filepath.Join(l.data, "..", "adopted-"+mode)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		o := dssctl(t, dir, nil, "import", "design", "-data-dir", l.dss["design"].DataDir).must(t, 0)
		dssctl(t, dir, nil, "fmt", "-check").must(t, 0)
		src, err := os.ReadFile(filepath.Join(dir, "design.dss.hcl"))
		l.ok(err)
		if o := dssctl(t, dir, nil, "plan", "-detailed-exitcode"); o.code != 0 {
			t.Errorf("%s: the plan after an import is not empty: %s\n%s", mode, o, src)
		}
		noSecrets(t, l, o.String()+string(src))
		return string(src)
	}
	check("embedded")
	l.run("apply", "-auto-approve").must(t, 0)
	in := l.dss["design"]
	base, err := url.Parse(in.URL())
	l.ok(err)
	imported := strings.NewReplacer(in.DataDir, "/data/dataiku/design", base.Port(), "11200",
		l.pg.Host, "pg.internal", strconv.Itoa(l.pg.Port), "5432").Replace(check("external"))
	// The example and the guide show what is really written.
	example, err := os.ReadFile("../../examples/adopted/design.dss.hcl")
	l.ok(err)
	if diff := cmp.Diff(string(example), imported); diff != "" {
		t.Errorf("examples/adopted is not what import writes:\n%s", diff)
	}
	guide, err := os.ReadFile("../../docs/how-to/adopt.md")
	l.ok(err)
	if !strings.Contains(string(guide), imported) {
		t.Errorf("docs/how-to/adopt.md does not show what import writes:\n%s", imported)
	}
	liveLanguage(t, l)
}

// planOf returns a plan without what differs each time.
func planOf(t *testing.T, o outcome, l *lab) any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(l.dir, "first.plan"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	type part struct {
		Address string
		Changes []plan.Change
		Titles  []string
	}
	var out []part
	for _, in := range p.Instances {
		pt := part{Address: in.Address, Changes: in.Changes}
		for _, s := range in.Stages {
			for _, a := range s.Actions {
				pt.Titles = append(pt.Titles, a.Title)
			}
		}
		out = append(out, pt)
	}
	if len(out) == 0 {
		t.Fatalf("an empty plan: %s", o)
	}
	return out
}

// snapshot is every file below dir: type, mode, size, mtime, content's hash.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	walk(t, dir, func(rel string, info fs.FileInfo, content []byte) {
		out[rel] = fmt.Sprintf("%v %d %v %x", info.Mode(), info.Size(), info.ModTime(), content)
	})
	return out
}

// configs are the files that DSS itself leaves alone while nobody uses it:
// neither databases nor logs.
func configs(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	walk(t, dir, func(rel string, info fs.FileInfo, content []byte) {
		parts := strings.Split(rel, "/")
		if strings.HasSuffix(parts[0], ".dssctl") || len(parts) < 2 {
			return
		}
		switch parts[1] {
		case "config", "bin", "install.ini", "dss-version.json", "instance-id.txt", "lib", "code-envs", "security":
			out[rel] = fmt.Sprintf("%v %s", info.Mode(), content)
		}
	})
	return out
}

func walk(t *testing.T, dir string, f func(rel string, info fs.FileInfo, content []byte)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // never made, or gone meanwhile
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		var content []byte
		if info.Mode().IsRegular() {
			content, err = os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		f(rel, info, content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readOnly takes the right to write from everything below dir, or gives it back.
func readOnly(t *testing.T, dir string, on bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() &^ 0o222
		if !on {
			mode = info.Mode().Perm() | 0o200
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
}
