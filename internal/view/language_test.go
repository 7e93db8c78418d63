package view

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/plan"
)

func TestOutputs(t *testing.T) {
	rows := []OutputRow{{"ports", "{\n  design = 11200\n}"}, {"key", "(sensitive)"}, {"evil", "\"\x1b[2J\""}}
	golden(t, "outputs", func(b *bytes.Buffer) error {
		if err := Outputs(b, rows, false, Style{Width: 80}); err != nil {
			return err
		}
		return Outputs(b, rows, true, Style{Width: 80})
	})
	var b bytes.Buffer
	if err := Outputs(&b, nil, true, Style{}); err != nil || b.Len() != 0 {
		t.Errorf("no outputs: %q, %v", b.String(), err)
	}
}

func TestDoctorView(t *testing.T) {
	golden(t, "doctor", func(b *bytes.Buffer) error {
		return Doctor(b, []DoctorReport{
			{Address: "instance.design", DataDir: "/data/design", Version: "14.4.1", Findings: []DoctorFinding{
				{Check: "git", Status: "ok", Found: "git 2.43", Source: "Requirements"},
				{Check: "locale", Status: "failed", Found: "the locale en_US.utf8 is not installed", Remedy: "Make it: on Debian-like systems with locale-gen, on others from a package of the vendor.", Source: "Requirements"},
				{Check: "clock", Status: "skipped", Found: "\x1b]0;owned\x07"},
			}},
			{Address: "instance.gone", DataDir: "/data/gone", Findings: []DoctorFinding{{Check: "instance", Status: "failed", Found: "it is not there", Remedy: "Mend this first."}}},
		}, Style{Width: 80, Unicode: true})
	})
	golden(t, "doctor_none", func(b *bytes.Buffer) error { return Doctor(b, nil, Style{Width: 80}) })
}

func TestPlanSummary(t *testing.T) {
	pl := everything()
	pl.Instances[0].Ignored = []plan.Change{{Block: "general_settings", Path: "ldap", Op: plan.Update}}
	golden(t, "brief_everything", func(b *bytes.Buffer) error { return PlanSummary(b, pl, Style{Width: 80, Unicode: true}) })
	golden(t, "brief_many", func(b *bytes.Buffer) error { return PlanSummary(b, many(30), Style{Width: 80}) })
}

// What is moved, only observed, and ignored, in full.
func TestPlanOfTheLanguage(t *testing.T) {
	pl := &plan.Plan{Instances: []plan.Instance{
		{Address: "instance.a", DataDir: "/a", MovedFrom: "instance.b", Changes: []plan.Change{{Op: plan.Move, Note: "was instance.b; only state changes"}}},
		{
			Address: "instance.c", DataDir: "/c", Mode: plan.Observe, Changes: []plan.Change{{Block: "port", Op: plan.Update, Before: raw("1"), After: raw("2")}},
			Ignored: []plan.Change{{Block: "install_ini", Path: `["a b"].c`, Op: plan.Update, Before: raw(`"4g"`), After: raw(`"8g"`)}, {Block: "runtime_database", Path: "password", Op: plan.Create, Secret: true}},
		},
		{Address: "instance.e", DataDir: "/e", Importing: &plan.Importing{ID: "/e"}, Changes: []plan.Change{{Op: plan.Import, Note: "taken over from /e; only state changes"}}},
		{Address: "instance.d", DataDir: "/d", Ignored: []plan.Change{{Block: "general_settings", Op: plan.Create, After: raw(`{"x":1}`)}}},
	}}
	pl.Summary = plan.Summarize(pl)
	golden(t, "plan_language", func(b *bytes.Buffer) error { return Plan(b, pl, Style{Width: 80, Unicode: true}) })
	pl.RefreshOnly = true
	var b bytes.Buffer
	if err := Plan(&b, pl, Style{Width: 80}); err != nil || !strings.Contains(b.String(), "only shown: -refresh-only") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestGraph(t *testing.T) {
	for _, format := range GraphFormats {
		golden(t, "graph_"+format, func(b *bytes.Buffer) error { return WriteGraph(b, PlanGraph(movePlan()), format) })
	}
	// Titles cannot leave their quotes, in either format.
	evil := Graph{Groups: []GraphGroup{{Title: `a"] b`, Boxes: []GraphBox{{ID: "n1", Label: "x\"; <script> `y` #1\\\n\x1b[2J"}}}}}
	for format, want := range map[string]string{
		"dot":     `n1 [label = "x\"; <script> ` + "`y`" + ` #1\\\n\\u001b[2J"]`,
		"mermaid": `n1["x#quot;; #lt;script#gt; #96;y#96; #35;1\<br/>\u001b[2J"]`,
	} {
		var b bytes.Buffer
		if err := WriteGraph(&b, evil, format); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%s: %v\n%s\nwant %s", format, err, b.String(), want)
		}
	}
}
