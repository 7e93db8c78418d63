package origin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// designNode is the only type of node that imports projects.
const designNode = "design"

// projects are the steps of a fresh instance that projects shall come to: those
// of an installation. A fresh DSS has no API key, and none of the connections,
// code environments and plugins that projects need: a person sees to these, and
// the projects come by the next plan.
func (m *maker) projects() {
	o := m.o
	switch {
	case !m.sourceKnown(o.source):
		return
	case o.sourceProblem != "":
		m.refuse("of", "The source cannot be looked at", "Projects of %s are to come to %s: %s.", o.source.Address, m.req.Address, o.sourceProblem)
		return
	}
	if node := m.req.Desired.String("node_type"); node != "" && node != designNode {
		m.refuse("", "No projects for this type of node", "Projects are imported into design nodes only, and %s is declared as %q. Projects reach an automation node as bundles.", m.req.Address, node)
	}
	m.checkVersions(o.kitVersion, o.facts.Version, o.facts.NodeType)
	m.install()
	if m.diags.HasErrors() {
		return
	}
	m.change("of", o.source.Address)
	m.warnLosses()
	m.warn("", "The projects come with a later plan",
		"This plan installs %s, empty. What is no project does not come by itself: make in it the connections, code environments, plugins, users and groups that the projects need, "+
			"and no connection that leads where one of %s does, or both write to the same tables. Then make an API key of an administrator (`%s`), and declare it as the api_key of %s%s: the next plan brings the projects.",
		m.req.Address, o.source.Address, keyCommand(m.req.Desired.DataDir), m.req.Address, alsoOf(o.source))
}

func keyCommand(dataDir string) string {
	return dataDir + "/bin/dsscli api-key-create --admin true --label dssctl"
}

func alsoOf(src *config.Instance) string {
	if src.Has("api_key") {
		return ""
	}
	return ", and one of " + src.Address + " as its own"
}

// sourceKnown refuses what names no other instance.
func (m *maker) sourceKnown(src *config.Instance) bool {
	of := m.b.String("of")
	switch {
	case of == "":
		m.refuse("", "Projects of what?", "Name the instance whose projects shall come to %s: of = instance.NAME.", m.req.Address)
	case src == nil:
		m.refuse("of", "Projects of what?", "There is no instance %s.", of)
	default:
		return true
	}
	return false
}

func (m *maker) checkVersions(here, there, theirNode string) {
	of := m.b.String("of")
	if n, err := dss.CompareVersions(here, there); err == nil && n < 0 {
		m.refuse("of", "An older version", "%s is of DSS %s, and %s of %s: what a newer version exports is not made for an older one.", m.req.Address, here, of, there)
	}
	switch theirNode {
	case designNode, "automation", "":
	default:
		m.refuse("of", "No projects there", "%s is a node of the type %q, which has no projects.", of, theirNode)
	}
}

// warnLosses says what DSS's documentation says of this way.
func (m *maker) warnLosses() {
	of := m.b.String("of")
	without := partNames(func(p part) bool { return !slices.Contains(m.include(), p.name) })
	also := ""
	if len(without) > 0 {
		also = fmt.Sprintf(" By include, it also goes without: %s.", strings.Join(without, ", "))
	}
	m.warn("", "What an export does not carry",
		"DSS's documentation does not recommend export and import for an upgrade: it is slower than a clone, and some things are not part of an export and will be lost. "+
			"These are files written from Jupyter notebooks, results of SQL notebooks, and the whole state of the Flow: all incremental computation state is lost, and all datasets and partitions have to be recomputed.%s "+
			"%s keeps everything; origin \"clone\" carries everything.", also, of)
}

func (m *maker) include() []string { return stringsOf(m.b.Value("include")) }

// bring are the steps that bring the projects, one each.
func (m *maker) bring(o *bringing) {
	if !m.sourceKnown(o.source) {
		return
	}
	to, of := m.req.Address, m.b.String("of")
	switch {
	case o.settled:
		return
	case m.req.Facts.NodeType != designNode:
		m.refuse("", "No projects for this type of node", "Projects are imported into design nodes only, and %s is of the type %q.", to, m.req.Facts.NodeType)
		return
	case o.missingKey == to:
		m.warn("", "Projects are still to come", "To bring the projects of %s, dssctl needs an API key of an administrator of %s: make one (`%s`), and declare it as its api_key. Connections, code environments and plugins that the projects need must be there first.", of, to, keyCommand(m.req.Desired.DataDir))
		return
	case o.missingKey != "":
		m.warn("of", "Projects are still to come", "To export the projects of %s, dssctl needs an API key of an administrator: declare its api_key.", of)
		return
	case o.problem != "":
		m.refuse("of", "The projects cannot be listed", "Projects of %s are to come to %s, for which both must run: %s. When no more shall come, take the block away.", of, to, o.problem)
		return
	}
	m.checkVersions(o.version, o.theirVersion, o.theirNode)
	todo := m.todo(o)
	if m.diags.HasErrors() {
		return
	}
	all := !m.b.Has("projects")
	if len(todo) == 0 {
		if all {
			m.out.Record = encode(o.record.whole(except(m.b)))
		}
		return
	}
	key := m.req.Desired.Text("api_key")
	src := sourceOf(o.source, dss.Facts{})
	for i, project := range todo {
		m.change("projects."+project, of)
		s := m.step(KindProject, plan.Doing, providers.Online,
			fmt.Sprintf("bring the project %s from %s, its scenarios deactivated", project, of), "delete it here", plan.Cost{})
		s.Unit = "project " + project
		s.Args = encode(projectArgs{Source: src, APIKey: &key, Project: project, Include: m.include(), Last: all && i == len(todo)-1, Except: except(m.b)})
	}
	m.warnLosses()
	for _, l := range o.lacks {
		m.warn("", "Not in the new instance", "%s of %s that %s does not have: %s. A project that uses one is refused by DSS, or does not work until it is there.", capital(l.what), of, to, some(l.names))
	}
	if len(o.untold) > 0 {
		m.warn("", "Not compared", "Could not be compared between %s and %s: %s. Check that %s has what the projects use.", of, to, strings.Join(o.untold, "; "), to)
	}
}

// todo are the projects that are still to come, in order.
func (m *maker) todo(o *bringing) []string {
	wanted, named := o.record.expected(m.b)
	if !named {
		wanted = o.record.open(m.b, o.theirs)
	}
	var todo, taken []string
	for _, name := range wanted {
		switch {
		case named && !slices.Contains(o.theirs, name):
			m.refuse("projects", "No such project", "%s has no project %s; it has %s.", o.record.Of, name, some(o.theirs))
		case !keyForm.MatchString(name):
			m.refuse("", "An odd key", "%s has a project with the key %q, and keys are letters, digits, dots, dashes and underscores: leave it out by naming the others in projects.", o.record.Of, name)
		case slices.Contains(o.ours, name):
			taken = append(taken, name)
		default:
			todo = append(todo, name)
		}
	}
	if len(taken) > 0 {
		m.refuse("projects", "The project exists already", "%s has %s already, which dssctl did not bring as far as the state remembers: nothing is overwritten. Put what shall stay as it is into except, or delete it in DSS; when all is there, take the block away.", m.req.Address, some(taken))
	}
	return todo
}

// some are the first of many names.
func some(names []string) string {
	const most = 10
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
