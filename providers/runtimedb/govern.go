package runtimedb

import (
	"context"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// A Govern node keeps all its data in PostgreSQL. It has no embedded databases,
// no prefix and no copy. governMinVersion is the oldest PostgreSQL for it.
const governMinVersion = 120005

var governReads = []plan.Fingerprint{
	{Probe: dss.PropertiesFile + "#" + dss.GovernURL, Subject: dss.GovernURL + " in dip.properties"},
	{Probe: dss.PropertiesFile + "#" + dss.GovernUser, Subject: dss.GovernUser + " in dip.properties"},
	{Probe: dss.PropertiesFile + "#" + dss.GovernPassword, Subject: dss.GovernPassword + " in dip.properties"},
}

func observeGovern(ctx context.Context, req providers.ObserveRequest) (providers.Observation, error) {
	o := &observation{node: req.Facts.NodeType}
	var err error
	if o.live, err = req.Instance.GovernDatabase(); err != nil {
		return nil, err
	}
	b := declared(req.Desired)
	if b == nil || label(b) != postgresql {
		return o, nil
	}
	c := connectionOf(b)
	to, err := c.resolve(req.Secrets)
	if err != nil || to.Host == "" || to.Database == "" || to.User == "" {
		return o, nil
	}
	from, known := target(o.live)
	l, ok := targetLogin(to, o.live, !known || !sameDatabase(from, to))
	if !ok {
		o.target.why = "dssctl has no password to log in with: none is declared in plain form"
		return o, nil
	}
	bounded, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	o.target.sight, o.target.err = pg.Look(bounded, l, pg.Place{Schema: governSchema(to)})
	return o, context.Cause(ctx)
}

// governSchema is the schema that a Govern node works in.
func governSchema(s settings) string {
	if v := s.effective["currentSchema"]; v != "" {
		return v
	}
	return s.place.Schema
}

// governArgs are the arguments of KindGovern and KindGovernInit.
type governArgs struct {
	connectionArgs
	// KeepURL: the URL there leads to the declared place already.
	KeepURL bool `json:"keep_url,omitempty"`
}

// govern proposes for a Govern node.
func (p *proposer) govern() {
	if label(p.b) == embedded {
		p.fail("", "A Govern node has no embedded databases", "Declare runtime_database \"postgresql\": Govern keeps its data in PostgreSQL (12.5 at least).")
		return
	}
	for _, name := range []string{"table_prefix", "properties", "other_prefixes"} {
		if p.b.Has(name) {
			p.fail(name, "Not for a Govern node", "%s has no meaning on a Govern node, which has %s, %s and %s alone. Parameters of the driver go into jdbc_url.", name, dss.GovernURL, dss.GovernUser, dss.GovernPassword)
		}
	}
	for _, name := range []string{"pool", "source"} {
		if child := p.b.Child(name); child != nil {
			p.diags = append(p.diags, failure(&child.Range, "Not for a Govern node", "%s has no meaning on a Govern node.", name))
		}
	}
	if p.diags.HasErrors() || !p.read() {
		return
	}
	from, understood := target(p.o.live)
	from.place.Schema, p.to.place.Schema = governSchema(from), governSchema(p.to)
	p.from = from
	here := p.o.live.External && understood && samePlace(from, p.to)
	p.governChanges(here)
	p.password(here)
	p.governSteps(here)
}

func (p *proposer) governChanges(here bool) {
	var s changeSet
	l := p.o.live
	switch {
	case p.c.URL != nil:
		if l.URL != p.to.URL {
			s.add("jdbc_url", present(l.URL), p.to.URL, p.c.URL.IsSecret(), "")
		}
	case !here:
		for _, a := range []struct {
			path          string
			before, after any
			hidden        bool
		}{
			{"host", p.from.Host, p.to.Host, p.c.Host.IsSecret()},
			{"port", p.from.Port, p.to.Port, p.c.Port.IsSecret()},
			{"database", p.from.Database, p.to.Database, p.c.Database.IsSecret()},
			{"schema", p.from.place.Schema, p.to.place.Schema, false},
		} {
			if !l.External {
				a.before = nil
			}
			if a.before != a.after {
				s.add(a.path, a.before, a.after, a.hidden, "")
			}
		}
	}
	if l.User != p.to.User {
		s.add("user", present(l.User), p.to.User, p.c.User.IsSecret(), "")
	}
	p.out.Changes = s.list
}

func (p *proposer) governSteps(here bool) {
	s := p.o.target.sight
	switch {
	case s == nil && here && len(p.out.Changes) == 0:
		p.checkReachable()
		p.remember(record{Type: postgresql, Password: p.seenPassword()})
		return
	case s == nil:
		p.unreachable()
		return
	case s.Version < governMinVersion:
		p.fail("", "PostgreSQL is too old for Govern", "The server is PostgreSQL %s; Govern needs 12.5 at least.", pg.VersionText(s.Version))
		return
	}
	if err := s.Usable(p.to.login(""), p.to.place); err != nil && (s.SchemaExists || !s.CreateSchema || s.Standby) {
		p.fail("", "PostgreSQL cannot be used as declared", "%s.", err)
		return
	}
	empty := len(s.Tables) == 0
	switch {
	case here && empty && p.rec.Type == postgresql && !p.b.Bool("adopt"):
		p.fail("", "Govern's database is empty", "The node is set up to use schema %s of %s, where its data was, and there is no table any more. Restore a dump of it, such as with dssctl backup restore. If Govern is to begin anew, set adopt = true: then its database is initialized.", p.to.place.Schema, p.to.login("").Where())
		return
	case here && len(p.out.Changes) == 0 && !empty:
		p.remember(record{Type: postgresql, Password: p.seenPassword()})
		return
	case !here && p.o.live.External && empty:
		p.fail("", "dssctl does not move Govern's data", "The node keeps its data elsewhere, and there is no command that copies it. Restore a dump of it at the declared place first, and set adopt = true.")
		return
	case !here && !empty && !p.b.Bool("adopt"):
		p.fail("", "The declared place is in use", "Schema %s has %s: %s. If they are this node's, set adopt = true.", p.to.place.Schema, count(len(s.Tables), "table"), pg.FirstNames(s.Names()))
		return
	}
	args := governArgs{connectionArgs: p.args(), KeepURL: here && p.c.URL == nil}
	if !s.SchemaExists {
		p.step(KindSchema, "create schema "+p.to.place.Schema+" on "+p.shown(), plan.Prepare, online, args,
			plan.Undo{Possible: true, How: "drop the schema, if it is empty"}, plan.Cost{}, nil)
	}
	if len(p.out.Changes) > 0 {
		p.step(KindGovern, "set psql.jdbc in dip.properties", plan.Doing, offlineTrial, args, settingsUndo, plan.Cost{}, governReads)
	}
	if empty {
		p.step(KindGovernInit, "initialize Govern's database", plan.Doing, offlineTrial, args,
			plan.Undo{Possible: true, How: "drop the tables made"}, plan.Cost{}, nil)
	}
	p.inUse()
}

// governJDBC is the URL for the declared place.
func governJDBC(s settings) string {
	if s.URL != "" {
		return s.URL
	}
	u := pg.JDBCURL{Host: s.Host, Port: portOr(s.Port), Database: s.Database}
	if s.place.Schema != "public" {
		u.Properties = map[string]string{"currentSchema": s.place.Schema}
	}
	return u.String()
}
