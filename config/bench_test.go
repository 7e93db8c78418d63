package config

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

// testSchema resembles what the aspects add.
func testSchema() schema.Block {
	return InstanceSchema(schema.Fragment{
		Attributes: []schema.Attribute{
			{Name: "node_type", Type: cty.String, OneOf: []string{"design", "automation", "deployer", "api", "govern"}},
			{Name: "port", Type: cty.Number, Check: schema.BasePort},
			{Name: "api_key", Type: cty.String, Secret: true},
			{Name: "install_ini", Type: cty.Map(cty.Map(cty.String))},
			{Name: "general_settings", Type: cty.DynamicPseudoType},
		},
		Blocks: []schema.Block{
			{
				Type: "runtime_database", Doc: "Where DSS keeps its runtime data.",
				Labels: []schema.Label{{Name: "kind", OneOf: []string{"embedded", "postgresql"}}},
				Attributes: []schema.Attribute{
					{Name: "host", Type: cty.String, Required: true, Labels: []string{"postgresql"}, Check: schema.NotEmpty},
					{Name: "port", Type: cty.Number, Default: cty.NumberIntVal(5432), Labels: []string{"postgresql"}, Check: schema.Port},
					{Name: "database", Type: cty.String, Required: true, Labels: []string{"postgresql"}, Check: schema.NotEmpty},
					{Name: "schema", Type: cty.String, Default: cty.StringVal("public"), Labels: []string{"postgresql"}},
					{Name: "table_prefix", Type: cty.String, Labels: []string{"postgresql"}},
					{Name: "user", Type: cty.String, Labels: []string{"postgresql"}},
					{Name: "password", Type: cty.String, Secret: true, Labels: []string{"postgresql"}},
					{Name: "properties", Type: cty.Map(cty.String), Labels: []string{"postgresql"}},
				},
				Blocks: []schema.Block{{
					Type:       "pool",
					Attributes: []schema.Attribute{{Name: "max_pooled", Type: cty.Number, Check: schema.Whole}},
				}},
			},
			{
				Type: "backup", Multiple: true, Labels: []schema.Label{{Name: "name"}},
				Attributes: []schema.Attribute{
					{Name: "destination", Type: cty.String, Required: true, Check: schema.AbsolutePath},
					{Name: "max_age", Type: cty.String, Check: schema.Duration},
					{Name: "exclude", Type: cty.List(cty.String), OneOf: []string{"temporary", "logs", "exports"}},
				},
			},
		},
	})
}

func separate(n int) string {
	var b strings.Builder
	b.WriteString("variable \"pw\" {\n  sensitive = true\n  default = \"s3cr3t\"\n}\n")
	for i := range n {
		fmt.Fprintf(&b, `
instance "node%d" {
  data_dir  = "/data/dataiku/node%d"
  node_type = "design"
  port      = %d

  runtime_database "postgresql" {
    host         = "pg.internal"
    database     = "dss"
    schema       = "dss_runtime"
    table_prefix = "n%d_"
    user         = "dss"
    password     = var.pw
  }
}
`, i, i, 2000+10*(i%6000), i)
	}
	return b.String()
}

func repeatedly(n int) string {
	// range ends at 1024 elements, so larger estates are nested.
	return fmt.Sprintf(`
locals {
  nodes = { for i in flatten([for a in range(%d) : [for b in range(1000) : a * 1000 + b]]) : "n${i}" => { port = 2000 + 10 * (i %% 6000) } }
}
variable "pw" {
  sensitive = true
  default = "s3cr3t"
}
instance "auto" {
  for_each  = local.nodes
  data_dir  = "/data/dataiku/${each.key}"
  node_type = "automation"
  port      = each.value.port

  runtime_database "postgresql" {
    host         = "pg.internal"
    database     = "dss"
    schema       = "dss_runtime"
    table_prefix = "${each.key}_"
    user         = "dss"
    password     = var.pw
  }
}
`, n/1000)
}

func chained(n int) string {
	var b strings.Builder
	b.WriteString("instance \"n0\" {\n  data_dir = \"/d/0\"\n  port = 2000\n}\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "instance \"n%d\" {\n  data_dir = \"/d/%d\"\n  port = instance.n%d.port\n}\n", i, i, i-1)
	}
	return b.String()
}

// inModules is the instance of the others in a module that is called n times.
func inModules(n int) fstest.MapFS {
	src := fmt.Sprintf(`
locals {
  nodes = { for i in flatten([for a in range(%d) : [for b in range(1000) : a * 1000 + b]]) : "n${i}" => 2000 + 10 * (i %% 6000) }
}
variable "pw" {
  sensitive = true
  default = "s3cr3t"
}
module "auto" {
  source   = "./node"
  for_each = local.nodes
  name     = each.key
  port     = each.value
  password = var.pw
}
`, n/1000)
	return fstest.MapFS{"main.dss.hcl": {Data: []byte(src)}, "node/main.dss.hcl": {Data: []byte(`
variable "name" {}
variable "port" { type = number }
variable "password" { sensitive = true }
instance "node" {
  data_dir  = "/data/dataiku/${var.name}"
  node_type = "automation"
  port      = var.port

  runtime_database "postgresql" {
    host         = "pg.internal"
    database     = "dss"
    schema       = "dss_runtime"
    table_prefix = "${var.name}_"
    user         = "dss"
    password     = var.password
  }
}
output "port" { value = instance.node.port }
`)}}
}

func BenchmarkLoad(b *testing.B) {
	spec := testSchema()
	for _, c := range []struct {
		name string
		src  string
		n    int
	}{
		{"modules/1000", "", 1000},
		{"modules/10000", "", 10000},
		{"separate/1000", separate(1000), 1000},
		{"separate/2000", separate(2000), 2000},
		{"for_each/1000", repeatedly(1000), 1000},
		{"for_each/10000", repeatedly(10000), 10000},
		{"chain/1000", chained(1000), 1000},
		{"chain/2000", chained(2000), 2000},
	} {
		b.Run(c.name, func(b *testing.B) {
			files := fstest.MapFS{"main.dss.hcl": {Data: []byte(c.src)}}
			if c.src == "" {
				files = inModules(c.n)
			}
			b.ReportAllocs()
			for b.Loop() {
				e, diags := Load(LoadOptions{FS: files, Schema: spec})
				if diags.HasErrors() || len(e.Instances) != c.n {
					b.Fatal(len(e.Instances), diags)
				}
			}
		})
	}
}
