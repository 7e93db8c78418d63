package executor

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/state"
)

// What performers note of DSS is the measure where they do: not the waiting for jobs
// before a stop, and not a stop that had no effect.
func TestMeasuredDowntime(t *testing.T) {
	began := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	window := func(danger plan.Danger) *plan.Plan {
		return &plan.Plan{Instances: []plan.Instance{{Address: "instance.design", Stages: []plan.Stage{
			{Kind: plan.Window, Number: 1, Actions: []plan.Action{{ID: "stop", Phase: plan.Stop, Danger: danger}, {ID: "edit", Phase: plan.Doing}, {ID: "start", Phase: plan.Start}}},
		}}}}
	}
	for name, c := range map[string]struct {
		journal string
		found   plan.Danger // NoDanger where DSS was found stopped
		want    Downtime
		down    bool
	}{
		"waits for a job first":   {"begin stop, -, down stop, end stop, begin edit, end edit, begin start, up start, end start", plan.Downtime, Downtime{Run: 5 * time.Second}, false},
		"the stop has no effect":  {"begin stop, down stop, -, stayed stop, failed stop, rollback , undo_begin stop, up stop, undo_end stop", plan.Downtime, Downtime{}, false},
		"it is left there":        {"begin stop, down stop, -, stayed stop, failed stop", plan.Downtime, Downtime{}, false},
		"down and undone":         {"begin stop, down stop, failed stop, rollback , undo_begin stop, up stop, undo_end stop", plan.Downtime, Downtime{Run: 4 * time.Second}, false},
		"not started again":       {"begin stop, down stop, end stop, begin edit, failed edit", plan.Downtime, Downtime{}, true},
		"found stopped, proven":   {"begin stop, end stop, begin edit, end edit, begin start, up start, end start, rollback , undo_begin start, down start, undo_end start", plan.NoDanger, Downtime{}, false},
		"rolled back later":       {"begin stop, down stop, end stop, begin start, up start, end start, -, rollback whole, undo_begin start, down start, undo_end start, undo_begin stop, up stop, undo_end stop", plan.Downtime, Downtime{Run: 3 * time.Second, Rollback: 3 * time.Second}, false},
		"killed in between, once": {"begin stop, down stop, -, begin stop, down stop, end stop, begin start, up start, end start", plan.Downtime, Downtime{Run: 15 * time.Second}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := read(recordsOf(began, c.journal))
			if err != nil {
				t.Fatal(err)
			}
			r := summarize(window(c.found), h, state.Run{})
			if got := r.Downtime["instance.design"]; got != c.want {
				t.Errorf("got %+v, expected %+v", got, c.want)
			}
			if _, down := r.Down["instance.design"]; down != c.down {
				t.Errorf("down: %v, expected %v", down, c.down)
			}
		})
	}
}

// recordsOf reads a journal such as "begin stop, -, end stop": one record a second,
// "-" lets ten seconds pass.
func recordsOf(began time.Time, journal string) []state.Record {
	var records []state.Record
	at := began
	for entry := range strings.SplitSeq(journal, ", ") {
		typ, action, ok := strings.Cut(entry, " ")
		if !ok {
			at = at.Add(10 * time.Second)
			continue
		}
		at = at.Add(time.Second)
		r := state.Record{Seq: len(records) + 1, Type: typ, Action: action, Time: at, Data: json.RawMessage(`{}`)}
		switch typ {
		case recRollback:
			r.Action, r.Data = "", json.RawMessage(`{"whole":false}`)
			if action != "" {
				r.Data = json.RawMessage(`{"whole":true}`)
			}
		case "stayed":
			r.Type, r.Data = recUp, json.RawMessage(`{"stayed":true}`)
		}
		records = append(records, r)
	}
	return records
}

// The downtime of a rollback is that of its own windows, whatever the run's was.
func TestDowntime(t *testing.T) {
	began := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	p := &plan.Plan{Instances: []plan.Instance{{Address: "instance.design", Stages: []plan.Stage{
		{Kind: plan.Window, Number: 1, Actions: []plan.Action{{ID: "stop", Phase: plan.Stop}, {ID: "edit", Phase: plan.Doing}, {ID: "start", Phase: plan.Start}}},
		{Kind: plan.Window, Number: 2, Actions: []plan.Action{{ID: "stop2", Phase: plan.Stop}, {ID: "start2", Phase: plan.Start}}},
	}}}}
	// What a journal says, one record a second; "-" lets ten seconds pass.
	const (
		forward  = "begin stop, end stop, begin edit, end edit, begin start, end start"
		second   = "begin stop2, end stop2, begin start2, end start2"
		backward = "undo_begin start, undo_end start, undo_begin edit, undo_end edit, undo_begin stop, undo_end stop"
		back2    = "undo_begin start2, undo_end start2, undo_begin stop2, undo_end stop2"
	)
	for name, c := range map[string]struct {
		journal string
		want    Downtime
	}{
		"nothing done":              {"", Downtime{}},
		"done":                      {forward, Downtime{Run: 5 * time.Second}},
		"two windows":               {forward + ", -, " + second, Downtime{Run: 8 * time.Second}},
		"failed, undone":            {"begin stop, end stop, begin edit, failed edit, rollback , undo_begin edit, undo_end edit, undo_begin stop, undo_end stop", Downtime{Run: 8 * time.Second}},
		"proof failed, undone":      {forward + ", -, rollback , " + backward, Downtime{Run: 10 * time.Second}},
		"rolled back later":         {forward + ", -, rollback whole, " + backward, Downtime{Run: 5 * time.Second, Rollback: 5 * time.Second}},
		"two, rolled back":          {forward + ", -, " + second + ", -, rollback whole, " + back2 + ", " + backward, Downtime{Run: 8 * time.Second, Rollback: 8 * time.Second}},
		"one failed, one stood":     {forward + ", " + second + ", rollback , " + back2 + ", -, rollback whole, " + backward, Downtime{Run: 11 * time.Second, Rollback: 5 * time.Second}},
		"rollback killed, gone on":  {forward + ", -, rollback whole, undo_begin start, undo_end start, -, rollback whole, undo_begin edit, undo_end edit, undo_begin stop, undo_end stop", Downtime{Run: 5 * time.Second, Rollback: 16 * time.Second}},
		"rolled back, not yet over": {forward + ", -, rollback whole, undo_begin start, undo_end start", Downtime{Run: 5 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := read(recordsOf(began, c.journal))
			if err != nil {
				t.Fatal(err)
			}
			if got := summarize(p, h, state.Run{}).Downtime["instance.design"]; got != c.want {
				t.Errorf("got %+v, expected %+v", got, c.want)
			}
		})
	}
}
