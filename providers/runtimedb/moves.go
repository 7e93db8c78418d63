package runtimedb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/pg"
)

// connectionArgs are the arguments of the steps that write or use the declared
// connection.
type connectionArgs struct {
	Connection connection `json:"connection"`
	// Siblings are prefixes of the estate's other instances in the schema.
	Siblings []string `json:"sibling_prefixes,omitempty"`
	// SetPassword: write the password; otherwise the one there stays.
	SetPassword bool `json:"set_password,omitempty"`
	// DropURL: take a JDBC URL out of use.
	DropURL bool `json:"drop_jdbc_url,omitempty"`
	// Embedded: there is no connection, only pools.
	Embedded bool `json:"embedded,omitempty"`
	// Govern: the login stands in dip.properties.
	Govern bool `json:"govern,omitempty"`
	// Kept is what failed runs left elsewhere: the next record goes on
	// remembering it.
	Kept []leftover `json:"kept_leftovers,omitempty"`
}

// schemaArgs are the arguments of KindSchema.
type schemaArgs struct {
	connectionArgs
}

// rehearseArgs are the arguments of KindRehearse.
type rehearseArgs struct {
	connectionArgs
	// Empty: no table may have the prefix, but those of earlier runs.
	Empty     bool        `json:"empty,omitempty"`
	Leftovers []pg.Object `json:"leftovers,omitempty"`
}

// copyArgs are the arguments of KindCopy and KindTransfer.
type copyArgs struct {
	connectionArgs
	// Leftovers of earlier runs, dropped first.
	Leftovers []pg.Object `json:"leftovers,omitempty"`
	// Former is the aspect's record before the run.
	Former record `json:"former_record"`
	// The login to the place the tables are carried from; both nil: see
	// knownLogin.
	SourceUser     *secret.Text `json:"source_user,omitempty"`
	SourcePassword *secret.Text `json:"source_password,omitempty"`
}

func (p *proposer) args() connectionArgs {
	moves := !p.o.live.External || !p.samePlace()
	return connectionArgs{
		Connection: p.c, Siblings: append(slices.Clone(p.o.siblings), besides(p.o.live.External, p.from, p.to)...), SetPassword: p.to.Password != nil && !p.verdict.equal,
		DropURL: p.c.URL == nil && p.o.live.UseURL && (moves || !sameDatabase(p.from, p.to)),
		Kept:    p.kept(moves),
	}
}

// kept are the leftovers that the run does not clean up.
func (p *proposer) kept(moves bool) []leftover {
	if !moves {
		return p.rec.Leftovers
	}
	return slices.DeleteFunc(slices.Clone(p.rec.Leftovers), func(l leftover) bool {
		return secret.Equal(l.Place, placeSum(p.req.Key, p.to))
	})
}

// shown names the declared server for titles, without what is secret.
func (p *proposer) shown() string {
	if p.c.Host.IsSecret() || (p.c.URL != nil && p.c.URL.IsSecret()) {
		return secret.Placeholder
	}
	return p.to.Host
}

func (p *proposer) shownPlace() string {
	s := "schema " + p.to.place.Schema
	if p.to.place.Prefix != "" {
		s += ", prefix " + p.to.place.Prefix
	}
	return s + ", on " + p.shown()
}

// moveIn plans embedded → postgresql.
func (p *proposer) moveIn() {
	leftovers, ok := p.checkTarget()
	if !ok {
		return
	}
	if olderThan(p.version(), 12, 5, 2) {
		p.warn("", "One database will not be copied", "Before 12.5.2, copy-databases-to-external leaves the database of requests behind; this is DSS %s. Upgrade first, if its content counts.", p.version())
	}
	p.prepare(leftovers)
	p.step(KindConfigure, "set internalDatabase in general-settings.json", plan.Doing, offlineTrial, p.args(), settingsUndo, plan.Cost{}, settingsRead)
	p.step(KindCopy, "copy the runtime databases to PostgreSQL", plan.Doing, offlineTrial,
		copyArgs{connectionArgs: p.args(), Leftovers: leftovers, Former: p.rec},
		plan.Undo{Possible: true, How: "drop the copied tables"}, p.cost(KindCopy, p.o.bytes), nil)
	p.verify()
	p.inUse()
}

// transfer plans postgresql → another PostgreSQL place.
func (p *proposer) transfer() {
	if p.o.source.err != nil || p.o.source.sight == nil {
		why := p.o.source.why
		if p.o.source.err != nil {
			why = p.o.source.err.Error()
		}
		p.fail("", "The tables cannot be read where they are", "To carry them over, dssctl logs in at the present place (role %s on %s), which failed: %s. Where the role differs from user, give its login in a block source { user, password }.",
			p.from.User, p.from.Host, why)
		return
	}
	if p.o.obstaclesErr != nil {
		p.fail("", "The tables cannot be read where they are", "%s.", p.o.obstaclesErr)
		return
	}
	if len(p.o.obstacles) > 0 {
		p.fail("", "Not everything can be carried to the new place", "dssctl carries tables, indexes, constraints and sequences of built-in types. It cannot carry: %s. Move the databases by pg_dump and pg_restore instead, and set adopt = true.", strings.Join(p.o.obstacles, "; "))
		return
	}
	if len(p.o.source.sight.Tables) == 0 {
		p.fail("", "There is nothing to carry over", "The present place (schema %s, prefix %q) has no tables. If they are at the declared place already, set adopt = true.%s", p.from.place.Schema, p.from.place.Prefix, p.embeddedHint())
		return
	}
	leftovers, ok := p.checkTarget()
	if !ok {
		return
	}
	args := copyArgs{connectionArgs: p.args(), Leftovers: leftovers, Former: p.rec}
	if src := p.b.Child("source"); src != nil {
		args.SourceUser, args.SourcePassword = optional(src, "user"), optional(src, "password")
	}
	p.prepare(leftovers)
	p.step(KindTransfer, fmt.Sprintf("carry %s to %s", count(len(p.o.source.sight.Tables), "table"), p.shownPlace()), plan.Doing, offlineTrial, args,
		plan.Undo{Possible: true, How: "drop the tables made; the old ones are left alone"}, p.cost(KindTransfer, p.o.source.sight.Bytes), settingsRead)
	p.step(KindConfigure, "set internalDatabase in general-settings.json", plan.Doing, offlineTrial, p.args(), settingsUndo, plan.Cost{}, settingsRead)
	p.verify()
	p.inUse()
}

// adopt plans a move to tables that are there already.
func (p *proposer) adopt() {
	s := p.o.target.sight
	switch {
	case s == nil:
		p.unreachable()
		return
	case len(s.Tables) == 0:
		p.fail("adopt", "There is nothing to adopt", "adopt says that this instance's tables are at the declared place, but schema %s has none with the prefix %q.", p.to.place.Schema, p.to.place.Prefix)
		return
	}
	if err := s.Usable(p.to.login(""), p.to.place); err != nil {
		p.fail("", "PostgreSQL cannot be used as declared", "%s.", err)
		return
	}
	p.checkServer()
	p.warn("adopt", "The tables are taken as they are", "adopt = true: %s at the declared place are taken to be this instance's (%s). Nothing is copied or compared.", count(len(s.Tables), "table"), pg.FirstNames(s.Names()))
	p.rehearse(false, nil)
	p.step(KindConfigure, "set internalDatabase in general-settings.json", plan.Doing, offlineTrial, p.args(), settingsUndo, plan.Cost{}, settingsRead)
	p.verify()
	p.inUse()
}

func (p *proposer) unreachable() {
	detail := p.o.target.why
	if p.o.target.err != nil {
		detail = p.o.target.err.Error()
	}
	if p.to.Password != nil && isEncrypted(*p.to.Password) && pg.KindOf(p.o.target.err) == pg.WrongPassword {
		detail += ". The password is declared as DSS encrypted it; dssctl itself cannot log in with it, so it could neither rehearse nor undo the move: declare the plain one, from a sensitive variable"
	}
	p.fail("", "PostgreSQL cannot be reached as declared", "%s.", sentence(detail))
}

// checkTarget is the pre-flight of a move. It returns what earlier runs left at
// the target.
func (p *proposer) checkTarget() ([]pg.Object, bool) {
	s := p.o.target.sight
	if s == nil {
		p.unreachable()
		return nil, false
	}
	if err := s.Usable(p.to.login(""), p.to.place); err != nil && (s.SchemaExists || !s.CreateSchema || s.Standby) {
		p.fail("", "PostgreSQL cannot be used as declared", "%s.", err)
		return nil, false
	}
	p.checkServer()
	known, all := p.rec.leftoversAt(placeSum(p.req.Key, p.to))
	var leftovers []pg.Object
	var foreign []string
	for _, obj := range s.All() {
		if slices.Contains(known, obj) || all && s.Mine(obj) {
			leftovers = append(leftovers, obj)
		} else {
			foreign = append(foreign, obj.Name)
		}
	}
	if len(foreign) > 0 {
		p.occupied(foreign, s.Rows())
		return nil, false
	}
	if len(leftovers) > 0 {
		p.warn("", "An earlier run left tables behind", "%s of an earlier run that failed are at the declared place (%s). They are dropped before the copy.", count(len(leftovers), "object"), firstObjects(leftovers))
	}
	return leftovers, true
}

func (p *proposer) occupied(foreign []string, rows int64) {
	slices.Sort(foreign)
	prefix := fmt.Sprintf("with the prefix %q", p.to.place.Prefix)
	if p.to.place.Prefix == "" {
		prefix = "and no table_prefix is declared"
	}
	hint := "Choose another schema or table_prefix; or, if these tables are this instance's already (a restored dump), set adopt = true; or move them out of the way, if they are nobody's."
	if own := p.ownAmong(foreign); len(own) > 0 {
		hint = fmt.Sprintf("Of them, these are this instance's own, which it uses now with the prefix %q: %s. Choose another schema or table_prefix.", p.from.place.Prefix, pg.FirstNames(own))
	}
	if longer := p.to.place.LongerPrefix(foreign); longer != "" {
		hint += fmt.Sprintf(" All of them begin with %q: if that is another instance's prefix, add it to other_prefixes.", longer)
	}
	if stayed, runs := p.rec.stayedAt(placeSum(p.req.Key, p.to), foreign); len(stayed) > 0 {
		hint += fmt.Sprintf(" Of them, %s stayed behind when run %s was rolled back: DSS's role had made them after that run's copy, so dssctl does not drop them by itself. When nothing in them is worth keeping, drop them by hand, and plan again.",
			pg.FirstNames(stayed), strings.Join(runs, ", "))
	}
	p.fail("table_prefix", "The declared place is in use", "Schema %s has %s %s that dssctl did not make (about %s): %s. %s", p.to.place.Schema, count(len(foreign), "object"), prefix, count(rows, "row"), pg.FirstNames(foreign), hint)
}

// checkServer warns of what DSS's documentation advises against.
func (p *proposer) checkServer() {
	s := p.o.target.sight
	if s.MaxConnections < 500 {
		p.warn("", "Few connections", "max_connections of the PostgreSQL server is %d; DSS's documentation asks for 500 at least.", s.MaxConnections)
	}
	need := int64(50)
	if n, ok := p.to.Pool["maxPooledExternalConnections"]; ok {
		need = n
	} else if n, ok := p.o.live.Pool["maxPooledExternalConnections"]; ok {
		need = n
	}
	if !p.o.live.External && int64(s.FreeConnections) < need {
		p.warn("", "Few free connections", "The role can open %s more now; DSS keeps up to %d.", count(s.FreeConnections, "connection"), need)
	}
}

func (p *proposer) prepare(leftovers []pg.Object) {
	if !p.o.target.sight.SchemaExists {
		p.step(KindSchema, fmt.Sprintf("create schema %s on %s", p.to.place.Schema, p.shown()), plan.Prepare, online, schemaArgs{p.args()},
			plan.Undo{Possible: true, How: "drop the schema, if it is empty"}, plan.Cost{}, nil)
	}
	p.rehearse(true, leftovers)
}

func (p *proposer) rehearse(empty bool, leftovers []pg.Object) {
	title := "rehearse: role, privileges, free connections"
	if empty {
		title = "rehearse: role, privileges, prefix, free connections"
	}
	p.step(KindRehearse, title, plan.Prepare, online, rehearseArgs{connectionArgs: p.args(), Empty: empty, Leftovers: leftovers},
		plan.Undo{Possible: true, How: "leaves nothing"}, plan.Cost{}, nil)
}

func (p *proposer) verify() {
	p.step(KindVerify, "verify: tables and rows in "+p.shownPlace(), plan.Proof, offlineTrial, p.args(), plan.Undo{Possible: true, How: plan.OnlyLooks}, plan.Cost{}, nil)
}

func (p *proposer) inUse() {
	if p.o.target.sight == nil {
		return // nobody can look
	}
	p.step(KindInUse, "verify: DSS uses the databases in PostgreSQL", plan.Proof, online, p.args(), plan.Undo{Possible: true, How: plan.OnlyLooks}, plan.Cost{}, nil)
}

func firstObjects(objects []pg.Object) string {
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = o.Name
	}
	return pg.FirstNames(names)
}
