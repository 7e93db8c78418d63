package lsp

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/lspclient"
)

// marked finds the only place of a text, as the protocol writes it.
func marked(t *testing.T, src, word string, nth int) textRange {
	t.Helper()
	at := -1
	for range nth {
		next := strings.Index(src[at+1:], word)
		if next < 0 {
			t.Fatalf("%q stands in no %d places", word, nth)
		}
		at += 1 + next
	}
	return newText(src).rangeOf(span{at, at + len(word)}, utf16Units)
}

func TestDefinition(t *testing.T) {
	for src, want := range map[string]struct {
		file, word string
		nth        int
	}{
		"locals {\n a = var.pg_pass▮word\n}":                                    {"estate.dss.hcl", "pg_password", 1},
		"locals {\n a = va▮r.pg_password\n}":                                    {"estate.dss.hcl", "pg_password", 1},
		"locals {\n a = \"x-${lo▮cal.nodes}\"\n}":                               {"estate.dss.hcl", "nodes", 1},
		"locals {\n a = loc▮al.own\n own = 1\n}":                                {"m.dss.hcl", "own", 2},
		"instance \"x\" {\n port = instance.de▮sign.port\n}":                    {"estate.dss.hcl", "design", 1},
		"instance \"x\" {\n port = instance.design.po▮rt\n}":                    {"estate.dss.hcl", "port ", 2},
		"instance \"x\" {\n port = instance.auto[\"a\"].data▮_dir\n}":           {"estate.dss.hcl", "data_dir", 2},
		"instance \"x\" {\n a = instance.design.runtime_database.ho▮st\n}":      {"estate.dss.hcl", "host", 1},
		"instance \"x\" {\n a = instance.design.runtime▮_database.host\n}":      {"estate.dss.hcl", "runtime_database", 1},
		"instance \"x\" {\n a = instance.design.backup.night▮ly.destination\n}": {"estate.dss.hcl", "nightly", 1},
		"instance \"x\" {\n for_each = {}\n port = each.va▮lue.port\n}":         {"m.dss.hcl", "for_each", 1},
		"instance \"x▮\" {\n}":                                                  {"m.dss.hcl", "x", 1},
		"locals {\n a = var.no▮where\n}":                                        {},
		"locals {\n a = ▮ 1\n}":                                                 {},
		"# var.pg▮_password":                                                    {},
	} {
		e := edit(t)
		e.disk("estate.dss.hcl", estate)
		var got []location
		e.ask("definition", "m.dss.hcl", src, &got)
		if want.file == "" {
			if len(got) != 0 {
				t.Errorf("%q leads to %+v", src, got)
			}
			continue
		}
		in := estate
		if want.file == "m.dss.hcl" {
			in = strings.Replace(src, "▮", "", 1)
		}
		r := marked(t, in, want.word, want.nth)
		r.End.Character -= len(want.word) - len(strings.TrimSpace(want.word))
		if w := (location{e.uri(want.file), r}); len(got) != 1 || got[0] != w {
			t.Errorf("%q leads to %+v, want %+v", src, got, w)
		}
	}
}

func TestReferencesAndRename(t *testing.T) {
	e := edit(t)
	e.disk("estate.dss.hcl", estate)
	e.disk("x.auto.vars.hcl", "base = \"/other\"\n")
	src := "locals {\n  a = \"${var.ba▮se}/${upper(var.base)}\"\n  base = 1\n}\n"
	at := e.at("m.dss.hcl", src)
	at["context"] = lspclient.M{"includeDeclaration": true}
	var got []location
	e.must(e.Call(e.ctx, "textDocument/references", at, &got))
	var lines []string
	for _, l := range got {
		lines = append(lines, fmt.Sprintf("%s:%d:%d", l.URI[strings.LastIndex(l.URI, "/")+1:], l.Range.Start.Line, l.Range.Start.Character))
	}
	slices.Sort(lines)
	if want := "estate.dss.hcl:12:20 estate.dss.hcl:5:10 m.dss.hcl:1:13 m.dss.hcl:1:31 x.auto.vars.hcl:0:0"; strings.Join(lines, " ") != want {
		t.Errorf("found %v, want %s", lines, want)
	}
	var where textRange
	e.must(e.Call(e.ctx, "textDocument/prepareRename", at, &where))
	if want := (textRange{position{1, 13}, position{1, 17}}); where != want {
		t.Errorf("%v is renamed, want %v", where, want)
	}
	at["newName"] = "root"
	var edit workspaceEdit
	e.must(e.Call(e.ctx, "textDocument/rename", at, &edit))
	if files := slices.Sorted(maps.Keys(edit.Changes)); len(files) != 3 || len(edit.Changes[e.uri("m.dss.hcl")]) != 2 {
		t.Errorf("the edit is %+v", edit)
	}
	for newName, why := range map[string]string{"pg_password": "already", "a b": "identifier", "": "identifier"} {
		at["newName"] = newName
		if err := e.Call(e.ctx, "textDocument/rename", at, nil); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("a rename to %q: %v", newName, err)
		}
	}
	at = e.at("n.dss.hcl", "instance \"i▮\" {\n}")
	if err := e.Call(e.ctx, "textDocument/prepareRename", at, nil); err == nil || !strings.Contains(err.Error(), "its address") {
		t.Errorf("an instance is renamed: %v", err)
	}
	e.disk("j.dss.hcl.json", "{}")
	at = e.at("o.dss.hcl", "locals {\n  z▮ = 1\n}")
	if err := e.Call(e.ctx, "textDocument/prepareRename", at, nil); err == nil || !strings.Contains(err.Error(), "j.dss.hcl.json") {
		t.Errorf("what JSON may refer to is renamed: %v", err)
	}
}

func TestHover(t *testing.T) {
	e := edit(t)
	e.disk("estate.dss.hcl", estate)
	for src, want := range map[string][]string{
		"inst▮ance \"x\" {\n}":                                            {`**instance** "NAME"`, "Declares one DSS instance", "```hcl"},
		"instance \"x\" {\n  po▮rt = 1\n}":                                {"**port** `number`", "The first of ten ports."},
		"instance \"x\" {\n  node_type▮ = 1\n}":                           {"One of `design`, `automation`"},
		"instance \"x\" {\n  runtime_database \"▮postgresql\" {\n}\n}":    {"Label `kind`", "The kind of database."},
		"instance \"x\" {\n  runtime_database \"postgresql\" {\n ho▮st":   {},
		"instance \"x\" {\n  runtime_database \"postgresql\" {\n ho▮st=1": {"**host** `string`, required for postgresql", "The server."},
		"locals {\n a = jo▮in(\"\", [])\n}":                               {"join(separator: string, lists: list(string)...)", "Concatenates"},
		"locals {\n a = env▮(\"X\")\n}":                                   {"env(name: string)", "A variable of the environment"},
		"locals {\n a = var.pg_pass▮word\n}":                              {"**var.pg_password**, declared at estate.dss.hcl:1", "For PostgreSQL.", "**Sensitive**", "no default", "type = string"},
		"locals {\n a = local.no▮des\n}":                                  {"**local.nodes**, declared at estate.dss.hcl:10"},
		"instance \"x\" {\n port = instance.au▮to\n}":                     {"for_each", `instance.auto["KEY"]`},
		"instance \"x\" {\n port = instance.design.po▮rt\n}":              {"**port** `number`"},
		"instance \"x\" {\n for_each = {}\n port = each.va▮lue\n}":        {"the element of `for_each`"},
		"locals {\n a = ▮1\n}":                                            {},
		"instance \"x\" {\n  nothing▮ = 1\n}":                             {},
		"nothing▮ {\n}":                                                   {},
	} {
		var got *hover
		e.ask("hover", "m.dss.hcl", src, &got)
		switch {
		case len(want) == 0 && got != nil:
			t.Errorf("%q is explained by %q", src, got.Contents.Value)
		case len(want) == 0:
		case got == nil:
			t.Errorf("%q is not explained", src)
		default:
			for _, w := range want {
				if !strings.Contains(got.Contents.Value, w) {
					t.Errorf("%q is explained by %q, want %q in it", src, got.Contents.Value, w)
				}
			}
		}
	}
}

func TestSymbols(t *testing.T) {
	e := edit(t)
	e.show("m.dss.hcl", estate+"broken {\n  \"")
	var got []documentSymbol
	e.must(e.Call(e.ctx, "textDocument/documentSymbol", lspclient.M{"textDocument": lspclient.M{"uri": e.uri("m.dss.hcl")}}, &got))
	var names []string
	var walk func(string, []documentSymbol)
	walk = func(indent string, in []documentSymbol) {
		for _, s := range in {
			names = append(names, indent+s.Name)
			walk(indent+">", s.Children)
		}
	}
	walk("", got)
	want := "variable pg_password|variable base|locals|>nodes|instance design|>runtime_database postgresql|>backup nightly|instance auto|broken"
	if strings.Join(names, "|") != want {
		t.Errorf("the symbols are %s, want %s", strings.Join(names, "|"), want)
	}
	if r := got[0].Range; r.Start.Line != 0 || r.End != (position{4, 1}) {
		t.Errorf("the first is at %+v", r)
	}
}

func TestFormatting(t *testing.T) {
	e := edit(t)
	src := "locals {\n  a = 1\n  bcd=2\n}\n\n\ninstance   \"x\" {\n  data_dir = \"/é\"\n}"
	e.show("m.dss.hcl", src)
	ask := lspclient.M{"textDocument": lspclient.M{"uri": e.uri("m.dss.hcl")}}
	var edits []textEdit
	e.must(e.Call(e.ctx, "textDocument/formatting", ask, &edits))
	slices.SortFunc(edits, func(a, b textEdit) int { return b.Range.Start.Line - a.Range.Start.Line })
	text := newText(src)
	for _, ed := range edits {
		text = text.apply([]change{{Range: &ed.Range, Text: ed.NewText}}, utf16Units)
	}
	want := "locals {\n  a   = 1\n  bcd = 2\n}\n\n\ninstance \"x\" {\n  data_dir = \"/é\"\n}\n"
	if text.src != want {
		t.Errorf("formatted it is %q, want %q", text.src, want)
	}
	// What does not parse is left alone.
	e.must(e.Write(e.ctx, e.uri("m.dss.hcl"), 2, "locals {"))
	var raw json.RawMessage
	e.must(e.Call(e.ctx, "textDocument/formatting", ask, &raw))
	if string(raw) != "[]" {
		t.Errorf("the edits are %s", raw)
	}
}
