package backup

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/providers"
)

// houses is an estate of two instances with their folders, and links to them.
type houses struct {
	t    *testing.T
	base string
	p    *Provider
	all  []*config.Instance
}

func (h *houses) at(name string) string { return filepath.Join(h.base, name) }

func (h *houses) put(name string) {
	h.t.Helper()
	path := h.at(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`{"product_version":"14.4.1"}`), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *houses) link(to, name string) {
	h.t.Helper()
	h.put(name + "-beside")
	if err := os.Symlink(to, h.at(name)); err != nil {
		h.t.Fatal(err)
	}
}

func newHouses(t *testing.T) *houses {
	t.Helper()
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &houses{t: t, base: base}
	for _, name := range []string{"data/design", "data/auto"} {
		for _, mark := range []string{"install.ini", "dss-version.json", "bin/dss"} {
			h.put(name + "/" + mark)
		}
	}
	h.put("kit/installer.sh")
	h.put("kit/dss-version.json")
	h.put("disk/datasets/x")
	h.link(h.at("disk/datasets"), "data/design/managed_datasets")
	h.link(h.at("nas"), "data/design/our-nas")
	h.put("nas/x")
	h.link("../data/design/uploads", "by/link")
	h.link("../data", "by/folder")
	h.link("../backups/design", "by/sets")
	src := fmt.Sprintf(`
instance "design" {
  data_dir = %q
  backup "nightly" {
    destination = %q
  }
}
instance "auto" {
  data_dir = %q
  backup "nightly" {
    destination = %q
  }
}
`, h.at("data/design"), h.at("backups/design"), h.at("data/auto"), h.at("by/sets"))
	e, diags := config.Load(config.LoadOptions{
		FS:     fstest.MapFS{"main.dss.hcl": {Data: []byte(src)}},
		Schema: config.InstanceSchema(New(Options{}).Schema(), schema.Fragment{}),
	})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	h.all = e.Instances
	h.p = New(Options{}).surveyed(e.Instances, e.Secrets)
	return h
}

// A destination is judged by where it really is.
func TestMisplacedDestination(t *testing.T) {
	h := newHouses(t)
	in := h.all[0]
	if in.Address != "instance.design" {
		in = h.all[1]
	}
	for name, want := range map[string]string{
		"backups/design":           "",
		"backups/design/more":      "",
		"data/design.dssctl/sets":  "",
		"data/design2":             "",
		"nas/backups":              "",
		"data/design/backups":      "a backup would keep its own sets",
		"by/link":                  "a backup would keep its own sets",
		"by/link/not/there/yet":    "a backup would keep its own sets",
		"by/folder/design/backups": "a backup would keep its own sets",
		"data":                     "is in the destination",
		"by/folder":                "is in the destination",
		"disk/datasets/backups":    "to which managed_datasets of instance.design leads",
		"by/folder/auto/sets":      "the data directory " + h.at("data/auto") + " of instance.auto",
		"data/auto.dssctl":         "the companion folder",
		"kit/sets":                 "the kit " + h.at("kit"),
	} {
		got := h.p.misplaced(in, h.at("data/design"), h.at(name))
		if want == "" && got != "" || want != "" && !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// Two policies with one destination are refused, whatever its words.
func TestOneDestinationByALink(t *testing.T) {
	h := newHouses(t)
	var all []providers.Request
	for _, in := range h.all {
		o := &Observation{Policies: map[string]*observed{}}
		for _, b := range in.Children(Name) {
			o.Policies[b.Labels[0]] = &observed{Place: placeOf(policyOf(in, b).Destination)}
		}
		all = append(all, providers.Request{Address: in.Address, Desired: in, Observed: o})
	}
	diags := h.p.CheckEstate(all)
	if len(diags) != 1 || !strings.Contains(diags[0].Detail, "Retention counts the sets") {
		t.Errorf("got %v", diags)
	}
	if diags := h.p.CheckEstate(all[:1]); len(diags) > 0 {
		t.Errorf("one alone: %v", diags)
	}
}

// A restore writes into nothing that belongs to an instance or a policy.
func TestPlacesOfARestore(t *testing.T) {
	h := newHouses(t)
	check := func(o RestoreOrder, want string) {
		t.Helper()
		text := ""
		for _, d := range h.p.checkPlaces(o, nil) {
			text += d.Detail
		}
		if want == "" && text != "" || want != "" && !strings.Contains(text, want) {
			t.Errorf("%+v, %+v: %q, want %q", o, o.Elsewhere, text, want)
		}
	}
	for name, want := range map[string]string{
		"out":                      "",
		"data/new":                 "",
		"data/design/x":            "the data directory",
		"by/link/x":                "the data directory",
		"data/design.dssctl/x":     "the companion folder",
		"backups/design/x":         "the backup destination",
		"by/sets":                  "the backup destination",
		"kit/x":                    "the kit",
		"disk/datasets/x/restored": "managed_datasets",
	} {
		check(RestoreOrder{To: h.at(name)}, want)
		check(RestoreOrder{Elsewhere: &Elsewhere{DataDir: h.at(name), Kit: h.at("other-kit")}}, want)
	}
	check(RestoreOrder{Elsewhere: &Elsewhere{DataDir: h.at("apart/data"), Kit: h.at("apart")}}, "one is inside the other")
	// The companion folder of the new one would be another's.
	check(RestoreOrder{Elsewhere: &Elsewhere{DataDir: h.at("data/design.dssctl/../new"), Kit: h.at("kit")}}, "")
	// What was lost comes back to its own place.
	if err := os.RemoveAll(h.at("data/auto")); err != nil {
		t.Fatal(err)
	}
	check(RestoreOrder{Elsewhere: &Elsewhere{DataDir: h.at("by/folder/auto"), Kit: h.at("kit")}}, "")
}
