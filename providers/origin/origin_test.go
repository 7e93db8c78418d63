package origin

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/internal/smallfs"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/still"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/neighbours"
)

// around are the parts of other aspects that an origin reads.
func around() schema.Fragment {
	str := func(name string) schema.Attribute { return schema.Attribute{Name: name, Type: cty.String} }
	return schema.Fragment{
		Attributes: []schema.Attribute{
			{Name: "port", Type: cty.Number}, str("node_type"), str("privilege"), {Name: "api_key", Type: cty.String, Secret: true},
		},
		Blocks: []schema.Block{{
			Type: "runtime_database", Labels: []schema.Label{{Name: "type"}},
			Attributes: []schema.Attribute{
				str("host"),
				{Name: "port", Type: cty.Number, Default: cty.NumberIntVal(5432)},
				str("database"),
				{Name: "schema", Type: cty.String, Default: cty.StringVal("public")},
				str("table_prefix"), str("user"),
				{Name: "password", Type: cty.String, Secret: true},
				str("jdbc_url"),
				{Name: "other_prefixes", Type: cty.List(cty.String)},
			},
		}, {Type: "service", Attributes: []schema.Attribute{str("unit"), str("stop_timeout"), str("start_timeout")}}},
	}
}

const sourceBlock = `
instance "design" {
  data_dir = "/data/design"
  api_key  = "planted-api-key"
  runtime_database "postgresql" {
    host         = "pg"
    database     = "dss"
    table_prefix = "dss_"
    user         = "dss"
    password     = "planted-password"
  }
}
`

const tables = `
  runtime_database "postgresql" {
    host         = "pg"
    database     = "dss"
    table_prefix = "clone_"
    user         = "dss"
    password     = "planted-clone"
  }`

// fixture is a clone of a running design node with external databases.
type fixture struct {
	t    *testing.T
	body string
	o    *observation
}

func newFixture(t *testing.T) *fixture {
	return &fixture{t: t, body: `port = 11300
  origin "clone" { of = instance.design }` + tables, o: &observation{
		kit: "/opt/dataiku-dss-14.4.1", kitVersion: "14.4.1", files: map[string]string{},
		facts: dss.Facts{Version: "14.4.1", NodeType: "design", InstallID: "theirs", Port: 11200, InstallDir: "/opt/dataiku-dss-14.4.1", Service: dss.ServiceRunning},
		database: dss.RuntimeDatabase{
			External: true, Host: "pg", Port: 5432, Database: "dss", User: "dss", Password: "e:AES:planted", Schema: "public", Prefix: "dss_",
		},
	}}
}

func (f *fixture) propose() (providers.Proposal, string) {
	f.t.Helper()
	src := fmt.Sprintf("%s\ninstance \"clone\" {\n  data_dir = \"/data/clone\"\n  %s\n}\n", sourceBlock, f.body)
	e, diags := config.Load(config.LoadOptions{
		FS:     fstest.MapFS{"main.dss.hcl": {Data: []byte(src)}},
		Schema: config.InstanceSchema(New().Schema(), around()),
	})
	if diags.HasErrors() {
		f.t.Fatal(diags)
	}
	var clone *config.Instance
	for _, in := range e.Instances {
		if in.Address == "instance.clone" {
			clone = in
		} else {
			f.o.source = in
		}
	}
	f.o.near = neighbours.Survey(e.Instances, e.Secrets)
	pr, diags := New().Make(providers.Request{Address: "instance.clone", Desired: clone, Observed: f.o, Secrets: e.Secrets, Key: secret.Key("0123456789abcdef0123456789abcdef")})
	text := ""
	for _, d := range diags {
		text += d.Summary + ": " + d.Detail + "\n"
	}
	if diags.HasErrors() && len(pr.Steps) > 0 {
		f.t.Error("steps were proposed in spite of an error")
	}
	return pr, text
}

// govern makes the source a Govern node.
func (f *fixture) govern() {
	f.o.facts.NodeType = "govern"
	f.o.database = dss.RuntimeDatabase{
		External: true, Govern: true, UseURL: true, URL: "jdbc:postgresql://pg:5432/dss?ssl=true&currentSchema=theirs", User: "dss", Password: "planted",
	}
}

// A Govern node has no scenarios, and its clone a database of its own.
func TestCloneOfGovern(t *testing.T) {
	f := newFixture(t)
	f.govern()
	f.body = strings.NewReplacer(`database     = "dss"`, `database = "clone"`, `table_prefix = "clone_"`, `schema = "theirs"`).Replace(f.body)
	pr, text := f.propose()
	if text != "" {
		t.Fatal(text)
	}
	for _, s := range pr.Steps {
		if s.Kind == KindScenarios {
			t.Errorf("a step for scenarios: %s", s.Title)
		}
	}
	var a args
	if err := json.Unmarshal(pr.Steps[0].Args, &a); err != nil || !a.Database.Govern || !a.Database.Own || a.Database.Schema != "theirs" {
		t.Fatalf("%s, %v", pr.Steps[0].Args, err)
	}
	from, _, err := f.o.database.Target()
	if err != nil {
		t.Fatal(err)
	}
	for schema, want := range map[string]string{"public": "", "own": "own"} {
		to, err := (&database{Govern: true, Schema: schema, Port: 5432}).login(from, nil)
		if err != nil || to.Properties["currentSchema"] != want || to.Properties["ssl"] != "true" {
			t.Errorf("%s: %v, %v", schema, to.Properties, err)
		}
	}
	if from.Properties["currentSchema"] != "theirs" {
		t.Error("the source's own login was changed")
	}
}

func TestCloneProposal(t *testing.T) {
	f := newFixture(t)
	pr, text := f.propose()
	if text != "" {
		t.Fatal(text)
	}
	var kinds []string
	for _, s := range pr.Steps {
		kinds = append(kinds, string(s.Kind))
		if !s.Undo.Possible {
			t.Errorf("%s cannot be undone", s.Kind)
		}
		for _, planted := range []string{"planted", "theirs-key"} {
			if strings.Contains(string(s.Args), planted) || strings.Contains(s.Title, planted) {
				t.Errorf("a secret is in %s: %s", s.Kind, s.Args)
			}
		}
	}
	if got, want := strings.Join(kinds, " "), "origin.check origin.copy origin.place origin.identity origin.scenarios origin.attach"; got != want {
		t.Errorf("steps %s, want %s", got, want)
	}
	if pr.Steps[1].Danger != plan.Downtime || !strings.HasPrefix(pr.Steps[1].Title, "stop instance.design, copy") {
		t.Errorf("the copy: %s, %q", pr.Steps[1].Danger, pr.Steps[1].Title)
	}
	var a args
	if err := json.Unmarshal(pr.Steps[0].Args, &a); err != nil {
		t.Fatal(err)
	}
	if a.Database == nil || a.Database.Own || a.Database.Prefix != "clone_" || a.Source.APIKey == nil || a.Port != 11300 {
		t.Errorf("arguments %s", pr.Steps[0].Args)
	}

	f.o.facts.Service = dss.ServiceStopped
	if pr, _ := f.propose(); pr.Steps[1].Danger != plan.NoDanger || strings.Contains(pr.Steps[1].Title, "start it again") {
		t.Errorf("a source that is stopped: %s, %q", pr.Steps[1].Danger, pr.Steps[1].Title)
	}
}

// A prefix that the source's begins belongs to the clone, also while it is
// copied.
func TestCloneInTheSameSchema(t *testing.T) {
	f := newFixture(t)
	f.body = strings.Replace(f.body, `"clone_"`, `"dss_clone_"`, 1)
	pr, text := f.propose()
	if text != "" {
		t.Fatal(text)
	}
	var a args
	if err := json.Unmarshal(pr.Steps[0].Args, &a); err != nil {
		t.Fatal(err)
	}
	if len(a.Database.FromOthers) != 1 || a.Database.FromOthers[0] != "dss_clone_" || len(a.Database.Others) != 0 {
		t.Errorf("others: %v at the source, %v at the clone", a.Database.FromOthers, a.Database.Others)
	}
}

func TestOwnLogin(t *testing.T) {
	for _, change := range []string{`user         = "dss"|user = "other"`, `host         = "pg"|host = "pg2"`, `database     = "dss"|database = "clones"`} {
		f := newFixture(t)
		from, to, _ := strings.Cut(change, "|")
		f.body = strings.Replace(f.body, from, to, 1)
		pr, text := f.propose()
		var a args
		if text != "" || json.Unmarshal(pr.Steps[0].Args, &a) != nil || !a.Database.Own {
			t.Errorf("%s: %s", change, text)
		}
	}
}

func TestRefused(t *testing.T) {
	body := func(b string) func(*fixture) { return func(f *fixture) { f.body = b } }
	edit := func(from, to string) func(*fixture) {
		return func(f *fixture) {
			if !strings.Contains(f.body, from) {
				f.t.Fatalf("no %q", from)
			}
			f.body = strings.Replace(f.body, from, to, 1)
		}
	}
	for name, tt := range map[string]struct {
		change func(*fixture)
		want   string
	}{
		"no port":             {edit("port = 11300", ""), "declare port"},
		"ports of the source": {edit("11300", "11209"), "the two run side by side"},
		"another version":     {func(f *fixture) { f.o.kitVersion = "14.5.0" }, "Clone first, upgrade then"},
		"no kit known":        {func(f *fixture) { f.o.kit = "" }, "DKUINSTALLDIR"},
		"another node type":   {edit("port = 11300", "port = 11300\n  node_type = \"api\""), `which it is to be a clone of, is "design"`},
		"govern, no database": {func(f *fixture) { f.o.database = dss.RuntimeDatabase{Govern: true} }, "names none (psql.jdbc.url)"},
		"govern, a prefix":    {func(f *fixture) { f.govern(); edit(`database     = "dss"`, `database = "clone"`)(f) }, "have no prefix"},
		"govern, no place":    {func(f *fixture) { f.govern(); edit(tables, "")(f) }, "Its clone needs a copy of its own"},
		"govern, other schema": {func(f *fixture) {
			f.govern()
			f.body = strings.NewReplacer(`database     = "dss"`, `database = "clone"`, `table_prefix = "clone_"`, `schema = "mine"`).Replace(f.body)
		}, `declare schema = "theirs"`},
		"govern, same database": {func(f *fixture) {
			f.govern()
			edit(`table_prefix = "clone_"`, `schema = "clone"`)(f)
		}, "its whole database is its own"},
		"no place for tables": {edit(tables, ""), "declare runtime_database"},
		"embedded":            {edit(tables, "\n  runtime_database \"embedded\" {}"), "declare runtime_database"},
		"the source's tables": {edit("clone_", "DSS_"), "would use the same tables"},
		"no login":            {edit(`user         = "dss"`, ""), "Declare user"},
		"a URL declared":      {edit(`user         = "dss"`, "jdbc_url = \"jdbc:postgresql://pg/dss\"\n    user = \"dss\""), "No URL for a clone"},
		"a URL at the source": {func(f *fixture) { f.o.database.UseURL, f.o.database.URL = true, "jdbc:postgresql://elsewhere/dss" }, "JDBC URL"},
		"own login, no secret": {func(f *fixture) {
			edit(`user         = "dss"`, `user = "o"`)(f)
			edit(`password     = "planted-clone"`, "")(f)
		}, "the password of its role"},
		"half of Graphite":       {edit("{ of = instance.design }", "{\n of = instance.design\n graphite_server = \"g:2003\"\n}"), "go together"},
		"source unseen":          {func(f *fixture) { f.o.sourceProblem = "permission denied" }, "permission denied"},
		"state not known":        {func(f *fixture) { f.o.facts.Service, f.o.facts.ServiceNote = dss.ServiceUnknown, "odd table" }, "odd table"},
		"folder":                 {func(f *fixture) { f.o.folderProblem = "may not write" }, "may not write"},
		"of nothing":             {edit("of = instance.design", ""), "A clone of what?"},
		"install without kit":    {func(f *fixture) { f.body, f.o.kit = "port = 11300\n  node_type = \"api\"\n  origin \"install\" {}", "" }, "folder of an unpacked kit"},
		"install, no type":       {body("port = 11300\n  origin \"install\" { kit = \"/opt/k\" }"), "declare node_type"},
		"kit and data directory": {func(f *fixture) { f.o.overlaps = map[string]bool{"kit": true} }, "one is inside the other. A kit is replaced"},
		"source in each other":   {func(f *fixture) { f.o.overlaps = map[string]bool{"of": true} }, "must not hold each other"},
		"somebody's place":       {func(f *fixture) { f.o.owned = "/data/clone is in the kit /data of instance.auto" }, "/data/clone is in the kit /data of instance.auto. Choose a place"},
		"a link that cannot be":  {func(f *fixture) { f.o.linksProblem = "config is a link to /disk" }, "config is a link to /disk"},
		"no license": {func(f *fixture) {
			f.body = "port = 11300\n  node_type = \"api\"\n  origin \"install\" {\n kit = \"/opt/k\"\n license = \"/etc/l.json\"\n}"
			f.o.files["license"] = "no such file"
		}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			tt.change(f)
			pr, text := f.propose()
			if !strings.Contains(text, tt.want) || len(pr.Steps) > 0 {
				t.Errorf("found %d steps and\n%s\nwant %q", len(pr.Steps), text, tt.want)
			}
			if strings.Contains(text, "planted") {
				t.Errorf("a secret is told: %s", text)
			}
		})
	}
}

func TestInstallID(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		id, err := installID()
		if err != nil || len(id) != 24 || seen[id] {
			t.Fatalf("%q, %v", id, err)
		}
		seen[id] = true
		if strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
			t.Errorf("%q", id)
		}
	}
}

// Scenarios are switched off by their own member alone, and nothing else of
// their files moves; what cannot be read stops everything.
func TestScenarios(t *testing.T) {
	dir := t.TempDir()
	in, err := dss.Open(filepath.Join(dir, "dss"), dss.Options{Bare: true, UID: func() int { return 1 }})
	if err != nil {
		t.Fatal(err)
	}
	folder := in.Path("config", "projects", "A[B]", "scenarios")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string][2]string{
		"ON.json":     {"{ \"n\":1.50,\t\"active\" : true , \"triggers\": [{\"active\":true}] }", "{ \"n\":1.50,\t\"active\" : false , \"triggers\": [{\"active\":true}] }"},
		"OFF.json":    {`{"active":false}`, `{"active":false}`},
		"ABSENT.json": {`{"triggers":[{"active":true}]}`, `{"triggers":[{"active":true}]}`},
		"notes.txt":   {`"active": true`, `"active": true`},
	}
	for name, f := range files {
		put(name, f[0])
	}
	var notices []string
	call := &providers.Call{Instance: in, Notice: func(s string) { notices = append(notices, s) }}
	if err := (deactivator{}).Do(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	for name, f := range files {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || string(got) != f[1] {
			t.Errorf("%s is %s, %v; want %s", name, got, err, f[1])
		}
	}
	if info, err := os.Stat(filepath.Join(folder, "ON.json")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode has changed: %v, %v", info.Mode(), err)
	}
	if len(notices) != 1 || !strings.HasPrefix(notices[0], "1 scenario") {
		t.Errorf("told %v", notices)
	}
	if err := (deactivator{}).Verify(t.Context(), call); err != nil {
		t.Error(err)
	}
	put("HALF.json", `{"active":true`)
	if err := (deactivator{}).Do(t.Context(), call); err == nil || !strings.Contains(err.Error(), "HALF.json") {
		t.Errorf("half a file: %v", err)
	}
}

// The ports are looked at again when the apply begins; a kernel that tells
// nothing is said to.
func TestPortsFree(t *testing.T) {
	dir := t.TempDir()
	var notices []string
	c := &call{Call: &providers.Call{Address: "instance.fresh", Notice: func(s string) { notices = append(notices, s) }}, args: args{Port: 11200}}
	for name, tt := range map[string]struct{ line, want string }{
		"next block":    {"0: 0100007F:2BCA 00000000:0000 0A", ""},         // 11210
		"last of ours":  {"0: 0100007F:2BC9 00000000:0000 0A", "on 11209"}, // 11209
		"not listening": {"0: 0100007F:2BC9 0100007F:1F90 01", ""},
	} {
		if err := os.WriteFile(filepath.Join(dir, "tcp"), []byte("head\n"+tt.line+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		err := c.portsFree(dir)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: found %v, expected %q", name, err, tt.want)
		}
	}
	if len(notices) > 0 {
		t.Errorf("told %q", notices)
	}
	if err := c.portsFree(filepath.Join(dir, "gone")); err != nil || len(notices) != 1 || !strings.Contains(notices[0], "11200 to 11209") {
		t.Errorf("without the kernel's list: %v, told %q", err, notices)
	}
}

// The first look of an install finds that there is no room, and says for what,
// where, and what to do.
func TestNoRoom(t *testing.T) {
	small := smallfs.Hold(t)
	if small == "" {
		t.Skip("no small file system: scripts/test makes one when root starts it")
	}
	kit := t.TempDir()
	for name, text := range map[string]string{"installer.sh": "", "dss-version.json": `{"product_version":"14.4.1"}`} {
		if err := os.WriteFile(filepath.Join(kit, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	in, err := dss.Open(filepath.Join(small, "fresh"), dss.Options{Bare: true, UID: func() int { return 1 }})
	if err != nil {
		t.Fatal(err)
	}
	err = (checker{}).Do(t.Context(), &providers.Call{
		Address: "instance.fresh", Instance: in, Notice: func(string) {},
		// A port that nobody can listen on.
		Action: plan.Action{Kind: KindCheck, Args: encode(args{Kit: kit, Version: "14.4.1", NodeType: "api", Port: 70000})},
	})
	said := regexp.MustCompile(`^the data directory of instance\.fresh needs 1\.0 GiB at ` + regexp.QuoteMeta(small) + `, and [0-9.]+ [KM]iB are free: free some there, or declare a data_dir on a larger volume$`)
	if err == nil || !said.MatchString(err.Error()) {
		t.Errorf("got %v", err)
	}
}

// A source that is copied from a snapshot runs on; without one it is not copied
// otherwise in silence.
func TestCloneFromASnapshot(t *testing.T) {
	f := newFixture(t)
	f.body = strings.Replace(f.body, "{ of = instance.design }", "{\n of = instance.design\n consistency = \"snapshot\"\n}", 1)
	f.body = "privilege = \"sudo\"\n" + f.body
	f.o.held = "lvm"
	f.o.facts.Service = dss.ServiceUnknown // and it need not be stopped
	pr, text := f.propose()
	if text != "" {
		t.Fatal(text)
	}
	copying := pr.Steps[1]
	if want := "hold instance.design still (lvm snapshot) and copy its data directory and its tables to schema public, prefix clone_, it runs on"; copying.Title != want || copying.Danger != plan.NoDanger {
		t.Errorf("the copy: %s, %q, want %q", copying.Danger, copying.Title, want)
	}
	var a args
	if err := json.Unmarshal(copying.Args, &a); err != nil || a.Source.Held != "lvm" || !a.Source.Sudo {
		t.Errorf("%s, %v", copying.Args, err)
	}
	f.o.heldProblem = "it is on ext4."
	if pr, text := f.propose(); len(pr.Steps) > 0 || !strings.Contains(text, `it is on ext4. With consistency = "stop", instance.design is stopped`) {
		t.Errorf("no snapshot: %d steps, %s", len(pr.Steps), text)
	}
}

// What leads out of a source is named with what its clone gets instead.
func TestCloneOfLinks(t *testing.T) {
	f := newFixture(t)
	f.o.links = []linked{{Name: "config", Real: "/disk/config"}, {Name: "tmp", Real: "/scratch", Empty: true}}
	f.o.linksBelow = []string{"lib/jdbc → /opt/drivers"}
	pr, text := f.propose()
	for _, want := range []string{"config → /disk/config", "tmp → /scratch (an empty folder instead)", "lib/jdbc → /opt/drivers"} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan does not name %q: %s", want, text)
		}
	}
	changes := map[string]string{}
	for _, c := range pr.Changes {
		changes[c.Path] = string(c.After)
	}
	if changes["link config"] != `"copy of /disk/config"` || changes["link tmp"] != `"empty, not /scratch"` {
		t.Errorf("changes %v", changes)
	}
	var a args
	if err := json.Unmarshal(pr.Steps[1].Args, &a); err != nil || len(a.Source.Links) != 2 || a.Source.Kit != "/opt/dataiku-dss-14.4.1" {
		t.Errorf("arguments %s, %v", pr.Steps[1].Args, err)
	}
}

func TestLinksByTheirPlace(t *testing.T) {
	kit := t.TempDir()
	away := t.TempDir()
	for rel, want := range map[string]still.Treatment{
		"config": still.Follow, "config/license.json": still.Follow, "databases": still.Follow, "managed_datasets": still.Follow,
		"managed_folders/P/F": still.Follow, "install.ini": still.Follow, "bin/env-site.sh": still.Follow, "jobs": still.Follow, "own": still.Follow,
		"tmp": still.Empty, "caches": still.Empty, "pyenv": still.Empty,
		"tmp/x": still.Keep, "jobs/P/log": still.Keep, "code-envs/python/e/bin/python": still.Keep, "pyenv/bin/python": still.Keep,
	} {
		if got := treatment(rel, away, kit); got != want {
			t.Errorf("%s: %v, want %v", rel, got, want)
		}
	}
	for _, resolved := range []string{filepath.Join(kit, "scripts", "dss"), "/usr/bin/python3"} {
		if got := treatment("bin/dss", resolved, kit); got != still.Keep {
			t.Errorf("a program %s: %v", resolved, got)
		}
	}
	src, err := dss.Open(filepath.Join(t.TempDir(), "dss"), dss.Options{Bare: true, UID: func() int { return 1 }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cloneLinks(src, kit, true, nil).Out("config", away); !errors.Is(err, errHeld) || !strings.Contains(err.Error(), `consistency = "stop"`) {
		t.Errorf("from a snapshot: %v", err)
	}
	if got, err := cloneLinks(src, kit, true, nil).Out("tmp", away); err != nil || got != still.Empty {
		t.Errorf("a temporary folder, from a snapshot: %v, %v", got, err)
	}
}
