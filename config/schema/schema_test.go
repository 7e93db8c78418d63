package schema

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
)

var update = flag.Bool("update", false, "write the golden files anew")

func sampleRoot() Block {
	base := Block{Type: "thing", Doc: "A thing.", Multiple: true, Labels: []Label{{Name: "name", Doc: "Its name."}}, Example: "thing \"a\" {\n}\n"}
	return Block{Doc: "All there is.", Blocks: []Block{base.With(
		Fragment{Attributes: []Attribute{
			{Name: "path", Type: cty.String, Required: true, Doc: "Where | what."},
			{Name: "size", Type: cty.Number, Default: cty.NumberIntVal(3), Doc: "How many.", Example: "5"},
			{Name: "mode", Type: cty.String, OneOf: []string{"a", "b"}, Default: cty.StringVal("a")},
		}},
		Fragment{Blocks: []Block{{
			Type: "store", Required: true, Labels: []Label{{Name: "kind", OneOf: []string{"local", "remote"}}},
			Attributes: []Attribute{
				{Name: "password", Type: cty.String, Secret: true, Required: true, Labels: []string{"remote"}},
				{Name: "tags", Type: cty.Map(cty.List(cty.String)), Labels: []string{"remote"}},
				{Name: "more", Type: cty.DynamicPseudoType},
			},
		}}},
	)}}
}

func TestReference(t *testing.T) {
	var b strings.Builder
	if err := Reference(sampleRoot(), &b); err != nil {
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

func TestChecks(t *testing.T) {
	for _, c := range []struct {
		name      string
		check     func(cty.Value) error
		good, bad []cty.Value
	}{
		{"Duration", Duration, strs("90s", "26h", "1h30m", "0s"), strs("", "1", "one day", "-1h")},
		{"AbsolutePath", AbsolutePath, strs("/", "/a b"), strs("", "a", "./a", "/a\n", "/a\x00")},
		{"NotEmpty", NotEmpty, append(strs("a"), cty.ListVal(strs("a"))), append(strs("", " "), cty.ListValEmpty(cty.String))},
		{"Port", Port, nums(1, 65535), nums(0, 65536, 1.5, -1)},
		{"BasePort", BasePort, nums(1024, 65526), nums(80, 65527)},
		{"Whole", Whole, nums(0, -3), nums(0.5)},
		{"Matches", Matches("[0-9a-f]{2}", "two digits"), strs("0f"), strs("", "0", "0f\n", "x0f")},
	} {
		for _, v := range c.good {
			if err := c.check(v); err != nil {
				t.Errorf("%s refuses %#v: %v", c.name, v, err)
			}
		}
		for _, v := range c.bad {
			if err := c.check(v); err == nil || !strings.HasPrefix(err.Error(), "must ") {
				t.Errorf("%s(%#v) = %v", c.name, v, err)
			}
		}
	}
}

func strs(in ...string) []cty.Value {
	var out []cty.Value
	for _, s := range in {
		out = append(out, cty.StringVal(s))
	}
	return out
}

func nums(in ...float64) []cty.Value {
	var out []cty.Value
	for _, n := range in {
		out = append(out, cty.NumberFloatVal(n))
	}
	return out
}

func TestAppliesTo(t *testing.T) {
	a := Attribute{Labels: []string{"x"}}
	if !a.AppliesTo([]string{"x"}) || a.AppliesTo([]string{"y"}) || a.AppliesTo(nil) {
		t.Error("an attribute for one label")
	}
	if all := (&Attribute{}); !all.AppliesTo(nil) {
		t.Error("an attribute for all")
	}
}
