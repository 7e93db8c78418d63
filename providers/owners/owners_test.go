package owners_test

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
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/owners"
)

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, at string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
}

// dataDir makes the files by which one is known.
func dataDir(t *testing.T, dir, kit string) {
	t.Helper()
	put(t, filepath.Join(dir, "install.ini"), "[general]\n")
	put(t, filepath.Join(dir, "dss-version.json"), "{}")
	put(t, filepath.Join(dir, "bin", "dss"), "#!/bin/sh\n")
	put(t, filepath.Join(dir, "bin", "env-default.sh"), fmt.Sprintf("export DKUINSTALLDIR=%q\n", kit))
}

func kit(t *testing.T, dir string) {
	t.Helper()
	put(t, filepath.Join(dir, "installer.sh"), "#!/bin/sh\n")
	put(t, filepath.Join(dir, "dss-version.json"), `{"product_version":"14.4.1"}`)
}

// estate declares instances, by name the lines of each.
func estate(t *testing.T, instances ...[2]string) []*config.Instance {
	t.Helper()
	src := ""
	for _, in := range instances {
		src += fmt.Sprintf("instance %q {\n%s\n}\n", in[0], in[1])
	}
	e, diags := config.Load(config.LoadOptions{
		FS: fstest.MapFS{"main.dss.hcl": {Data: []byte(src)}},
		Schema: config.InstanceSchema(schema.Fragment{Blocks: []schema.Block{{
			Type: "backup", Multiple: true, Labels: []schema.Label{{Name: "name"}}, Attributes: []schema.Attribute{{Name: "destination", Type: cty.String}},
		}}}),
	})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return e.Instances
}

func TestAround(t *testing.T) {
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(base, name) }
	kit(t, at("kits/dataiku-dss-14.4.1"))
	kit(t, at("other-kits/dataiku-dss-13.0.0"))
	link(t, "kits/dataiku-dss-14.4.1", at("current"))
	dataDir(t, at("data/design"), at("current"))
	put(t, at("disk/datasets/x"), "")
	link(t, at("disk/datasets"), at("data/design/managed_datasets"))
	link(t, "bin", at("data/design/scripts"))
	link(t, at("data/design"), at("by-link"))
	// Of nobody in the estate.
	dataDir(t, at("lost/auto"), at("gone-kit"))
	put(t, at("lost/auto.dssctl/x"), "")
	put(t, at("nas/auto/"+set.OwnerName), `{"instance":"instance.auto","backup":"nightly","data_dir":"/x","host":"h"}`)

	e := owners.Survey(estate(t,
		[2]string{"design", fmt.Sprintf("data_dir = %q\nbackup \"nightly\" {\n destination = %q\n}", at("data/design"), at("backups/design"))},
		[2]string{"planned", fmt.Sprintf("data_dir = %q\ncompanion_dir = %q", at("data/planned"), at("companions/planned"))},
	))
	for path, want := range map[string]string{
		"data/design/sub/new":                    "data directory",
		"by-link/sub":                            "data directory",
		"data/design2":                           "",
		"data/design.dssctl/safety":              "companion folder",
		"data/planned":                           "data directory",
		"companions/planned/x":                   "companion folder",
		"disk/datasets/clone":                    "linked folder",
		"data/design/managed_datasets/clone":     "linked folder",
		"disk":                                   "",
		"kits/dataiku-dss-14.4.1/data":           "kit",
		"current/data":                           "kit",
		"kits/new":                               "",
		"backups/design/20261125-061500-4f2a":    "backup destination",
		"lost/auto/x":                            "data directory",
		"lost/auto.dssctl":                       "companion folder",
		"nas/auto/deep/er":                       "backup destination",
		"other-kits/dataiku-dss-13.0.0/anything": "kit",
		"nas":                                    "",
	} {
		var kinds []string
		for _, h := range e.Around(at(path)) {
			kinds = append(kinds, string(h.Kind))
		}
		if got := strings.Join(kinds, ", "); got != want {
			t.Errorf("%s is in %q, want %q", path, got, want)
		}
	}
	says := func(path string) string { return e.Around(at(path))[0].String() }
	if got, want := says("disk/datasets/x"), at("disk/datasets")+", to which managed_datasets of instance.design leads"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := says("lost/auto/x"); got != "the data directory "+at("lost/auto")+" of an instance that this estate does not declare" {
		t.Errorf("%q", got)
	}
}

func TestConflicts(t *testing.T) {
	base := t.TempDir()
	at := func(name string) string { return filepath.Join(base, name) }
	dataDir(t, at("data/design"), at("kit"))
	link(t, "design", at("data/current"))
	in := func(name, dir, companion string) [2]string {
		lines := fmt.Sprintf("data_dir = %q", at(dir))
		if companion != "" {
			lines += fmt.Sprintf("\ncompanion_dir = %q", at(companion))
		}
		return [2]string{name, lines}
	}
	for name, c := range map[string]struct {
		all  [][2]string
		want map[string]string
	}{
		"apart": {[][2]string{in("a", "data/design", ""), in("b", "data/other", "companions/b"), in("c", "data/third", "")}, nil},
		"one twice": {[][2]string{in("a", "data/design", ""), in("b", "data/current", ""), in("c", "data/third", "")}, map[string]string{
			"instance.a": "are one data directory", "instance.b": "are one data directory",
		}},
		"in another":          {[][2]string{in("a", "data/design", ""), in("b", "data/other", "data/current/b")}, map[string]string{"instance.b": "is inside the data directory"}},
		"shared":              {[][2]string{in("a", "data/design", "companions/x"), in("b", "data/other", "companions/x")}, map[string]string{"instance.b": "have one companion folder"}},
		"another's usual one": {[][2]string{in("a", "data/other", "data/design.dssctl"), in("b", "data/design", "")}, map[string]string{"instance.b": "have one companion folder"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := owners.Conflicts(estate(t, c.all...))
			for address, err := range got {
				if want := c.want[address]; want == "" || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v", address, err)
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("found %v, want %v", got, c.want)
			}
		})
	}
	// Both names are told, and that they are one.
	err := owners.Conflicts(estate(t, in("a", "data/design", ""), in("b", "data/current", "")))["instance.b"]
	for _, want := range []string{"instance.a", "instance.b", at("data/design"), at("data/current"), "declare it once"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told: %v", want, err)
		}
	}
}
