package view

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view/viewtest"
)

func TestPlan(t *testing.T) {
	wide := Style{Width: 100, Unicode: true}
	quiet := many(3)
	quiet.Instances = quiet.Instances[1:]
	quiet.Summary = plan.Summary{Instances: 3}
	for _, c := range []struct {
		name  string
		plan  *plan.Plan
		style Style
	}{
		{"plan_move", movePlan(), wide},
		{"plan_everything_100", everything(), wide},
		{"plan_everything_60", everything(), Style{Width: 60, Unicode: true}},
		{"plan_everything_ascii", everything(), Style{Width: 80}},
		{"plan_move_color", movePlan(), Style{Width: 100, Unicode: true, Color: true}},
		{"plan_none", quiet, wide},
		{"plan_many", many(25), wide},
		{"plan_empty", &plan.Plan{}, wide},
	} {
		t.Run(c.name, func(t *testing.T) {
			golden(t, c.name, func(b *bytes.Buffer) error { return Plan(b, c.plan, c.style) })
		})
	}
}

// What was looked for and not found is said; where nobody looked, nothing is.
func TestHeadOfWhatWasNotLookedAt(t *testing.T) {
	for _, c := range []struct {
		in   plan.Instance
		want string
	}{
		{plan.Instance{}, "version not known, service not known"},
		{plan.Instance{Seen: plan.Seen{Version: "14.4.1", Service: "unknown"}}, "14.4.1, service not known"},
		{plan.Instance{New: true}, "not there yet"},
		{plan.Instance{Foreign: true}, ""},
		{plan.Instance{Foreign: true, Seen: plan.Seen{Notes: []string{"not there yet"}}}, "not there yet"},
	} {
		if got := strings.Join(seen(&c.in), ", "); got != c.want {
			t.Errorf("%+v: %q, expected %q", c.in, got, c.want)
		}
	}
}

// The last line agrees with the list: what it calls without undo is counted.
func TestWithoutUndo(t *testing.T) {
	p := movePlan()
	if got := SummaryLine(p); !strings.Contains(got, "0 irreversible") {
		t.Error(got)
	}
	p.Instances[0].Stages[0].Actions[0].Undo = plan.Undo{How: "removed sets are gone"}
	if got := SummaryLine(p); !strings.Contains(got, " · 1 without undo · ") || strings.Contains(got, "irreversible") {
		t.Error(got)
	}
	p.Summary.Irreversible = 2
	if got := SummaryLine(p); !strings.Contains(got, " · 2 irreversible, 1 more without undo · ") {
		t.Error(got)
	}
}

// Only what is not allowed yet is asked for.
func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		allowed []plan.Danger
		want    string
	}{
		{nil, "To apply it, add -allow irreversible -allow data-loss.\n"},
		{[]plan.Danger{plan.DataLoss}, "To apply it, add -allow irreversible.\n"},
		{[]plan.Danger{plan.DataLoss, plan.Irreversible}, ""},
	} {
		var b strings.Builder
		if err := Plan(&b, everything(), Style{}, c.allowed...); err != nil {
			t.Fatal(err)
		}
		if text := b.String(); !strings.HasSuffix(text, c.want) || strings.Contains(text, "To apply it") != (c.want != "") {
			t.Errorf("allowed %v: expected %q at the end of:\n%s", c.allowed, c.want, text)
		}
	}
}

// No instance of a large estate is left out.
func TestPlanOfManyInstances(t *testing.T) {
	big := &plan.Plan{Summary: plan.Summary{Instances: 10000, ToChange: 10000, Windows: 10000}}
	for range 10000 {
		big.Instances = append(big.Instances, viewtest.MoveInstance())
	}
	var out strings.Builder
	if err := Plan(&out, big, Style{Unicode: true}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\ninstance.design   "); n != 10000 {
		t.Errorf("%d instances are shown", n)
	}
}

func BenchmarkPlan10000(b *testing.B) {
	p := many(0)
	for range 10000 {
		p.Instances = append(p.Instances, viewtest.MoveInstance())
	}
	for b.Loop() {
		if err := Plan(io.Discard, p, Style{Unicode: true, Color: true}); err != nil {
			b.Fatal(err)
		}
	}
}
