package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/dss"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

const testVariables = `
variable "pw" {
  type      = string
  sensitive = true
  default   = "hunter2-planted-secret"
}
`

// fixture is one instance with its policies and what was seen of them.
type fixture struct {
	t   *testing.T
	p   *Provider
	req providers.Request
	o   *Observation
}

// policies loads blocks `backup` through the real loader.
func policies(t *testing.T, blocks string) *fixture {
	t.Helper()
	p := New(Options{Tool: "1.0", Command: "/usr/local/bin/dssctl", Estate: "/srv/estate"})
	e, diags := config.Load(config.LoadOptions{
		Schema: config.InstanceSchema(p.Schema()),
		FS:     fstest.MapFS{"main.dss.hcl": {Data: []byte(testVariables + "instance \"design\" {\n  data_dir = \"/data/design\"\n" + blocks + "\n}\n")}},
	})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	in := e.Instances[0]
	f := &fixture{t: t, p: p, o: &Observation{Now: now, Policies: map[string]*observed{}, Gone: map[string]*observed{}, Database: &dss.RuntimeDatabase{}}}
	for _, b := range in.Children(Name) {
		f.o.Policies[b.Labels[0]] = &observed{}
	}
	f.req = providers.Request{
		Address: in.Address, Desired: in, Observed: f.o, Secrets: e.Secrets,
		Facts: dss.Facts{Version: "14.4.1", NodeType: "design", Service: dss.ServiceRunning, InstallDir: "/opt/kit"},
	}
	return f
}

// recorded is what an apply has left in state.
func (f *fixture) recorded(r record) *fixture {
	f.req.Recorded = encode(r)
	return f
}

// sets are good sets of so many hours ago.
func (f *fixture) sets(name string, hours ...int) *fixture {
	for _, h := range hours {
		at := now.Add(-time.Duration(h) * time.Hour)
		id := at.Format("20060102-150405") + "-00aa"
		f.o.Policies[name].Sets = append(f.o.Policies[name].Sets, set.Entry{
			ID: id, Manifest: set.Manifest{
				ID: id, Time: at, DataDir: "/data/design", DSS: set.DSS{Version: "14.4.1", NodeType: "design"},
				Part: method.Part{Method: method.Archive, Files: 10, Bytes: 3 << 30, Stored: 1 << 30},
			},
		})
	}
	return f
}

func (f *fixture) propose() (providers.Proposal, hcl.Diagnostics) {
	f.t.Helper()
	return f.p.Propose(f.req)
}

func kinds(steps []providers.Step) string {
	var out []string
	for _, s := range steps {
		k := strings.TrimPrefix(string(s.Kind), "backup.")
		if s.Window == providers.Offline {
			k = "[" + k + "]"
		}
		out = append(out, k)
	}
	return strings.Join(out, " ")
}

func changes(p providers.Proposal) string {
	var out []string
	for _, c := range p.Changes {
		out = append(out, fmt.Sprintf("%s %s.%s", c.Op, c.Block, c.Path))
	}
	return strings.Join(out, ", ")
}

const nightly = `
  backup "nightly" {
    destination = "/backups/design"
    max_age     = "26h"
    retention {
      keep_last = 3
    }
  }`

func adopted(f *fixture) record {
	p := policyOf(f.req.Desired, f.req.Desired.Children(Name)[0])
	return record{p.Name: {Destination: p.Destination, Made: true, Retention: p.Retention, Verified: now.Add(-time.Hour), Tested: now.Add(-time.Hour)}}
}

func TestNewPolicyIsAdoptedAndOverdue(t *testing.T) {
	p, diags := policies(t, nightly).propose()
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if got := kinds(p.Steps); got != "adopt prepare [save] publish verify prune" {
		t.Errorf("steps: %s", got)
	}
	if got := changes(p); got != "create backup.nightly.destination, create backup.nightly.method, create backup.nightly.consistency, create backup.nightly.retention, create backup.nightly.max_age, create backup.nightly.newest_set" {
		t.Errorf("changes: %s", got)
	}
}

// All that a new policy declares is in its plan, whatever the schema comes to
// hold; of a secret only that it is there.
func TestNewPolicyShowsAllThatItDeclares(t *testing.T) {
	f := policies(t, `
  backup "nightly" {
    destination         = "/backups/design/"
    method              = "restic"
    consistency         = "snapshot"
    snapshot            = "commands"
    snapshot_size       = "9G"
    start_early         = false
    repository          = "s3:https://s3.internal/dss"
    repository_password = var.pw
    environment         = { KEY = var.pw }
    compression         = "gzip"
    schedule            = "15 6 * * 1-5"
    scheduler           = "systemd"
    exclude             = ["temporary", "logs"]
    exclude_paths       = ["**/*.bak"]
    max_age             = "26h"
    verify_every        = "7d"
    restore_test_every  = "30d"
    database_password   = var.pw
    privilege           = "sudo"
    retention {
      keep_last = 3
    }
    snapshot_commands {
      create  = ["snap", "create"]
      mount   = ["snap", "mount"]
      unmount = ["snap", "unmount"]
      destroy = ["snap", "destroy"]
    }
  }`)
	p, diags := f.propose()
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	shown := map[string]plan.Change{}
	for _, c := range p.Changes {
		if _, twice := shown[c.Path]; twice || c.Op != plan.Create {
			t.Errorf("%s %s, shown before: %v", c.Op, c.Path, twice)
		}
		shown[c.Path] = c
	}
	policy := f.p.Schema().Blocks[0]
	all := policy.Attributes
	for _, b := range policy.Blocks {
		if b.Type == "retention" {
			all = append(all, schema.Attribute{Name: b.Type}) // in words, as one
			continue
		}
		for _, a := range b.Attributes {
			a.Name = b.Type + "." + a.Name
			all = append(all, a)
		}
	}
	for _, a := range all {
		if c, ok := shown[a.Name]; !ok || c.Secret != a.Secret || (len(c.After) == 0) != a.Secret {
			t.Errorf("%s: shown %v, %+v", a.Name, ok, c)
		}
	}
	for path, want := range map[string]string{
		"destination": `"/backups/design"`, "exclude": `["temporary","logs"]`, "start_early": `false`, "snapshot_commands.create": `["snap","create"]`,
	} {
		if got := string(shown[path].After); got != want {
			t.Errorf("%s is %s, expected %s", path, got, want)
		}
	}
	if raw := string(encode(p)); strings.Contains(raw, "hunter2") {
		t.Errorf("a secret stands in %s", raw)
	}
}

func TestPolicyAsDeclaredHasNoChanges(t *testing.T) {
	f := policies(t, nightly).sets("nightly", 2, 26)
	p, diags := f.recorded(adopted(f)).propose()
	if len(p.Changes)+len(p.Steps)+len(diags) > 0 || p.Record != nil {
		t.Errorf("changes %s, steps %s, %v", changes(p), kinds(p.Steps), diags)
	}
}

func TestOverdue(t *testing.T) {
	block := strings.Replace(nightly, "retention", "verify_every = \"7d\"\n restore_test_every = \"4w\"\n retention", 1)
	f := policies(t, block).sets("nightly", 2)
	r := adopted(f)
	n := r["nightly"]
	n.Verified, n.Adopted, n.Tested = now.Add(-8*24*time.Hour), now.Add(-40*24*time.Hour), time.Time{}
	r["nightly"] = n
	f.first().Finished = now.Add(-8 * 24 * time.Hour)
	p, _ := f.recorded(r).propose()
	if got := kinds(p.Steps); got != "verify restore_test" {
		t.Errorf("steps: %s", got)
	}
	// A policy that is new has time for its first trial.
	n.Adopted = now.Add(-time.Hour)
	r["nightly"] = n
	if p, _ := f.recorded(r).propose(); len(p.Steps) > 0 {
		t.Errorf("steps: %s", kinds(p.Steps))
	}
	f = policies(t, block).sets("nightly", 27)
	p, _ = f.recorded(adopted(f)).propose()
	if got := kinds(p.Steps); got != "prepare [save] publish verify prune" {
		t.Errorf("steps: %s", got)
	}
	// A set that is broken does not count.
	f = policies(t, block).sets("nightly", 2)
	f.o.Policies["nightly"].Sets[0].Broken = errors.New("bit rot")
	p, diags := f.recorded(adopted(f)).propose()
	if got := kinds(p.Steps); got != "prepare [save] publish verify prune" || len(diags) != 1 {
		t.Errorf("steps: %s, %v", got, diags)
	}
}

// A retention that keeps less removes sets at once, which cannot be undone.
func TestShrinkingRetentionIsGated(t *testing.T) {
	f := policies(t, strings.Replace(nightly, "keep_last = 3", "keep_last = 1", 1)).sets("nightly", 2, 26, 50)
	r := adopted(f)
	n := r["nightly"]
	n.Retention.KeepLast = 3
	r["nightly"] = n
	p, _ := f.recorded(r).propose()
	if got := kinds(p.Steps); got != "adopt prune" {
		t.Fatalf("steps: %s", got)
	}
	prune := p.Steps[1]
	if prune.Danger != plan.Irreversible || prune.Undo.Possible {
		t.Errorf("danger %q, undo %+v", prune.Danger, prune.Undo)
	}
	for _, s := range f.o.Policies["nightly"].Sets[1:] {
		if !strings.Contains(prune.Title, s.ID) {
			t.Errorf("%s is not named: %s", s.ID, prune.Title)
		}
	}
	if strings.Contains(prune.Title, f.o.Policies["nightly"].Sets[0].ID) {
		t.Errorf("the newest set would go: %s", prune.Title)
	}
	// Until that is applied, a backup removes only what both let go.
	f.p.o.Order = &Order{Verb: Run}
	p, _ = f.propose()
	var a args
	if err := json.Unmarshal(p.Steps[len(p.Steps)-1].Args, &a); err != nil || a.Former == nil || a.Former.KeepLast != 3 {
		t.Errorf("the former retention is forgotten: %+v, %v", a.Former, err)
	}
	if ids := decide(f.o.Policies["nightly"].Sets, a.Retention, a.Former, now); len(ids) != 0 {
		t.Errorf("%v would be removed before that was allowed", ids)
	}
	block := f.req.Desired.Children(Name)[0]
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		recorded json.RawMessage
		stay     int
	}{{raw, 3}, {nil, 1}} {
		stay := 0
		for _, d := range Explain(f.o.Policies["nightly"].Sets, block, c.recorded, now) {
			if d.Keep {
				stay++
			}
		}
		if stay != c.stay {
			t.Errorf("it is said that %d stay, and %d do", stay, c.stay)
		}
	}
}

func TestGrowingRetentionRemovesNothing(t *testing.T) {
	f := policies(t, strings.Replace(nightly, "keep_last = 3", "keep_last = 9", 1)).sets("nightly", 2, 26, 50)
	r := adopted(f)
	n := r["nightly"]
	n.Retention.KeepLast = 3
	r["nightly"] = n
	if p, _ := f.recorded(r).propose(); kinds(p.Steps) != "adopt" {
		t.Errorf("steps: %s", kinds(p.Steps))
	}
}

func TestPolicyThatLeftTheFilesIsHandedBack(t *testing.T) {
	f := policies(t, nightly)
	r := adopted(f)
	e := f.p.entryOf(policies(t, strings.Replace(nightly, "max_age", "schedule = \"5 4 * * *\"\n max_age", 1)).req.Desired.Children(Name)[0])
	r["weekly"] = policyRecord{Destination: "/backups/weekly", Schedule: e}
	r["plain"] = policyRecord{Destination: "/backups/plain"}
	f.sets("nightly", 1)
	p, diags := f.recorded(r).propose()
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if got := kinds(p.Steps); got != "adopt schedule" {
		t.Errorf("steps: %s", got)
	}
	for i, s := range p.Steps {
		var a args
		if err := json.Unmarshal(s.Args, &a); err != nil || !a.Gone {
			t.Errorf("step %d does not forget the policy: %s", i, s.Args)
		}
	}
	if got := changes(p); got != "forget backup.plain., forget backup.weekly." {
		t.Errorf("changes: %s", got)
	}
}

func TestScheduleDrifts(t *testing.T) {
	block := strings.Replace(nightly, "max_age", "schedule = \"5  4 * * *\"\n max_age", 1)
	f := policies(t, block).sets("nightly", 1)
	want := f.p.entryOf(f.req.Desired.Children(Name)[0])
	r := adopted(f)
	n := r["nightly"]
	n.Schedule = want
	r["nightly"] = n
	f.recorded(r)

	if p, _ := f.propose(); kinds(p.Steps) != "schedule" || changes(p) != "create backup.nightly.schedule" {
		t.Errorf("no entry: %s, %s", kinds(p.Steps), changes(p))
	}
	found := *want
	f.o.Policies["nightly"].Entry = &found
	if p, _ := f.propose(); len(p.Steps)+len(p.Changes) > 0 {
		t.Errorf("as declared: %s, %s", kinds(p.Steps), changes(p))
	}
	f.o.Policies["nightly"].Drift = "somebody edited it"
	if p, _ := f.propose(); kinds(p.Steps) != "schedule" || p.Changes[0].Note != "somebody edited it" {
		t.Errorf("edited by hand: %s, %+v", kinds(p.Steps), p.Changes)
	}
	f.o.Policies["nightly"].Drift = ""
	found.Entry.Expr = "0 0 * * *"
	if p, _ := f.propose(); kinds(p.Steps) != "schedule" || p.Changes[0].Op != plan.Update {
		t.Errorf("another time: %s, %+v", kinds(p.Steps), p.Changes)
	}
	if strings.Contains(string(encode(want)), "hunter2") {
		t.Error("a secret stands in the entry")
	}
}

// An instance has another address now (moved): the entry that runs the old one
// goes, and another comes.
func TestScheduleOfAnotherAddress(t *testing.T) {
	f := policies(t, strings.Replace(nightly, "max_age", "schedule = \"5  4 * * *\"\n max_age", 1)).sets("nightly", 1)
	r := adopted(f)
	n := r["nightly"]
	was := *f.p.entryOf(f.req.Desired.Children(Name)[0])
	was.Entry.ID, was.Entry.Command = "old", []string{"dssctl", "backup", "run", "instance.old.backup.nightly"}
	n.Schedule = &was
	r["nightly"] = n
	p, diags := f.recorded(r).propose()
	if diags.HasErrors() || kinds(p.Steps) != "schedule schedule" {
		t.Fatalf("steps: %s, %v", kinds(p.Steps), diags)
	}
	var first, second args
	if json.Unmarshal(p.Steps[0].Args, &first) != nil || !first.Unschedule || first.Schedule.Entry.ID != "old" {
		t.Errorf("the old entry stays: %s", p.Steps[0].Args)
	}
	if json.Unmarshal(p.Steps[1].Args, &second) != nil || second.Unschedule || second.Schedule.Entry.ID == "old" {
		t.Errorf("no new entry: %s", p.Steps[1].Args)
	}
}

func TestWhatStandsInTheWay(t *testing.T) {
	external := func(f *fixture) {
		f.o.Database = &dss.RuntimeDatabase{External: true, Host: "pg", Schema: "s", User: "u", Password: "e:AES:abc"}
	}
	for name, tc := range map[string]struct {
		block string
		seen  func(*fixture)
		want  string
	}{
		"destination misplaced": {
			block: `backup "b" { destination = "/b" }`,
			seen:  func(f *fixture) { f.o.Policies["b"].Misplaced = "/b is in the kit /" }, want: "/b is in the kit /",
		},
		"restic, no password":  {block: `backup "b" { destination = "/b", method = "restic" }`, want: "repository_password"},
		"repository of rsync":  {block: `backup "b" { destination = "/b", method = "rsync", repository = "s3:x" }`, want: "no repository"},
		"commands not given":   {block: `backup "b" { destination = "/b", consistency = "snapshot", snapshot = "commands" }`, want: "snapshot_commands"},
		"password encrypted":   {block: `backup "b" { destination = "/b" }`, seen: external, want: "keeps the password encrypted"},
		"method missing":       {block: `backup "b" { destination = "/b" }`, seen: func(f *fixture) { f.o.Policies["b"].Method = "no restic" }, want: "no restic"},
		"database not read":    {block: `backup "b" { destination = "/b" }`, seen: func(f *fixture) { f.o.Database, f.o.DatabaseProblem = nil, "no JSON" }, want: "no JSON"},
		"destination unlisted": {block: `backup "b" { destination = "/b" }`, seen: func(f *fixture) { f.o.Policies["b"].Problem = "denied" }, want: "denied"},
		"snapshot impossible": {
			block: `backup "b" { destination = "/b", consistency = "snapshot" }`,
			seen:  func(f *fixture) { f.o.Policies["b"].Snapshot = "ext4" }, want: "ext4",
		},
	} {
		t.Run(name, func(t *testing.T) {
			block := strings.NewReplacer("{ ", "{\n", " }", "\n}", ", ", "\n").Replace(tc.block)
			f := policies(t, block)
			if tc.seen != nil {
				tc.seen(f)
			}
			p, diags := f.propose()
			if !diags.HasErrors() || len(p.Steps) > 0 {
				t.Fatalf("no error, and the steps %s", kinds(p.Steps))
			}
			text := ""
			for _, d := range diags {
				text += d.Summary + " " + d.Detail + "\n"
			}
			if !strings.Contains(text, tc.want) {
				t.Errorf("%q is not said: %s", tc.want, text)
			}
		})
	}
}

func TestDumpBelongsToASetOfExternalDatabases(t *testing.T) {
	f := policies(t, strings.Replace(nightly, "max_age", "database_password = var.pw\n max_age", 1))
	f.o.Database = &dss.RuntimeDatabase{External: true, Host: "pg", Schema: "s", User: "u", Password: "e:AES:abc"}
	p, diags := f.propose()
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if got := kinds(p.Steps); got != "adopt prepare [dump] [save] publish verify prune" {
		t.Errorf("steps: %s", got)
	}
	for _, s := range p.Steps {
		if s.Kind == KindDump && len(s.Reads) != 1 {
			t.Errorf("the dump reads %v", s.Reads)
		}
		if strings.Contains(string(s.Args), "hunter2") {
			t.Errorf("the secret stands in the arguments: %s", s.Args)
		}
	}
}

func TestStepsByConsistency(t *testing.T) {
	for body, want := range map[string]string{
		``:                         "adopt prepare [save] publish verify",
		`method = "rsync"`:         "adopt prepare warm [save] publish verify",
		`consistency = "live"`:     "adopt prepare save publish verify",
		`consistency = "snapshot"`: "adopt prepare hold save publish verify",
	} {
		f := policies(t, "backup \"b\" {\n destination = \"/b\"\n max_age = \"1h\"\n"+body+"\n}")
		p, diags := f.propose()
		if diags.HasErrors() || kinds(p.Steps) != want {
			t.Errorf("%s: %s, %v", body, kinds(p.Steps), diags)
		}
	}
	// Where blocks can be shared, DSS starts again before the bytes are read.
	f := policies(t, "backup \"b\" {\n destination = \"/b\"\n max_age = \"1h\"\n}")
	f.o.Policies["b"].Held = "reflink"
	if p, _ := f.propose(); kinds(p.Steps) != "adopt prepare [hold] save publish verify" {
		t.Errorf("reflink: %s", kinds(p.Steps))
	}
}

func TestRestoreIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*fixture)
		order  RestoreOrder
		set    string
		want   string
	}{
		"newer set":        {change: func(f *fixture) { f.req.Facts.Version = "14.3.9" }, want: "upgrade first"},
		"hotfix":           {change: func(f *fixture) { f.first().DSS.Version = "14.4.1-hotfix2" }, want: "upgrade first"},
		"other node type":  {change: func(f *fixture) { f.req.Facts.NodeType = "automation" }, want: "automation"},
		"parts of another": {change: func(f *fixture) { f.req.Facts.Version = "14.5.0" }, order: RestoreOrder{Only: []string{"config"}}, want: "do not fit"},
		"path outside":     {order: RestoreOrder{Only: []string{"../../etc"}}, want: "no path in a data directory"},
		"project pattern":  {order: RestoreOrder{Projects: []string{"*"}}, want: "no key of a project"},
		"no such set":      {set: "20200101-000000-0000", want: "no set"},
		"no password":      {change: func(f *fixture) { f.first().Database = &set.Database{} }, want: "declare the password"},
	} {
		t.Run(name, func(t *testing.T) {
			f := policies(t, nightly).sets("nightly", 1)
			if tc.change != nil {
				tc.change(f)
			}
			f.p.o.Order = &Order{Verb: Restore, Set: tc.set, Restore: tc.order}
			p, diags := f.propose()
			if !diags.HasErrors() || len(p.Steps) > 0 {
				t.Fatalf("no error, and the steps %s", kinds(p.Steps))
			}
			if !strings.Contains(diags.Error(), tc.want) {
				t.Errorf("%q is not said: %v", tc.want, diags)
			}
		})
	}
}

func (f *fixture) first() *set.Manifest { return &f.o.Policies["nightly"].Sets[0].Manifest }

func TestRestoreInPlace(t *testing.T) {
	f := policies(t, strings.Replace(nightly, "max_age", "database_password = var.pw\n max_age", 1)).sets("nightly", 1)
	f.p.o.Order = &Order{Verb: Restore}
	p, diags := f.propose()
	if diags.HasErrors() || kinds(p.Steps) != "check_set unpack [set_aside] [place] prove" || !p.Bare {
		t.Errorf("same version: %s, %v", kinds(p.Steps), diags)
	}
	f.first().Database = &set.Database{}
	f.req.Facts.Version = "14.5.0"
	p, diags = f.propose()
	if diags.HasErrors() || kinds(p.Steps) != "check_set unpack [set_aside] [place] [load] [attach] prove" {
		t.Errorf("newer, with a dump: %s, %v", kinds(p.Steps), diags)
	}
	for _, s := range p.Steps {
		if s.Kind == KindSetAside && s.Danger != plan.DataLoss {
			t.Errorf("a restore over a live instance has the danger %q", s.Danger)
		}
	}
}

func TestTwoPoliciesOfOneDestination(t *testing.T) {
	f := policies(t, nightly+strings.Replace(nightly, "nightly", "weekly", 1))
	if diags := f.p.CheckEstate([]providers.Request{f.req}); !diags.HasErrors() || !strings.Contains(diags.Error(), "give each its own") {
		t.Errorf("got %v", diags)
	}
}

func TestSpans(t *testing.T) {
	for text, want := range map[string]time.Duration{"26h": 26 * time.Hour, "7d": 168 * time.Hour, "2w": 336 * time.Hour, "90m": 90 * time.Minute} {
		if got, err := parseSpan(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "7", "-1d", "99999999999d", "1x", "NaN"} {
		if got, err := parseSpan(text); err == nil && got > 0 {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}
