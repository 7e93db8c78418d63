package backup

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/exclude"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/places"
)

// The kinds of a restore's actions, in their order.
const (
	KindCheckSet     plan.Kind = "backup.check_set"
	KindUnpack       plan.Kind = "backup.unpack"
	KindTakeOut      plan.Kind = "backup.take_out"
	KindSetAside     plan.Kind = "backup.set_aside"
	KindPlace        plan.Kind = "backup.place"
	KindRewire       plan.Kind = "backup.rewire"
	KindLoad         plan.Kind = "backup.load"
	KindAttach       plan.Kind = "backup.attach"
	KindProveRestore plan.Kind = "backup.prove"
)

// RestoreOrder is what `dssctl backup restore` was asked for.
type RestoreOrder struct {
	// To takes files out into this folder and leaves DSS alone.
	To string
	// Only are paths in the data directory, Projects keys of projects; with
	// none of them everything is restored.
	Only, Projects []string
	// Elsewhere is a data directory that is not there yet.
	Elsewhere *Elsewhere
	// Distinct says that whoever ordered it makes another instance of what is
	// restored: its own installid, no scenario active.
	Distinct bool
	// Declared says that the place of the databases is what files declare, and not
	// what flags ask for.
	Declared bool
}

// Elsewhere is a restore to another place.
type Elsewhere struct {
	DataDir string `json:"data_dir"`
	// Kit is the folder of the unpacked kit, of the set's version or newer.
	Kit        string `json:"kit"`
	KitVersion string `json:"kit_version"`
	Port       int    `json:"port,omitempty"` // 0 as it was
	// The place of the runtime databases, where it is another one.
	Host     string  `json:"host,omitempty"`
	DBPort   int     `json:"database_port,omitempty"`
	Database string  `json:"database,omitempty"`
	Schema   string  `json:"schema,omitempty"`
	Prefix   *string `json:"table_prefix,omitempty"`
}

// restoreArgs are the arguments of a restore's actions.
type restoreArgs struct {
	Set string `json:"set"`
	// Paths are what is restored; empty for everything.
	Paths []string `json:"paths,omitempty"`
	To    string   `json:"to,omitempty"`
	// DSS is what the set is of.
	DSS set.DSS `json:"dss"`
	// Kit is attached after the content is in place; "" where the restored data
	// directory fits as it is.
	Kit       string     `json:"kit,omitempty"`
	Load      bool       `json:"load,omitempty"` // the set has a dump to be loaded
	Elsewhere *Elsewhere `json:"elsewhere,omitempty"`
	// Declared is as in RestoreOrder. User is the declared role of the databases,
	// Instances those of the estate, which may own the place of a load.
	Declared  bool              `json:"declared,omitempty"`
	User      *secret.Text      `json:"database_user,omitempty"`
	Instances []places.Instance `json:"instances,omitempty"`
}

// paths returns what is taken out, cleaned; the error says which is wrong.
func (o *RestoreOrder) paths() ([]string, error) {
	var out []string
	for _, p := range o.Only {
		clean := path.Clean(filepath.ToSlash(p))
		if !filepath.IsLocal(clean) || clean == "." {
			return nil, fmt.Errorf("%q is no path in a data directory: give it relative to the data directory, such as config/projects/SALES", p)
		}
		out = append(out, clean)
	}
	for _, k := range o.Projects {
		if k == "" || strings.ContainsAny(k, "/\\*?[") || k == "." || k == ".." {
			return nil, fmt.Errorf("%q is no key of a project", k)
		}
		out = append(out, "config/projects/"+k)
	}
	return out, nil
}

// restore are the steps that bring a set back.
func (m *maker) restore(e set.Entry, o RestoreOrder, b *config.Block) ([]providers.Step, hcl.Diagnostics) {
	fail := func(summary, format string, args ...any) hcl.Diagnostics {
		return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: b.RangeOf("destination")}}
	}
	paths, err := o.paths()
	if err != nil {
		return nil, fail("Nothing can be restored so", "%v.", err)
	}
	r := restoreArgs{Set: e.ID, Paths: paths, To: o.To, DSS: e.Manifest.DSS, Elsewhere: o.Elsewhere, Declared: o.Declared}
	m.a.Sets = []string{e.ID}
	m.a.Method = e.Manifest.Part.Method
	switch {
	case o.To != "":
		m.a.Restore = &r
		return []providers.Step{m.restoreStep(KindTakeOut, plan.Doing, providers.Online,
			fmt.Sprintf("take %s out of the set %s into %s", whatOf(paths), about(e), o.To), "remove what was taken out; what came later stays")}, nil
	case o.Elsewhere != nil:
		return m.elsewhere(e, &r)
	}
	return m.inPlace(e, &r, b, fail)
}

func whatOf(paths []string) string {
	switch n := len(paths); n {
	case 0:
		return "everything"
	case 1:
		return paths[0]
	default:
		return fmt.Sprintf("%s and %d more", paths[0], n-1)
	}
}

func (m *maker) restoreStep(kind plan.Kind, phase plan.Phase, window providers.Window, title, undo string) providers.Step {
	s := m.step(kind, phase, window, title, undo)
	s.Unit = m.at + " restore"
	return s
}

// inPlace are the steps that bring a set back to where it came from: what is
// slow is done while DSS runs, into a folder beside, and inside the window
// names are exchanged.
func (m *maker) inPlace(e set.Entry, r *restoreArgs, b *config.Block, fail func(string, string, ...any) hcl.Diagnostics) ([]providers.Step, hcl.Diagnostics) {
	facts := m.req.Facts
	order, err := dss.CompareVersions(facts.Version, e.Manifest.DSS.Version)
	switch {
	case err != nil:
		return nil, fail("The versions cannot be compared", "%v.", err)
	case order < 0:
		return nil, fail("The set is of a newer version", "The set %s is of DSS %s, and %s is of %s. DSS restores to the same version or a newer one only: upgrade first, or restore elsewhere with a kit of %s or newer.",
			e.ID, e.Manifest.DSS.Version, m.req.Address, facts.Version, e.Manifest.DSS.Version)
	case e.Manifest.DSS.NodeType != facts.NodeType:
		return nil, fail("The set is of another kind of node", "The set %s is of a %s node, and %s is a %s node.", e.ID, e.Manifest.DSS.NodeType, m.req.Address, facts.NodeType)
	case len(r.Paths) > 0 && order != 0:
		return nil, fail("Parts need the same version", "The set %s is of DSS %s and %s is of %s: single files of another version do not fit. Take them out with -to FOLDER and look at them there.",
			e.ID, e.Manifest.DSS.Version, m.req.Address, facts.Version)
	}
	if order > 0 || e.Manifest.DataDir != m.req.Desired.DataDir && len(r.Paths) == 0 {
		if facts.InstallDir == "" {
			return nil, fail("The kit is not known", "The restored data directory has to be attached to the kit of %s again, and bin/env-default.sh does not name one (DKUINSTALLDIR).", m.req.Address)
		}
		r.Kit = facts.InstallDir
	}
	r.Load = e.Manifest.Database != nil && len(r.Paths) == 0
	if r.Load && m.a.Database == nil {
		return nil, fail("No password for the databases", "The set %s holds a dump of runtime databases in PostgreSQL: declare the password in `runtime_database`, or give `database_password`.", e.ID)
	}
	if r.Load {
		r.User, r.Instances = databaseUser(m.req.Desired), m.instances
	}
	m.a.Restore = r
	bytes := e.Manifest.Part.Bytes
	cost := plan.Cost{Bytes: bytes, Seconds: 1 + float64(bytes)/m.rate(KindUnpack, saveRate)}
	what := "the data directory"
	if len(r.Paths) > 0 {
		what, cost = whatOf(r.Paths), plan.Cost{}
	}
	check := m.restoreStep(KindCheckSet, plan.Prepare, providers.Online, "verify the set "+about(e)+", look for room", plan.OnlyLooks)
	check.Cost = m.cost(KindVerify, verifyRate)
	unpack := m.restoreStep(KindUnpack, plan.Prepare, providers.Online, "unpack "+what+" beside the data directory", "remove what was unpacked")
	unpack.Cost = cost
	aside := m.restoreStep(KindSetAside, plan.Protect, providers.Offline, "set aside what is there now", "it is kept, and put back")
	aside.Danger = plan.DataLoss
	place := m.restoreStep(KindPlace, plan.Doing, providers.Offline, "put "+what+" of the set in place", "take it away again, with what was written since")
	steps := []providers.Step{check, unpack, aside, place}
	if r.Load {
		steps = append(steps, m.restoreStep(KindLoad, plan.Doing, providers.Offline, loadTitle(siteOf(e.Manifest.Database, e.Manifest.DSS.NodeType)), "drop what was loaded"))
	}
	if r.Kit != "" {
		steps = append(steps, m.restoreStep(KindAttach, plan.Replay, providers.Offline, "attach it to the kit "+r.Kit+" (installer.sh -u)", "with the content"))
	}
	prove := m.restoreStep(KindProveRestore, plan.Proof, providers.Online, "verify: DSS "+facts.Version+" answers with the restored content", plan.OnlyLooks)
	steps = append(steps, prove)
	for i := range steps {
		// A restore is proven by a healthy start of its own.
		steps[i].Trial = steps[i].Window == providers.Offline
		steps[i].Unit = ""
	}
	return steps, m.changedByRestore(e, r, b)
}

// changedByRestore warns of what a restore in place leaves otherwise than the set's
// data directory was: what the set left out is empty, and links are folders.
func (m *maker) changedByRestore(e set.Entry, r *restoreArgs, b *config.Block) (diags hcl.Diagnostics) {
	if len(r.Paths) > 0 {
		return nil
	}
	warn := func(summary, format string, args ...any) {
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: b.RangeOf("destination")})
	}
	var left []string
	for _, name := range e.Manifest.Excluded.Classes {
		if name == "temporary" {
			continue // DSS makes it again
		}
		for _, c := range exclude.Classes() {
			if c.Name == name {
				left = append(left, fmt.Sprintf("%s (%s)", name, folders(c)))
			}
		}
	}
	left = append(left, e.Manifest.Excluded.Globs...)
	if len(left) > 0 {
		warn("The restore empties what the set left out", "The set %s was made without %s: after the restore that is empty. What is there now is kept beside the data directory, with all else that the restore replaces.", e.ID, strings.Join(left, ", "))
	}
	if o := e.Manifest.Outside; o != nil && len(o.Followed) > 0 {
		warn("The restore puts folders in the place of links", "When the set %s was made, these were links, and it keeps what they led to: %s. They come back as folders and files of the data directory, on its volume; what the links led to stays as it is.", e.ID, leadWords(o.Followed, int64(len(o.Followed))))
	}
	return diags
}

// elsewhere are the steps that make an instance of a set at another place.
func (m *maker) elsewhere(e set.Entry, r *restoreArgs) ([]providers.Step, hcl.Diagnostics) {
	w := r.Elsewhere
	r.Kit = w.Kit
	if r.Load = e.Manifest.Database != nil; r.Load {
		r.User, r.Instances = databaseUser(m.req.Desired), m.instances
	}
	m.a.Restore = r
	check := m.restoreStep(KindCheckSet, plan.Prepare, providers.Online, "verify the set "+about(e)+", look for room", plan.OnlyLooks)
	unpack := m.restoreStep(KindUnpack, plan.Prepare, providers.Online,
		fmt.Sprintf("unpack %s beside %s", humanize.Bytes(e.Manifest.Part.Bytes), w.DataDir), "remove what was unpacked")
	unpack.Cost = plan.Cost{Bytes: e.Manifest.Part.Bytes, Seconds: 1 + float64(e.Manifest.Part.Bytes)/m.rate(KindUnpack, saveRate)}
	steps := []providers.Step{
		check, unpack,
		m.restoreStep(KindPlace, plan.Doing, providers.Offline, "put it in place as "+w.DataDir, "remove it, with all that was done in it"),
	}
	if w.rewires() {
		steps = append(steps, m.restoreStep(KindRewire, plan.Doing, providers.Offline, "set "+w.words(), "with the content"))
	}
	if r.Load {
		steps = append(steps, m.restoreStep(KindLoad, plan.Doing, providers.Offline, loadTitle(w.site(e.Manifest.Database, e.Manifest.DSS.NodeType)), "drop what was loaded"))
	}
	return append(steps, m.restoreStep(KindAttach, plan.Replay, providers.Offline, "attach it to the kit "+w.Kit+" (installer.sh -u)", "with the content")), nil
}

func (w *Elsewhere) rewires() bool {
	return w.Port != 0 || !w.relocation().Empty()
}

func (w *Elsewhere) words() string {
	var parts []string
	add := func(set bool, format string, args ...any) {
		if set {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(w.Port != 0, "the base port %d", w.Port)
	add(!w.relocation().Empty(), "the place of the runtime databases")
	return strings.Join(parts, " and ")
}
