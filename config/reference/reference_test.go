package reference

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

var update = flag.Bool("update", false, "write the golden files anew")

func sampleRoot() schema.Block {
	base := schema.Block{Type: "thing", Doc: "A thing.", Multiple: true, Labels: []schema.Label{{Name: "name", Doc: "Its name."}}, Example: "thing \"a\" {\n}\n"}
	return schema.Block{Doc: "All there is.", Blocks: []schema.Block{base.With(
		schema.Fragment{Attributes: []schema.Attribute{
			{Name: "path", Type: cty.String, Required: true, Doc: "Where | what."},
			{Name: "size", Type: cty.Number, Default: cty.NumberIntVal(3), Doc: "How many.", Example: "5"},
			{Name: "mode", Type: cty.String, OneOf: []string{"a", "b"}, Default: cty.StringVal("a")},
		}},
		schema.Fragment{Blocks: []schema.Block{{
			Type: "store", Required: true, Labels: []schema.Label{{Name: "kind", OneOf: []string{"local", "remote"}}},
			Attributes: []schema.Attribute{
				{Name: "password", Type: cty.String, Secret: true, Required: true, Labels: []string{"remote"}},
				{Name: "tags", Type: cty.Map(cty.List(cty.String)), Labels: []string{"remote"}},
				{Name: "more", Type: cty.DynamicPseudoType},
			},
		}}},
	)}}
}

func TestReference(t *testing.T) {
	var b strings.Builder
	if err := Page(sampleRoot(), &b); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/reference.md", b.String())
}

func TestJSON(t *testing.T) {
	b, err := JSON(sampleRoot())
	if err != nil || !json.Valid(b) {
		t.Fatal(err)
	}
	golden(t, "testdata/schema.json", string(b)+"\n")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: want - got +\n%s", name, diff)
	}
}
