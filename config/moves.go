package config

import (
	"fmt"
	"strings"

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
// no block; where From has no key and To has none, keys are kept.
type Move struct {
	From, To Address
	Range    hcl.Range
}

// Of returns the address that an instance's address moves to.
func (m Move) Of(instanceAddress string) (string, bool) {
	from := m.From.Instance()
	if instanceAddress == from {
		return m.To.Instance(), true
	}
	if key, ok := strings.CutPrefix(instanceAddress, from+"["); ok && !m.From.HasKey && !m.To.HasKey {
		return m.To.Instance() + "[" + key, true
	}
	return "", false
}

// readMoves reads the blocks moved and forget.
func (l *loader) readMoves() (moves []Move, forgets []Address) {
	froms := map[string]hcl.Range{}
	for _, c := range l.moved {
		from, ok := l.formerAddress(c, froms)
		to, toOK := l.addressIn(c, "to")
		if ok && toOK {
			moves = append(moves, Move{From: from, To: to, Range: c.at})
		}
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
	if err == nil && a.Block != "" {
		err = fmt.Errorf("only whole instances have a place in state, and .%s is a part of one", a.Block)
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
	if l.declares(a) {
		l.report(errorAt(&at, "Still declared", "%s is declared at %s. A block %q is for an address that is no longer used: remove one of the two.", a, place(l.decls[a.Name].at), c.spec.Type))
		return a, false
	}
	if first, twice := froms[a.String()]; twice {
		l.report(errorAt(&at, "Said twice", "What became of %s is said already at %s.", a, place(first)))
		return a, false
	}
	froms[a.String()] = at
	return a, true
}

// declares reports whether something is declared under the address.
func (l *loader) declares(a Address) bool {
	d := l.decls[a.Name]
	if d == nil || d.broken {
		return false
	}
	for _, in := range d.instances {
		if in.Address == a.Instance() || !a.HasKey && d.forEach != nil {
			return true
		}
	}
	return false
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
		case !l.declares(at.To) && !l.brokenName(at.To.Name):
			var names []string
			for n := range l.decls {
				names = append(names, "instance."+n)
			}
			l.report(errorAt(&m.Range, "Unknown instance", "%s moves to %s, which is not declared.%s", m.From, at.To, hint(at.To.Instance(), names, "Declared are")))
		}
	}
}

func (l *loader) brokenName(name string) bool { return l.decls[name] != nil && l.decls[name].broken }
