package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCostOf(t *testing.T) {
	a := func(p Phase, seconds float64, bytes int64) Action {
		return Action{Phase: p, Cost: Cost{Seconds: seconds, Bytes: bytes}}
	}
	stop := Action{Phase: Stop, Danger: Downtime}
	manual := Action{Phase: Proof, Manual: "sudo x"}
	tests := map[string]struct {
		actions []Action
		want    Cost
	}{
		"nothing":                     {nil, Cost{}},
		"all known":                   {[]Action{a(Stop, 0, 0), a(Stop, 10, 0), a(Doing, 5, 7), a(Start, 60, 0)}, Cost{75, 7}},
		"a copy of unknown length":    {[]Action{a(Stop, 10, 0), a(Doing, 0, 7), a(Start, 60, 0)}, Cost{0, 7}},
		"a backup of unknown length":  {[]Action{a(Protect, 0, 1), a(Doing, 5, 7)}, Cost{0, 8}},
		"an edit costs nothing":       {[]Action{a(Doing, 0, 0), a(Start, 60, 0)}, Cost{60, 0}},
		"a replay of unknown length":  {[]Action{a(Replay, 0, 0), a(Start, 60, 0)}, Cost{}},
		"a check costs nothing":       {[]Action{a(Doing, 5, 0), a(Proof, 0, 0)}, Cost{5, 0}},
		"a start of unknown length":   {[]Action{a(Doing, 5, 0), a(Start, 0, 0)}, Cost{}},
		"ready is part of a start":    {[]Action{a(Doing, 5, 0), a(Start, 60, 0), a(Start, 0, 0)}, Cost{65, 0}},
		"a stop of unknown length":    {[]Action{stop, a(Doing, 5, 0)}, Cost{}},
		"a person's work":             {[]Action{a(Doing, 5, 0), manual}, Cost{}},
		"a preparation of unknown":    {[]Action{a(Prepare, 0, 9)}, Cost{0, 9}},
		"a cleaning up with estimate": {[]Action{a(Clean, 1, 0)}, Cost{1, 0}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := CostOf(tt.actions); got != tt.want {
				t.Errorf("got %+v, expected %+v", got, tt.want)
			}
		})
	}
}

func TestSummarize(t *testing.T) {
	window := func(seconds float64, note string, actions ...Action) Stage {
		return Stage{Kind: Window, Cost: Cost{Seconds: seconds, Bytes: 1}, Note: note, Actions: actions}
	}
	down := Action{Danger: Downtime}
	p := &Plan{Instances: []Instance{
		{Address: "a", Stages: []Stage{
			window(60, "", down, Action{Danger: Irreversible}, Action{Danger: DataLoss, Manual: "x"}),
			{Kind: After, Cost: Cost{Seconds: 1000}, Actions: []Action{{}}},
		}, Changes: []Change{
			{Block: "one", Op: Create}, {Block: "two", Op: Create, Path: "x"}, {Block: "one", Op: Create, Path: "y"}, {Block: "two", Op: Delete, Path: "z"},
		}},
		{Address: "b", Stages: []Stage{window(30, "", down)}},
		{Address: "c", Stages: []Stage{window(0, "stays stopped")}},
		{Address: "d", Changes: []Change{{Op: Forget}}},
		{Address: "e", Changes: []Change{{Block: "one", Op: Update}}, Mode: Observe},
		{Address: "f", Changes: []Change{{Block: "one", Op: Update}}, Failed: true},
		{Address: "g"},
	}}
	want := Summary{
		Instances: 7, ToChange: 4, Failed: 1, Windows: 3, Downtime: Cost{Seconds: 90, Bytes: 2},
		Irreversible: 1, DataLoss: 1, Manual: 1,
		ByAddress: []Line{
			{"a.one", Create, 2},
			{"a.two", Update, 2},
			{"d", Forget, 1},
			{"e.one", Update, 1},
			{"f.one", Update, 1},
		},
	}
	if diff := cmp.Diff(want, Summarize(p)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	p.Instances[1].Stages[0].Cost.Seconds = 0
	if got := Summarize(p).Downtime; got != (Cost{Bytes: 2}) {
		t.Errorf("with an unknown window: %+v", got)
	}
}

func TestPhaseIndex(t *testing.T) {
	for want, p := range Phases {
		if got := PhaseIndex(p); got != want {
			t.Errorf("%s: got %d, expected %d", p, got, want)
		}
	}
	if PhaseIndex("soon") != -1 {
		t.Error("an unknown phase has a place")
	}
}
