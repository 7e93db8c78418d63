package view

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view/viewtest"
)

// schemas are compiled as a reader has them: each by its own address.
func schemas(t *testing.T) (stream, run *jsonschema.Schema) {
	t.Helper()
	const at = "https://github.com/dssctl/dssctl/blob/main/internal/"
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for url, text := range map[string]string{
		at + "plan/schema/plan-1.0.schema.json":   plan.Schema(),
		at + "view/schema/stream-1.0.schema.json": StreamSchema(),
		at + "view/schema/run-1.0.schema.json":    RunSchema(),
	} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(url, doc); err != nil {
			t.Fatal(err)
		}
	}
	stream, err := c.Compile(at + "view/schema/stream-1.0.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if run, err = c.Compile(at + "view/schema/run-1.0.schema.json"); err != nil {
		t.Fatal(err)
	}
	return stream, run
}

func fits(t *testing.T, s *jsonschema.Schema, raw []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

func TestStreamsFitTheirSchema(t *testing.T) {
	stream, _ := schemas(t)
	seen := map[string]bool{}
	for _, name := range []string{"stream_plan", "stream_run"} {
		raw, err := os.ReadFile("testdata/" + name + ".golden")
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(raw) {
			if err := fits(t, stream, line); err != nil {
				t.Errorf("%s: %s%v", name, line, err)
			}
			var l Line
			if err := json.Unmarshal(line, &l); err != nil {
				t.Fatal(err)
			}
			seen[l.Type] = true
		}
	}
	for _, typ := range []string{"version", "planned_change", "planned_action", "diagnostic", "change_summary", "run_start", "apply_start", "apply_progress", "rollback_errored", "notice", "run_report"} {
		if !seen[typ] {
			t.Errorf("no line of the type %s was tried", typ)
		}
	}
	for name, bad := range map[string]string{
		"no message":        `{"@level":"info","@module":"dssctl.ui","@timestamp":"2026-01-01T00:00:00Z","type":"x"}`,
		"no hook":           `{"@level":"info","@message":"x","@module":"dssctl.ui","@timestamp":"2026-01-01T00:00:00Z","type":"apply_start","run":"r"}`,
		"a secret is shown": `{"@level":"info","@message":"x","@module":"dssctl.ui","@timestamp":"2026-01-01T00:00:00Z","type":"planned_change","change":{"resource":{"addr":"a"},"action":"create","actions":["create"],"before":null,"after":"x","before_sensitive":false,"after_sensitive":true}}`,
	} {
		if fits(t, stream, []byte(bad)) == nil {
			t.Errorf("%s: taken for valid", name)
		}
	}
}

func TestRunsFitTheirSchema(t *testing.T) {
	_, run := schemas(t)
	var p plan.Plan
	raw, err := os.ReadFile("../../planner/testdata/dangers.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	r := report("rolled_back", Done, Skipped, Undone)
	r.Down, r.Downtime, r.Safety = []Down{{Instance: "instance.design", Since: noon}}, []Downtime{{Instance: "instance.design", Duration: 1, Rollback: 1}}, []string{"/x"}
	r.Actions[2].Error, r.Actions[2].Leftover, r.Actions[2].Notices = "no", "something", []string{"told"}
	doc := RunDocument{FormatVersion: RunVersion, Run: &r, Plan: &p, Journal: []JournalLine{{Time: viewtest.Noon, Type: "begin", Action: "design/1"}}}
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := fits(t, run, out); err != nil {
		t.Error(err)
	}
	for _, edit := range [][2]string{{`"status":"rolled_back"`, `"status":"gone"`}, {`"outcome":"skipped"`, `"outcome":"maybe"`}, {`"phase":"stop"`, `"phase":"halt"`}} {
		bad := strings.Replace(string(out), edit[0], edit[1], 1)
		if bad == string(out) || fits(t, run, []byte(bad)) == nil {
			t.Errorf("%s: taken for valid", edit[1])
		}
	}
}

// The schemas have every member of the Go types and no other, and require what
// is always written.
func TestSchemasAreComplete(t *testing.T) {
	for text, types := range map[string][]any{
		StreamSchema(): {Line{}, StreamResource{}, StreamChange{}, StreamAction{}, StreamDiagnostic{}, StreamRange{}, StreamPos{}, StreamSummary{}, StreamHook{}, event.Progress{}},
		RunSchema():    {RunDocument{}, RunReport{}, ActionReport{}, Down{}, Downtime{}, JournalLine{}},
	} {
		var doc struct {
			Defs map[string]struct {
				Required   []string                   `json:"required"`
				Properties map[string]json.RawMessage `json:"properties"`
			} `json:"$defs"`
		}
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		if len(types) != len(doc.Defs) {
			t.Errorf("%d types, %d definitions", len(types), len(doc.Defs))
		}
		for _, v := range types {
			typ := reflect.TypeOf(v)
			def := doc.Defs[typ.Name()]
			var all, required, has []string
			for i := range typ.NumField() {
				name, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
				all = append(all, name)
				if options == "" {
					required = append(required, name)
				}
			}
			for name := range def.Properties {
				has = append(has, name)
			}
			for _, l := range [][]string{all, required, has, def.Required} {
				slices.Sort(l)
			}
			if diff := cmp.Diff(all, has); diff != "" {
				t.Errorf("members of %s (-type +schema):\n%s", typ.Name(), diff)
			}
			if diff := cmp.Diff(required, def.Required); diff != "" {
				t.Errorf("required of %s (-type +schema):\n%s", typ.Name(), diff)
			}
		}
	}
}
