// Package viewtest has the plans that the renderers are tried with: one that
// moves databases, one with one of each thing that a plan can show, and hostile
// ones.
package viewtest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/dssctl/dssctl/internal/plan"
)

// Noon is when the plans were made.
var Noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// Raw is a JSON value.
func Raw(s string) json.RawMessage { return json.RawMessage(s) }

// MoveInstance is the main job: embedded databases to PostgreSQL.
func MoveInstance() plan.Instance {
	const block = "instance.design.runtime_database"
	return plan.Instance{
		Address: "instance.design", Range: "main.dss.hcl:12,1-20", DataDir: "/data/dataiku/design",
		Seen: plan.Seen{Version: "14.2.1", NodeType: "design", Service: "running", Notes: []string{"embedded databases (1.3 GiB)"}},
		Changes: []plan.Change{
			{Block: "runtime_database", Path: "type", Op: plan.Update, Before: Raw(`"embedded"`), After: Raw(`"postgresql"`), Range: "main.dss.hcl:15,3-34"},
			{Block: "runtime_database", Path: "host", Op: plan.Create, After: Raw(`"pg.internal"`)},
			{Block: "runtime_database", Path: "password", Op: plan.Create, Secret: true},
		},
		Stages: []plan.Stage{
			{Kind: plan.Before, Actions: []plan.Action{
				{ID: "design/1", Title: "create schema dss_runtime on pg.internal", Block: block, Undo: plan.Undo{Possible: true, How: "drop the schema if it is empty"}},
				{ID: "design/2", Title: "rehearse: role, privileges, prefix, free space, connections", Block: block},
			}},
			{Kind: plan.Window, Number: 1, Cost: plan.Cost{Seconds: 250, Bytes: 3 << 30}, Actions: []plan.Action{
				{ID: "design/3", Title: "check that nothing runs, stop DSS", Danger: plan.Downtime},
				{ID: "design/4", Title: "safety backup of config and databases", Cost: plan.Cost{Bytes: 1503238553}},
				{ID: "design/5", Title: "set internalDatabase in general-settings.json", Block: block, Undo: plan.Undo{Possible: true, How: "exact bytes"}},
				{ID: "design/6", Title: "copy the runtime databases", Block: block, Cost: plan.Cost{Bytes: 1395864371}, Undo: plan.Undo{Possible: true, How: "drop the copied tables"}},
				{ID: "design/7", Title: "verify: 14 tables, rows present", Block: block},
				{ID: "design/8", Title: "start DSS, wait until ready"},
			}},
			{Kind: plan.After, Actions: []plan.Action{
				{ID: "design/9", Title: "verify: DSS answers, runtime databases in use", Block: block},
			}},
		},
	}
}

// Move is the main job: embedded databases to PostgreSQL.
func Move() *plan.Plan {
	return &plan.Plan{
		FormatVersion: plan.FormatVersion, Tool: "0.1.0", CreatedAt: Noon,
		Instances: []plan.Instance{MoveInstance()},
		Summary: plan.Summary{
			Instances: 1, ToChange: 1, Windows: 1, Downtime: plan.Cost{Seconds: 250},
			ByAddress: []plan.Line{{Address: "instance.design.runtime_database", Op: plan.Update, Changes: 3}},
		},
	}
}

// Everything has one of each thing that a plan can show.
func Everything() *plan.Plan {
	const addr = `instance.automation["auto1"]`
	auto := plan.Instance{
		Address: addr, Range: "auto.dss.hcl:3,1-24", DataDir: "/data/dataiku/auto1",
		Seen: plan.Seen{Version: "13.5.2", NodeType: "automation", Service: "running", Notes: []string{"PostgreSQL dss on pg-old.internal", "graphics export on", "2 manual steps pending"}},
		Changes: []plan.Change{
			{Block: "release", Path: "version", Op: plan.Update, Before: Raw(`"13.5.2"`), After: Raw(`"14.4.1"`)},
			{Block: "runtime_database", Path: "host", Op: plan.Update, Before: Raw(`"pg-old.internal"`), After: Raw(`"pg.internal"`)},
			{
				Block: "runtime_database", Path: "jdbc_url", Op: plan.Update,
				Before: Raw(`"jdbc:postgresql://pg-old.internal:5432/dss?ssl=true&sslmode=verify-full&sslrootcert=/etc/ssl/old-ca.pem"`),
				After:  Raw(`"jdbc:postgresql://pg-old.internal:5432/dss?ssl=true&sslmode=verify-full&sslrootcert=/etc/ssl/company-ca.pem"`),
			},
			{Block: "runtime_database", Path: "password", Op: plan.Update, Secret: true, Note: "its fingerprint differs from what dssctl wrote last"},
			{Block: "runtime_database", Path: "pool", Op: plan.Create, After: Raw(`{"max_idle_ms": 600000, "max_pooled": 50}`)},
			{Block: "runtime_database", Path: "properties.ApplicationName", Op: plan.Delete, Before: Raw(`"dss auto 1"`)},
			{Block: "port", Op: plan.Update, Before: Raw(`11300`), After: Raw(`11310`)},
			{Block: "general_settings", Path: "maxRunningActivities", Op: plan.Create, After: Raw(`20`)},
			{
				Block: "general_settings", Path: "ldapSettings", Op: plan.Update,
				Before: Raw(`{"enabled": false, "url": "ldap://old", "groups": ["a", "b", "c"], "tls": null, "timeout": 10, "port": 389}`),
				After:  Raw(`{"enabled": true, "url": "ldap://old", "groups": ["a", "c", "d e"], "timeout": 10, "port": 636, "bind": {"dn": "cn=dss"}}`),
			},
			{Block: "general_settings", Path: "banner", Op: plan.Update, Before: Raw(`null`), After: Raw(`"Line one\nline two \u001b[31mred"`)},
			{Block: "backup.nightly", Op: plan.Create, After: Raw(`{"destination": "/backups/auto1", "exclude": ["temporary", "logs"]}`)},
			{Block: "backup.weekly", Op: plan.Forget, Note: "its block is gone; the schedule entry is removed, the backups stay"},
		},
		Stages: []plan.Stage{
			{Kind: plan.Before, Actions: []plan.Action{
				{ID: "a/1", Title: "unpack dataiku-dss-14.4.1.tar.gz to /opt/dataiku", Cost: plan.Cost{Bytes: 3 << 30}, Undo: plan.Undo{Possible: true, How: "remove the folder"}},
				{ID: "a/2", Title: "rehearse: role, privileges, prefix, free space, connections"},
			}},
			{Kind: plan.Window, Number: 1, Cost: plan.Cost{Seconds: 900}, Actions: []plan.Action{
				{ID: "a/3", Title: "check that nothing runs, stop DSS", Danger: plan.Downtime},
				{ID: "a/4", Title: "safety backup of config, databases and the tables auto1_* of the schema dss_runtime on pg-old.internal", Cost: plan.Cost{Bytes: 5 << 30}},
				{ID: "a/5", Title: "upgrade with installer.sh -u", Danger: plan.Irreversible, Undo: plan.Undo{How: "DSS upgrades its tables at the first start"}},
				{ID: "a/6", Title: "install impersonation", Manual: "sudo /data/dataiku/auto1/bin/dssadmin install-impersonation dataiku"},
				{ID: "a/7", Title: "start DSS, wait until ready"},
			}},
			{Kind: plan.After, Actions: []plan.Action{{ID: "a/8", Title: "verify: version 14.4.1 by the API"}}},
			{Kind: plan.Window, Number: 2, Actions: []plan.Action{
				{ID: "a/9", Title: "check that nothing runs, stop DSS", Danger: plan.Downtime},
				{ID: "a/10", Title: "copy 14 tables to pg.internal", Cost: plan.Cost{Bytes: 700 << 20}, Undo: plan.Undo{Possible: true, How: "drop the copied tables"}},
				{ID: "a/11", Title: "delete backups older than 30 days", Danger: plan.DataLoss, Undo: plan.Undo{How: "deleted files are gone"}},
				{ID: "a/12", Title: "start DSS, wait until ready"},
			}},
			{Kind: plan.After, Actions: []plan.Action{{ID: "a/13", Title: "write the crontab entry of backup.nightly", Undo: plan.Undo{Possible: true, How: "exact bytes"}}}},
		},
	}
	p := Move()
	p.Targets = []string{"instance.design", `instance.automation`}
	p.Excludes = []string{`instance.automation["auto9"]`}
	p.Instances = append(p.Instances, auto,
		plan.Instance{Address: `instance.automation["auto2"]`, Seen: plan.Seen{Version: "14.4.1", Service: "stopped", Notes: []string{"embedded databases (12.0 MiB)"}}},
		plan.Instance{Address: `instance.automation["auto3"]`, Failed: true},
	)
	p.Diagnostics = []plan.Diagnostic{
		{
			Severity: plan.Error, Address: `instance.automation["auto3"]`, Summary: "The data directory cannot be read",
			Detail: "/data/dataiku/auto3/install.ini: permission denied. dssctl runs as jenkins, the folder belongs to dataiku. Run dssctl as dataiku.",
		},
		{
			Severity: plan.Warning, Address: "instance.design", Range: "estate.dss.hcl:14,3-20", Summary: "max_connections is 100",
			Detail: "Dataiku asks for 500 or more. Each instance holds up to 50 connections:\n\n  ALTER SYSTEM SET max_connections = 500",
		},
	}
	p.Summary = plan.Summary{
		Instances: 4, ToChange: 2, Failed: 1, Windows: 3, Downtime: plan.Cost{Seconds: 1150}, Irreversible: 1, DataLoss: 1, Manual: 1,
		ByAddress: []plan.Line{{Address: "instance.design.runtime_database", Op: plan.Update}, {Address: addr + ".release", Op: plan.Update}},
	}
	return p
}

// Many has n instances without changes behind one that moves.
func Many(n int) *plan.Plan {
	p := Move()
	for i := range n {
		p.Instances = append(p.Instances, plan.Instance{
			Address: fmt.Sprintf(`instance.node["n%05d"]`, i),
			Seen:    plan.Seen{Version: "14.4.1", Service: "running", Notes: []string{"PostgreSQL dss on pg.internal"}},
		})
	}
	p.Summary.Instances += n
	return p
}

// Hostile is Everything with a nasty text wherever there can be any.
func Hostile(nasty string) *plan.Plan {
	p := Everything()
	p.Targets = []string{nasty}
	p.Tool = nasty
	for i := range p.Instances {
		in := &p.Instances[i]
		in.Address += nasty
		in.Seen.Version, in.Seen.Service, in.Seen.Notes = nasty, nasty, []string{nasty}
		for c := range in.Changes {
			ch := &in.Changes[c]
			ch.Block, ch.Path, ch.Note = ch.Block+nasty, ch.Path+nasty, nasty
			if ch.Op == plan.Update && c%2 == 0 {
				ch.Before, ch.After = Raw(nasty), Raw(`{"`+"\u202e"+`":[{"a":"\u001b\u009b"}]}`)
			}
		}
	}
	p.Actions(func(_ *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		a.Title, a.Undo.How, a.Kind = nasty+a.Title, nasty, plan.Kind(nasty)
		if a.Manual != "" {
			a.Manual = nasty
		}
		return true
	})
	for i := range p.Diagnostics {
		d := &p.Diagnostics[i]
		d.Summary, d.Detail, d.Address, d.Range = nasty, nasty, nasty, nasty
	}
	return p
}
