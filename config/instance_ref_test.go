package config

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

// originSchema has an attribute that stands for an instance, in a block.
func originSchema() schema.Block {
	s := InstanceSchema(schema.Fragment{
		Attributes: []schema.Attribute{{Name: "api_key", Type: cty.String, Secret: true}},
		Blocks:     []schema.Block{{Type: "origin", Attributes: []schema.Attribute{{Name: "of", Type: cty.String, Public: true, Instance: true}}}},
	})
	return s
}

func TestInstanceAttribute(t *testing.T) {
	e := load(t, LoadOptions{Schema: originSchema()}, map[string]string{"main.dss.hcl": `
instance "a" {
  data_dir = "/a"
  origin { of = instance.design }
}
instance "b" {
  for_each = toset(["one", "two"])
  data_dir = "/b/${each.key}"
  origin { of = instance.auto[each.key] }
}
instance "auto" {
  for_each = toset(["one", "two"])
  data_dir = "/auto/${each.key}"
}
instance "design" {
  data_dir = "/design"
  api_key  = "planted-key"
}
`})
	want := map[string]string{"instance.a": "instance.design", `instance.b["one"]`: `instance.auto["one"]`, `instance.b["two"]`: `instance.auto["two"]`}
	for _, in := range e.Instances {
		b := in.Child("origin")
		if b == nil {
			continue
		}
		if got := b.String("of"); got != want[in.Address] {
			t.Errorf("%s: of is %q, want %q", in.Address, got, want[in.Address])
		}
	}
	for name := range e.Secrets {
		if !strings.HasPrefix(name, "instance.design.api_key") {
			t.Errorf("the other's secret came along as %s", name)
		}
	}
}

func TestInstanceAttributeRefused(t *testing.T) {
	for of, want := range map[string]string{
		`"instance.design"`:        "must be an instance of the estate",
		`instance.design.data_dir`: "must be an instance of the estate",
		`instance.auto`:            "must be an instance of the estate",
		`instance.clone`:           "refers to itself",
		`instance.desing`:          `Did you mean "design"?`,
		`[instance.design]`:        "must be an instance of the estate",
	} {
		_, diags := tryLoad(LoadOptions{Schema: originSchema()}, map[string]string{"main.dss.hcl": `
instance "clone" {
  data_dir = "/clone"
  origin { of = ` + of + ` }
}
instance "auto" {
  for_each = toset(["one"])
  data_dir = "/auto/${each.key}"
}
instance "design" { data_dir = "/design" }
`})
		if !diags.HasErrors() || !strings.Contains(diags.Error(), want) {
			t.Errorf("of = %s: %v, want %q", of, diags, want)
		}
		if len(diags) != 1 {
			t.Errorf("of = %s: %d diagnostics: %v", of, len(diags), diags)
		}
	}
}

// An instance goes into a module as an argument, and comes out of one as an
// output.
func TestInstanceOfModules(t *testing.T) {
	e := load(t, LoadOptions{Schema: originSchema()}, map[string]string{
		"main.dss.hcl": `
module "source" { source = "./source" }
module "clone" {
  source   = "./clone"
  for_each = { one = instance.design, two = module.source.node }
  from     = each.value
  name     = each.key
}
instance "again" {
  data_dir = "/again"
  origin { of = module.clone["two"].node }
}
instance "design" { data_dir = "/design" }
`,
		"source/m.dss.hcl": "instance \"node\" {\n  data_dir = \"/source\"\n}\noutput \"node\" {\n  value = instance.node\n}\n",
		"clone/m.dss.hcl":  "variable \"from\" {}\nvariable \"name\" {}\ninstance \"node\" {\n  data_dir = \"/${var.name}\"\n  origin { of = var.from }\n}\noutput \"node\" {\n  value = instance.node\n}\n",
	})
	want := map[string]string{
		"instance.again":                    `module.clone["two"].instance.node`,
		`module.clone["one"].instance.node`: "instance.design", `module.clone["two"].instance.node`: "module.source.instance.node",
	}
	for _, in := range e.Instances {
		if b := in.Child("origin"); b != nil && b.String("of") != want[in.Address] {
			t.Errorf("%s: of is %q, want %q", in.Address, b.String("of"), want[in.Address])
		}
	}
	for of, why := range map[string]string{`{ data_dir = "/design" }`: "must be an instance", "module.source": "must be an instance", "module.source.nod": `Did you mean "node"`} {
		_, diags := tryLoad(LoadOptions{Schema: originSchema()}, map[string]string{
			"main.dss.hcl":     "module \"source\" {\n  source = \"./source\"\n}\ninstance \"x\" {\n  data_dir = \"/x\"\n  origin {\n    of = " + of + "\n  }\n}\ninstance \"design\" {\n  data_dir = \"/design\"\n}\n",
			"source/m.dss.hcl": "instance \"node\" {\n  data_dir = \"/source\"\n}\noutput \"node\" {\n  value = instance.node\n}\n",
		})
		if len(diags) != 1 || !strings.Contains(diags.Error(), why) {
			t.Errorf("of = %s: %v, want %q", of, diags, why)
		}
	}
}
