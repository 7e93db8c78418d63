package diagfmt

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

const source = `instance "design" {
  port = var.port + local.list[0]
  name = <<EOT
text
EOT
}
`

// sample returns a diagnostic of the attribute, as evaluation makes them.
func sample(t *testing.T, attr string, vars map[string]cty.Value) (*hcl.Diagnostic, map[string]*hcl.File) {
	t.Helper()
	f, diags := hclsyntax.ParseConfig([]byte(source), "main.dss.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	a := f.Body.(*hclsyntax.Body).Blocks[0].Body.Attributes[attr]
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Wrong type", Detail: "The port must be a number.",
		Subject: a.Expr.Range().Ptr(), Expression: a.Expr,
		EvalContext: &hcl.EvalContext{Variables: vars},
	}, map[string]*hcl.File{"main.dss.hcl": f}
}

func object(name string, v cty.Value) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{name: v})
}

func TestText(t *testing.T) {
	d, sources := sample(t, "port", map[string]cty.Value{
		"var":   object("port", cty.StringVal("high")),
		"local": object("list", cty.ListVal([]cty.Value{cty.StringVal("secret").Mark("x")})),
	})
	warning := &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Old name", Detail: "Words that are wrapped because they are far too many for one line.\n\n  left alone since it is indented, however long it may be"}
	want := `╷
│ Warning: Old name
│
│ Words that are wrapped because they are far too
│ many for one line.
│
│   left alone since it is indented, however long it may be
╵
╷
│ Error: Wrong type
│
│   on main.dss.hcl line 2, in instance "design":
│    2:   port = var.port + local.list[0]
│                ^^^^^^^^^^^^^^^^^^^^^^^^
│     ├────────────────
│     │ local.list[0] has a sensitive value
│     │ var.port is "high"
│
│ The port must be a number.
╵
`
	if diff := cmp.Diff(want, text(t, hcl.Diagnostics{d, warning}, sources, Options{Width: 52})); diff != "" {
		t.Error(diff)
	}
	colored := text(t, hcl.Diagnostics{d}, sources, Options{Color: true})
	if !strings.Contains(colored, underline+"var.port + local.list[0]"+reset) || strings.Contains(colored, "^^^") {
		t.Errorf("colours:\n%q", colored)
	}
}

func text(t *testing.T, diags hcl.Diagnostics, sources map[string]*hcl.File, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Text(&b, diags, sources, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTextOfSeveralLines(t *testing.T) {
	d, sources := sample(t, "name", nil)
	got := text(t, hcl.Diagnostics{d}, sources, Options{})
	for _, want := range []string{"3:   name = <<EOT\n", "4: text\n", "5: EOT\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// Places that do not fit the source must not end the program.
func TestOddPlaces(t *testing.T) {
	for _, r := range [][2]int{{0, 0}, {5, 2}, {-1, 3}, {len(source), len(source)}, {len(source) - 1, len(source) + 40}, {900, 901}, {18, 20}} {
		d, sources := sample(t, "port", nil)
		d.Subject = &hcl.Range{Filename: "main.dss.hcl", Start: hcl.Pos{Line: 1, Byte: r[0]}, End: hcl.Pos{Line: 1, Byte: r[1]}}
		if got := text(t, hcl.Diagnostics{d}, sources, Options{Width: 80}); !strings.Contains(got, "on main.dss.hcl line 1") {
			t.Errorf("%v: %s", r, got)
		}
		if _, err := JSON(hcl.Diagnostics{d}, sources); err != nil {
			t.Errorf("%v: %v", r, err)
		}
		text(t, hcl.Diagnostics{d}, nil, Options{Width: 80})
	}
}

func TestTerminalIsNotSteered(t *testing.T) {
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "a\x1b[31m", Detail: "b\x07 \u202ec \xff"}
	if got := text(t, hcl.Diagnostics{d}, nil, Options{}); strings.ContainsAny(got, "\x1b\x07\u202e") {
		t.Errorf("%q", got)
	}
}

func TestLongLineIsCut(t *testing.T) {
	long := `a = "` + strings.Repeat("x", 100000) + `" + nothing + "` + strings.Repeat("y", 100000) + `"`
	at := strings.Index(long, "nothing")
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "S", Subject: &hcl.Range{Filename: "f", Start: hcl.Pos{Line: 1, Byte: at}, End: hcl.Pos{Line: 1, Byte: at + 7}}}
	got := Convert(d, map[string]*hcl.File{"f": {Bytes: []byte(long)}})
	if s := got.Snippet; len(s.Code) > 1000 || s.Code[s.HighlightStartOffset:s.HighlightEndOffset] != "nothing" {
		t.Errorf("%d bytes, %d-%d", len(s.Code), s.HighlightStartOffset, s.HighlightEndOffset)
	}
}

func TestJSON(t *testing.T) {
	d, sources := sample(t, "port", map[string]cty.Value{
		"var": object("port", cty.StringVal("high")), "local": object("list", cty.NullVal(cty.List(cty.String))),
	})
	b, err := JSON(hcl.Diagnostics{d, {Severity: hcl.DiagWarning, Summary: "W"}}, sources)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	pos := func(line, column, b float64) map[string]any {
		return map[string]any{"line": line, "column": column, "byte": b}
	}
	want := map[string]any{
		"format_version": "1.0", "valid": false, "error_count": 1.0, "warning_count": 1.0,
		"diagnostics": []any{
			map[string]any{
				"severity": "error", "summary": "Wrong type", "detail": "The port must be a number.",
				"range": map[string]any{"filename": "main.dss.hcl", "start": pos(2, 10, 29), "end": pos(2, 34, 53)},
				"snippet": map[string]any{
					"context": `instance "design"`, "code": "  port = var.port + local.list[0]", "start_line": 2.0,
					"highlight_start_offset": 9.0, "highlight_end_offset": 33.0,
					"values": []any{
						map[string]any{"traversal": "local.list", "statement": "is null"},
						map[string]any{"traversal": "var.port", "statement": `is "high"`},
					},
				},
			},
			map[string]any{"severity": "warning", "summary": "W", "detail": ""},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	empty, err := JSON(nil, nil)
	if err != nil || !strings.Contains(string(empty), `"valid": true`) || !strings.Contains(string(empty), `"diagnostics": []`) {
		t.Errorf("%s %v", empty, err)
	}
}

func TestStatements(t *testing.T) {
	for _, c := range []struct {
		v    cty.Value
		want string
	}{
		{cty.True, "is true"},
		{cty.NumberFloatVal(1.5), "is 1.5"},
		{cty.StringVal(strings.Repeat("ä", 200)), `is "` + strings.Repeat("ä", 120) + `"… (200 characters)`},
		{cty.NullVal(cty.String), "is null"},
		{cty.UnknownVal(cty.String), ""},
		{cty.StringVal("x").Mark("m"), "has a sensitive value"},
		{cty.NullVal(cty.String).Mark("m"), "has a sensitive value"},
		{cty.EmptyObjectVal, "is an object without attributes"},
		{object("a", cty.StringVal("x").Mark("m")), "is an object with 1 attribute"},
		{cty.ListVal([]cty.Value{cty.True}), "is list of bool with 1 element"},
		{cty.TupleVal([]cty.Value{cty.True, cty.Zero}), "is tuple with 2 elements"},
		{cty.ListValEmpty(cty.String), "is an empty list of string"},
	} {
		if got := statement(c.v); got != c.want {
			t.Errorf("%#v: %q, want %q", c.v, got, c.want)
		}
	}
}
