package origin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

const freshBody = `port = 11300
  node_type = "design"
  origin "projects" {
    kit = "/opt/dataiku-dss-14.4.1"
    of  = instance.design
  }`

// A new instance is only installed: the plan says what is lost, what a person
// has to do, and how the projects come.
func TestProjectsOfANewInstance(t *testing.T) {
	f := newFixture(t)
	f.body = freshBody
	pr, text := f.propose()
	var kinds []string
	for _, s := range pr.Steps {
		kinds = append(kinds, string(s.Kind))
	}
	if got := strings.Join(kinds, " "); got != "origin.check origin.install" {
		t.Errorf("steps %s", got)
	}
	for _, want := range []string{
		"files written from Jupyter notebooks, results of SQL notebooks, and the whole state of the Flow", "have to be recomputed", `origin "clone" carries everything`,
		"goes without: managed_filesystem, input_datasets, all_datasets", "connections, code environments, plugins, users and groups",
		"/data/clone/bin/dsscli api-key-create --admin true",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said:\n%s", want, text)
		}
	}
	for name, tt := range map[string]struct {
		from, to string
		see      func(*observation)
		want     string
	}{
		"of nothing":         {"of  = instance.design", "", nil, "Projects of what?"},
		"source unseen":      {"", "", func(o *observation) { o.sourceProblem = "permission denied" }, "permission denied"},
		"no design node":     {`"design"`, `"automation"`, nil, "as bundles"},
		"an older version":   {"", "", func(o *observation) { o.facts.Version = "14.5.0" }, "not made for an older one"},
		"no projects there":  {"", "", func(o *observation) { o.facts.NodeType = "govern" }, "which has no projects"},
		"no kit":             {`kit = "/opt/dataiku-dss-14.4.1"`, "", nil, "folder of an unpacked kit"},
		"no type of node":    {`node_type = "design"`, "", nil, "declare node_type"},
		"an unreadable file": {"", "", func(o *observation) { o.files["license"] = "no such file" }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			if f.body = strings.Replace(freshBody, tt.from, tt.to, 1); tt.see != nil {
				tt.see(f.o)
			}
			if pr, text := f.propose(); !strings.Contains(text, tt.want) || len(pr.Steps) > 0 {
				t.Errorf("found %d steps and\n%s\nwant %q", len(pr.Steps), text, tt.want)
			}
		})
	}
}

// arrival is an instance that is there, with what was seen of the two.
type arrival struct {
	t          *testing.T
	keys, more string
	o          *bringing
	node       string
	record     string
}

func newArrival(t *testing.T) *arrival {
	return &arrival{t: t, keys: `api_key = "planted-new"`, node: "design", o: &bringing{
		version: "14.4.1", theirVersion: "13.5.0", theirNode: "design", theirs: []string{"A", "B", "C"},
	}}
}

func (a *arrival) propose() (providers.Proposal, string) {
	a.t.Helper()
	src := fmt.Sprintf("instance \"old\" {\n data_dir = \"/data/old\"\n api_key = \"planted-old\"\n}\ninstance \"new\" {\n data_dir = \"/data/new\"\n %s\n origin \"projects\" {\n of = instance.old\n %s\n}\n}\n", a.keys, a.more)
	e, diags := config.Load(config.LoadOptions{
		FS: fstest.MapFS{"main.dss.hcl": {Data: []byte(src)}}, Schema: config.InstanceSchema(New().Schema(), around()),
	})
	if diags.HasErrors() {
		a.t.Fatal(diags)
	}
	var in *config.Instance
	for _, i := range e.Instances {
		if i.Address == "instance.new" {
			in = i
		} else {
			a.o.source = i
		}
	}
	b := in.Child(Name)
	var err error
	if a.o.record, err = readBrought(json.RawMessage(a.record), "instance.old"); err != nil {
		a.t.Fatal(err)
	}
	names, known := a.o.record.expected(b)
	a.o.settled = known && len(names) == 0
	pr, diags := New().Propose(providers.Request{
		Address: "instance.new", Desired: in, Observed: a.o, Facts: dss.Facts{Version: "14.4.1", NodeType: a.node}, Secrets: e.Secrets, Key: secret.Key("0123456789abcdef0123456789abcdef"),
	})
	text := ""
	for _, d := range diags {
		text += d.Summary + ": " + d.Detail + "\n"
	}
	if strings.Contains(text, "planted") {
		a.t.Errorf("a key is told: %s", text)
	}
	return pr, text
}

// brings are the projects that a proposal brings.
func brings(t *testing.T, pr providers.Proposal) []string {
	t.Helper()
	var out []string
	for i, s := range pr.Steps {
		var args projectArgs
		if err := json.Unmarshal(s.Args, &args); err != nil {
			t.Fatal(err)
		}
		if s.Kind != KindProject || s.Window != providers.Online || s.Unit == "" || i > 0 && s.Unit == pr.Steps[i-1].Unit || strings.Contains(string(s.Args), "planted") {
			t.Errorf("step %+v", s)
		}
		name := args.Project
		if args.Last {
			name += " last"
		}
		out = append(out, name)
	}
	return out
}

func TestBringProposal(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*arrival)
		want   []string
		says   string // "" for no more than the losses
		record string
	}{
		"all":               {func(a *arrival) { a.o.ours = []string{"OTHER"} }, []string{"A", "B", "C last"}, "", ""},
		"but one":           {func(a *arrival) { a.more = `except = ["B"]` }, []string{"A", "C last"}, "", ""},
		"some":              {func(a *arrival) { a.more = `projects = ["C", "A", "C"]` }, []string{"C", "A"}, "", ""},
		"some have come":    {func(a *arrival) { a.record, a.o.ours = `{"of":"instance.old","projects":["A"]}`, []string{"A"} }, []string{"B", "C last"}, "", ""},
		"came, was deleted": {func(a *arrival) { a.record = `{"of":"instance.old","projects":["A"]}` }, []string{"B", "C last"}, "", ""},
		"of another":        {func(a *arrival) { a.record = `{"of":"instance.older","projects":["A"],"all":true}` }, []string{"A", "B", "C last"}, "", ""},
		"all had come":      {func(a *arrival) { a.record = `{"of":"instance.old","projects":["A"],"all":true}` }, nil, "", ""},
		"one was left":      {func(a *arrival) { a.record = `{"of":"instance.old","projects":["A"],"all":true,"left":["B"]}` }, []string{"B last"}, "", ""},
		"one is left still": {func(a *arrival) {
			a.record, a.more = `{"of":"instance.old","all":true,"left":["B"]}`, `except = ["B"]`
		}, nil, "", ""},
		"more are named": {func(a *arrival) {
			a.record, a.more = `{"of":"instance.old","projects":["A"]}`, `projects = ["A", "C"]`
		}, []string{"C"}, "", ""},
		"none there":        {func(a *arrival) { a.o.theirs = nil }, nil, "", `{"of":"instance.old","all":true}`},
		"none left":         {func(a *arrival) { a.more = `except = ["A", "B", "C"]` }, nil, "", `{"of":"instance.old","all":true,"left":["A","B","C"]}`},
		"something lacking": {func(a *arrival) { a.o.lacks = []lack{{"plugins", []string{"geo"}}} }, []string{"A", "B", "C last"}, "Plugins of instance.old that instance.new does not have: geo", ""},
		"not told":          {func(a *arrival) { a.o.untold = []string{"plugins (HTTP 500)"} }, []string{"A", "B", "C last"}, "Could not be compared between instance.old and instance.new: plugins (HTTP 500). Check that instance.new", ""},
		"no key here":       {func(a *arrival) { a.keys, a.o.missingKey = "", "instance.new" }, nil, "/data/new/bin/dsscli api-key-create", ""},
		"no key there":      {func(a *arrival) { a.o.missingKey = "instance.old" }, nil, "declare its api_key", ""},
		"cannot be asked":   {func(a *arrival) { a.o.problem = "connection refused" }, nil, "both must run: connection refused", ""},
		"exists already":    {func(a *arrival) { a.o.ours = []string{"B"} }, nil, "instance.new has B already", ""},
		"no such project":   {func(a *arrival) { a.more = `projects = ["A", "Z"]` }, nil, "has no project Z; it has A, B, C", ""},
		"no design node":    {func(a *arrival) { a.node = "automation" }, nil, "design nodes only", ""},
		"older":             {func(a *arrival) { a.o.theirVersion = "14.5.0" }, nil, "not made for an older one", ""},
		"an odd key":        {func(a *arrival) { a.o.theirs = []string{"A", "../B"} }, nil, "An odd key", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArrival(t)
			tt.change(a)
			pr, text := a.propose()
			if got := brings(t, pr); !slices.Equal(got, tt.want) {
				t.Errorf("brings %q, want %q; %s", got, tt.want, text)
			}
			if !strings.Contains(text, tt.says) || string(pr.Record) != tt.record || len(pr.Changes) != len(tt.want) {
				t.Errorf("record %s, %d changes, says\n%s\nwant %s and %q", pr.Record, len(pr.Changes), text, tt.record, tt.says)
			}
			if lossy := strings.Contains(text, "have to be recomputed"); lossy != (len(tt.want) > 0) {
				t.Errorf("says %s", text)
			}
		})
	}
}

func TestProjectAttributes(t *testing.T) {
	for _, bad := range []string{`projects = []`, `projects = ["../A"]`, `except = ["a b"]`, `include = ["everything"]`} {
		src := "instance \"new\" {\n data_dir = \"/data/new\"\n origin \"projects\" {\n " + bad + "\n}\n}\n"
		_, diags := config.Load(config.LoadOptions{
			FS: fstest.MapFS{"main.dss.hcl": {Data: []byte(src)}}, Schema: config.InstanceSchema(New().Schema(), around()),
		})
		if !diags.HasErrors() {
			t.Errorf("%s is taken", bad)
		}
	}
	o := options([]string{"uploads", "git"})
	if !o["exportUploads"] || !o["exportGitRepository"] || o["exportAllDatasets"] || len(o) != len(parts) {
		t.Errorf("options %v", o)
	}
}
