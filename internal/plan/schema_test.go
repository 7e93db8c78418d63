package plan

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("plan.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("plan.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func against(t *testing.T, s *jsonschema.Schema, raw []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

func TestGoldenPlansFitTheSchema(t *testing.T) {
	s := compiled(t)
	files, err := filepath.Glob("../../planner/testdata/*.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d golden plans, %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := against(t, s, raw); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	if err := against(t, s, encoded(t, sample())); err != nil {
		t.Errorf("the sample: %v", err)
	}
	if err := against(t, s, encoded(t, &Plan{FormatVersion: FormatVersion})); err != nil {
		t.Errorf("an empty plan: %v", err)
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := compiled(t)
	good := string(compacted(t, encoded(t, sample())))
	for name, edit := range map[string][2]string{
		"another major":      {`"format_version":"1.0"`, `"format_version":"2.0"`},
		"no time":            {`"created_at":"2026-03-01T12:00:00Z"`, `"created_at":"today"`},
		"unknown phase":      {`"phase":"stop"`, `"phase":"halt"`},
		"window not counted": {`"kind":"window","number":1`, `"kind":"window"`},
		"numbered after":     {`"kind":"window","number":1`, `"kind":"after","number":1`},
		"silent about undo":  {`"undo":{"possible":true}`, `"undo":{"possible":false}`},
		"secret with value":  {`"op":"update"`, `"op":"update","secret":true`},
		"no title":           {`"title":"stop DSS",`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(good, edit[0], edit[1], 1)
			if bad == good {
				t.Fatalf("the plan has no %s", edit[0])
			}
			if against(t, s, []byte(bad)) == nil {
				t.Error("no error")
			}
		})
	}
}

// The schema has every member of the Go types and no other, and requires what
// is always written.
func TestSchemaIsComplete(t *testing.T) {
	var doc struct {
		Defs map[string]struct {
			Required   []string                   `json:"required"`
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(Schema()), &doc); err != nil {
		t.Fatal(err)
	}
	types := []any{
		Plan{},
		Estate{},
		Secret{},
		Instance{},
		Seen{},
		Change{},
		Stage{},
		Action{},
		Fingerprint{},
		Undo{},
		Cost{},
		Diagnostic{},
		Summary{},
		Line{},
	}
	if len(types) != len(doc.Defs) {
		t.Errorf("%d types, %d definitions", len(types), len(doc.Defs))
	}
	for _, v := range types {
		typ := reflect.TypeOf(v)
		def := doc.Defs[typ.Name()]
		var all, required []string
		for i := range typ.NumField() {
			name, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			all = append(all, name)
			if options == "" {
				required = append(required, name)
			}
		}
		var has []string
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
