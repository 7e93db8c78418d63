package executor

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/state"
)

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
			var records []state.Record
			at := began
			for entry := range strings.SplitSeq(c.journal, ", ") {
				typ, action, ok := strings.Cut(entry, " ")
				if !ok {
					at = at.Add(10 * time.Second)
					continue
				}
				at = at.Add(time.Second)
				r := state.Record{Type: typ, Action: action, Time: at, Data: json.RawMessage(`{}`)}
				if typ == recRollback {
					r.Action, r.Data = "", json.RawMessage(`{"whole":false}`)
					if action != "" {
						r.Data = json.RawMessage(`{"whole":true}`)
					}
				}
				records = append(records, r)
			}
			h, err := read(records)
			if err != nil {
				t.Fatal(err)
			}
			if got := summarize(p, h, state.Run{}).Downtime["instance.design"]; got != c.want {
				t.Errorf("got %+v, expected %+v", got, c.want)
			}
		})
	}
}
