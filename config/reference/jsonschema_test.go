package reference

import (
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestJSONSchema(t *testing.T) {
	raw, err := JSONSchema(sampleRoot())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/jsonschema.json", string(raw)+"\n")
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for src, good := range map[string]bool{
		`{"thing": {"a": {"path": "/x", "store": {"local": {}}}}}`:                                                           true,
		`{"//": "x", "thing": {"a": [{"path": "${var.x}", "size": "${1 + 1}", "mode": "b", "store": {"local": {}}}]}}`:       true,
		`{"thing": {"a": {"path": "/x", "size": null, "store": {"remote": {"password": "x", "tags": {"k": ["v", 1]}}}}}}`:    true,
		`{"thing": {"a": {"path": "/x", "mode": "${local.m}", "store": {"remote": {"password": "x", "more": {"a": [1]}}}}}}`: true,
		`{"thing": {"a": {"path": "/x"}}}`:                                         false,
		`{"thing": {"a": {"store": {"local": {}}}}}`:                               false,
		`{"thing": {"a": {"path": ["x"], "store": {"local": {}}}}}`:                false,
		`{"thing": {"a": {"path": "/x", "size": "many", "store": {"local": {}}}}}`: false,
		`{"thing": {"a": {"path": "/x", "mode": "c", "store": {"local": {}}}}}`:    false,
		`{"thing": {"a": {"path": "/x", "store": {"other": {}}}}}`:                 false,
		`{"thing": {"a": {"path": "/x", "store": {"local": {"password": "x"}}}}}`:  false,
		`{"thing": {"a": {"path": "/x", "store": {"remote": {}}}}}`:                false,
		`{"thing": {"a": {"path": "/x", "stoer": {}, "store": {"local": {}}}}}`:    false,
		`{"other": {}}`: false,
	} {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(src))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); (err == nil) != good {
			t.Errorf("%s: %v", src, err)
		}
	}
}
