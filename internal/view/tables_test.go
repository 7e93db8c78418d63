package view

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

func TestTables(t *testing.T) {
	s := Style{Width: 100, Unicode: true}
	golden(t, "status", func(b *bytes.Buffer) error {
		return Status(b, []StatusRow{
			{Address: "instance.design", Version: "14.4.1", NodeType: "design", Service: "running", Notes: []string{"PostgreSQL dss on pg.internal", "1 manual step pending"}, LastRun: runName, LastStatus: "done"},
			{Address: `instance.automation["auto1"]`, Version: "13.5.2", NodeType: "automation", Service: "stopped", Changes: 3, LastRun: runName, LastStatus: "rolled_back"},
			{Address: `instance.automation["auto2"]`, Failed: true},
			{Address: "instance.test", Version: "14.4.1", NodeType: "design", Service: "stopped", LastRun: runName, LastStatus: "running", Down: &StillDown{
				Run: runName, Recover: "dssctl recover " + runName + " --rollback", GuardLog: "/srv/dss/.dssctl/runs/" + runName + "/guard.log",
				Instances: []DownInstance{{Address: "instance.test", Since: noon, Start: "/data/dataiku/test/bin/dss start", Account: "dataiku"}},
			}},
		}, s)
	})
	runs := []RunRow{
		{Run: runName, Status: "done", Why: "apply", Started: noon, Ended: noon.Add(250 * time.Second), Instances: []string{"instance.design"}},
		{Run: "20261119-080000-0001", Status: "running", Why: "apply plan.json", Started: noon.Add(-28 * time.Hour), Instances: []string{"instance.a", "instance.b", "instance.c", "instance.d", "instance.e"}},
	}
	golden(t, "runs", func(b *bytes.Buffer) error { return Runs(b, runs, s) })
	row := StateRow{Address: "instance.design", DataDir: "/data/dataiku/design", Aspects: []string{"install_ini", "runtime_database"}, Protected: true, LastRun: runName, Updated: noon}
	golden(t, "state_list", func(b *bytes.Buffer) error {
		return StateList(b, []StateRow{row, {Address: `instance.automation["auto1"]`, DataDir: "/data/dataiku/auto1"}}, s)
	})
	golden(t, "state_show", func(b *bytes.Buffer) error {
		return StateShow(b, StateDetail{
			StateRow: row,
			Records: map[string]json.RawMessage{
				"runtime_database": raw(`{"mode": "postgresql", "made": {"schema": "dss_runtime", "tables": 14}, "password": "9f86d081884c7d659a2feaa0c55ad015"}`),
				"install_ini":      raw(`["server.port"]`),
			},
			Throughput: map[string]float64{"runtimedb.copy": 1.2e8},
		}, s)
	})
	golden(t, "tables_empty", func(b *bytes.Buffer) error {
		for _, err := range []error{Status(b, nil, s), Runs(b, nil, s), StateList(b, nil, s)} {
			if err != nil {
				return err
			}
		}
		return nil
	})
}
