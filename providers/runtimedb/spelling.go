package runtimedb

import "strings"

// spelling refuses a place that differs from one that is there in case alone: to
// PostgreSQL it is another one, and to whoever declares it, as a rule, the same.
func (p *proposer) spelling() {
	from, to := p.from.place, p.to.place
	if p.o.live.External && p.sameServer() {
		switch {
		case from.Schema == to.Schema && from.Prefix != to.Prefix && strings.EqualFold(from.Prefix, to.Prefix):
			p.fail("table_prefix", "Only the case differs", "This instance uses the tables with the prefix %q in schema %s now, which are its own, and %q is declared. PostgreSQL tells upper and lower case apart. Declare the prefix as it is: table_prefix = %q.",
				from.Prefix, from.Schema, to.Prefix, from.Prefix)
			return
		case from.Schema != to.Schema && strings.EqualFold(from.Schema, to.Schema) && strings.EqualFold(from.Prefix, to.Prefix):
			p.fail("schema", "Only the case differs", "This instance uses its own tables in schema %q now, and %q is declared. PostgreSQL tells upper and lower case apart. Declare the schema as it is: schema = %q.",
				from.Schema, to.Schema, from.Schema)
			return
		}
	}
	s := p.o.target.sight
	if s == nil || s.SchemaExists || len(s.LikeSchemas) == 0 {
		return
	}
	if p.o.live.External && p.samePlace() {
		p.warn("schema", "The server spells the schema otherwise", "DSS is set up to use schema %q, which is not there, and %q is. PostgreSQL makes names that are not quoted lower case, so the tables in it are likely to be this instance's own. dssctl does not look into it: where they are, give both files the server's spelling while DSS is stopped.",
			to.Schema, s.LikeSchemas[0])
		return
	}
	p.fail("schema", "Only the case differs", "There is no schema %q, and there is %q. PostgreSQL tells upper and lower case apart, and makes names that are not quoted lower case. Declare the schema as it is: schema = %q. If another one is really meant, make it by hand first.",
		to.Schema, s.LikeSchemas[0], s.LikeSchemas[0])
}

// sameServer compares databases by address, and where both were looked at, by
// what the server says of itself.
func (p *proposer) sameServer() bool {
	if sameDatabase(p.from, p.to) {
		return true
	}
	a, b := p.o.source.sight, p.o.target.sight
	return a != nil && b != nil && a.Identity == b.Identity
}

// ownAmong are those of the names that this instance uses now, so that nobody
// takes them for a stranger's.
func (p *proposer) ownAmong(names []string) []string {
	if !p.o.live.External || p.from.place.Schema != p.to.place.Schema || !p.sameServer() {
		return nil
	}
	var own []string
	for _, n := range names {
		if p.from.place.Owns(n) {
			own = append(own, n)
		}
	}
	return own
}
