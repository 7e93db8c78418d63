package origin

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// copyRate is the throughput that a copy is reckoned with, in bytes a second.
const copyRate = 150e6

// clone are the steps of a clone.
func (m *maker) clone() {
	in, o := m.req.Desired, m.o
	switch {
	case !m.b.Has("of"):
		m.refuse("", "A clone of what?", "Name the instance that %s is a clone of: of = instance.NAME.", in.Address)
		return
	case o.source == nil:
		m.refuse("of", "A clone of what?", "There is no instance %s.", m.b.String("of"))
		return
	case o.sourceProblem != "":
		m.refuse("of", "The source cannot be looked at", "%s is to be a clone of %s: %s. A source that is declared but not made yet comes first, with a plan of its own.", in.Address, o.source.Address, o.sourceProblem)
		return
	}
	a := args{Kit: o.kit, Version: o.kitVersion, NodeType: o.facts.NodeType, Port: int(in.Int("port")), JavaHome: m.b.String("java_home")}
	m.common(a.Port, true)
	m.checkSource(a)
	a.Source = sourceOf(o.source, o.facts)
	a.Source.Held, a.Source.Sudo, a.Source.Links = o.held, o.held != "" && asRoot(in), o.links
	if a.Database = m.database(); a.Database != nil {
		a.Neighbours = m.neighbours()
	}
	server, prefix := m.b.String("graphite_server"), m.b.String("graphite_prefix")
	if (server == "") != (prefix == "") {
		m.refuse("graphite_server", "Half of Graphite", "graphite_server and graphite_prefix go together.")
	} else if server != "" {
		a.Graphite = []string{server, prefix}
	}
	if m.diags.HasErrors() {
		return
	}
	m.change("", byClone)
	m.change("of", a.Source.Address)
	m.change("port", a.Port)
	m.change("version", a.Version)
	if d := a.Database; d != nil {
		m.change("runtime_database", d.words())
	}
	for _, l := range o.links {
		m.change("link "+l.Name, m.instead(l))
	}
	m.warnOfLinks(a)
	m.cloneSteps(a)
	m.finish(a)
}

func (m *maker) cloneSteps(a args) {
	in, o := m.req.Desired, m.o
	m.step(KindCheck, plan.Prepare, providers.Online, "look at "+a.Source.Address+", and for room", plan.OnlyLooks, plan.Cost{Seconds: 2})
	what := "its data directory"
	if a.Database != nil {
		what += " and its tables to " + a.Database.words()
	}
	if len(o.links) > 0 {
		what = "its data directory with what its links lead to"
		if a.Database != nil {
			what += ", and its tables to " + a.Database.words()
		}
	}
	cost := plan.Cost{Seconds: 1 + float64(o.sourceBytes)/copyRate, Bytes: o.sourceBytes}
	title, undo := "copy "+what+", "+a.Source.Address+" is stopped as it was found", "remove the copy"
	stop := o.facts.Service != dss.ServiceStopped && a.Source.Held == ""
	switch {
	case a.Source.Held != "":
		title = fmt.Sprintf("hold %s still (%s snapshot) and copy %s, it runs on", a.Source.Address, a.Source.Held, what)
	case stop:
		title = fmt.Sprintf("stop %s, copy %s, start it again", a.Source.Address, what)
		undo = "start it again, remove the copy"
		cost.Seconds += stopAndStart
	}
	c := m.step(KindCopy, plan.Prepare, providers.Online, title, undo, cost)
	if stop {
		c.Danger = plan.Downtime
	}
	m.step(KindPlace, plan.Doing, providers.Offline, "put the copy in place as "+in.DataDir, "remove it", plan.Cost{Seconds: 1})
	identity := fmt.Sprintf("give it the ports %d to %d and an installid of its own", a.Port, a.Port+9)
	if a.Database != nil {
		identity += ", and " + a.Database.words()
	}
	m.step(KindIdentity, plan.Doing, providers.Offline, identity, "with the content", plan.Cost{Seconds: 1})
	if a.NodeType != "govern" { // it has none
		m.step(KindScenarios, plan.Doing, providers.Offline, "deactivate all scenarios, or they would run twice", "with the content", plan.Cost{Seconds: 1})
	}
	attach := "attach it to the kit " + a.Kit + " (installer.sh -u), pyenv built anew"
	if a.Graphite != nil {
		attach += ", reports to Graphite as " + a.Graphite[1]
	}
	m.step(KindAttach, plan.Replay, providers.Offline, attach, "with the content", plan.Cost{Seconds: installSeconds})
}

// instead says what a clone gets in the place of a link.
func (*maker) instead(l linked) string {
	if l.Empty {
		return "empty, not " + l.Real
	}
	return "copy of " + l.Real
}

// warnOfLinks says that the source's links are not cloned as links.
func (m *maker) warnOfLinks(a args) {
	o := m.o
	if len(o.links)+len(o.linksBelow) == 0 {
		return
	}
	var names []string
	for _, l := range o.links {
		names = append(names, l.String())
	}
	if len(o.linksBelow) > 0 {
		names = append(names, firstOf(o.linksBelow))
	}
	m.warn("of", "Links that lead out of the source", "The data directory of %s has links to other places: %s. With the same links, the clone would change its source's content. It gets a copy of what they lead to instead, and its own data directory needs the room for it.",
		a.Source.Address, strings.Join(names, ", "))
}

// stopAndStart is what a stop and a start take as a rule, in seconds.
const stopAndStart = 95

// checkSource refuses what cannot be cloned.
func (m *maker) checkSource(a args) {
	in, o := m.req.Desired, m.o
	src := o.source
	switch {
	case o.kit == "":
		m.refuse("of", "The kit is not known", "A clone is attached to the kit of its source, and bin/env-default.sh of %s does not name one (DKUINSTALLDIR): declare kit.", src.Address)
	case o.kitProblem == "" && a.Version != o.facts.Version:
		m.refuse("kit", "Another version", "A clone begins at its source's version: %s is of DSS %s, and the kit %s is of %s. Clone first, upgrade then.", src.Address, o.facts.Version, o.kit, a.Version)
	}
	if want := in.String("node_type"); want != "" && want != o.facts.NodeType {
		m.refuse("of", "Another type of node", "%s is declared as %q, and %s, which it is to be a clone of, is %q.", in.Address, want, src.Address, o.facts.NodeType)
	}
	if o.database.Govern && !o.database.External {
		m.refuse("of", "The source has no database", "All of a Govern node is in its PostgreSQL database, and dip.properties of %s names none (%s).", src.Address, dss.GovernURL)
	}
	if a.Port != 0 && a.Port < o.facts.Port+10 && o.facts.Port < a.Port+10 {
		m.refuse("", "Ports of the source", "%s has the ports %d to %d, and its clone would get %d to %d: the two run side by side, so choose a port at least ten away.", src.Address, o.facts.Port, o.facts.Port+9, a.Port, a.Port+9)
	}
	if o.overlaps["of"] {
		m.refuse("of", "Data directories in each other", "The data directories %s and %s must not hold each other.", in.DataDir, src.DataDir)
	}
	if o.linksProblem != "" {
		m.refuse("of", "A link of the source cannot be cloned", "%s.", strings.TrimSuffix(o.linksProblem, "."))
	}
	if o.heldProblem != "" {
		m.refuse("consistency", "No snapshot can be made of the source", "%s: %s. With consistency = \"stop\", %s is stopped for the copy, and started again.", src.Address, strings.TrimSuffix(o.heldProblem, "."), src.Address)
	}
	held := m.b.String("consistency") == bySnapshot
	if o.facts.Service == dss.ServiceUnknown && !held {
		m.refuse("of", "The state of the source is not known", "Whether %s runs cannot be told, so it cannot be stopped for a copy: %s.", src.Address, o.facts.ServiceNote)
	}
	if !held && !src.Has("api_key") && o.facts.Service == dss.ServiceRunning && o.facts.NodeType != "api" {
		m.warn("of", "What runs in the source is not seen", "%s is stopped for the copy. Running jobs, scenarios and notebooks are not seen without its api_key: it is stopped whatever runs.", src.Address)
	}
}

// database says where a clone's runtime databases go that are not embedded.
func (m *maker) database() *database {
	in, o := m.req.Desired, m.o
	if !o.database.External {
		return nil
	}
	src := o.source
	fail := func(b *config.Block, attribute, summary, format string, args ...any) *database {
		d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: m.b.RangeOf("of")}
		if b != nil {
			d.Subject = b.RangeOf(attribute)
		}
		m.diags = append(m.diags, d)
		return nil
	}
	login, place, err := o.database.Target()
	if err != nil {
		return fail(nil, "", "The source's runtime databases", "%s: %v.", src.Address, err)
	}
	b := in.Child("runtime_database")
	if b == nil || b.Labels[0] != "postgresql" {
		if o.database.Govern {
			return fail(b, "", "No database for the clone", "%s is a Govern node, all of which is in the PostgreSQL database %s. Its clone needs a copy of its own: declare runtime_database \"postgresql\" with another database.", src.Address, login.Database)
		}
		return fail(b, "", "No place for the clone's tables", "%s has its runtime databases in PostgreSQL, in schema %s with the prefix %q. Its clone needs a copy of its own: declare runtime_database \"postgresql\" with another schema, table_prefix or database.", src.Address, place.Schema, place.Prefix)
	}
	if b.Has("jdbc_url") {
		return fail(b, "jdbc_url", "No URL for a clone", "For a clone, declare host, port and database of its runtime databases. The URL can replace them once the clone is there.")
	}
	if o.database.Govern && b.Has("table_prefix") {
		return fail(b, "table_prefix", "Not for a Govern node", "A Govern node's tables have no prefix: its clone needs another database.")
	}
	d := &database{Govern: o.database.Govern, Port: int(b.Int("port")), Schema: b.String("schema"), Prefix: b.String("table_prefix")}
	d.Host, d.Database, d.User = textOf(b, "host"), textOf(b, "database"), textOf(b, "user")
	d.Password, d.FromPassword = textOf(b, "password"), passwordOf(src)
	for _, t := range []struct {
		name  string
		value *secret.Text
	}{{"host", d.Host}, {"database", d.Database}, {"user", d.User}} {
		if t.value == nil {
			return fail(b, "", "No "+t.name, "Declare %s of the clone's runtime databases.", t.name)
		}
	}
	if d.FromPassword == nil && o.database.Encrypted() {
		return fail(src.Child("runtime_database"), "", "No password for the source's databases", "%s keeps the password of its runtime databases encrypted. To copy the tables, dssctl needs it: declare it in runtime_database of %s.", src.Address, src.Address)
	}
	to, err := d.login(login, m.req.Secrets)
	if err != nil {
		return fail(b, "", "The clone's runtime databases", "%v.", err)
	}
	d.Own = !sameLogin(login, to)
	if d.Govern && sameServer(login, to) {
		return fail(b, "database", "The source's own database", "%s is a Govern node, and its whole database is its own: backups and upgrades take and put back all of it. Declare another database for its clone.", src.Address)
	}
	if d.Govern && d.Schema != place.Schema {
		return fail(b, "schema", "Another schema", "%s is a Govern node with its tables in the schema %s. Its clone gets them in one of the same name, in another database: declare schema = %q.", src.Address, place.Schema, place.Schema)
	}
	if sameServer(login, to) && d.Schema == place.Schema && strings.EqualFold(d.Prefix, place.Prefix) {
		return fail(b, "", "The source's own tables", "%s and its clone would use the same tables: schema %s with the prefix %q. Declare another schema, table_prefix or database.", src.Address, place.Schema, place.Prefix)
	}
	switch {
	case d.Own && o.database.UseURL && !d.Govern:
		return fail(b, "", "The source uses a URL", "%s connects by a JDBC URL, which its clone keeps: the clone's host, port, database and user must be the source's, with another schema or table_prefix.", src.Address)
	case d.Own && d.Password == nil:
		return fail(b, "", "No password", "The clone logs in otherwise than its source: declare the password of its role.")
	}
	d.FromOthers, d.Others = o.near.Others(src, login, place), o.near.Others(in, to, d.place())
	return d
}

// asRoot reports whether what needs root may be run through sudo.
func asRoot(in *config.Instance) bool { return in.String("privilege") == "sudo" }

func textOf(b *config.Block, name string) *secret.Text {
	if !b.Has(name) {
		return nil
	}
	t := b.Text(name)
	return &t
}

func passwordOf(in *config.Instance) *secret.Text {
	if b := in.Child("runtime_database"); b != nil {
		return textOf(b, "password")
	}
	return nil
}
