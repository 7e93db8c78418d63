package planner_test

import (
	"maps"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/planner"
	"github.com/dssctl/dssctl/state"
)

func TestFollow(t *testing.T) {
	estate, diags := config.Load(config.LoadOptions{
		FS: fstest.MapFS{"main.dss.hcl": {Data: []byte(`
instance "auto" {
  for_each = toset(["a", "b", "c"])
  data_dir = "/data/${each.key}"
}
instance "design" {
  data_dir = "/data/design"
}
moved {
  from = instance.nodes
  to   = instance.auto
}
moved {
  from = instance.oldest
  to   = instance.old
}
moved {
  from = instance.old
  to   = instance.design
}
moved {
  from = instance.c
  to   = instance.auto["c"]
}
moved {
  from = instance.twice
  to   = instance.auto["c"]
}
`)}},
		Schema: config.InstanceSchema(),
	})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	rec := func(dir string) state.Instance { return state.Instance{DataDir: dir} }
	recorded := map[string]state.Instance{
		`instance.nodes["a"]`: rec("/a"), `instance.nodes["b"]`: rec("/b-old"), `instance.auto["b"]`: rec("/b"),
		"instance.oldest": rec("/design"), "instance.twice": rec("/t"), "instance.c": rec("/c"), "instance.other": rec("/o"),
	}
	before := maps.Clone(recorded)
	want := map[string]state.Instance{
		`instance.auto["a"]`: rec("/a"), `instance.nodes["b"]`: rec("/b-old"), `instance.auto["b"]`: rec("/b"),
		"instance.design": rec("/design"), "instance.twice": rec("/t"), `instance.auto["c"]`: rec("/c"), "instance.other": rec("/o"),
	}
	wantFrom := map[string]string{`instance.auto["a"]`: `instance.nodes["a"]`, "instance.design": "instance.oldest", `instance.auto["c"]`: "instance.c"}
	for range 10 { // the order of maps is random
		got, from := planner.Follow(estate.Moves, recorded)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(wantFrom, from); diff != "" {
			t.Fatal(diff)
		}
	}
	if diff := cmp.Diff(before, recorded); diff != "" {
		t.Error("what was given has changed: " + diff)
	}
	if again, from := planner.Follow(estate.Moves, want); len(from) != 0 || cmp.Diff(want, again) != "" {
		t.Errorf("it follows again: %v", from)
	}
}
