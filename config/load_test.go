package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

// load reads an estate that must be right.
func load(t *testing.T, opts LoadOptions, files map[string]string) *Estate {
	t.Helper()
	e, diags := tryLoad(opts, files)
	if len(diags) > 0 {
		t.Fatalf("unexpected diagnostics: %v", diags.Errs())
	}
	return e
}

func tryLoad(opts LoadOptions, files map[string]string) (*Estate, hcl.Diagnostics) {
	m := fstest.MapFS{}
	for name, src := range files {
		m[name] = &fstest.MapFile{Data: []byte(src), Mode: 0o600}
	}
	opts.FS = m
	if opts.Schema.Type == "" {
		opts.Schema = testSchema()
	}
	return Load(opts)
}

const wholeEstate = `
dssctl {
  required_version = ">= 0.1"
  state "local" {}
}
variable "pw" {
  type      = string
  sensitive = true
}
variable "base" {
  type    = object({ root = string, port = optional(number, 2000) })
  default = { root = "/data" }
}
locals {
  nodes = { for k in ["b", "a"] : k => { port = local.first + (k == "a" ? 10 : 20) } }
  first = var.base.port
}
instance "design" {
  data_dir = "${var.base.root}/design/"
  port     = local.first
  api_key  = "plain-key"
  runtime_database "postgresql" {
    host       = "pg"
    database   = "dss"
    password   = "x-${var.pw}"
    properties = { ssl = "true", sslpassword = var.pw }
    pool {
      max_pooled = 5
    }
  }
  backup "nightly" {
    destination = "/b"
    max_age     = "26h"
  }
  backup "on demand" {
    destination = instance.auto["a"].data_dir
  }
  general_settings = { ldap = { enabled = true, passwords = [var.pw, "p"] } }
}
instance "auto" {
  for_each = local.nodes
  data_dir = "/data/${each.key}"
  port     = each.value.port
  mode     = each.key == "a" ? "observe" : null
}
`

func TestLoadWholeEstate(t *testing.T) {
	e := load(t, LoadOptions{
		Version: "0.2.0-dev",
		Environ: []string{"DSSCTL_STATE_URL=postgres://u:p@h/d", "DSSCTL_VAR_pw=hunter2"},
	}, map[string]string{"main.dss.hcl": wholeEstate})

	var addresses []string
	for _, in := range e.Instances {
		addresses = append(addresses, in.Address+" "+in.DataDir)
	}
	want := []string{`instance.auto["a"] /data/a`, `instance.auto["b"] /data/b`, `instance.design /data/design`}
	if diff := cmp.Diff(want, addresses); diff != "" {
		t.Error(diff)
	}
	a, b, design := e.Instances[0], e.Instances[1], e.Instances[2]
	if a.Int("port") != 2010 || b.Int("port") != 2020 || a.Key != "a" || a.Name != "auto" {
		t.Errorf("for_each: %d %d %q %q", a.Int("port"), b.Int("port"), a.Key, a.Name)
	}
	if a.String("mode") != "observe" || b.String("mode") != "manage" || b.Declared("mode") || !b.Has("mode") {
		t.Errorf("null means the default: %q %q", a.String("mode"), b.String("mode"))
	}
	db := design.Child("runtime_database")
	if db == nil || db.Address != "instance.design.runtime_database" || db.Labels[0] != "postgresql" {
		t.Fatalf("runtime_database: %+v", db)
	}
	if db.Int("port") != 5432 || db.Declared("port") || db.Child("pool").Int("max_pooled") != 5 {
		t.Error("defaults and nested blocks")
	}
	backups := design.Children("backup")
	if len(backups) != 2 || backups[0].Address != "instance.design.backup.nightly" || backups[1].Address != `instance.design.backup["on demand"]` {
		t.Errorf("backups: %v", backups)
	}
	if backups[0].Duration("max_age") != 26*time.Hour || backups[1].String("destination") != "/data/a" {
		t.Error("values of the backups")
	}
	if got := db.Text("password"); !got.IsSecret() || got.Name() != "instance.design.runtime_database.password" {
		t.Errorf("password: %v", got)
	}
	if got := db.Text("host"); got.IsSecret() || got.String() != "pg" {
		t.Errorf("host: %v", got)
	}
	wantSecrets := map[string]string{
		"instance.design.api_key":                                 "plain-key",
		"instance.design.runtime_database.password":               "x-hunter2",
		"instance.design.runtime_database.properties.sslpassword": "hunter2",
		"instance.design.general_settings.ldap.passwords[0]":      "hunter2",
	}
	if diff := cmp.Diff(wantSecrets, map[string]string(e.Secrets)); diff != "" {
		t.Error(diff)
	}
	if e.State == nil || e.State.Labels[0] != "local" {
		t.Errorf("state: %+v", e.State)
	}
	if len(e.Variables) != 0 || len(e.Files["main.dss.hcl"]) != 64 {
		t.Errorf("variables %v, files %v", e.Variables, e.Files)
	}
	if r := design.RangeOf("port"); r.Start.Line != 20 {
		t.Errorf("range of port: %v", r)
	}
}

// A JSON file reads the same as a native one.
func TestJSONReadsTheSame(t *testing.T) {
	native := `
variable "pw" {
  sensitive = true
  default   = "hunter2"
}
instance "auto" {
  for_each = { a = 1, b = 2 }
  data_dir = "/data/${each.key}"
  port     = 2000 + each.value * 10
  runtime_database "postgresql" {
    host     = "pg"
    database = upper("dss")
    password = var.pw
  }
  backup "n" {
    destination = "/b"
    exclude     = ["logs"]
  }
}`
	asJSON := `{
  "//": "a comment",
  "variable": {"pw": {"sensitive": true, "default": "hunter2"}},
  "instance": {"auto": {
    "for_each": {"a": 1, "b": 2},
    "data_dir": "/data/${each.key}",
    "port": "${2000 + each.value * 10}",
    "runtime_database": {"postgresql": {"host": "pg", "database": "${upper(\"dss\")}", "password": "${var.pw}"}},
    "backup": {"n": {"destination": "/b", "exclude": ["logs"]}}
  }}
}`
	one := load(t, LoadOptions{}, map[string]string{"a.dss.hcl": native})
	two := load(t, LoadOptions{}, map[string]string{"a.dss.hcl.json": asJSON})
	if diff := cmp.Diff(describeAll(one), describeAll(two)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(one.Secrets, two.Secrets); diff != "" {
		t.Error(diff)
	}
}

func describeAll(e *Estate) []string {
	var out []string
	var walk func(b *Block)
	walk = func(b *Block) {
		for _, name := range []string{"data_dir", "port", "host", "database", "password", "destination", "exclude"} {
			if b.Has(name) {
				out = append(out, fmt.Sprintf("%s.%s = %#v %t", b.Address, name, b.Value(name), b.Declared(name)))
			}
		}
		for _, c := range b.blocks {
			walk(c)
		}
	}
	for _, in := range e.Instances {
		walk(in.Block)
	}
	return out
}

func TestPrecedence(t *testing.T) {
	decl := `variable "x" { default = "default" }
instance "i" { data_dir = "/${var.x}" }`
	auto := map[string]string{"main.dss.hcl": decl, "a.auto.vars.hcl": `x = "auto-a"`, "b.auto.vars.json": `{"x": "auto-b"}`, "f.hcl": `x = "file"`, "g.json": `{"x": "file-json"}`}
	for _, c := range []struct {
		name  string
		opts  LoadOptions
		files map[string]string
		want  string
	}{
		{"default", LoadOptions{}, map[string]string{"main.dss.hcl": decl}, "/default"},
		{"saved plan", LoadOptions{Values: raw(`{"x":"saved","gone":1}`)}, map[string]string{"main.dss.hcl": decl}, "/saved"},
		{"auto files in the order of names", LoadOptions{Values: raw(`{"x":"saved"}`)}, auto, "/auto-b"},
		{"-var-file", LoadOptions{VarFiles: []string{"f.hcl"}}, auto, "/file"},
		{"the last -var-file", LoadOptions{VarFiles: []string{"f.hcl", "g.json"}}, auto, "/file-json"},
		{"-var", LoadOptions{VarFiles: []string{"f.hcl"}, Vars: []string{"x=one", "x=two=2"}}, auto, "/two=2"},
		{"environment", LoadOptions{Vars: []string{"x=two"}, Environ: []string{"DSSCTL_VAR_x=env"}}, auto, "/env"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := load(t, c.opts, c.files).Instances[0].DataDir; got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestVariableTypesFromText(t *testing.T) {
	src := `
variable "s" { type = string }
variable "n" { type = number }
variable "b" { type = bool }
variable "l" { type = list(number) }
variable "a" { type = any }
variable "u" {}
variable "o" { type = map(object({ p = optional(number, 7) })) }
variable "nn" {
  type     = string
  nullable = false
  default  = "d"
}
instance "i" {
  data_dir         = "/d"
  general_settings = { s = var.s, n = var.n, b = var.b, l = var.l, a = var.a, u = var.u, o = var.o, nn = var.nn }
}`
	e := load(t, LoadOptions{Vars: []string{`s=[1]`, `n=3`, `b=true`, `l=[1, "2"]`, `a={x = 1}`, `u=[1]`, `o={k = {}}`}, Values: raw(`{"nn":null}`)}, map[string]string{"m.dss.hcl": src})
	got := e.Instances[0].Value("general_settings")
	want := cty.ObjectVal(map[string]cty.Value{
		"s": cty.StringVal("[1]"), "n": cty.NumberIntVal(3), "b": cty.True, "u": cty.StringVal("[1]"),
		"l":  cty.ListVal([]cty.Value{cty.NumberIntVal(1), cty.NumberIntVal(2)}),
		"a":  cty.ObjectVal(map[string]cty.Value{"x": cty.NumberIntVal(1)}),
		"o":  cty.MapVal(map[string]cty.Value{"k": cty.ObjectVal(map[string]cty.Value{"p": cty.NumberIntVal(7)})}),
		"nn": cty.StringVal("d"),
	})
	if !got.RawEquals(want) {
		t.Errorf("got %#v", got)
	}
	if string(e.Variables["l"]) != "[1,2]" || string(e.Variables["s"]) != `"[1]"` || e.Variables["nn"] != nil {
		t.Errorf("variables: %s", e.Variables)
	}
	// What was given can be given again from a saved plan.
	again := load(t, LoadOptions{Values: e.Variables}, map[string]string{"m.dss.hcl": src})
	if !again.Instances[0].Value("general_settings").RawEquals(want) {
		t.Error("the values of a saved plan make another estate")
	}
}

func TestAsk(t *testing.T) {
	src := `variable "x" {
  description = "The place."
  type        = string
  sensitive   = false
}
instance "i" { data_dir = "/${var.x}" }`
	var asked VariableQuestion
	opts := LoadOptions{Ask: func(q VariableQuestion) (string, error) { asked = q; return "answer", nil }}
	e := load(t, opts, map[string]string{"m.dss.hcl": src})
	if e.Instances[0].DataDir != "/answer" || asked != (VariableQuestion{Name: "x", Description: "The place.", Type: "string"}) {
		t.Errorf("%s, asked %+v", e.Instances[0].DataDir, asked)
	}
	opts.Ask = func(VariableQuestion) (string, error) { return "", errors.New("end of input") }
	if _, diags := tryLoad(opts, map[string]string{"m.dss.hcl": src}); len(diags) != 1 {
		t.Errorf("a failed question: %v", diags)
	}
	opts.Ask = func(VariableQuestion) (string, error) { t.Error("asked although the estate is wrong"); return "", nil }
	if _, diags := tryLoad(opts, map[string]string{"m.dss.hcl": src + "\nwrong {}\n"}); len(diags) != 2 {
		t.Errorf("%v", diags)
	}
}

func TestLoadFromFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, src string, mode os.FileMode) {
		t.Helper()
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(p, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("a.dss.hcl", `instance "i" {
  data_dir = file("dir.txt")
  api_key  = secret_file("key")
}`, 0o600)
	write("dir.txt", "/data/i", 0o644)
	write("key", "k3y\n", 0o640)
	write("b.dss.hcl~", "broken {", 0o600)
	write(".c.dss.hcl", "broken {", 0o600)
	e, diags := Load(LoadOptions{Dir: dir, Schema: testSchema()})
	if diags.HasErrors() {
		t.Fatal(diags.Errs())
	}
	if e.Instances[0].DataDir != "/data/i" || e.Secrets["instance.i.api_key"] != "k3y" {
		t.Errorf("%v %v", e.Instances[0].DataDir, e.Secrets)
	}
	write("key", "k3y\n", 0o644)
	_, diags = Load(LoadOptions{Dir: dir, Schema: testSchema()})
	if want := `Call to function "secret_file" failed: the file "key" has mode 0644, so every user of the machine may get at the secret: take that away with chmod o-rwx.`; len(diags) != 1 || diags[0].Detail != want {
		t.Errorf("%v", diags)
	}
	_, diags = Load(LoadOptions{Dir: filepath.Join(dir, "none"), Schema: testSchema()})
	if len(diags) != 1 {
		t.Errorf("no folder: %v", diags)
	}
}

// Large files are parsed in pieces: the estate must be that of the whole.
func TestPieces(t *testing.T) {
	src := "locals {\n  text = <<EOT\n}\ninstance \"fake\" {\n}\nEOT\n  /*\n}\n*/\n}\n" + separate(300)
	whole, diags := parseNative([]byte(src), "m.dss.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if n := len(split([]byte(src))); n < 3 {
		t.Fatalf("only %d pieces", n)
	}
	if _, ok := whole.Nav.(navigation); !ok {
		t.Error("the file was not read by pieces")
	}
	e := load(t, LoadOptions{}, map[string]string{"m.dss.hcl": src})
	if len(e.Instances) != 300 {
		t.Errorf("%d instances", len(e.Instances))
	}
	last := e.Instances[len(e.Instances)-1]
	if got := string(src[last.Range.Start.Byte:last.Range.End.Byte]); got != fmt.Sprintf("instance %q", last.Name) {
		t.Errorf("the range of the last block shows %q", got)
	}
	if got := whole.Nav.(navigation).ContextString(last.Range.Start.Byte + 30); got != fmt.Sprintf("instance %q", last.Name) {
		t.Errorf("context %q", got)
	}
	// A mistake in the middle has its own message and place.
	broken := src[:len(src)/2] + "\n\"oops\n" + src[len(src)/2:]
	if _, diags := tryLoad(LoadOptions{}, map[string]string{"m.dss.hcl": broken}); !diags.HasErrors() {
		t.Error("no error")
	}
}

func TestReferenceCoversEverything(t *testing.T) {
	var names int
	var walk func(b *schema.Block)
	walk = func(b *schema.Block) {
		names += len(b.Attributes)
		for i := range b.Blocks {
			walk(&b.Blocks[i])
		}
	}
	root := RootSchema(testSchema())
	walk(&root)
	if names < 30 || len(root.Blocks) != 10 {
		t.Errorf("%d attributes, %d blocks", names, len(root.Blocks))
	}
}

// A file that several estates share is a link in the folder of each.
func TestLinkedFile(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"shared", "one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	shared := filepath.Join(dir, "shared", "node.dss.hcl")
	src := "variable \"port\" {\n  type = number\n}\ninstance \"node\" {\n  data_dir = \"/data/node\"\n  port = var.port\n}\n"
	if err := os.WriteFile(shared, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, sub := range []string{"one", "two"} {
		if err := os.Symlink("../shared/node.dss.hcl", filepath.Join(dir, sub, "node.dss.hcl")); err != nil {
			t.Fatal(err)
		}
		e, diags := Load(LoadOptions{Dir: filepath.Join(dir, sub), Schema: testSchema(), Vars: []string{"port=" + itoa(2000+10*i)}})
		if diags.HasErrors() || e.Instances[0].Int("port") != int64(2000+10*i) {
			t.Errorf("%s: %v", sub, diags)
		}
	}
}
