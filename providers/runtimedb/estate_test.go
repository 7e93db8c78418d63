package runtimedb

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

func draftSource(d providers.Draft) string {
	return string(config.WriteDraft("design", "/data/design", []config.Draft{d}))
}

func instance(name, attributes string) string {
	return fmt.Sprintf("instance %q {\n  data_dir = \"/data/%s\"\n  runtime_database \"postgresql\" {\n    database = \"dss\"\n    user = \"u\"\n%s\n  }\n}\n", name, name, attributes)
}

func TestCheckEstate(t *testing.T) {
	const a = `host = "pg.internal"` + "\n" + `table_prefix = "dss_"`
	for name, tt := range map[string]struct {
		second string
		want   bool
	}{
		"same":                      {a, true},
		"host in other letters":     {`host = "PG.Internal."` + "\nport = 5432\n" + `table_prefix = "dss_"`, true},
		"prefix in other letters":   {`host = "pg.internal"` + "\n" + `table_prefix = "DSS_"`, true},
		"by URL":                    {`jdbc_url = "jdbc:postgresql://pg.internal/dss"` + "\n" + `table_prefix = "dss_"`, true},
		"schema public in words":    {a + "\nschema = \"public\"", true},
		"prefix begins the other's": {`host = "pg.internal"` + "\n" + `table_prefix = "dss_2_"`, false},
		"no prefix":                 {`host = "pg.internal"`, false},
		"other port":                {a + "\nport = 5433", false},
		"other schema":              {a + "\nschema = \"s\"", false},
	} {
		t.Run(name, func(t *testing.T) {
			e := estate(t, instance("one", a)+instance("two", tt.second))
			diags := New().CheckEstate(requests(e))
			if (len(diags) > 0) != tt.want {
				t.Fatalf("diagnostics %v, want any: %t", diags, tt.want)
			}
			if !tt.want {
				return
			}
			d := diags[0]
			for _, part := range []string{"instance.one", "instance.two", "main.dss.hcl:3"} {
				if !strings.Contains(d.Detail, part) {
					t.Errorf("the detail does not name %s: %s", part, d.Detail)
				}
			}
			if d.Severity != hcl.DiagError || d.Subject == nil || d.Subject.Start.Line < 10 {
				t.Errorf("severity %v at %v, want an error at the second block", d.Severity, d.Subject)
			}
		})
	}
}

// An instance without a block counts as it is live.
func TestCheckEstateLive(t *testing.T) {
	e := estate(t, instance("one", `host = "pg.internal"`+"\nschema = \"dss_runtime\"\ntable_prefix = \"design_\"")+
		"instance \"two\" {\n data_dir = \"/data/two\"\n}\ninstance \"three\" {\n data_dir = \"/data/three\"\n}\n")
	all := requests(e)
	find := func(name string) *providers.Request {
		for i := range all {
			if all[i].Address == "instance."+name {
				return &all[i]
			}
		}
		t.Fatal(name)
		return nil
	}
	find("two").Observed = &observation{live: parseLive(t, livePG)}
	if diags := New().CheckEstate(all); !diags.HasErrors() {
		t.Errorf("diagnostics %v, want an error", diags)
	}
	find("one").Desired = find("three").Desired
	find("three").Observed = &observation{live: parseLive(t, livePG)}
	if diags := New().CheckEstate(all); diags.HasErrors() || len(diags) != 1 {
		t.Errorf("diagnostics %v, want a warning: nobody manages either", diags)
	}
}

// Where an instance lives today is its own until it has moved away, whatever is
// declared, and by whatever name of the server.
func TestCheckEstateTenants(t *testing.T) {
	const where = "\nschema = \"dss_runtime\"\ntable_prefix = \"design_\""
	for name, tt := range map[string]struct {
		second   string
		identity string
		want     bool
	}{
		"the live place":            {`host = "pg.internal"` + where, "id/9", true},
		"by another name":           {`host = "alias"` + where, "id/1", true},
		"the same names, elsewhere": {`host = "alias"` + where, "id/9", false},
		"another prefix":            {`host = "pg.internal"` + strings.Replace(where, "design_", "design_2_", 1), "id/1", false},
	} {
		t.Run(name, func(t *testing.T) {
			e := estate(t, instance("one", `host = "new.internal"`+where)+instance("two", tt.second+"\nadopt = true"))
			all := requests(e)
			there := withTables(good(), "design_jobs")
			all[0].Observed = &observation{moves: true, live: parseLive(t, livePG), source: look{sight: there}}
			sight := good()
			sight.Identity = tt.identity
			all[1].Observed = &observation{moves: true, target: look{sight: sight}}
			diags := New().CheckEstate(all)
			if diags.HasErrors() != tt.want {
				t.Fatalf("diagnostics %v, want an error: %t", diags, tt.want)
			}
			if tt.want && !strings.Contains(diags[0].Detail, "instance.one uses the declared place of instance.two") {
				t.Errorf("got %s", diags[0].Detail)
			}
		})
	}
}

func requests(e *config.Estate) []providers.Request {
	var all []providers.Request
	for _, in := range e.Instances {
		all = append(all, providers.Request{Address: in.Address, Desired: in, Secrets: e.Secrets, Key: testKey})
	}
	return all
}

// The longer prefixes of the estate's other instances are known.
func TestSurvey(t *testing.T) {
	var source strings.Builder
	for i, prefix := range []string{"dss_", "dss_2_", "DSS_3_", "dsx_", "d"} {
		source.WriteString(instance(fmt.Sprintf("i%d", i), fmt.Sprintf("host = \"h\"\ntable_prefix = %q", prefix)))
	}
	source.WriteString(instance("elsewhere", "host = \"other\"\ntable_prefix = \"dss_9_\""))
	e := estate(t, source.String())
	p, ok := New().Survey(e.Instances, e.Secrets).(*Provider)
	if !ok {
		t.Fatal("Survey returns another provider")
	}
	for prefix, want := range map[string][]string{
		"dss_": {"dss_2_", "DSS_3_"}, "d": {"dss_", "dss_2_", "DSS_3_", "dsx_"}, "dss_2_": nil, "": {"d", "dss_", "dss_2_", "DSS_3_", "dsx_"},
	} {
		s := settings{Host: "H.", Port: 5432, Database: "dss"}
		s.place.Schema, s.place.Prefix = "public", prefix
		if diff := cmp.Diff(want, p.siblings(s)); diff != "" {
			t.Errorf("siblings of %q: %s", prefix, diff)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	for block, want := range map[string]string{
		`table_prefix = ""`:     "leave the attribute out",
		`port = 0`:              "65535",
		`password = ""`:         "leave the attribute out",
		`schema = ""`:           "must not be empty",
		`jdbc_url = "jdbc:h2:"`: "the scheme jdbc:postgresql",
		`jdbc_url = "jdbc:postgresql://h/d?password=planted-in-url"`: "must not hold the password",
		`hots = "x"`: "host",
		`pool {
  max_pooled_external_connections = 1.5
}`: "whole",
	} {
		_, diags := tryEstate(instance("one", "host = \"h\"\n"+block))
		text := diags.Error()
		for _, d := range diags {
			text += d.Detail
		}
		if !diags.HasErrors() || !strings.Contains(text, want) {
			t.Errorf("%s: %v, want %q in it", block, text, want)
		}
		if strings.Contains(text, "planted") {
			t.Errorf("%s: a secret shows: %s", block, text)
		}
	}
	_, diags := tryEstate("instance \"a\" {\n data_dir = \"/d\"\n runtime_database \"embedded\" {\n host = \"h\"\n }\n}\n")
	if !diags.HasErrors() {
		t.Error("host is allowed for embedded")
	}
}

// A version change that is declared beside the move goes first, and counts.
func TestVersionOfTheDeclaredRelease(t *testing.T) {
	s := config.InstanceSchema(New().Schema(), schema.Fragment{Blocks: []schema.Block{{Type: "release", Attributes: []schema.Attribute{{Name: "version", Type: cty.String}}}}})
	for version, want := range map[string]bool{"": true, "12.5.1": true, "14.4.1": false} {
		release := ""
		if version != "" {
			release = fmt.Sprintf("release {\n version = %q\n}\n", version)
		}
		e, diags := config.Load(config.LoadOptions{Schema: s, FS: fstest.MapFS{"main.dss.hcl": {Data: []byte(
			variables + "instance \"design\" {\n data_dir = \"/d\"\n" + release + declaredPG + "\n}\n")}}})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		o := &observation{node: "design", target: look{sight: good()}}
		_, diags = New().Propose(providers.Request{Address: "instance.design", Facts: dss.Facts{Version: "12.0.0"}, Desired: e.Instances[0], Observed: o, Secrets: e.Secrets, Key: testKey})
		if got := len(diags) > 0; got != want || diags.HasErrors() {
			t.Errorf("release %q: diagnostics %v, want the warning of older versions: %t", version, diags, want)
		}
	}
}
