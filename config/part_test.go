package config

import (
	"testing"

	"github.com/zclconf/go-cty/cty"
)

func TestPartCovers(t *testing.T) {
	for _, c := range []struct {
		part, path string
		want       bool
	}{
		{"runtime_database", "runtime_database", true},
		{"runtime_database", "runtime_database.pool.max_pooled", true},
		{"runtime_database.pool", "runtime_database.pool.max_pooled", true},
		{"runtime_database.pool", "runtime_database", false},
		{"runtime_database.po", "runtime_database.pool", false},
		{`install_ini.javaopts["backend.xmx"]`, "install_ini.javaopts.backend.xmx", true},
		{`install_ini.javaopts["backend.xmx"]`, "install_ini.javaopts.backend.xmx2", false},
		{`install_ini.javaopts.backend.xmx`, "install_ini.javaopts.backend.xmx", true},
		{`general_settings["a b"].c`, `general_settings["a b"].c.d`, true},
	} {
		p, _, err := parsePart(c.part)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Covers(c.path); got != c.want {
			t.Errorf("%s covers %s: %t", c.part, c.path, got)
		}
	}
}

func TestLeaving(t *testing.T) {
	e := load(t, LoadOptions{Vars: []string{"pw=hunter2"}}, map[string]string{"m.dss.hcl": `
variable "pw" {
  sensitive = true
}
instance "i" {
  data_dir         = "/d"
  port             = 2000
  install_ini      = { javaopts = { "backend.xmx" = "8g", "backend" = "x" } }
  general_settings = { a = { b = 1, c = "x" }, only = { one = 1 }, secret = { s = var.pw, t = 1 }, list = [1] }
  runtime_database "postgresql" {
    host     = "pg"
    database = "dss"
    password = var.pw
    pool {
      max_pooled = 5
    }
  }
}`})
	in := e.Instances[0]
	settings := cty.ObjectVal
	whole := in.Value("general_settings").AsValueMap()
	for _, c := range []struct {
		path, live string
		get        func(*Instance) cty.Value
		want       cty.Value
	}{
		{"port", "2010", func(i *Instance) cty.Value { return i.Value("port") }, cty.NumberIntVal(2010)},
		{"port", "", func(i *Instance) cty.Value { return cty.BoolVal(i.Has("port")) }, cty.False},
		{"install_ini.javaopts.backend.xmx", `"4g"`, func(i *Instance) cty.Value { return i.Value("install_ini") }, cty.MapVal(map[string]cty.Value{
			"javaopts": cty.MapVal(map[string]cty.Value{"backend.xmx": cty.StringVal("4g"), "backend": cty.StringVal("x")}),
		})},
		{"general_settings.a.b", `"text"`, func(i *Instance) cty.Value { return i.Value("general_settings").GetAttr("a") }, cty.ObjectVal(map[string]cty.Value{
			"b": cty.StringVal("text"), "c": cty.StringVal("x"),
		})},
		{"general_settings.only.one", "null", func(i *Instance) cty.Value { return i.Value("general_settings") }, settings(map[string]cty.Value{
			"a": whole["a"], "secret": whole["secret"], "list": whole["list"],
		})},
		{"general_settings.secret.s", "", func(i *Instance) cty.Value { return i.Value("general_settings").GetAttr("secret") }, cty.ObjectVal(map[string]cty.Value{"t": cty.NumberIntVal(1)})},
		{"runtime_database.pool.max_pooled", "50", func(i *Instance) cty.Value { return i.Child("runtime_database").Child("pool").Value("max_pooled") }, cty.NumberIntVal(50)},
		{"runtime_database.pool", "", func(i *Instance) cty.Value { return cty.BoolVal(i.Child("runtime_database").Child("pool") == nil) }, cty.True},
	} {
		out, ok := in.Leaving(c.path, []byte(c.live))
		if !ok {
			t.Errorf("%s cannot be left", c.path)
			continue
		}
		if got := c.get(out); !got.RawEquals(c.want) {
			t.Errorf("%s: got %#v, want %#v", c.path, got, c.want)
		}
	}
	for _, path := range []string{"node_type", "general_settings.none", "general_settings.list.x", "runtime_database.type", "other"} {
		if _, ok := in.Leaving(path, []byte("1")); ok {
			t.Errorf("%s can be left, and nothing is declared there", path)
		}
	}
	if in.Int("port") != 2000 || in.Child("runtime_database").Child("pool").Int("max_pooled") != 5 {
		t.Error("the instance itself was changed")
	}
}
