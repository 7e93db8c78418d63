package config

import (
	"strings"
	"testing"
)

func TestEvaluate(t *testing.T) {
	e := load(t, LoadOptions{}, map[string]string{"m.dss.hcl": ruled})
	for src, want := range map[string]string{
		"1 + 2":                        "3",
		"1.5":                          "1.5",
		`instance.auto["b"].port`:      "11400",
		`[for i in instance : i.port]`: "[11300, 11400, 11200]",
		"var.pw":                       "(sensitive)",
		`{ a = var.pw, "b c" = [] }`:   "{\n  a     = (sensitive)\n  \"b c\" = []\n}",
		`"x-${var.pw}"`:                "(sensitive)",
		"instance.design.node_type":    "null",
		// In any order: each asks for another part of the same instance.
		"instance.design.port":                            "11200",
		`instance.design["port"]`:                         "11200",
		`length(keys(instance.design)) > 10`:              "true",
		`[instance.design.port, instance.design["port"]]`: "[11200, 11200]",
		`[{ a = 1 }]`:                                     "[\n  {\n    a = 1\n  },\n]",
		"toset([\"b\", \"a\"])":                           `["a", "b"]`,
		"keys(instance.auto)":                             `["a", "b"]`,
		"upper(\"a\nb\")":                                 "",
		"instance.auto[\"b\"].prot":                       "",
		"self.port":                                       "",
		"each.key":                                        "",
		"1 +":                                             "",
		"undefined":                                       "",
		"[for i in range(1000) : range(1000 + i)]":        "",
		strings.Repeat("(", 5000):                         "",
	} {
		v, sources, diags := e.Evaluate(src)
		if want == "" {
			if !diags.HasErrors() || string(sources[ConsoleFile].Bytes) != src {
				t.Errorf("%.40s: no error", src)
			}
			continue
		}
		if diags.HasErrors() || FormatValue(v) != want {
			t.Errorf("%s: %s, %v", src, FormatValue(v), diags)
		}
	}
}

func TestUnfinished(t *testing.T) {
	for src, want := range map[string]bool{
		"1": false, "[1,": true, "[1,\n2]": false, "{": true, `"${1 +`: true, "(\"(\")": false, "]": false, "<<EOT\nx": true, "<<EOT\nx\nEOT\n": false,
	} {
		if Unfinished(src) != want {
			t.Errorf("%q: %t", src, !want)
		}
	}
}
