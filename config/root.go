package config

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

// InstanceSchema is the instance block: the base that every instance has, and
// what the aspects add.
func InstanceSchema(fragments ...schema.Fragment) schema.Block {
	return schema.Block{
		Type:     "instance",
		Labels:   []schema.Label{{Name: "name", Doc: "The instance's name in addresses: an identifier."}},
		Multiple: true,
		Doc:      "Declares one DSS instance, or with `for_each` several alike. What is absent is not managed.",
		Example: `instance "design" {
  data_dir = "/data/dataiku/design"
}`,
		Attributes: []schema.Attribute{
			{
				Name: forEach, Type: cty.DynamicPseudoType, Meta: true,
				Doc:     "A map, or a set of strings: one instance is declared for each element. Inside the block `each.key` and `each.value` are the element; the addresses are `instance.NAME[\"KEY\"]`.",
				Example: `toset(["auto1", "auto2"])`,
			},
			{
				Name: "data_dir", Type: cty.String, Required: true, Public: true, Check: schema.AbsolutePath,
				Doc: "The instance's data directory.", Example: `"/data/dataiku/design"`,
			},
			{
				Name: "companion_dir", Type: cty.String, Public: true, Check: schema.AbsolutePath,
				Doc: "The folder outside the data directory in which dssctl keeps what belongs to this instance alone, such as its lock and its safety copies.",
			},
			{
				Name: "mode", Type: cty.String, Default: cty.StringVal(manage), OneOf: []string{manage, observe}, Meta: true,
				Doc: "With `observe`, differences are shown and nothing is done about them.",
			},
			{
				Name: "ignore", Type: cty.List(cty.String), Public: true, Meta: true,
				Doc:     "Attributes and blocks whose drift is somebody else's business: where the live instance differs there, it is left as it is, and the plan says so.",
				Example: `["runtime_database.pool", "general_settings.ldap"]`,
			},
			{
				Name: "protect", Type: cty.Bool,
				Doc: "With `true`, whatever loses data or cannot be undone is refused, and so is taking the instance or a block of it out of the files. State remembers it: only an applied `protect = false` lifts it, no missing line.",
			},
		},
		Blocks: []schema.Block{preconditionSchema},
	}.With(fragments...)
}

// instanceType is the type of the block that declares an instance.
const instanceType = "instance"

// The modes of an instance.
const (
	manage  = "manage"
	observe = "observe"
)

// RootSchema is all that a file may hold, for documentation. instance is the
// whole instance block, see InstanceSchema.
func RootSchema(instance schema.Block) schema.Block {
	return schema.Block{
		Doc:    "The files `*.dss.hcl` and `*.dss.hcl.json` of one folder make an estate.",
		Blocks: []schema.Block{settingsSchema, variableSchema, localsSchema, instance, moduleSchema, checkSchema, outputSchema, movedSchema, forgetSchema, importSchema},
	}
}

var settingsSchema = schema.Block{
	Type: "dssctl",
	Doc:  "Settings of the estate as a whole.",
	Example: `dssctl {
  required_version = ">= 0.1"
  state "local" {}
}`,
	Attributes: []schema.Attribute{
		{Name: "required_version", Type: cty.String, Doc: "The versions of dssctl that may read this estate. A string without expressions.", Example: `">= 0.1, < 2.0"`},
	},
	Blocks: []schema.Block{stateSchema},
}

var stateSchema = schema.Block{
	Type:    "state",
	Labels:  []schema.Label{{Name: "type", OneOf: []string{"local"}, Doc: "`local`: the folder `.dssctl` beside the files."}},
	Doc:     "Where dssctl keeps its memory. Without this block it is `local`.",
	Example: `state "local" {}`,
}

var variableSchema = schema.Block{
	Type:     "variable",
	Labels:   []schema.Label{{Name: "name", Doc: "An identifier; the value is `var.NAME`."}},
	Multiple: true,
	Doc:      "Declares a value that is given from outside. In rising order of precedence: `default`, `*.auto.vars.hcl` files, `-var-file`, `-var NAME=VALUE`, the environment variable `DSSCTL_VAR_NAME`.",
	Example: `variable "pg_password" {
  type      = string
  sensitive = true
}`,
	Attributes: []schema.Attribute{
		{Name: "type", Type: cty.DynamicPseudoType, Doc: "A type constraint: `string`, `number`, `bool`, `any`, `list(T)`, `set(T)`, `map(T)`, `tuple([…])`, `object({ a = T, b = optional(T, DEFAULT) })`. Without it any value is taken as it is.", Example: "list(string)"},
		{Name: "default", Type: cty.DynamicPseudoType, Doc: "Makes the variable optional. No references, no functions."},
		{Name: "description", Type: cty.String, Doc: "What the value is for; shown when it is asked for."},
		{Name: "sensitive", Type: cty.Bool, Default: cty.False, Doc: "The value, and whatever is made of it, appears nowhere."},
		{Name: "nullable", Type: cty.Bool, Default: cty.True, Doc: "Whether null may be given. With false, null means the default."},
		{Name: "deprecated", Type: cty.String, Doc: "A message shown as a warning to whoever still gives the variable a value."},
	},
	Blocks: []schema.Block{{
		Type:     "validation",
		Multiple: true,
		Doc:      "A rule that the value must meet; all are checked.",
		Attributes: []schema.Attribute{
			{Name: "condition", Type: cty.DynamicPseudoType, Required: true, Doc: "True for a good value. It may use `var` and functions.", Example: `contains(["dev", "prod"], var.env)`},
			{Name: "error_message", Type: cty.DynamicPseudoType, Required: true, Doc: "What is said otherwise: a whole sentence."},
		},
	}},
}

var localsSchema = schema.Block{
	Type:     "locals",
	Multiple: true,
	Doc:      "Names for expressions: any attributes; the value of each is `local.NAME`. They may use `var`, functions and each other, in any order.",
	Example: `locals {
  nodes = { auto1 = { port = 11300 }, auto2 = { port = 11400 } }
}`,
}
