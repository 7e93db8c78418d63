package planner_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/planner"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// estate has n instances, with changes or without, or all failing.
func estate(n int, what string) *world {
	w := newWorld()
	w.Providers = append(w.Providers, checked{aspect{"ports", attribute("ports")}, func(all []providers.Request) hcl.Diagnostics {
		taken := make(map[string]bool, len(all))
		for _, r := range all {
			taken[r.Address] = true
		}
		return nil
	}})
	for i := range n {
		key := fmt.Sprintf("node%d", i)
		address := fmt.Sprintf("instance.automation[%q]", key)
		o := obs{"runtime_database": seen{head: "PostgreSQL pg.internal"}, "release": seen{}, "install": seen{}, "general_settings": seen{}}
		if what == "changes" {
			o = obs{"runtime_database": databaseMove(address), "release": versionChange(), "install": port(), "general_settings": settings()}
		}
		seen := w.add("automation", key, facts(dss.ServiceRunning), o)
		if what == "failing" {
			seen.Err = fmt.Errorf("connect to pg.internal as dss with %s: refused", w.Estate.Secrets[address+".runtime_database.password"])
		}
	}
	return w
}

func BenchmarkMake(b *testing.B) {
	for _, what := range []string{"unchanged", "changes", "failing"} {
		for _, n := range []int{1000, 2000, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", what, n), func(b *testing.B) {
				w := estate(n, what)
				b.ReportAllocs()
				for b.Loop() {
					if p, _ := planner.Make(w.Input); len(p.Instances) != n {
						b.Fatal("not all instances are planned")
					}
				}
			})
		}
	}
}

func BenchmarkPlanFile(b *testing.B) {
	w := estate(1000, "changes")
	p, diags := planner.Make(w.Input)
	if diags.HasErrors() {
		b.Fatal(diags)
	}
	raw, err := plan.Encode(p, w.Meta.Key)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Encode", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			if _, err := plan.Encode(p, w.Meta.Key); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Decode", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			if _, err := plan.Decode(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// The work grows with the instances, not with their square. It is counted in
// allocations, which do not depend on how busy the machine is.
func TestLinear(t *testing.T) {
	for _, what := range []string{"unchanged", "changes", "failing"} {
		t.Run(what, func(t *testing.T) {
			allocs := func(n int) float64 {
				w := estate(n, what)
				return testing.AllocsPerRun(1, func() {
					if p, _ := planner.Make(w.Input); len(p.Instances) != n {
						t.Fatal("not all instances are planned")
					}
				})
			}
			if one, four := allocs(200), allocs(800); four > 4.4*one {
				t.Errorf("200 instances: %.0f allocations, 800: %.0f", one, four)
			}
		})
	}
}
