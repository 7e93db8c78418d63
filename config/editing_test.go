package config

import (
	"testing"

	"github.com/dssctl/dssctl/internal/proc"
)

// panicky is a runner that nobody may ask.
type panicky struct{ proc.Runner }

// While a file is being written, nothing outside is looked at, and what is not
// known is no mistake; what is one is still found.
func TestEditing(t *testing.T) {
	files := map[string]string{"m.dss.hcl": `
variable "given_later" {}
variable "pw" {
  sensitive = true
  validation {
    condition     = length(var.pw) > 3
    error_message = "Too short."
  }
}
locals {
  nodes = jsondecode(file("/nonexistent/nodes.json"))
  home  = pathexpand("~/x")
}
instance "some" {
  for_each = local.nodes
  data_dir = "/d/${each.key}"
  port     = each.value.port
}
instance "one" {
  data_dir = "${env("NOT_SET")}/one"
  api_key  = secret_command(["false"])
  port     = instance.some["a"].port
  node_type = try(env("TYPE"), var.given_later)
  runtime_database "postgresql" {
    host     = abspath("x")
    database = local.home
    password = secret_file("/nonexistent/pw")
  }
}
`}
	load(t, LoadOptions{Editing: true, Runner: panicky{}}, files)

	files["m.dss.hcl"] += "instance \"two\" {\n  data_dir = env(\"X\", 1)\n}\n"
	_, diags := tryLoad(LoadOptions{Editing: true, Runner: panicky{}}, files)
	if len(diags) != 1 || diags[0].Subject.Start.Line != 31 {
		t.Errorf("want the one mistake, got %v", diags.Errs())
	}
}

func TestFunctionDocs(t *testing.T) {
	docs := FunctionDocs()
	if len(docs) != len(Functions()) {
		t.Fatalf("%d are described of %d", len(docs), len(Functions()))
	}
	said := map[string]string{}
	for _, d := range docs {
		if d.Doc == "" {
			t.Errorf("%s is not described", d.Name)
		}
		said[d.Name] = d.Signature()
	}
	for name, want := range map[string]string{
		"join": "join(separator: string, lists: list(string)...)", "try": "try(expressions...)",
		"lookup": "lookup(map, key: string, default...)", "env": "env(name: string)",
	} {
		if said[name] != want {
			t.Errorf("%s is written %s, want %s", name, said[name], want)
		}
	}
	for name := range functionDocs {
		if said[name] == "" {
			t.Errorf("%s is described, and there is no such function", name)
		}
	}
}
