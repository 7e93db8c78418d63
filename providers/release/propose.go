package release

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// maker makes the steps for one instance.
type maker struct {
	req   providers.Request
	o     *Observation
	rec   record
	b     *config.Block // release; nil when there is none
	a     args
	users map[string][]string
	sudo  bool
	out   providers.Proposal
	last  []providers.Step // what a person does, behind all else
	diags hcl.Diagnostics
}

// Propose implements providers.Provider.
func (p *Provider) Propose(req providers.Request) (providers.Proposal, hcl.Diagnostics) {
	o, ok := req.Observed.(*Observation)
	if !ok || o == nil || req.Desired == nil || req.Desired.Block == nil {
		return providers.Proposal{}, nil
	}
	rec, _ := readRecord(req.Recorded) // Observe has read it already
	m := &maker{req: req, o: o, rec: rec, b: declared(req.Desired), users: p.users, sudo: req.Desired.String("privilege") == "sudo"}
	m.a = args{
		Version: req.Facts.Version, From: req.Facts.Version, FromKit: req.Facts.InstallDir, Kit: req.Facts.InstallDir,
		NodeType: req.Facts.NodeType, Port: req.Facts.Port, Unit: unitOf(req.Desired),
	}
	if req.Desired.Has("api_key") {
		key := req.Desired.Text("api_key")
		m.a.APIKey = &key
	}
	m.settle()
	order := 0
	if m.b != nil {
		var err error
		if order, err = dss.CompareVersions(m.b.String("version"), req.Facts.Version); err != nil {
			m.fail("version", "The versions cannot be compared", "%v.", err)
		}
	}
	switch {
	case m.diags.HasErrors():
	case order < 0:
		m.fail("version", "A lower version is declared",
			"%s is of DSS %s, and %s is declared. DSS cannot go back to a lower version: its files and databases have been migrated. "+
				"Declare %s or higher; or restore a backup of %s from before the upgrade (`dssctl backup restore`), or undo the run that upgraded it (`dssctl rollback RUN`).",
			req.Address, req.Facts.Version, m.b.String("version"), req.Facts.Version, m.b.String("version"))
	case order > 0:
		m.upgrade()
	default:
		m.asDeclared()
	}
	m.add(m.last...)
	if m.diags.HasErrors() {
		return providers.Proposal{Changes: m.out.Changes}, m.diags
	}
	m.keepRecord()
	return m.out, m.diags
}

// unitOf is the boot unit by configuration.
func unitOf(in *config.Instance) string {
	if s := in.Child("service"); s != nil {
		return s.String("unit")
	}
	return ""
}

func (m *maker) fail(attribute, summary, format string, args ...any) {
	m.diags = append(m.diags, failure(m.b.RangeOf(attribute), summary, format, args...))
}

func (m *maker) warn(attribute, summary, format string, args ...any) {
	at := m.req.Desired.Range.Ptr()
	if m.b != nil {
		at = m.b.RangeOf(attribute)
	}
	m.diags = append(m.diags, warning(at, summary, format, args...))
}

func (m *maker) step(kind plan.Kind, phase plan.Phase, window providers.Window, title, undo string) providers.Step {
	return providers.Step{Window: window, Action: plan.Action{
		Kind: kind, Phase: phase, Title: title, Args: encode(m.a), Block: m.req.Address + "." + Name,
		Undo: plan.Undo{Possible: true, How: undo},
	}}
}

func (m *maker) add(s ...providers.Step) { m.out.Steps = append(m.out.Steps, s...) }

// settle takes what a person has done into the record, and names what is open.
func (m *maker) settle() {
	for _, done := range m.o.Done {
		delete(m.rec.Manual, done.Key)
		m.rec.Integrations[done.Key] = installed{Version: done.Version, Args: done.Args}
	}
	for _, open := range m.o.Open {
		m.warn("version", "A step by hand is open",
			"%s: %s for DSS %s, because %s. Run\n\n%s\n\nIt is asked for until it is seen done%s.",
			m.req.Address, open.Title, open.Version, open.Why, indent(open.Command), howSeen(open))
	}
}

func howSeen(m manual) string {
	name := nameOf(m.Key)
	by := fmt.Sprintf("; where dssctl cannot see it, say so: %s %q { done = %q }", Integration, name, m.Version)
	if m.Sign != "" {
		return " by a change of " + m.Sign + by
	}
	return by
}

func indent(s string) string { return "    " + strings.ReplaceAll(s, "\n", "\n    ") }

// keepRecord has state remember what needs no step.
func (m *maker) keepRecord() {
	if m.rec.empty() {
		if len(m.req.Recorded) > 0 {
			m.out.Forget = true
		}
		return
	}
	raw := encode(m.rec)
	if same(raw, m.req.Recorded) || len(m.out.Steps) > 0 {
		// Steps record what they do; adding this beside them would undo it.
		return
	}
	m.out.Record = raw
}

func same(a, b json.RawMessage) bool {
	if len(b) == 0 {
		return false
	}
	r, err := readRecord(b)
	return err == nil && string(encode(r)) == string(a)
}

// asDeclared is an instance that has the declared version, or of which none is
// declared: what is left are the integrations and old kits.
func (m *maker) asDeclared() {
	if m.b != nil {
		m.rec.Version = m.b.String("version")
	}
	for _, b := range m.req.Desired.Children(Integration) {
		x := integrationOf(b.Labels[0])
		for _, r := range x.replays(b, m.o.marks) {
			m.integrate(x, b, r)
		}
	}
	m.keepKits()
}

// integrate compares one declared integration.
func (m *maker) integrate(x *integration, b *config.Block, r replay) {
	version := m.req.Facts.Version
	was, known := m.rec.Integrations[r.Key]
	_, open := m.rec.Manual[r.Key]
	seen := x.seen != nil && x.seen(m.o.marks)
	change := plan.Change{Block: Integration + "." + x.name, Op: plan.Create, After: encode(version), Path: changePath(r.Key)}
	switch {
	case open:
		return // asked for already
	case b.String("done") == version:
		m.rec.Integrations[r.Key] = installed{Version: version, Args: r.Args}
		return
	case !known && seen:
		// Somebody installed it, for the version that runs: as good as ours.
		m.rec.Integrations[r.Key] = installed{Version: version, Args: r.Args}
		return
	case known && was.Version == version && equal(was.Args, r.Args):
		return
	case known:
		change.Op, change.Before = plan.Update, encode(was.Version)
		if was.Version == version {
			change.Note = "with other arguments"
		}
	}
	m.out.Changes = append(m.out.Changes, change)
	m.install(r)
}

func changePath(key string) string {
	_, path, _ := strings.Cut(key, ".")
	return path
}

func equal(a, b []string) bool { return strings.Join(a, "\x00") == strings.Join(b, "\x00") }

// install adds the step that runs it, or has it run.
func (m *maker) install(r replay) {
	switch {
	case m.req.Facts.NodeType == "govern" || m.req.Facts.NodeType == "api":
		m.warn("version", "An integration that this node does not have", "%s is a %s node, which has no %s: nothing is done about it.", m.req.Address, m.req.Facts.NodeType, r.Title)
	case r.Unknown != "":
		m.last = append(m.last, m.manualStep(r, r.Unknown))
	case r.Root && !m.sudo:
		m.last = append(m.last, m.manualStep(r, `it needs root, and privilege is "none"`))
	default:
		m.add(m.replayStep(r))
	}
}

// upgrade makes the steps to a higher version.
func (m *maker) upgrade() {
	b, to := m.b, m.b.String("version")
	m.a.Version, m.a.Archive, m.a.SHA256 = to, b.String("archive"), strings.ToLower(b.String("sha256"))
	m.a.Kit, m.a.JavaHome, m.a.Python = m.o.Kit, b.String("java_home"), b.String("python")
	m.a.Scratch = b.Bool("rehearse")
	m.out.Changes = append(m.out.Changes, plan.Change{Block: Name, Path: "version", Op: plan.Update, Before: encode(m.a.From), After: encode(to)})
	m.checkPath()
	m.checkKit()
	m.checkDump()
	m.checkAPI()
	if m.diags.HasErrors() {
		return
	}
	if m.o.KitVersion == "" {
		s := m.step(KindUnpack, plan.Prepare, providers.Online,
			fmt.Sprintf("verify %s, unpack it to %s", filepath.Base(m.a.Archive), m.a.Kit), "remove what was unpacked, unless it is used")
		s.Cost = plan.Cost{Bytes: m.o.ArchiveSize, Seconds: 1 + float64(m.o.ArchiveSize)/m.rate(KindUnpack)}
		m.add(s)
	}
	title := "check the kit and the ports"
	if m.a.Dump {
		title += ", and that the databases can be dumped"
	}
	if m.a.Scratch {
		title += "; rehearse its installer in a scratch folder"
	}
	rehearse := m.step(KindRehearse, plan.Prepare, providers.Online, title, plan.OnlyLooks)
	rehearse.Cost.Seconds = 60
	m.add(rehearse)
	if m.a.Dump {
		d := m.step(KindDump, plan.Protect, providers.Offline, "dump the runtime databases in PostgreSQL", "restore the dump, once the installer has run")
		d.Cost.Seconds = 30
		m.add(d)
	}
	m.add(m.installStep())
	m.replayAll()
	prove := m.step(KindProve, plan.Proof, providers.Online, "verify: DSS answers as version "+to, plan.OnlyLooks)
	m.add(prove)
	m.afterwards()
	m.keepKits()
}

// installStep runs the installer.
func (m *maker) installStep() providers.Step {
	words := []string{kitName(m.a.Version) + "/installer.sh", "-u"}
	if m.a.Python != "" {
		words = append(words, "-P", m.a.Python)
	}
	s := m.step(KindInstall, plan.Doing, providers.Offline,
		fmt.Sprintf("upgrade the data directory from %s to %s (%s)", m.a.From, m.a.Version, proc.CommandLine(words...)),
		"put back the safety backup, attach the kit of "+m.a.From+" again")
	s.Trial = true
	s.Cost.Seconds = 120
	s.Reads = []plan.Fingerprint{
		{Probe: "dss-version.json#/product_version", Subject: "the version of the data directory"},
		{Probe: dss.EnvDefaultFile + "#DKUINSTALLDIR", Subject: "the kit that the data directory is attached to"},
	}
	if !m.o.FromKit {
		s.Danger = plan.Irreversible
		s.Undo = plan.Undo{How: fmt.Sprintf("the kit of %s is not in %q any more, so the data directory cannot be attached to it again", m.a.From, m.a.FromKit)}
	}
	return s
}

// rate is how many bytes a second a step is reckoned with.
func (m *maker) rate(kind plan.Kind) float64 {
	if r := m.req.Throughput[string(kind)]; r > 0 {
		return r
	}
	return 30e6
}

// replayAll installs the integrations again: those that are declared, and those
// that are seen; or those that replay names.
func (m *maker) replayAll() {
	given := m.b.Has("replay")
	named := stringsOf(m.b.Value("replay"))
	for i := range integrations {
		x := &integrations[i]
		b := blockOf(m.req.Desired, x.name)
		seen := x.seen != nil && x.seen(m.o.marks)
		known := false
		for _, key := range sortedKeys(m.rec.Integrations) {
			known = known || key == x.name || strings.HasPrefix(key, x.name+".")
		}
		switch {
		case given && !contains(named, x.name):
			if seen || b != nil {
				m.warn("replay", "An integration is not replayed", "%s is there, and `replay` leaves it out: it stays as the older version installed it.", x.title)
			}
			continue
		case !given && !seen && !known && b == nil:
			continue
		case b != nil && b.String("done") == m.a.Version:
			continue
		}
		for _, r := range x.replays(b, m.o.marks) {
			m.install(r)
		}
	}
}

// afterwards is what takes long and needs DSS running.
func (m *maker) afterwards() {
	b := m.b
	if b.Bool("rebuild_code_envs") || b.Bool("rebuild_code_env_images") {
		a := m.a
		a.Rebuild, a.Images = b.Bool("rebuild_code_envs"), b.Bool("rebuild_code_env_images")
		title := "rebuild the code environments"
		switch {
		case a.Rebuild && a.Images:
			title += " and their images"
		case a.Images:
			title = "rebuild the images of the code environments"
		}
		s := m.step(KindCodeEnvs, plan.Clean, providers.Online, title, "they stay rebuilt: DSS knows no older build of them")
		s.Args = encode(a)
		m.add(s)
	}
	if models := stringsOf(b.Value("retrain")); len(models) > 0 && m.major() {
		a := m.a
		a.Models = models
		s := m.step(KindRetrain, plan.Clean, providers.Online, fmt.Sprintf("train %s again", some(models)), "their former versions stay in DSS")
		s.Args = encode(a)
		m.add(s)
	}
	if m.major() && m.a.APIKey != nil && hasProjects(m.a.NodeType) {
		a := m.a
		a.Rebuild = b.Bool("rebuild_code_envs")
		s := m.step(KindReview, plan.Clean, providers.Online, "list what may need attention: code environments, saved models, API services", plan.OnlyLooks)
		s.Args = encode(a)
		m.add(s)
	}
}

// hasProjects tells the nodes that have code environments and projects.
func hasProjects(nodeType string) bool { return nodeType == "design" || nodeType == "automation" }

// major reports whether the first number of the version changes: only then do
// release notes speak of rebuilding and training again.
func (m *maker) major() bool {
	from, err := dss.ParseVersion(m.a.From)
	to, err2 := dss.ParseVersion(m.a.Version)
	return err != nil || err2 != nil || from.Major() != to.Major()
}

// keepKits removes kits that dssctl unpacked, that are older than the declared
// version, and that nobody in the estate uses.
func (m *maker) keepKits() {
	if m.b == nil || !m.b.Has("keep_kits") {
		return
	}
	var old []string
	for _, k := range m.rec.Kits {
		if c, err := dss.CompareVersions(k.Version, m.b.String("version")); err == nil && c < 0 {
			old = append(old, k.Dir)
		}
	}
	// The present kit becomes an old one by this upgrade, whoever unpacked it.
	keep := int(m.b.Int("keep_kits"))
	if m.a.From != m.a.Version && !contains(old, resolve(m.a.FromKit)) {
		keep--
	}
	var gone []string
	for _, dir := range old[:max(0, len(old)-max(0, keep))] {
		others := m.users[resolve(dir)]
		switch {
		case resolve(dir) == resolve(m.a.FromKit):
			// It is what this run is undone with.
		case len(others) > 0:
			m.warn("keep_kits", "An old kit stays", "%s is still used by %s.", dir, some(others))
		default:
			gone = append(gone, dir)
		}
	}
	if len(gone) == 0 {
		return
	}
	a := m.a
	a.Kits = gone
	s := m.step(KindKeep, plan.Clean, providers.Online, "remove "+humanize.Count(int64(len(gone)), "old kit", "old kits")+": "+some(gone), "they stay removed; their archives unpack again")
	s.Args = encode(a)
	m.add(s)
}
