package lsp

import (
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/reference"
	"github.com/dssctl/dssctl/config/schema"
)

// complete offers what may stand at a place.
func (q *query) complete() (any, error) {
	c := &completer{query: q, spot: q.spot()}
	c.prefix = c.wordBefore()
	out := completionList{Items: []completionItem{}}
	if !q.doc.native() {
		return out, nil
	}
	switch {
	case c.header != nil && c.label >= 0:
		c.labels()
	case c.attr != nil && !c.name:
		c.expression()
	case c.startsStatement():
		c.statements()
	}
	out.Items = append(out.Items, c.items...)
	return out, q.ctx.Err()
}

// completer gathers what is offered at a spot.
type completer struct {
	*query
	spot
	prefix span // the word that has been begun, in the part
	items  []completionItem
}

// wordBefore is the identifier that ends at the spot.
func (sp spot) wordBefore() span {
	i := sp.offset
	for i > 0 && isWord(sp.text[i-1]) {
		i--
	}
	return span{i, sp.offset}
}

func isWord(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// startsStatement reports whether there is nothing but space before the word on
// its line, or the brace that opens the block.
func (c *completer) startsStatement() bool {
	line := c.text[strings.LastIndexByte(c.text[:c.prefix.start], '\n')+1 : c.prefix.start]
	line = strings.TrimSpace(line)
	return line == "" || strings.HasSuffix(line, "{") && c.in.open >= 0 && c.in.open <= c.prefix.start
}

// add offers an item that replaces a span of the part.
func (c *completer) add(item completionItem, at span, plain, snippet string) {
	text := plain
	if c.snippets && snippet != "" && snippet != plain {
		text = snippet
		item.InsertTextFormat = snippetFormat
	}
	item.TextEdit = &textEdit{Range: c.doc.rangeOf(at.plus(c.base), c.units), NewText: text}
	item.SortText = fmt.Sprintf("%04d", len(c.items))
	c.items = append(c.items, item)
}

// statements offers the attributes and blocks that may still be written.
func (c *completer) statements() {
	spec := c.s.schemaOf(c.in)
	if spec == nil {
		return
	}
	if c.in.parent == nil && c.own().vars() {
		c.givenVariables()
		return
	}
	labels := c.in.labelTexts()
	for _, required := range []bool{true, false} {
		for i := range spec.Attributes {
			a := &spec.Attributes[i]
			if _, written := c.in.attr(a.Name); a.Required != required || written || !a.AppliesTo(labels) {
				continue
			}
			item := completionItem{Label: a.Name, Kind: kindProperty, Detail: reference.TypeName(a.Type), Documentation: markdown(reference.Attribute(a))}
			if a.Required {
				item.Detail += ", required"
			}
			c.add(item, c.prefix, a.Name+" = ", a.Name+" = "+valueSnippet(a, new(int)))
		}
	}
	if c.in.isCall() {
		c.arguments()
	}
	for i := range spec.Blocks {
		c.block(&spec.Blocks[i])
	}
}

// arguments offers the variables of a module that are not given yet.
func (c *completer) arguments() {
	c.inModule(c.doc.src, c.base, c.in, "variable", func(at place, b *block) {
		name := b.labels[0].text
		if _, given := c.in.attr(name); given {
			return
		}
		about := strings.TrimSpace(describeVariable(at.src, b, at.start-b.labels[0].start))
		c.add(completionItem{Label: name, Kind: kindVariable, Detail: at.name, Documentation: markdown(about)}, c.prefix, name+" = ", "")
	})
}

// block offers a block: one item, or one for each value that its label may have.
func (c *completer) block(b *schema.Block) {
	if !b.Multiple {
		for _, inner := range c.in.blocks {
			if inner.typ.text == b.Type && !inner.typ.has(c.offset) {
				return
			}
		}
	}
	kinds := []string{""}
	if len(b.Labels) > 0 && len(b.Labels[0].OneOf) > 0 {
		kinds = b.Labels[0].OneOf
	}
	for _, kind := range kinds {
		n := 0
		plain, snippet := b.Type, b.Type
		for i, l := range b.Labels {
			if i == 0 && kind != "" {
				plain += fmt.Sprintf(" %q", kind)
				snippet += fmt.Sprintf(" %q", kind)
				continue
			}
			n++
			plain += ` ""`
			snippet += fmt.Sprintf(` "${%d:%s}"`, n, l.Name)
		}
		item := completionItem{Label: b.Type, Kind: kindModule, FilterText: b.Type, Documentation: markdown(reference.Block(b))}
		if kind != "" {
			item.Label += fmt.Sprintf(" %q", kind)
		}
		c.add(item, c.prefix, plain+" {\n}", snippet+" {"+requiredSnippet(b, kind, &n)+"\n}")
	}
}

// requiredSnippet are the lines of what a block must have.
func requiredSnippet(b *schema.Block, kind string, n *int) string {
	out := ""
	width := 0
	var need []*schema.Attribute
	for i := range b.Attributes {
		if a := &b.Attributes[i]; a.Required && a.AppliesTo([]string{kind}) {
			need = append(need, a)
			width = max(width, len(a.Name))
		}
	}
	for _, a := range need {
		out += fmt.Sprintf("\n  %-*s = %s", width, a.Name, valueSnippet(a, n))
	}
	return out + "\n  $0"
}

// valueSnippet is the place for a value.
func valueSnippet(a *schema.Attribute, n *int) string {
	*n++
	switch t := a.Type; {
	case len(a.OneOf) > 0 && t == cty.String:
		return fmt.Sprintf(`"${%d|%s|}"`, *n, strings.Join(a.OneOf, ","))
	case a.Secret:
		return fmt.Sprintf("${%d:var.}", *n)
	case t == cty.String:
		return fmt.Sprintf(`"$%d"`, *n)
	case t == cty.Bool:
		return fmt.Sprintf("${%d|true,false|}", *n)
	case t.IsListType(), t.IsSetType(), t.IsTupleType():
		return fmt.Sprintf("[$%d]", *n)
	case t.IsMapType(), t.IsObjectType():
		return fmt.Sprintf("{\n  $%d\n}", *n)
	}
	return fmt.Sprintf("$%d", *n)
}

// givenVariables offers the variables that a variable file gives no value yet.
func (c *completer) givenVariables() {
	declared(c.sources(), func(sym symbol, _ place, _ *block) {
		if _, given := c.body.attr(sym.name); sym.root == "var" && !given {
			c.add(completionItem{Label: sym.name, Kind: kindVariable}, c.prefix, sym.name+" = ", "")
		}
	})
}

// labels offers what a label may be.
func (c *completer) labels() {
	spec := c.s.schemaOf(c.header)
	if spec == nil || c.label >= len(spec.Labels) {
		return
	}
	at := c.header.labels[c.label].span
	for _, v := range spec.Labels[c.label].OneOf {
		c.add(completionItem{Label: v, Kind: kindValue}, at, v, "")
	}
}
