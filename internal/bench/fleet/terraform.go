package fleet

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Terraform returns n terraform_data resources of the same shape: the built-in
// resource, which looks at nothing.
func Terraform(n int, s Shape) string {
	var b strings.Builder
	switch s {
	case Each:
		fmt.Fprintf(&b, "resource \"terraform_data\" \"node\" {\n  for_each = toset([for i in %s : tostring(i)])\n  input    = \"/data/dataiku/${each.key}\"\n}\n", numbers(n))
	default:
		for i := range n {
			fmt.Fprintf(&b, "resource \"terraform_data\" \"n%d\" {\n  input = \"/data/dataiku/%d\"\n", i, i)
			if s == Chain && i > 0 {
				fmt.Fprintf(&b, "  depends_on = [terraform_data.n%d]\n", i-1)
			}
			b.WriteString("}\n\n")
		}
	}
	return b.String()
}

// TerraformState returns the state that an apply of these resources leaves, so
// that a plan has nothing to do. Applying them takes minutes.
func TerraformState(n int, s Shape) ([]byte, error) {
	type instance struct {
		IndexKey   string         `json:"index_key,omitempty"`
		Attributes map[string]any `json:"attributes"`
		Sensitive  []any          `json:"sensitive_attributes"`
		Depends    []string       `json:"dependencies,omitempty"`
	}
	type resource struct {
		Mode      string     `json:"mode"`
		Type      string     `json:"type"`
		Name      string     `json:"name"`
		Provider  string     `json:"provider"`
		Instances []instance `json:"instances"`
	}
	var all []resource
	add := func(name string, in ...instance) {
		all = append(all, resource{"managed", "terraform_data", name, `provider["terraform.io/builtin/terraform"]`, in})
	}
	one := func(i int) instance {
		path := map[string]any{"value": fmt.Sprintf("/data/dataiku/%d", i), "type": "string"}
		return instance{Sensitive: []any{}, Attributes: map[string]any{
			"id": fmt.Sprintf("00000000-0000-4000-8000-%012d", i), "input": path, "output": path, "triggers_replace": nil,
		}}
	}
	var each []instance
	for i := range n {
		in := one(i)
		switch {
		case s == Each:
			in.IndexKey = fmt.Sprint(i)
			each = append(each, in)
			continue
		case s == Chain && i > 0:
			in.Depends = []string{fmt.Sprintf("terraform_data.n%d", i-1)}
		}
		add(fmt.Sprintf("n%d", i), in)
	}
	if s == Each {
		add("node", each...)
	}
	return json.Marshal(map[string]any{
		"version": 4, "terraform_version": "1.0.0", "serial": 1,
		"lineage": "00000000-0000-4000-8000-000000000000", "outputs": map[string]any{}, "resources": all,
	})
}
