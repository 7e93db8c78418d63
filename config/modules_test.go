package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
)

// nodeModule is a folder that declares an instance with what belongs to it.
const nodeModule = `
variable "port" { type = number }
variable "password" {
  type      = string
  sensitive = true
}
variable "comment" { default = "none" }
locals {
  prefix = trimspace(file("prefix.txt"))
}
instance "node" {
  data_dir = "/data/${local.prefix}${var.port}"
  port     = var.port
  runtime_database "postgresql" {
    host     = "pg"
    database = "dss"
    password = var.password
  }
}
output "port" { value = instance.node.port }
output "node" {
  value     = instance.node
  sensitive = true
}
output "dir" { value = instance.node.data_dir }
output "comment" { value = var.comment }
output "key" {
  value     = "k-${var.password}"
  sensitive = true
}
check "high" {
  assert {
    condition     = var.port > 20000
    error_message = "Port ${var.port} is low."
  }
}
`

var moduleFiles = map[string]string{
	"modules/node/main.dss.hcl": nodeModule,
	"modules/node/prefix.txt":   "n\n",
	"prefix.txt":                "not this one",
}

func withModules(files map[string]string) map[string]string {
	for name, src := range moduleFiles {
		files[name] = src
	}
	return files
}

func TestModules(t *testing.T) {
	e := load(t, LoadOptions{Vars: []string{"pw=hunter2hunter2"}}, withModules(map[string]string{"main.dss.hcl": `
variable "pw" { sensitive = true }
module "auto" {
  source   = "./modules/node"
  for_each = { a = 11300, "b c" = 11400 }
  port     = each.value
  password = var.pw
}
module "one" {
  source   = "./modules/node"
  port     = module.auto["a"].port + 300
  password = "literally"
  comment  = instance.design.port
}
instance "design" {
  data_dir = "/data/design"
  port     = module.auto["b c"].port + 100
}
output "ports" { value = { for name, m in module.auto : name => m.port } }
output "one" { value = module.one.dir }
output "comment" { value = module.one.comment }
output "key" {
  value     = module.one.key
  sensitive = true
}
`}))
	var addresses []string
	for _, in := range e.Instances {
		addresses = append(addresses, in.Address+" "+in.DataDir)
	}
	want := []string{
		"instance.design /data/design", `module.auto["a"].instance.node /data/n11300`,
		`module.auto["b c"].instance.node /data/n11400`, "module.one.instance.node /data/n11600",
	}
	if diff := cmp.Diff(want, addresses); diff != "" {
		t.Error(diff)
	}
	outputs := map[string]string{}
	for _, o := range e.Outputs {
		outputs[o.Name] = FormatValue(o.Value)
	}
	if diff := cmp.Diff(map[string]string{"ports": "{\n  a     = 11300\n  \"b c\" = 11400\n}", "one": `"/data/n11600"`, "comment": "11500", "key": "(sensitive)"}, outputs); diff != "" {
		t.Error(diff)
	}
	if len(e.Files) != 2 || len(e.Files["modules/node/main.dss.hcl"]) != 64 || e.Files["main.dss.hcl"] == "" {
		t.Errorf("files: %v", e.Files)
	}
	for name, want := range map[string]string{
		`module.auto["a"].instance.node.runtime_database.password`: "hunter2hunter2",
		"module.one.instance.node.runtime_database.password":       "literally",
	} {
		if e.Secrets[name] != want {
			t.Errorf("secret %s: %q of %v", name, e.Secrets[name], e.Secrets)
		}
	}
	if src := string(e.Sources["main.dss.hcl"].Bytes); strings.Contains(src, "literally") || !strings.Contains(src, `password = "*********"`) {
		t.Errorf("the literal secret is shown:\n%s", src)
	}
	if len(e.Checks) != 2 || !strings.Contains(e.Checks[0].Detail, `Found for module.auto["a"], and one more, called at main.dss.hcl:3,1-14.`) {
		t.Errorf("checks: %v", e.Checks)
	}
	if at, ok := CalledAt(e.Checks[0]); !ok || at.Start.Line != 3 {
		t.Errorf("called at %v", at)
	}
	v, _, diags := e.Evaluate(`module.one.port + module.auto["a"].port`)
	if diags.HasErrors() || !v.RawEquals(cty.NumberIntVal(22900)) {
		t.Errorf("console: %#v, %v", v, diags)
	}
	var graph []string
	for _, d := range e.Declarations() {
		graph = append(graph, d.Address+" "+itoa(len(d.Instances))+" ← "+strings.Join(d.Needs, " "))
	}
	if diff := cmp.Diff([]string{"instance.design 1 ← module.auto", "module.auto 2 ← ", "module.one 1 ← instance.design module.auto"}, graph); diff != "" {
		t.Error(diff)
	}
}

func TestSelectModules(t *testing.T) {
	e := load(t, LoadOptions{}, withModules(map[string]string{"main.dss.hcl": `
module "auto" {
  source   = "./modules/node"
  for_each = { a = 21300, b = 21400 }
  port     = each.value
  password = "x"
}
module "one" {
  source   = "./modules/node"
  port     = 21500
  password = "x"
}`}))
	for target, want := range map[string]string{
		"module.auto":                               `module.auto["a"].instance.node module.auto["b"].instance.node`,
		`module.auto["b"]`:                          `module.auto["b"].instance.node`,
		"module.auto.instance.node":                 `module.auto["a"].instance.node module.auto["b"].instance.node`,
		"module.one.instance.node":                  "module.one.instance.node",
		"module.one.instance.node.runtime_database": "module.one.instance.node",
	} {
		s, err := e.Select([]string{target}, nil)
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		var got []string
		for _, in := range s.Instances() {
			got = append(got, in.Address)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v", target, got)
		}
	}
	for target, want := range map[string]string{
		"module.atuo":             `Did you mean "module.auto"?`,
		`module.auto["c"]`:        "the estate has no",
		"module.one.instance.nod": `Did you mean "module.one.instance.node"?`,
		"instance.node":           "the estate has no instance.node",
	} {
		if _, err := e.Select([]string{target}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", target, err)
		}
	}
}

// Modules within modules: keys on the way stand in the addresses, and folders
// beside each other are found from the one that calls.
func TestNestedModules(t *testing.T) {
	e := load(t, LoadOptions{}, map[string]string{
		"main.dss.hcl": `
module "site" {
  source   = "./modules/site"
  for_each = toset(["x", "y"])
  name     = each.key
}
output "dirs" { value = { for name, site in module.site : name => site.dirs } }
`,
		"modules/site/main.dss.hcl": `
variable "name" {}
module "node" {
  source   = "../node"
  for_each = { a = 1, b = 2 }
  dir      = "/data/${var.name}${each.key}"
}
module "single" {
  source = "../node"
  dir    = "/data/${var.name}"
}
output "dirs" { value = concat([for n in module.node : n.dir], [module.single.dir]) }
`,
		"modules/node/main.dss.hcl": `
variable "dir" {}
instance "dss" { data_dir = var.dir }
output "dir" { value = instance.dss.data_dir }
`,
	})
	var addresses []string
	for _, in := range e.Instances {
		addresses = append(addresses, in.Address)
	}
	want := []string{
		`module.site["x"].module.node["a"].instance.dss`, `module.site["x"].module.node["b"].instance.dss`, `module.site["x"].module.single.instance.dss`,
		`module.site["y"].module.node["a"].instance.dss`, `module.site["y"].module.node["b"].instance.dss`, `module.site["y"].module.single.instance.dss`,
	}
	if diff := cmp.Diff(want, addresses); diff != "" {
		t.Error(diff)
	}
	if got := FormatValue(e.Outputs[0].Value); !strings.Contains(got, `y = ["/data/ya", "/data/yb", "/data/y"]`) {
		t.Errorf("outputs: %s", got)
	}
	if len(e.Files) != 3 {
		t.Errorf("files: %v", e.Files)
	}
}

func TestMovesIntoModules(t *testing.T) {
	e := load(t, LoadOptions{}, withModules(map[string]string{"main.dss.hcl": `
module "auto" {
  source   = "./modules/node"
  for_each = { a = 21300, b = 21400 }
  port     = each.value
  password = "x"
}
module "one" {
  source   = "./modules/node"
  port     = 21500
  password = "x"
}
moved {
  from = instance.design
  to   = module.one.instance.node
}
moved {
  from = instance.nodes
  to   = module.auto.instance.node
}
moved {
  from = instance.single
  to   = module.auto["b"].instance.node
}
moved {
  from = module.old
  to   = module.auto
}
moved {
  from = module.gone["k"]
  to   = module.one
}
forget {
  from = module.never
}`}))
	got := map[string]string{}
	for _, a := range []string{
		"instance.design", `instance.nodes["a"]`, "instance.single", `module.old["a"].instance.node`, `module.old["z"].module.m.instance.x["k"]`,
		`module.gone["k"].instance.node`, `module.gone["l"].instance.node`, "module.auto.instance.node", `instance.design["x"]`,
	} {
		for _, m := range e.Moves {
			if to, ok := m.Of(a); ok {
				got[a] = to
			}
		}
	}
	want := map[string]string{
		"instance.design":                          "module.one.instance.node",
		`instance.nodes["a"]`:                      `module.auto["a"].instance.node`,
		"instance.single":                          `module.auto["b"].instance.node`,
		`module.old["a"].instance.node`:            `module.auto["a"].instance.node`,
		`module.old["z"].module.m.instance.x["k"]`: `module.auto["z"].module.m.instance.x["k"]`,
		`module.gone["k"].instance.node`:           "module.one.instance.node",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(e.Forgets) != 1 || !e.Forgets[0].Covers(`module.never["a"].instance.b`) {
		t.Errorf("forgets: %v", e.Forgets)
	}
}

// What a file of a module says wrong is said once, with who calls it.
func TestModuleSources(t *testing.T) {
	_, diags := tryLoad(LoadOptions{}, map[string]string{
		"main.dss.hcl":      "module \"m\" {\n  source   = \"./m\"\n  for_each = toset([\"a\", \"b\", \"c\"])\n}\n",
		"m/main.dss.hcl":    "instance \"x\" {\n  data_dir = \"relative\"\n}\n",
		"m/ignored.txt":     "instance {",
		"m/x.auto.vars.hcl": "nothing = 1",
	})
	if len(diags) != 1 || diags[0].Subject.Filename != "m/main.dss.hcl" || !strings.Contains(diags[0].Detail, `Found for module.m["a"], and 2 more, called at main.dss.hcl:1,1-11.`) {
		t.Errorf("%v", diags.Errs())
	}
	if at, ok := CalledAt(diags[0]); !ok || at.Filename != "main.dss.hcl" {
		t.Errorf("called at %v", at)
	}
}

// One mistake of two calls, in a module that is itself called twice, is said of
// both.
func TestMistakesOfNestedModules(t *testing.T) {
	_, diags := tryLoad(LoadOptions{}, map[string]string{
		"main.dss.hcl":   "module \"site\" {\n  source   = \"./site\"\n  for_each = toset([\"x\", \"y\"])\n}\n",
		"site/m.dss.hcl": "module \"a\" {\n  source = \"../node\"\n  dir    = \"a\"\n}\nmodule \"b\" {\n  source = \"../node\"\n  dir    = \"b\"\n}\n",
		"node/m.dss.hcl": "variable \"dir\" {}\ninstance \"x\" {\n  data_dir = var.dir\n}\n",
	})
	if len(diags) != 2 {
		t.Fatalf("%v", diags.Errs())
	}
	for i, name := range []string{"a", "b"} {
		want := "Found for module.site[\"x\"].module." + name + ", called at site/m.dss.hcl:" + itoa(1+4*i) + ",1-11.\n\nFound for module.site[\"x\"], and one more, called at main.dss.hcl:1,1-14."
		if !strings.Contains(diags[i].Detail, want) {
			t.Errorf("%s, want %s", diags[i].Detail, want)
		}
	}
}

// Two lines could make any number of modules.
func TestTooManyModules(t *testing.T) {
	files := map[string]string{"main.dss.hcl": "module \"a\" {\n  source = \"./m0\"\n}\n"}
	for i := range 14 {
		next := "../m" + itoa(i+1)
		files["m"+itoa(i)+"/x.dss.hcl"] = "module \"a\" {\n  source = \"" + next + "\"\n}\nmodule \"b\" {\n  source = \"" + next + "\"\n}\nmodule \"c\" {\n  source = \"" + next + "\"\n}\n"
	}
	files["m14/x.dss.hcl"] = "locals {}\n"
	_, diags := tryLoad(LoadOptions{}, files)
	if !slices.ContainsFunc(diags.Errs(), func(err error) bool { return strings.Contains(err.Error(), "Too many modules") }) || len(diags) > 3 {
		t.Errorf("%d: %.300s", len(diags), diags.Errs())
	}
}

// The same in JSON.
func TestModulesInJSON(t *testing.T) {
	e := load(t, LoadOptions{}, withModules(map[string]string{"main.dss.hcl.json": `{
  "module": {"auto": {"source": "./modules/node", "for_each": {"a": 21300}, "port": "${each.value}", "password": "p4ssw0rd"}},
  "output": {"port": {"value": "${module.auto[\"a\"].port}"}},
  "moved": {"from": "instance.old", "to": "module.auto[\"a\"].instance.node"}
}`}))
	if len(e.Instances) != 1 || e.Instances[0].Address != `module.auto["a"].instance.node` || !e.Outputs[0].Value.RawEquals(cty.NumberIntVal(21300)) {
		t.Errorf("%v, %v", e.Instances, e.Outputs)
	}
	if to, ok := e.Moves[0].Of("instance.old"); !ok || to != `module.auto["a"].instance.node` {
		t.Errorf("moves to %s", to)
	}
	if strings.Contains(string(e.Sources["main.dss.hcl.json"].Bytes), "p4ssw0rd") {
		t.Error("the literal secret is shown")
	}
}
