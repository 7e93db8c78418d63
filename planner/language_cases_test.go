package planner_test

import (
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/planner"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/state"
)

// declare reads the instances of a file in place of those of add.
func (w *world) declare(src string, observations obs) {
	var fragments []schema.Fragment
	for _, p := range w.Providers {
		fragments = append(fragments, p.Schema())
	}
	estate, diags := config.Load(config.LoadOptions{FS: fstest.MapFS{"main.dss.hcl": {Data: []byte(src)}}, Schema: config.InstanceSchema(fragments...)})
	if diags.HasErrors() {
		panic(diags)
	}
	estate.Files = w.Estate.Files
	w.Estate = estate
	for _, in := range estate.Instances {
		w.Observed = append(w.Observed, planner.Observed{
			Instance: in, Facts: facts(dss.ServiceRunning), Observations: observations,
			Read: func(string) (string, bool, error) { return "1", true, nil },
		})
	}
	w.Recorded, w.MovedFrom = planner.Follow(estate.Moves, w.Recorded)
}

const designFile = "instance \"design\" {\n  data_dir = \"/data/design\"\n"

const designImport = "import {\n  to = instance.design\n  data_dir = \"/data/design\"\n}\n"

// languageCases are those of what the files say beyond the aspects.
var languageCases = map[string]func(w *world){
	"moved": func(w *world) {
		w.Recorded["instance.old"] = state.Instance{DataDir: "/data/design"}
		w.declare(designFile+"}\nmoved {\n  from = instance.old\n  to = instance.design\n}\n", nil)
	},
	"moved_elsewhere": func(w *world) {
		w.Recorded["instance.old"] = state.Instance{DataDir: "/data/other"}
		w.declare(designFile+"}\nmoved {\n  from = instance.old\n  to = instance.design\n}\n", nil)
	},
	"import": func(w *world) {
		w.declare(designFile+"}\n"+designImport, nil)
	},
	"import_with_changes": func(w *world) {
		w.declare(designFile+"}\n"+designImport, obs{"general_settings": settings()})
	},
	"import_known": func(w *world) {
		w.Recorded["instance.design"] = state.Instance{DataDir: "/data/design"}
		w.declare(designFile+"}\n"+designImport, nil)
	},
	"import_moved": func(w *world) {
		w.Recorded["instance.old"] = state.Instance{DataDir: "/data/design"}
		w.declare(designFile+"}\n"+designImport+"moved {\n  from = instance.old\n  to = instance.design\n}\n", nil)
	},
	"import_known_elsewhere": func(w *world) {
		w.Recorded["instance.old"] = state.Instance{DataDir: "/data/design"}
		w.declare(designFile+"}\n"+designImport, nil)
	},
	"import_of_nothing": func(w *world) {
		w.declare(designFile+"}\n"+designImport, nil)
		w.Observed[0].Err = &dss.NotFoundError{DataDir: "/data/design"}
	},
	"import_or_origin": func(w *world) {
		w.declare(designFile+"}\n"+designImport, nil)
		w.Observed[0].Absent = true
	},
	"import_observed": func(w *world) {
		w.declare(designFile+"  mode = \"observe\"\n}\n"+designImport, obs{"general_settings": settings()})
	},
	"given_up": func(w *world) {
		w.Recorded["instance.old"] = state.Instance{DataDir: "/data/old", Protected: true}
		w.declare("forget {\n  from = instance.old\n}\n", nil)
	},
	"check_and_precondition": func(w *world) {
		w.declare(designFile+"  precondition {\n    condition = false\n    error_message = \"Not yet.\"\n  }\n}\ncheck \"c\" {\n  assert {\n    condition = false\n    error_message = \"Never.\"\n  }\n}\n",
			obs{"general_settings": settings()})
	},
	"protect": func(w *world) {
		w.declare(designFile+"  protect = true\n}\n", obs{"general_settings": settings()})
	},
	"protected_danger": func(w *world) {
		w.Recorded["instance.design"] = state.Instance{DataDir: "/data/design", Protected: true}
		w.declare(designFile+"}\n", obs{"release": versionChange()})
	},
	"protected_handed_back": func(w *world) {
		w.Recorded["instance.design"] = state.Instance{DataDir: "/data/design", Protected: true}
		w.declare(designFile+"  protect = false\n}\n", obs{"general_settings": seen{Proposal: providers.Proposal{
			Changes: []plan.Change{change("general_settings", "", plan.Forget, "", "")}, Forget: true,
		}}})
	},
	"unprotect": func(w *world) {
		w.Recorded["instance.design"] = state.Instance{DataDir: "/data/design", Protected: true}
		w.declare(designFile+"  protect = false\n}\n", nil)
	},
	"refresh_only": func(w *world) {
		w.RefreshOnly = true
		w.Recorded["instance.old"] = state.Instance{DataDir: "/data/old"}
		w.declare(designFile+"}\n", obs{
			"general_settings": settings(),
			"release":          seen{Proposal: providers.Proposal{Record: []byte(`{"version":"14.2.1"}`)}},
		})
	},
	"ordered": func(w *world) {
		w.Ordered = true
		w.Recorded["instance.old"] = state.Instance{DataDir: "/data/old"}
		w.declare(designFile+"  protect = true\n  ignore = [\"general_settings\"]\n  precondition {\n    condition = false\n    error_message = \"Not yet.\"\n  }\n}\ncheck \"c\" {\n  assert {\n    condition = false\n    error_message = \"Never.\"\n  }\n}\n",
			obs{"general_settings": settings()})
	},
	"ordered_observe": func(w *world) {
		w.Ordered = true
		w.declare(designFile+"  mode = \"observe\"\n}\n", obs{"general_settings": settings()})
	},
	"ordered_protected": func(w *world) {
		w.Ordered = true
		w.Recorded["instance.design"] = state.Instance{DataDir: "/data/design", Protected: true}
		w.declare(designFile+"}\n", obs{"release": versionChange()})
	},
	"ignored_whole": func(w *world) {
		bad := databaseMove("instance.design")
		bad.diags = hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Nobody asked"}}
		w.declare(designFile+"  ignore = [\"runtime_database\"]\n}\n", obs{"runtime_database": bad, "general_settings": settings()})
	},
}
