package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
)

// What real runs write fits the published schemas: a plan, the lines of a run
// that was done and of one that was refused, and the run as a document.
func TestRealRunsFitTheSchemas(t *testing.T) {
	t.Parallel()
	const at = "https://github.com/dssctl/dssctl/blob/main/internal/"
	urls := map[string]string{
		at + "plan/schema/plan-1.0.schema.json": plan.Schema(), at + "view/schema/stream-1.0.schema.json": view.StreamSchema(),
		at + "view/schema/run-1.0.schema.json": view.RunSchema(),
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for url, text := range urls {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(url, doc); err != nil {
			t.Fatal(err)
		}
	}
	fits := func(schema, what string, raw []byte) {
		t.Helper()
		s, err := c.Compile(at + schema)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("%s: %v: %s", what, err, raw)
		}
		if err := s.Validate(doc); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	dir := t.TempDir()
	write(t, dir, "main.dss.hcl", standInEstate(standIn(t, filepath.Join(dir, "dss")), ""))
	stream := func(name string, types ...string) {
		t.Helper()
		raw := []byte(contentOf(t, filepath.Join(dir, name)))
		lines := bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
		for _, line := range lines {
			fits("view/schema/stream-1.0.schema.json", name, line)
		}
		if !bytes.Contains(lines[0], []byte(`"type":"version"`)) || bytes.Count(raw, []byte(`"type":"version"`)) != 1 {
			t.Errorf("%s does not begin with its version, once: %s", name, raw)
		}
		for _, typ := range types {
			if !bytes.Contains(raw, []byte(`"type":"`+typ+`"`)) {
				t.Errorf("%s has no %s:\n%s", name, typ, raw)
			}
		}
	}
	dssctl(t, dir, nil, "plan", "-out", "p.plan", "-json-into", "plan.jsonl").must(t, 0)
	stream("plan.jsonl", "planned_change", "planned_action", "change_summary")
	fits("plan/schema/plan-1.0.schema.json", "the plan", []byte(contentOf(t, filepath.Join(dir, "p.plan"))))

	o := dssctl(t, dir, nil, "apply", "p.plan", "-json-into", "apply.jsonl").must(t, 0)
	if !strings.Contains(o.stdout, "Done: ") || strings.Contains(o.stdout, "{") {
		t.Errorf("people read %s", o)
	}
	stream("apply.jsonl", "run_start", "apply_start", "apply_complete", "run_complete", "run_report")
	fits("view/schema/run-1.0.schema.json", "the run", []byte(dssctl(t, dir, nil, "show", "-json").must(t, 0).stdout))

	dssctl(t, dir, nil, "apply", "p.plan", "-json-into", "refused.jsonl").must(t, 5)
	stream("refused.jsonl", "diagnostic")
	write(t, dir, "main.dss.hcl", strings.Replace(standInEstate(filepath.Join(dir, "dss"), ""), "= 20", "= 30", 1))
	dssctl(t, dir, nil, "apply", "-auto-approve", "-json-into", "both.jsonl").must(t, 0)
	stream("both.jsonl", "planned_change", "change_summary", "run_start", "run_report")

	run := regexp.MustCompile(`"run":"([^"]+)"`).FindStringSubmatch(contentOf(t, filepath.Join(dir, "both.jsonl")))
	if run == nil {
		t.Fatal("the stream names no run")
	}
	dssctl(t, dir, nil, "rollback", run[1], "-auto-approve", "-json-into", "back.jsonl").must(t, 0)
	stream("back.jsonl", "rollback_start", "rollback_complete", "run_report")
}

func contentOf(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
