package backup

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

func TestOriginRefused(t *testing.T) {
	str := func(name string) schema.Attribute { return schema.Attribute{Name: name, Type: cty.String} }
	fragment := schema.Fragment{
		Attributes: []schema.Attribute{{Name: "port", Type: cty.Number}},
		Blocks: []schema.Block{{
			Type: providers.OriginBlock, Labels: []schema.Label{{Name: "kind"}},
			Attributes: []schema.Attribute{{Name: "of", Type: cty.String, Instance: true}, str("policy"), str("set"), str("kit")},
		}, {
			Type: "runtime_database", Labels: []schema.Label{{Name: "type"}},
			Attributes: []schema.Attribute{
				str("host"),
				{Name: "port", Type: cty.Number},
				str("database"), str("schema"), str("table_prefix"), str("user"),
				{Name: "password", Type: cty.String, Secret: true},
			},
		}},
	}
	dir := t.TempDir()
	kit := filepath.Join(dir, "kit")
	for name, text := range map[string]string{"installer.sh": "", "dss-version.json": `{"product_version":"14.4.1"}`} {
		if err := os.MkdirAll(kit, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(kit, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	at, err := dss.Open(filepath.Join(dir, "new"), dss.Options{Bare: true, UID: func() int { return 1 }})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ origin, more, want string }{
		"which of two":      {"of = instance.design", "", "name the one whose sets are meant"},
		"no such policy":    {`of = instance.design` + "\n" + `policy = "weekly"`, "", `no block backup "weekly"`},
		"none of its own":   {"", "", "has 0 blocks backup"},
		"no kit there":      {`of = instance.design` + "\n" + `policy = "a"` + "\n" + `kit = "/nowhere"`, "", "/nowhere has no installer.sh"},
		"no set":            {`of = instance.design` + "\n" + `policy = "a"` + "\n" + fmt.Sprintf("kit = %q", kit), "", "has no good set"},
		"a secret for host": {`of = instance.design` + "\n" + `policy = "a"` + "\n" + fmt.Sprintf("kit = %q", kit), "runtime_database \"postgresql\" {\n host = var.secret\n }", "cannot be made of a sensitive value"},
	} {
		t.Run(name, func(t *testing.T) {
			src := fmt.Sprintf(`
variable "secret" {
  type      = string
  sensitive = true
  default   = "planted-host"
}
instance "design" {
  data_dir = "/data/design"
  backup "a" { destination = %q }
  backup "b" { destination = %q }
}
instance "new" {
  data_dir = "/data/new"
  origin "backup" {
    %s
  }
  %s
}
`, filepath.Join(dir, "a"), filepath.Join(dir, "b"), tt.origin, tt.more)
			p := New(Options{})
			e, diags := config.Load(config.LoadOptions{
				FS: fstest.MapFS{"main.dss.hcl": {Data: []byte(src)}}, Schema: config.InstanceSchema(p.Schema(), fragment),
			})
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			in := e.Instances[1]
			o, ok := NewOrigin(p).Survey(e.Instances, e.Secrets).(*Origin)
			if !ok {
				t.Fatal("a survey returns another provider")
			}
			seen, err := o.Observe(t.Context(), providers.ObserveRequest{Address: in.Address, Desired: in, Instance: at, Absent: true, Secrets: e.Secrets})
			if err != nil {
				t.Fatal(err)
			}
			pr, diags := NewOrigin(p).Make(providers.Request{Address: in.Address, Desired: in, Observed: seen})
			if !diags.HasErrors() || len(pr.Steps) > 0 || !strings.Contains(diags[0].Detail, tt.want) || strings.Contains(diags.Error(), "planted") {
				t.Errorf("%d steps, %v; want %q", len(pr.Steps), diags, tt.want)
			}
		})
	}
}
