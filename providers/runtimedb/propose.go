package runtimedb

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// Propose compares the declaration with what was seen. It is pure.
func (*Provider) Propose(req providers.Request) (providers.Proposal, hcl.Diagnostics) {
	b := declared(req.Desired)
	o, _ := req.Observed.(*observation)
	if b == nil {
		return forget(req), undeclared(req, o)
	}
	if o == nil {
		return providers.Proposal{}, hcl.Diagnostics{failure(&b.Range, "The runtime databases were not observed", "Nothing is known of the runtime databases of %s.", req.Address)}
	}
	p := &proposer{req: req, b: b, o: o, rec: readRecord(req.Recorded)}
	switch {
	case req.Facts.NodeType == "api":
		p.fail("", "An API node has no runtime databases", "Remove the block runtime_database from %s: an API node keeps no history.", req.Address)
	case req.Facts.NodeType == "govern":
		p.govern()
	case o.missing:
		p.fail("", "general-settings.json is not there", "The runtime databases are set up in config/general-settings.json of %s, which does not exist. Start DSS once, so that it writes the file.", req.Address)
	case o.liveErr != nil:
		p.fail("", "The runtime databases are set up in an unknown way", "%s: %s.", req.Address, o.liveErr)
	case label(b) == embedded:
		p.embedded()
	default:
		p.external()
	}
	if p.diags.HasErrors() {
		p.out.Steps, p.out.Record = nil, nil
	}
	return p.out, p.diags
}

// forget gives up what an earlier block declared; nothing is touched.
func forget(req providers.Request) providers.Proposal {
	if len(req.Recorded) == 0 {
		return providers.Proposal{}
	}
	return providers.Proposal{Forget: true, Changes: []plan.Change{{
		Block: Name, Op: plan.Forget, Note: "no longer declared; the databases and their settings stay as they are",
	}}}
}

// proposer is one call of Propose.
type proposer struct {
	req   providers.Request
	b     *config.Block
	o     *observation
	rec   record
	out   providers.Proposal
	diags hcl.Diagnostics

	// of "postgresql":
	c        connection
	from, to settings
	verdict  verdict
}

func (p *proposer) fail(attribute, summary, detail string, args ...any) {
	p.diags = append(p.diags, failure(p.b.RangeOf(attribute), summary, detail, args...))
}

func (p *proposer) warn(attribute, summary, detail string, args ...any) {
	p.diags = append(p.diags, warning(p.b.RangeOf(attribute), summary, detail, args...))
}

// embedded proposes for a block "embedded".
func (p *proposer) embedded() {
	p.c = connection{Port: secret.Plain("5432"), Pool: poolOf(p.b)}
	to, err := p.c.resolve(p.req.Secrets)
	if err != nil {
		p.fail("", "Bad values in runtime_database", "%s.", err)
		return
	}
	var s changeSet
	s.pool(p.c.Pool, to.Pool, p.o.live)
	if p.o.live.External {
		p.out.Changes = append([]plan.Change{{
			Block: Name, Path: "type", Op: plan.Update, Before: jsonOf(postgresql), After: jsonOf(embedded),
			Note: "the tables stay in PostgreSQL, out of use",
		}}, s.list...)
		p.toEmbedded()
		return
	}
	p.out.Changes = s.list
	if len(s.list) > 0 {
		p.step(KindReconfigure, "set the connection pools in general-settings.json", plan.Doing, offlineTrial, connectionArgs{Connection: p.c, Embedded: true, Kept: p.rec.Leftovers}, settingsUndo, plan.Cost{}, settingsRead)
		return
	}
	p.remember(record{Type: embedded, Leftovers: p.rec.Leftovers})
}

// toEmbedded plans the way back, for which DSS has no verb.
func (p *proposer) toEmbedded() {
	starts := "with empty databases: there are no embedded ones on disk"
	if len(p.o.h2) > 0 {
		var names []string
		for _, f := range p.o.h2 {
			names = append(names, fmt.Sprintf("%s of %s", f.name, f.changed.Format("2006-01-02 15:04")))
		}
		starts = "with what the embedded databases held when they were last used: " + pg.FirstNames(names)
	}
	p.warn("", "The history in PostgreSQL will not be carried back",
		"DSS has no way to copy runtime databases from PostgreSQL into embedded ones. After the change DSS starts %s. What is in PostgreSQL stays there, out of use.", starts)
	p.step(KindEmbed, "go back to the embedded databases; nothing is copied", plan.Doing, offlineTrial, connectionArgs{Connection: p.c, Embedded: true, Kept: p.rec.Leftovers},
		plan.Undo{Possible: true, How: "exact bytes; what DSS wrote to the embedded databases since is not carried back"}, plan.Cost{}, settingsRead)
	p.out.Steps[len(p.out.Steps)-1].Danger = plan.DataLoss
}

// external proposes for a block "postgresql".
func (p *proposer) external() {
	if !p.read() {
		return
	}
	from, understood := target(p.o.live)
	p.from = from
	p.out.Changes = compare(p.c, p.to, p.o.live)
	here := p.o.live.External && understood && p.samePlace()
	if p.o.live.External && !understood {
		if here = p.to.URL == p.o.live.URL; !here {
			p.fail("jdbc_url", "The live JDBC URL is not understood",
				"DSS connects by a JDBC URL that dssctl cannot read, so it cannot tell whether the tables have to move. Set the URL by hand to one of the form jdbc:postgresql://HOST:PORT/DATABASE, or declare the live one as jdbc_url.")
			return
		}
	}
	p.password(here)
	p.versions()
	p.spelling()
	switch {
	case p.diags.HasErrors():
	case here && p.missing():
	case here:
		p.stay()
	case p.b.Bool("adopt"):
		p.adopt()
	case p.o.live.External:
		p.transfer()
	default:
		p.moveIn()
	}
}

// read decodes the block and reports what is missing.
func (p *proposer) read() bool {
	c := connectionOf(p.b)
	to, err := c.resolve(p.req.Secrets)
	if err != nil {
		p.fail("", "Bad values in runtime_database", "%s.", err)
		return false
	}
	for _, a := range []struct{ name, value string }{{"host", to.Host}, {"database", to.Database}, {"user", to.User}} {
		if a.value == "" {
			p.fail("", "Missing attribute", "runtime_database %q needs %s%s.", postgresql, a.name,
				map[bool]string{true: ", or a jdbc_url that says it"}[c.URL == nil])
		}
	}
	to.place.Others = append(to.place.Others, p.o.siblings...)
	p.c, p.to = c, to
	return !p.diags.HasErrors()
}

// samePlace compares by name, and where both were looked at, by what the
// server says of itself: an alias is no other place.
func (p *proposer) samePlace() bool {
	if samePlace(p.from, p.to) {
		return true
	}
	a, b := p.o.source.sight, p.o.target.sight
	return a != nil && b != nil && a.Identity == b.Identity &&
		p.from.place.Schema == p.to.place.Schema && p.from.place.Prefix == p.to.place.Prefix
}

// password compares the password and notes the difference.
func (p *proposer) password(here bool) {
	if p.to.Password == nil {
		p.verdict = verdict{equal: true}
		if !p.o.live.External || p.from.User != p.to.User {
			p.warn("", "The role has no password", "password is not declared, so DSS will log in as %s without one, or with the one it has now. Declare password if the server asks for one.", p.c.User)
		}
		return
	}
	var s changeSet
	if !p.o.live.External || p.o.live.Password == "" {
		p.verdict = verdict{}
		s.add("password", nil, "", true, "")
	} else {
		sameRole := here && p.from.User == p.to.User
		p.verdict = samePassword(p.req.Key, *p.to.Password, p.o.live.Password, p.rec.Password, p.o.target, p.req.Facts.Service, sameRole)
		switch {
		case !p.verdict.equal:
			s.add("password", "", "", true, p.verdict.note)
		case p.verdict.note != "":
			p.warn("password", "The password is not known for certain", "DSS keeps it encrypted, and dssctl has no record of it. It is %s. An apply remembers that.", p.verdict.note)
		}
	}
	p.out.Changes = append(p.out.Changes, s.list...)
}

// versions refuses what the DSS version cannot do.
func (p *proposer) versions() {
	v := p.version()
	if olderThan(v, 5, 1) {
		p.fail("", "This DSS knows no external runtime databases", "DSS %s keeps its runtime databases embedded; PostgreSQL is possible since 5.1. Upgrade first.", v)
	}
	if p.to.place.Schema != "public" && olderThan(v, 11, 0, 1) {
		p.fail("schema", "This DSS knows no other schema than public", "A schema other than \"public\" works since DSS 11.0.1; this is %s. Upgrade first, or leave schema out.", v)
	}
}

// version is the one that DSS will have by then: a declared version change goes
// first.
func (p *proposer) version() string {
	if release := p.req.Desired.Child("release"); release != nil && release.Declared("version") {
		if v := release.Value("version"); !v.IsMarked() && v.Type() == cty.String {
			return v.AsString()
		}
	}
	return p.req.Facts.Version
}

// stay plans what needs no copy.
func (p *proposer) stay() {
	if len(p.out.Changes) == 0 {
		p.remember(record{Type: postgresql, Password: p.seenPassword(), Tables: p.rec.Tables, Version: p.rec.Version, Leftovers: p.rec.Leftovers})
		p.checkReachable()
		return
	}
	if p.o.target.err != nil {
		p.fail("", "The changed connection does not work", "DSS would not start with it: %s.", p.o.target.err)
		return
	}
	if p.o.target.sight != nil {
		p.checkServer()
		p.rehearse(false, nil)
	} else {
		p.warn("password", "The connection cannot be rehearsed", "%s. DSS's next start shows whether it works.", sentence(p.o.target.why))
	}
	p.step(KindReconfigure, "set the connection in general-settings.json", plan.Doing, offlineTrial, p.args(), settingsUndo, plan.Cost{}, settingsRead)
	p.inUse()
}

// seenPassword is the record of a password that was found equal.
func (p *proposer) seenPassword() *passwordRecord {
	if p.to.Password == nil || isEncrypted(*p.to.Password) {
		return nil
	}
	return passwordOf(p.req.Key, p.to.Password, p.o.live.Password)
}

// checkReachable warns where nothing has to change but PostgreSQL does not
// answer as DSS needs it to.
func (p *proposer) checkReachable() {
	if err := p.o.target.err; err != nil {
		p.warn("", "The runtime databases cannot be reached", "Everything is set up as declared, but: %s.", err)
	}
}

// remember proposes a record, where it differs from the one there is.
func (p *proposer) remember(r record) {
	if raw := jsonOf(r); string(raw) != string(jsonOf(p.rec)) || len(p.req.Recorded) == 0 {
		p.out.Record = raw
	}
}

// sentence begins with a capital, but for the tool's name.
func sentence(s string) string {
	if s == "" || strings.HasPrefix(s, "dssctl") {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// The ways a step is carried out.
type mode struct {
	window providers.Window
	trial  bool
}

var (
	online       = mode{providers.Online, false}
	offlineTrial = mode{providers.Offline, true}
)

var settingsUndo = plan.Undo{Possible: true, How: "exact bytes"}

var settingsRead = []plan.Fingerprint{{Probe: dss.SettingsFile + "#" + member, Subject: "internalDatabase in general-settings.json"}}

func (p *proposer) step(kind plan.Kind, title string, phase plan.Phase, m mode, args any, undo plan.Undo, cost plan.Cost, reads []plan.Fingerprint) {
	p.out.Steps = append(p.out.Steps, providers.Step{
		Action: plan.Action{Kind: kind, Title: title, Block: p.b.Address, Phase: phase, Args: jsonOf(args), Undo: undo, Cost: cost, Reads: reads},
		Window: m.window, Trial: m.trial,
	})
}

// cost estimates by the throughput of past runs.
func (p *proposer) cost(kind plan.Kind, bytes int64) plan.Cost {
	c := plan.Cost{Bytes: bytes}
	if rate := p.req.Throughput[string(kind)]; rate > 0 {
		c.Seconds = float64(bytes) / rate
	}
	return c
}
