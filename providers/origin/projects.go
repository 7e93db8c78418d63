package origin

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/dss"
)

// part is something that an export can have with it besides the project's
// definition.
type part struct {
	name   string
	option string // of the public API
	// byDefault: no computation brings it back.
	byDefault bool
}

var parts = []part{
	{"uploads", "exportUploads", true},
	{"managed_folders", "exportManagedFolders", true},
	{"input_managed_folders", "exportAllInputManagedFolders", true},
	{"saved_models", "exportSavedModels", true},
	{"analysis_models", "exportAnalysisModels", true},
	{"evaluation_stores", "exportModelEvaluationStores", true},
	{"insights", "exportInsightsData", true},
	{"git", "exportGitRepository", true},
	{"managed_filesystem", "exportManagedFS", false},
	{"input_datasets", "exportAllInputDatasets", false},
	{"all_datasets", "exportAllDatasets", false},
}

func partNames(which func(part) bool) []string {
	var out []string
	for _, p := range parts {
		if which(p) {
			out = append(out, p.name)
		}
	}
	return out
}

// options are those of an export with these parts: each is said, so that no
// default of DSS's matters.
func options(with []string) dss.ExportOptions {
	out := dss.ExportOptions{}
	for _, p := range parts {
		out[p.option] = slices.Contains(with, p.name)
	}
	return out
}

func projectAttributes() []schema.Attribute {
	only := []string{byProjects}
	ticked := func(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }
	byDefault := partNames(func(p part) bool { return p.byDefault })
	defaults := make([]cty.Value, len(byDefault))
	for i, name := range byDefault {
		defaults[i] = cty.StringVal(name)
	}
	return []schema.Attribute{
		{
			Name: "projects", Type: cty.List(cty.String), Public: true, Check: checkKeys, Labels: only,
			Doc: "The keys of the projects that shall come. All without it. Keys that are added later come with the next plan.", Example: `["CHURN", "SALES"]`,
		},
		{
			Name: "except", Type: cty.List(cty.String), Public: true, Check: checkKeys, Labels: only,
			Doc: "The keys of projects that shall not come.", Example: `["SANDBOX"]`,
		},
		{
			Name: "include", Type: cty.List(cty.String), Public: true, Check: checkParts, Labels: only, Default: cty.ListVal(defaults),
			Doc: "What comes with a project besides its definition, among " + ticked(partNames(func(part) bool { return true })) +
				". By default what no computation brings back; the data of datasets is left out.",
		},
	}
}

// keyForm keeps a project's key fit for a title and for a path of the API.
var keyForm = lazyregexp.New(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

func checkKeys(v cty.Value) error {
	all := stringsOf(v)
	if len(all) == 0 {
		return errors.New("must name at least one project")
	}
	for _, s := range all {
		if !keyForm.MatchString(s) {
			return errors.New("must be keys of projects such as \"CHURN\"")
		}
	}
	return nil
}

func checkParts(v cty.Value) error {
	all := partNames(func(part) bool { return true })
	for _, s := range stringsOf(v) {
		if !slices.Contains(all, s) {
			return fmt.Errorf("must be among %s", strings.Join(all, ", "))
		}
	}
	return nil
}

func stringsOf(v cty.Value) []string {
	if v.IsNull() || !v.IsKnown() {
		return nil
	}
	var out []string
	for _, e := range v.AsValueSlice() {
		if !e.IsNull() {
			out = append(out, e.AsString())
		}
	}
	return out
}

// brought is the aspect's record: the projects that have come.
type brought struct {
	Of       string   `json:"of"`
	Projects []string `json:"projects,omitempty"`
	// All says that all projects had come that were there then, but for Left:
	// those that are made in the source later are its own.
	All  bool     `json:"all,omitempty"`
	Left []string `json:"left,omitempty"`
}

func readBrought(raw json.RawMessage, of string) (brought, error) {
	b := brought{Of: of}
	if len(raw) == 0 {
		return b, nil
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		return b, fmt.Errorf("what the state remembers of the projects that have come: %w", err)
	}
	if b.Of != of {
		b = brought{Of: of}
	}
	return b, nil
}

// with is the record with one project more.
func (b brought) with(project string) brought {
	if !b.has(project) {
		b.Projects = append(slices.Clone(b.Projects), project)
	}
	return b
}

// whole is the record of all projects but these.
func (b brought) whole(except []string) brought {
	b.All, b.Left = true, except
	return b
}

// expected are the projects that the block or the record names and that have not
// come. It is not known which they are where all shall come, and have not yet.
func (b brought) expected(o *config.Block) (names []string, known bool) {
	switch {
	case o.Has("projects"):
		names = stringsOf(o.Value("projects"))
	case b.All:
		names = b.Left
	default:
		return nil, false
	}
	return b.open(o, names), true
}

// open leaves out what has come and what shall not.
func (b brought) open(o *config.Block, names []string) []string {
	var out []string
	for _, name := range names {
		if !b.has(name) && !slices.Contains(except(o), name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func except(o *config.Block) []string { return stringsOf(o.Value("except")) }

func (b brought) has(project string) bool { return slices.Contains(b.Projects, project) }

// projectArgs are the arguments of origin.project.
type projectArgs struct {
	Source  *source      `json:"source"`
	APIKey  *secret.Text `json:"api_key"` // of the new instance
	Project string       `json:"project"`
	Include []string     `json:"include"`
	// Last says that all have come with it, but for Except.
	Last   bool     `json:"last,omitempty"`
	Except []string `json:"except,omitempty"`
}
