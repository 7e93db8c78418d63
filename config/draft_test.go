package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
)

func TestWriteDraft(t *testing.T) {
	src := WriteDraft("my-design", "/data/${x}/design", []Draft{
		{Attributes: []DraftAttribute{
			{Name: "port", Value: cty.NumberIntVal(11200), Comment: "As seen.\nTwo lines \x00with a\rcontrol character."},
			{Name: "api_key", Value: cty.StringVal("hunter2").Mark(sensitive)},
		}},
		{Blocks: []DraftBlock{{
			Type: "runtime_database", Labels: []string{"postgresql"},
			Draft: Draft{
				Attributes: []DraftAttribute{
					{Name: "host", Value: cty.StringVal("pg")},
					{Name: "database", Value: cty.StringVal("dss")},
					{Name: "password", Variable: "pg_password", Comment: "Not readable in DSS."},
					{Name: "properties", Value: cty.MapVal(map[string]cty.Value{"ssl": cty.StringVal("true")})},
				},
				Blocks: []DraftBlock{{Type: "pool", Draft: Draft{Attributes: []DraftAttribute{{Name: "max_pooled", Value: cty.NumberIntVal(5)}}}}},
			},
		}}},
	})
	want := `variable "my_design_api_key" {
  type      = string
  sensitive = true
}

variable "pg_password" {
  type      = string
  sensitive = true
}

instance "my-design" {
  data_dir = "/data/$${x}/design"
  # As seen.
  # Two lines with acontrol character.
  port    = 11200
  api_key = var.my_design_api_key

  runtime_database "postgresql" {
    host     = "pg"
    database = "dss"
    # Not readable in DSS.
    password = var.pg_password
    properties = {
      ssl = "true"
    }

    pool {
      max_pooled = 5
    }
  }
}
`
	if diff := cmp.Diff(want, string(src)); diff != "" {
		t.Error(diff)
	}
	e := load(t, LoadOptions{Vars: []string{"my_design_api_key=a", "pg_password=b"}}, map[string]string{"m.dss.hcl": string(src)})
	if e.Instances[0].DataDir != "/data/${x}/design" {
		t.Error(e.Instances[0].DataDir)
	}
}

func TestFormat(t *testing.T) {
	src := "instance \"a\" {\n    data_dir=\"/a\"\n  port   =    1\n\n\n}\n\n\n"
	want := "instance \"a\" {\n  data_dir = \"/a\"\n  port     = 1\n\n\n}\n"
	got, diags := Format([]byte(src), "a.dss.hcl")
	if diags.HasErrors() || string(got) != want {
		t.Errorf("%v\n%s", diags, got)
	}
	again, _ := Format(got, "a.dss.hcl")
	if string(again) != want {
		t.Error("formatting twice is not formatting once")
	}
	if _, diags := Format([]byte("instance {"), "a.dss.hcl"); !diags.HasErrors() {
		t.Error("a file that does not parse was formatted")
	}
	asJSON := `{"instance": {}}`
	if got, diags := Format([]byte(asJSON), "a.dss.hcl.json"); diags.HasErrors() || string(got) != asJSON {
		t.Errorf("%v %s", diags, got)
	}
}

func TestFormatFiles(t *testing.T) {
	dir := t.TempDir()
	for name, src := range map[string]string{"a.dss.hcl": "locals {\na=1\n}\n", "b.dss.hcl": "locals {\n", "x.auto.vars.hcl": "a = 1\n", "other.txt": "{{{"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(src), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	files, sources, diags := FormatFiles([]string{dir})
	if len(files) != 2 || !files[0].Changed() || files[1].Changed() || !diags.HasErrors() || len(sources) != 1 {
		t.Fatalf("%d files, %d sources, %v", len(files), len(sources), diags)
	}
	if d := files[0].Diff(); !strings.Contains(d, "-a=1\n+  a = 1\n") {
		t.Errorf("diff:\n%s", d)
	}
	if lostGroup, err := files[0].Write(); err != nil || lostGroup {
		t.Fatal(lostGroup, err)
	}
	info, err := os.Stat(files[0].Path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if files, _, _ = FormatFiles([]string{files[0].Path}); len(files) != 1 || files[0].Changed() {
		t.Error("the file was not written in canonical style")
	}
	if _, _, diags = FormatFiles([]string{filepath.Join(dir, "none")}); !diags.HasErrors() {
		t.Error("no error for a file that is not there")
	}
}
