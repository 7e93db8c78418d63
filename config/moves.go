package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

var movedSchema = schema.Block{
	Type: "moved", Multiple: true,
	Doc: "Tells that an instance has another address now: what state remembers of it follows. Nothing happens to the instance. The block may stay: it says nothing to a state that has followed.",
	Example: `moved {
  from = instance.automation1
  to   = instance.automation["auto1"]
}`,
	Attributes: []schema.Attribute{
		{Name: "from", Type: cty.DynamicPseudoType, Required: true, Doc: "The former address: of an instance, of one key, or of all keys of a `for_each`. Nothing is declared there any more.", Example: "instance.automation1"},
		{Name: "to", Type: cty.DynamicPseudoType, Required: true, Doc: "The address that is declared now.", Example: `instance.automation["auto1"]`},
	},
}

var forgetSchema = schema.Block{
	Type: "forget", Multiple: true,
	Doc: "Gives an instance up: state forgets it, and nothing of it is touched. An instance that leaves the files is given up without this; the block says that it is meant, also for one that is protected.",
	Example: `forget {
  from = instance.old
}`,
	Attributes: []schema.Attribute{
		{Name: "from", Type: cty.DynamicPseudoType, Required: true, Doc: "The former address; nothing is declared there any more.", Example: "instance.old"},
	},
}

// Move says that what was known under one address is now another's. Both have
// no block, and are instances or modules. Keys that From leaves open are kept:
// they are To's where that leaves some open.
type Move struct {
	From, To Address
	Range    hcl.Range
	// keyed says of To's steps whether they have for_each; nil where To is
	// declared nowhere.
	keyed []bool
}

// Of returns the address that an instance's address moves to.
func (m Move) Of(instanceAddress string) (string, bool) {
	keys, rest, ok := m.From.match(instanceAddress, true)
	if !ok {
		return "", false
	}
	if len(keys) == 0 {
		return m.To.Instance() + rest, true
	}
	steps := m.To.Module
	if m.To.Name != "" {
		steps = append(slices.Clone(steps), m.To.own())
	}
	var open []int // To's steps that take a key
	for i, s := range steps {
		if !s.HasKey && (m.keyed == nil || m.keyed[i]) {
			open = append(open, i)
		}
	}
	if m.keyed == nil && len(open) > len(keys) {
		open = open[len(open)-len(keys):]
	}
	if len(open) != len(keys) {
		return "", false
	}
	out := ""
	for i, s := range steps {
		kind := moduleStep
		if i == len(m.To.Module) {
			kind = instanceStep
		}
		out = s.write(out, kind)
		if len(open) > 0 && open[0] == i {
			out += keys[0]
			open, keys = open[1:], keys[1:]
		}
	}
	return out + rest, true
}

// readMoves reads the blocks moved and forget.
func (l *loader) readMoves() (moves []Move, forgets []Address) {
	froms := map[string]hcl.Range{}
	for _, c := range l.moved {
		from, ok := l.formerAddress(c, froms)
		to, toOK := l.addressIn(c, "to")
		if !ok || !toOK {
			continue
		}
		if (from.Name == "") != (to.Name == "") {
			l.report(errorAt(&c.at, "Invalid move", "%s moves to %s: an instance moves to an instance, and a module with all that is in it to a module.", from, to))
			continue
		}
		moves = append(moves, Move{From: from, To: to, Range: c.at, keyed: l.find(to).keyed})
	}
	for _, c := range l.forgotten {
		if from, ok := l.formerAddress(c, froms); ok {
			forgets = append(forgets, from)
		}
	}
	l.checkTargets(moves, froms)
	return moves, forgets
}

// addressIn reads an attribute that is an instance's address.
func (l *loader) addressIn(c *compiled, name string) (Address, bool) {
	e := c.attr(name)
	if e == nil {
		return Address{}, false // reported
	}
	at := e.attr.Expr.Range().Ptr()
	t, diags := hcl.AbsTraversalForExpr(e.attr.Expr)
	if diags.HasErrors() {
		l.report(errorAt(at, "Invalid address", `%s must be an address without quotes, such as instance.design or instance.auto["auto1"].`, name))
		return Address{}, false
	}
	a, err := addressOf(t)
	switch {
	case err == nil && a.Block != "":
		err = fmt.Errorf("only whole instances have a place in state, and .%s is a part of one", a.Block)
	case err == nil && a.Name == "" && c.spec == &importSchema:
		err = errors.New("a module is none")
	}
	if err != nil {
		l.report(errorAt(at, "Invalid address", "%s is no address of an instance: %s.", name, err))
		return Address{}, false
	}
	return a, true
}

// formerAddress reads from, where nothing may be declared any more.
func (l *loader) formerAddress(c *compiled, froms map[string]hcl.Range) (Address, bool) {
	a, ok := l.addressIn(c, "from")
	if !ok {
		return a, false
	}
	at := c.attr("from").attr.Expr.Range()
	if found := l.find(a); found.there {
		l.report(errorAt(&at, "Still declared", "%s is declared at %s. A block %q is for an address that is no longer used: remove one of the two.", a, place(found.at), c.spec.Type))
		return a, false
	}
	if first, twice := froms[a.String()]; twice {
		l.report(errorAt(&at, "Said twice", "What became of %s is said already at %s.", a, place(first)))
		return a, false
	}
	froms[a.String()] = at
	return a, true
}

// found is what is declared under an address.
type found struct {
	at     hcl.Range
	there  bool
	broken bool // it cannot be told, which was reported
	// keyed says of the address's steps whether they have for_each; nil where
	// there is no such place.
	keyed []bool
	// instances are those of an instance's address.
	instances []*Instance
}

// find looks for what an address names, through the modules on the way.
func (l *loader) find(a Address) found {
	var f found
	here := []*loader{l}
	for _, s := range a.Module {
		var next []*loader
		keyed := false
		for _, m := range here {
			c := m.calls[s.Name]
			if c == nil {
				continue
			}
			f.at, keyed, f.broken = c.at, c.forEach != nil, f.broken || c.broken
			for _, inside := range c.modules {
				if own := inside.path[len(inside.path)-1]; !s.HasKey || own == s {
					next = append(next, inside)
				}
			}
		}
		here, f.keyed = next, append(f.keyed, keyed)
	}
	if len(here) == 0 {
		return found{at: f.at, broken: f.broken}
	}
	if a.Name == "" {
		f.there = true
		return f
	}
	known := false
	for _, m := range here {
		d := m.decls[a.Name]
		if d == nil {
			continue
		}
		known = true
		f.at, f.broken = d.at, f.broken || d.broken
		f.keyed = append(f.keyed[:len(a.Module)], d.forEach != nil)
		for _, in := range d.instances {
			if a.Covers(in.Address) {
				f.instances = append(f.instances, in)
			}
		}
	}
	if !known {
		return found{broken: f.broken}
	}
	f.there = !f.broken && len(f.instances) > 0
	return f
}

// checkTargets sees that each move ends at something declared. A move on to
// another one is followed.
func (l *loader) checkTargets(moves []Move, froms map[string]hcl.Range) {
	onward := map[string]Move{}
	for _, m := range moves {
		onward[m.From.String()] = m
	}
	for _, m := range moves {
		seen := map[string]bool{}
		at := m
		for !seen[at.From.String()] {
			seen[at.From.String()] = true
			next, more := onward[at.To.String()]
			if !more {
				break
			}
			at = next
		}
		switch _, given := froms[at.To.String()]; {
		case seen[at.To.String()]:
			l.report(errorAt(&m.Range, "Circular move", "%s comes back to itself by way of these blocks.", m.From))
		case given: // to be forgotten behind the move
		default:
			if f := l.find(at.To); !f.there && !f.broken {
				l.report(errorAt(&m.Range, "Unknown instance", "%s moves to %s, which is not declared.%s", m.From, at.To, hint(at.To.Instance(), l.declared(), "Declared are")))
			}
		}
	}
}

// declared are the addresses of what is declared, without keys, also those in
// modules.
func (l *loader) declared() []string {
	var out []string
	for n := range l.decls {
		out = append(out, instanceStep+n)
	}
	for n, c := range l.calls {
		if c.template == nil {
			continue
		}
		for _, inside := range c.template.declared() {
			out = append(out, moduleStep+n+"."+inside)
		}
	}
	return out
}
