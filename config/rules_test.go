package config

import (
	"testing"

	"github.com/zclconf/go-cty/cty"
)

const ruled = `
variable "pw" {
  default   = "hunter2"
  sensitive = true
}
instance "design" {
  data_dir = "/data/design"
  port     = 11200
  precondition {
    condition     = self.port > 20000
    error_message = "Too low."
  }
}
instance "auto" {
  for_each = { a = 11300, b = 11400 }
  data_dir = "/data/${each.key}"
  port     = each.value
}
output "ports" {
  description = "Where they listen."
  value       = { for name, i in instance : name => i.port }
}
output "b" {
  value = instance.auto["b"].port
}
output "key" {
  value     = [var.pw]
  sensitive = true
}
output "fixed" {
  value     = 1
  sensitive = true
}
check "never" {
  assert {
    condition     = false
    error_message = "Said always."
  }
}
`

func TestOutputsAndFindings(t *testing.T) {
	e := load(t, LoadOptions{}, map[string]string{"m.dss.hcl": ruled})
	want := map[string]cty.Value{
		"ports": cty.ObjectVal(map[string]cty.Value{"design": cty.NumberIntVal(11200), `auto["a"]`: cty.NumberIntVal(11300), `auto["b"]`: cty.NumberIntVal(11400)}),
		"b":     cty.NumberIntVal(11400),
		"key":   cty.TupleVal([]cty.Value{cty.StringVal("hunter2").Mark(sensitive)}).Mark(sensitive),
		"fixed": cty.NumberIntVal(1).Mark(sensitive),
	}
	if len(e.Outputs) != len(want) || e.Outputs[0].Name != "b" {
		t.Errorf("outputs: %+v", e.Outputs)
	}
	for _, o := range e.Outputs {
		if !o.Value.RawEquals(want[o.Name]) || o.Sensitive != o.Value.IsMarked() {
			t.Errorf("output %s: %#v", o.Name, o.Value)
		}
	}
	if len(e.Checks) != 1 || len(e.Instances[2].Refused) != 1 || len(e.Instances[0].Refused) != 0 || len(e.Findings()) != 2 {
		t.Errorf("findings: %v", e.Findings())
	}
	if _, err := e.Select([]string{"instance.design.precondition"}, nil); err == nil {
		t.Error("a precondition has no address")
	}
}

func TestMoveOf(t *testing.T) {
	e := load(t, LoadOptions{}, map[string]string{"m.dss.hcl": `
instance "auto" {
  for_each = toset(["a", "b"])
  data_dir = "/data/${each.key}"
}
moved {
  from = instance.nodes
  to   = instance.auto
}
moved {
  from = instance.single
  to   = instance.auto["a"]
}
forget {
  from = instance.gone
}`})
	got := map[string]string{}
	for _, a := range []string{"instance.nodes", `instance.nodes["b"]`, "instance.single", `instance.single["x"]`, "instance.nodes2"} {
		for _, m := range e.Moves {
			if to, ok := m.Of(a); ok {
				got[a] = to
			}
		}
	}
	want := map[string]string{"instance.nodes": "instance.auto", `instance.nodes["b"]`: `instance.auto["b"]`, "instance.single": `instance.auto["a"]`}
	if len(got) != len(want) || len(e.Forgets) != 1 || e.Forgets[0].String() != "instance.gone" {
		t.Errorf("moves %v, forgets %v", got, e.Forgets)
	}
	for a, to := range want {
		if got[a] != to {
			t.Errorf("%s moves to %q", a, got[a])
		}
	}
}
