package lsp

import (
	"slices"
	"strings"
	"testing"
)

// estate is what the questions of the tests are about.
const estate = `variable "pg_password" {
  type        = string
  description = "For PostgreSQL."
  sensitive   = true
}
variable "base" {
  default = "/data"
}
locals {
  nodes = { a = { port = 11300 } }
}
instance "design" {
  data_dir = "${var.base}/design"
  port     = 11200
  runtime_database "postgresql" {
    host     = "pg"
    password = var.pg_password
  }
  backup "nightly" {
    destination = "/b"
  }
}
instance "auto" {
  for_each = local.nodes
  data_dir = "/data/${each.key}"
}
`

func TestCompletion(t *testing.T) {
	for name, c := range map[string]struct {
		src  string
		want string // labels that are offered, in this order, others between them
		not  string // labels that are not
		text string // of the first label's edit
	}{
		"blocks of a file":         {"▮", "variable locals instance", "runtime_database", ""},
		"a block begun":            {"inst▮", "instance", "", "instance \"${1:name}\" {\n  data_dir = \"$2\"\n  $0\n}"},
		"behind a block":           {"locals {}\nva▮\ninstance \"x\" {\n", "variable", "data_dir", ""},
		"attributes, required 1st": {"instance \"x\" {\n  ▮\n}", "data_dir for_each node_type port", "host", `data_dir = "$1"`},
		"not those written":        {"instance \"x\" {\n  port = 1\n  ▮\n}", "data_dir node_type", "port", ""},
		"in an open block":         {"instance \"x\" {\n  data_dir = \"/x\"\n  runtime_database \"postgresql\" {\n    ho▮\n\ninstance \"y\" {\n}\n", "host port password", "data_dir", `host = "$1"`},
		"only of this label":       {"instance \"x\" {\n  runtime_database \"embedded\" {\n    ▮\n  }\n}", "pool", "host", ""},
		"a block a label":          {"instance \"x\" {\n  run▮\n}", `runtime_database¦"postgresql"`, "", ""},
		"one of a kind only":       {"instance \"x\" {\n  runtime_database \"embedded\" {}\n  ▮\n}", "backup", `runtime_database¦"postgresql"`, ""},
		"its required attributes":  {"instance \"x\" {\n  backup▮\n}", "backup", "", "backup \"${1:name}\" {\n  destination = \"$2\"\n  $0\n}"},
		"labels":                   {"instance \"x\" {\n  runtime_database \"▮\" {\n}\n}", "embedded postgresql", "", "embedded"},
		"a label without an end":   {"instance \"x\" {\n  runtime_database \"po▮\n}\nlocals {}\n", "embedded postgresql", "", ""},
		"values named":             {"instance \"x\" {\n  node_type = ▮\n}", `"design" "automation" var`, "", `"design"`},
		"values in quotes":         {"instance \"x\" {\n  node_type = \"au▮\"\n}", "design automation", "var abs", "design"},
		"quotes without an end":    {"instance \"x\" {\n  node_type = \"▮\n  port = 1\n}", "design automation", "", ""},
		"values in a list":         {"instance \"x\" {\n  exclude = [\"logs\", \"▮\"]\n}", "logs temporary", "", ""},
		"not in a template":        {"instance \"x\" {\n  data_dir = \"▮\"\n}", "", "design var", ""},
		"true and false":           {"instance \"x\" {\n  protect_it = ▮\n}", "true false var", "", ""},
		"types":                    {"variable \"x\" {\n  type = li▮\n}", "string list", "var abs", ""},
		"roots and functions":      {"instance \"x\" {\n  port = ▮\n}", "var local instance abs join", "each", ""},
		"each where it has one":    {"instance \"x\" {\n  for_each = {}\n  data_dir = \"${▮}\"\n}", "var local instance each abs", "", ""},
		"each":                     {"instance \"x\" {\n  for_each = {}\n  data_dir = each.▮\n}", "key value", "abs var", ""},
		"locals know no instance":  {"locals {\n  a = ▮\n}", "var local abs", "instance each", ""},
		"variables":                {"locals {\n  a = var.▮\n}", "pg_password base", "nodes abs", "pg_password"},
		"variables in a template":  {"locals {\n  a = \"x${var.p▮}\"\n}", "pg_password base", "nodes", ""},
		"locals":                   {"instance \"x\" {\n  port = local.▮\n}", "nodes", "base", ""},
		"in a call":                {"instance \"x\" {\n  port = max(1, local.▮\n}", "nodes", "base", ""},
		"instances":                {"instance \"x\" {\n  port = instance.▮\n}", "design auto", "x", ""},
		"attributes of one":        {"instance \"x\" {\n  port = instance.design.▮\n}", "data_dir port runtime_database", "for_each host", ""},
		"of one with a key":        {"instance \"x\" {\n  port = instance.auto[\"a\"].po▮\n}", "data_dir port", "", ""},
		"of a block of one":        {"instance \"x\" {\n  port = instance.design.runtime_database.▮\n}", "host port pool", "data_dir", ""},
		"keys of objects are free": {"instance \"x\" {\n  port = { ▮ }\n}", "", "var abs", ""},
		"values of objects":        {"locals {\n  a = { b = ▮ }\n}", "var local abs", "", ""},
		"a comment":                {"# ins▮\n", "", "instance", ""},
		"behind a value":           {"instance \"x\" {\n  data_dir = \"/x\" ▮\n}", "", "port", ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := edit(t)
			e.disk("estate.dss.hcl", estate)
			var got completionList
			e.ask("completion", "main.dss.hcl", c.src, &got)
			var labels []string
			for _, item := range got.Items {
				labels = append(labels, strings.ReplaceAll(item.Label, " ", "¦"))
			}
			rest := labels
			for _, l := range strings.Fields(c.want) {
				i := slices.Index(rest, l)
				if i < 0 {
					t.Fatalf("%q is missing, or in another order: %v", l, labels)
				}
				rest = rest[i+1:]
			}
			for _, l := range strings.Fields(c.not) {
				if slices.Contains(labels, l) {
					t.Errorf("%q is offered: %v", l, labels)
				}
			}
			if c.text != "" {
				first := got.Items[slices.Index(labels, strings.Fields(c.want)[0])]
				if first.TextEdit.NewText != c.text {
					t.Errorf("%s inserts %q, want %q", first.Label, first.TextEdit.NewText, c.text)
				}
			}
		})
	}
}

// What is offered replaces the word that has been begun, also behind letters
// that a client counts in another way.
func TestCompletionReplacesTheWord(t *testing.T) {
	e := edit(t)
	var got completionList
	e.ask("completion", "m.dss.hcl", "locals {\n  a = 1\n  b = \"𝒳é${loc▮}\"\n}", &got)
	i := slices.IndexFunc(got.Items, func(c completionItem) bool { return c.Label == "local" })
	want := textRange{position{2, 12}, position{2, 15}}
	if i < 0 || got.Items[i].TextEdit.Range != want {
		t.Fatalf("want an edit of %v, got %+v", want, got.Items)
	}
}

func TestVariableFiles(t *testing.T) {
	e := edit(t)
	e.disk("estate.dss.hcl", estate)
	var got completionList
	e.ask("completion", "x.auto.vars.hcl", "base = 1\n▮", &got)
	if len(got.Items) != 1 || got.Items[0].Label != "pg_password" {
		t.Errorf("want the variable that has no value yet, got %+v", got.Items)
	}
}

func TestSignatureHelp(t *testing.T) {
	e := edit(t)
	for src, want := range map[string]int{
		"locals {\n a = join(▮\n}":                       0,
		"locals {\n a = join(\",\", ▮)\n}":               1,
		"locals {\n a = join(\",\", [1, upper(\"x\"), ▮": 1,
	} {
		var got *signatureHelp
		e.ask("signatureHelp", "m.dss.hcl", src, &got)
		if got == nil || got.ActiveParameter != want || !strings.HasPrefix(got.Signatures[0].Label, "join(separator") {
			t.Errorf("%q: want parameter %d of join, got %+v", src, want, got)
		}
	}
	var got *signatureHelp
	e.ask("signatureHelp", "m.dss.hcl", "locals {\n a = (▮)\n}", &got)
	if got != nil {
		t.Errorf("no function is called, got %+v", got)
	}
}
