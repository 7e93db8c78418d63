package planner_test

import (
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/planner"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/state"
)

var update = flag.Bool("update", false, "write the golden files anew")

// cases are the worlds of the golden files.
var cases = map[string]func(w *world){
	"nothing_to_do": func(w *world) {
		w.add("design", "", facts(dss.ServiceRunning), obs{
			"runtime_database": seen{head: "embedded databases (1.0 GiB)"},
			// Found as declared: remembered without being a change.
			"general_settings": seen{Proposal: providers.Proposal{Record: []byte(`{"keys":["x"]}`)}},
		})
	},
	"one_setting": func(w *world) {
		w.add("design", "", facts(dss.ServiceRunning), obs{"general_settings": settings()})
	},
	"database_move": func(w *world) {
		w.add("design", "", facts(dss.ServiceRunning), obs{"runtime_database": databaseMove("instance.design")})
	},
	"move_settings_port": func(w *world) {
		w.add("design", "", facts(dss.ServiceRunning), obs{
			"runtime_database": databaseMove("instance.design"), "install": port(), "general_settings": settings(),
		})
	},
	"version_move_settings": func(w *world) {
		w.add("design", "", facts(dss.ServiceRunning), obs{
			"runtime_database": databaseMove("instance.design"), "release": versionChange(), "general_settings": settings(),
		})
	},
	"version_settings": func(w *world) {
		w.add("design", "", facts(dss.ServiceRunning), obs{"release": versionChange(), "general_settings": settings()})
	},
	"stopped": func(w *world) {
		w.add("design", "", facts(dss.ServiceStopped), obs{"general_settings": settings()})
	},
	"stopped_version_settings": func(w *world) {
		w.add("design", "", facts(dss.ServiceStopped), obs{"release": versionChange(), "general_settings": settings()})
	},
	"two_one_failed": func(w *world) {
		w.add("automation", "auto1", facts(dss.ServiceRunning), obs{"general_settings": settings()})
		w.add("automation", "auto 2", dss.Facts{}, nil).Err = errors.New(`read /data/automationauto 2/install.ini: no section [general], password p4ssw0rd-automationauto 2`)
	},
	"propose_failed": func(w *world) {
		bad := databaseMove("instance.design")
		bad.diags = hcl.Diagnostics{
			{Severity: hcl.DiagWarning, Summary: "Few connections left", Detail: "12 of 100 are free."},
			{Severity: hcl.DiagError, Summary: "The prefix is in use", Detail: "Tables of somebody else begin with design_.", Subject: &hcl.Range{Filename: "main.dss.hcl", Start: hcl.Pos{Line: 9, Column: 5}, End: hcl.Pos{Line: 9, Column: 30}}},
		}
		w.add("design", "", facts(dss.ServiceRunning), obs{"runtime_database": bad, "general_settings": settings()})
	},
	"removed": func(w *world) {
		w.add("design", "", facts(dss.ServiceRunning), nil)
		w.Recorded["instance.old"] = state.Instance{DataDir: "/data/old"}
		w.Recorded["instance.design"] = state.Instance{DataDir: "/data/design"}
	},
	"removed_protected": func(w *world) {
		w.Recorded["instance.old"] = state.Instance{DataDir: "/data/old", Protected: true}
	},
	"handed_back": func(w *world) {
		w.add("design", "", facts(dss.ServiceRunning), obs{"general_settings": seen{Proposal: providers.Proposal{
			Changes: []plan.Change{change("general_settings", "", plan.Forget, "", "")}, Forget: true,
		}}})
	},
	"target_block": func(w *world) {
		w.add("design", "", facts(dss.ServiceRunning), obs{
			"runtime_database": databaseMove("instance.design"), "install": port(), "general_settings": settings(),
		})
		w.add("spare", "", facts(dss.ServiceRunning), obs{"general_settings": settings()})
		w.Targets = []string{"instance.design.port"}
		w.Selection = only{"instance.design.port": true}
		w.Recorded["instance.gone"] = state.Instance{DataDir: "/data/gone"}
	},
	"dangers": func(w *world) {
		loss := offline("runtimedb.embed", plan.Doing, "use the embedded databases as they were left")
		loss.Danger, loss.Trial = plan.DataLoss, true
		loss.Undo = plan.Undo{Possible: true, How: "exact bytes"}
		manual := offline("integration.impersonation", plan.Replay, "install the impersonation")
		manual.Manual = "sudo /data/design/bin/dssadmin install-impersonation dataiku"
		manual.Cost = plan.Cost{}
		manual.Undo = plan.Undo{How: "a person did it"}
		w.add("design", "", facts(dss.ServiceRunning), obs{
			"runtime_database": seen{Proposal: providers.Proposal{
				Changes: []plan.Change{change("runtime_database", "type", plan.Update, `"postgresql"`, `"embedded"`)},
				Steps:   []providers.Step{loss},
			}},
			"release": versionChange(),
			"install": seen{Proposal: providers.Proposal{
				Changes: []plan.Change{change("install_ini", "mus", plan.Create, "", `{}`)},
				Steps:   []providers.Step{manual},
			}},
		})
	},
}

func TestGolden(t *testing.T) {
	all := maps.Clone(cases)
	maps.Copy(all, languageCases)
	for name, build := range all {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			build(w)
			p, diags := planner.Make(w.Input)
			checkSame(t, p, diags)
			got, err := plan.Encode(p, w.Meta.Key)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", got)
			if _, err := plan.Decode(got); err != nil {
				t.Errorf("the plan cannot be read again: %v", err)
			}
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil { //nolint:gosec // a golden file is no secret
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: run `go test ./planner -update` if this is meant (-want +got):\n%s", file, diff)
	}
}

// checkSame holds the diagnostics for rendering to those of the plan.
func checkSame(t *testing.T, p *plan.Plan, diags hcl.Diagnostics) {
	t.Helper()
	if len(diags) != len(p.Diagnostics) {
		t.Fatalf("%d diagnostics, %d in the plan", len(diags), len(p.Diagnostics))
	}
	for i, d := range diags {
		if d.Summary != p.Diagnostics[i].Summary || (d.Severity == hcl.DiagError) != (p.Diagnostics[i].Severity == plan.Error) {
			t.Errorf("diagnostic %d: %v, in the plan %+v", i, d, p.Diagnostics[i])
		}
	}
	if diags.HasErrors() != p.HasErrors() {
		t.Errorf("errors: %v, in the plan %v", diags.HasErrors(), p.HasErrors())
	}
}
