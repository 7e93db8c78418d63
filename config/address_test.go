package config

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAddress(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Address
		text string // where it is written in another way
	}{
		{"instance.design", Address{Name: "design"}, ""},
		{`instance.automation["auto1"]`, Address{Name: "automation", Key: "auto1", HasKey: true}, ""},
		{`instance.automation["a\"b ${x}"]`, Address{}, "error"},
		{`instance.automation["a\"b"].backup.nightly`, Address{Name: "automation", Key: `a"b`, HasKey: true, Block: "backup.nightly"}, ""},
		{`instance.design.backup["on demand"]`, Address{Name: "design", Block: `backup["on demand"]`}, ""},
		{`instance.design.runtime_database.pool`, Address{Name: "design", Block: "runtime_database.pool"}, ""},
		{`instance.n[1]`, Address{Name: "n", Key: "1", HasKey: true}, `instance.n["1"]`},
		{"module.node.instance.design", Address{Module: []Step{{Name: "node"}}, Name: "design"}, ""},
		{`module.node["a.b"].module.inner.instance.design["k"].backup.nightly`, Address{Module: []Step{{"node", "a.b", true}, {Name: "inner"}}, Name: "design", Key: "k", HasKey: true, Block: "backup.nightly"}, ""},
		{`module.node["a"]`, Address{Module: []Step{{"node", "a", true}}}, ""},
		{"module", Address{}, "error"},
		{"module.node.design", Address{}, "error"},
		{`module.node["a"]["b"]`, Address{}, "error"},
		{"module.node.instance", Address{}, "error"},
		{`module["a"].instance.b`, Address{}, "error"},
		{"", Address{}, "error"},
		{"design", Address{}, "error"},
		{"instance", Address{}, "error"},
		{"backup.design", Address{}, "error"},
		{"instance.a[*]", Address{}, "error"},
		{`instance["a"]`, Address{}, "error"},
		{`instance.a["b"]["c"]`, Address{}, "error"},
		{"instance.a b", Address{}, "error"},
		{strings.Repeat("a.", 5000), Address{}, "error"},
	} {
		got, err := ParseAddress(c.in)
		if c.text == "error" {
			if err == nil || !strings.Contains(err.Error(), "address") {
				t.Errorf("%.40q: got %+v, %v", c.in, got, err)
			}
			continue
		}
		want := c.text
		if want == "" {
			want = c.in
		}
		if err != nil || !reflect.DeepEqual(got, c.want) || got.String() != want {
			t.Errorf("%q: got %+v = %s, %v", c.in, got, got, err)
		}
	}
}

func TestSelect(t *testing.T) {
	e := load(t, LoadOptions{}, map[string]string{"m.dss.hcl": `
instance "auto" {
  for_each = toset(["auto1", "auto2"])
  data_dir = "/data/${each.key}"
}
instance "design" {
  data_dir = "/data/design"
  runtime_database "embedded" {}
  backup "nightly" { destination = "/b" }
  backup "weekly" { destination = "/b" }
}
instance "design2" { data_dir = "/data/design2" }`})
	for _, c := range []struct {
		name              string
		targets, excludes []string
		want              string // instances, and blocks of design that are included
	}{
		{"all", nil, nil, `auto["auto1"] auto["auto2"] design design2 | runtime_database backup backup.nightly backup.weekly general_settings`},
		{"one", []string{"instance.design"}, nil, "design | runtime_database backup backup.nightly backup.weekly general_settings"},
		{"all keys", []string{"instance.auto"}, nil, `auto["auto1"] auto["auto2"] |`},
		{"one key", []string{`instance.auto["auto2"]`}, nil, `auto["auto2"] |`},
		{"a block", []string{"instance.design.runtime_database"}, nil, "design | runtime_database"},
		{"a labelled block", []string{"instance.design.backup.nightly"}, nil, "design | backup backup.nightly"},
		{"a type of block", []string{"instance.design.backup"}, nil, "design | backup backup.nightly backup.weekly"},
		{"an attribute", []string{"instance.design.general_settings"}, nil, "design | general_settings"},
		{"without a block", nil, []string{"instance.design.backup.nightly", "instance.auto"}, "design design2 | runtime_database backup backup.weekly general_settings"},
		{"target and exclude", []string{"instance.design", "instance.auto"}, []string{`instance.auto["auto1"]`, "instance.design.runtime_database"}, `auto["auto2"] design | backup backup.nightly backup.weekly general_settings`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := e.Select(c.targets, c.excludes)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, in := range s.Instances() {
				got = append(got, strings.TrimPrefix(in.Address, "instance."))
			}
			got = append(got, "|")
			for _, b := range []string{"runtime_database", "backup", "backup.nightly", "backup.weekly", "general_settings"} {
				if s.IncludesBlock("instance.design", b) {
					got = append(got, b)
				}
			}
			if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
			if s.All() != (c.name == "all") {
				t.Error("All")
			}
		})
	}
	for address, want := range map[string]string{
		"instance.desing":                 `Did you mean "instance.design"?`,
		`instance.auto["auto3"]`:          `instance.auto["auto3"]`,
		"instance.design.runtime_databse": `Did you mean "runtime_database"?`,
		"instance.design.backup.nightley": `Did you mean "backup.nightly"?`,
		"instance.design2.backup.nightly": `there is no "backup.nightly" in instance.design2`,
		"design":                          `must begin with "instance." or "module."`,
	} {
		for _, args := range [][2][]string{{{address}, nil}, {nil, {address}}} {
			if _, err := e.Select(args[0], args[1]); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", address, err, want)
			}
		}
	}
}

func TestCovers(t *testing.T) {
	addresses := []string{
		"instance.a", `instance.a["k"]`, `instance.a["k\"]."]`, "instance.ab", "module.m.instance.a", `module.m["x"].instance.a`,
		`module.m["x"].instance.a["k"]`, `module.m["x.y"].module.n.instance.a`, "module.mm.instance.a",
	}
	for pattern, want := range map[string]string{
		"instance.a":                      "0 1 2",
		`instance.a["k"]`:                 "1",
		`instance.a["k\"]."]`:             "2",
		"instance.a.backup":               "0 1 2",
		"module.m":                        "4 5 6 7",
		`module.m["x"]`:                   "5 6",
		"module.m.instance.a":             "4 5 6",
		`module.m["x"].instance.a["k"]`:   "6",
		"module.m.module.n":               "7",
		`module.m["x.y"].module.n["a"]`:   "",
		"module.m.module.n.instance.a":    "7",
		`module.m["z"]`:                   "",
		`module.m.instance.a["k"].backup`: "6",
	} {
		a, err := ParseAddress(pattern)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, address := range addresses {
			if a.Covers(address) {
				got = append(got, itoa(i))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s covers %v, want %s", pattern, got, want)
		}
	}
}

func TestInstanceOf(t *testing.T) {
	for address, want := range map[string]string{
		"instance.design": "instance.design",
		"instance.design.runtime_database.password":           "instance.design",
		`instance.a["x\"].y"].general_settings.z[1]`:          `instance.a["x\"].y"]`,
		`module.m["a.b"].instance.a["k"].api_key`:             `module.m["a.b"].instance.a["k"]`,
		`module.m.module.n["x"].instance.a.install_ini.a.b.c`: `module.m.module.n["x"].instance.a`,
		"dssctl.state.url": "",
		"module.m":         "",
		"module.m.x":       "",
		"instance.":        "",
		`instance.a["x`:    `instance.a["x`,
		"":                 "",
	} {
		if got := InstanceOf(address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
