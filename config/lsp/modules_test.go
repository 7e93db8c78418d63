package lsp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a module takes and gives is known where it is called.
func TestModuleNames(t *testing.T) {
	e := edit(t)
	e.must(os.Mkdir(filepath.Join(e.dir, "node"), 0o755))
	e.disk("node/node.dss.hcl", "variable \"port\" {\n  type        = number\n  description = \"The first of ten.\"\n}\nvariable \"dir\" {}\noutput \"url\" {\n  value = 1\n}\n")
	for src, want := range map[string]string{
		"module \"m\" {\n  source = \"./node\"\n  port = 1\n  ▮\n}":                                        "for_each dir",
		"module \"m\" {\n  source = \"./node\"\n}\noutput \"o\" {\n  value = module.▮\n}":                  "m",
		"module \"m\" {\n  source = \"./node\"\n}\noutput \"o\" {\n  value = module.m.▮\n}":                "url",
		"module \"m\" {\n  source = \"./node\"\n}\noutput \"o\" {\n  value = module.m[\"a\"].u▮\n}":        "url",
		"module \"m\" {\n  source = \"./node\"\n}\noutput \"o\" {\n  value = module.m.url.▮\n}":            "",
		"module \"m\" {\n  source = \"./nowhere\"\n  ▮\n}":                                                 "for_each",
		"module \"m\" {\n  source   = \"./node\"\n  for_each = {}\n  port = ea▮\n}\ninstance \"x\" {\n}\n": "var local instance module each",
		"module \"m\" {\n  ▮\n}": "source for_each",
		"module \"m\" {\n  source = \"./node\"\n}\nmodule \"n\" {\n  source = \"./node\"\n  dir = module.▮": "m",
	} {
		var got completionList
		e.ask("completion", "main.dss.hcl", src, &got)
		var labels []string
		for _, i := range got.Items {
			if i.Kind != kindFunction {
				labels = append(labels, i.Label)
			}
		}
		if strings.Join(labels, " ") != want {
			t.Errorf("%q offers %v, want %s", src, labels, want)
		}
	}
	for src, line := range map[string]int{
		"module \"m\" {\n  source = \"./node\"\n  p▮ort = 1\n}":                                         0,
		"module \"m\" {\n  source = \"./node\"\n}\noutput \"o\" {\n  value = module.m.u▮rl\n}":          5,
		"module \"m\" {\n  source = \"./node\"\n}\noutput \"o\" {\n  value = module.m[\"a\"].u▮rl.x\n}": 5,
	} {
		var got []location
		e.ask("definition", "main.dss.hcl", src, &got)
		if len(got) != 1 || !strings.HasSuffix(got[0].URI, "/node/node.dss.hcl") || got[0].Range.Start.Line != line {
			t.Errorf("%q leads to %+v", src, got)
		}
	}
	var about *hover
	e.ask("hover", "main.dss.hcl", "module \"m\" {\n  source = \"./node\"\n  p▮ort = 1\n}", &about)
	if about == nil || !strings.Contains(about.Contents.Value, "The first of ten.") || !strings.Contains(about.Contents.Value, "node/node.dss.hcl:1") {
		t.Errorf("hover: %+v", about)
	}
}
