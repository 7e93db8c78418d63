package view

import (
	"github.com/dssctl/dssctl/internal/plan"
)

// block is the changes of one block.
type block struct {
	name  string
	op    plan.Op
	own   *plan.Change // of the block itself
	parts []*plan.Change
}

// blocks groups an instance's changes in the order of their first one.
func blocks(in *plan.Instance, known map[string]plan.Op) []*block {
	var out []*block
	byName := map[string]*block{}
	for i := range in.Changes {
		c := &in.Changes[i]
		b := byName[c.Block]
		if b == nil {
			b = &block{name: c.Block}
			byName[c.Block] = b
			out = append(out, b)
		}
		if c.Path == "" && b.own == nil {
			b.own = c
		} else {
			b.parts = append(b.parts, c)
		}
	}
	for _, b := range out {
		b.op = b.what(known[in.Address+"."+b.name])
	}
	return out
}

// what happens to the block as a whole.
func (b *block) what(summary plan.Op) plan.Op {
	if b.own != nil {
		return b.own.Op
	}
	if summary != "" {
		return summary
	}
	// Attributes that come do not tell whether their block does.
	if op := b.parts[0].Op; op == plan.Delete || op == plan.Forget {
		for _, c := range b.parts {
			if c.Op != op {
				return plan.Update
			}
		}
		return op
	}
	return plan.Update
}

// count is how many changes a block has.
func (b *block) count() int {
	if len(b.parts) > 0 {
		return len(b.parts)
	}
	return 1
}

func (p *planPage) changes(list []*block) {
	for _, b := range list {
		p.entries(2, []entry{b.entry()})
	}
}

// entry is the block with its changes below it.
func (b *block) entry() entry {
	e := entry{op: b.op, name: clean(b.name)}
	if b.own != nil {
		e = changeEntry(clean(b.name), b.own)
	}
	for _, c := range b.parts {
		e.below = append(e.below, changeEntry(clean(c.Path), c))
	}
	return e
}

// widestName is how far values are pushed to the right by long names.
const widestName = 32

// roomForValue is the room beside a name below which a long value gets a line
// of its own.
const roomForValue = 44

// entries writes siblings with their values aligned.
func (p *planPage) entries(indent int, list []entry) {
	names := 0
	for i := range list {
		if list[i].after != "" {
			names = max(names, min(cells(list[i].name), widestName))
		}
	}
	for i := range list {
		p.entry(indent, names, &list[i])
		p.entries(indent+4, list[i].below)
	}
}

func (p *planPage) entry(indent, names int, e *entry) {
	if e.op == "" { // a remark among the members
		p.line(spaces(indent+2), p.paint(dim, "# "+e.note))
		return
	}
	p.seen[e.op] = true
	start := spaces(indent) + p.sign(e.op)
	if e.name != "" {
		start += " " + e.name
	}
	if e.after == "" {
		p.note(start, indent+2+cells(e.name), e.note)
		return
	}
	column := indent + 2
	if e.name != "" {
		start += spaces(names - cells(e.name))
		column += max(names, cells(e.name)) + 2
		start += "  "
	} else {
		start += " "
	}
	update := e.op == plan.Update && e.before != ""
	room := p.width() - column - 2
	if room < roomForValue && max(cells(e.before), cells(e.after)) > room {
		// Values below their name where there is no room beside it.
		p.line(spaces(indent), p.sign(e.op), " ", e.name)
		start, column = spaces(indent+4), indent+4
		room = max(roomForValue/2, p.width()-column-2)
	}
	if !update {
		after := p.shorten(e.after, room)
		p.note(start+after, column+cells(after), e.note)
		return
	}
	before, after := p.shortenPair(e.before, e.after, room)
	arrow := p.arrow() + " "
	if column+cells(before)+1+cells(arrow)+cells(after) <= p.width() {
		text := before + " " + arrow + after
		p.note(start+text, column+cells(text), e.note)
		return
	}
	p.line(start, before)
	p.note(spaces(column)+arrow+after, column+cells(arrow)+cells(after), e.note)
}

// note ends a line with a remark, or puts it on lines of its own where it does
// not fit.
func (p *planPage) note(start string, used int, text string) {
	switch {
	case text == "":
		p.line(start)
	case used+4+cells(text) <= p.width():
		p.line(start, "  ", p.paint(dim, "# "+text))
	default:
		p.line(start)
		for _, l := range wrap(text, max(30, p.width()-14)) {
			p.line(spaces(12), p.paint(dim, "# "+l))
		}
	}
}
