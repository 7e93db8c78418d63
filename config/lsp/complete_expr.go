package lsp

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/reference"
	"github.com/dssctl/dssctl/config/schema"
)

// cursor is where in an expression the spot is.
type cursor struct {
	// quoted is the begin of the text in quotes that the spot is in; -1 outside.
	quoted int
	// steps lead to the word that has been begun: instance, design for
	// instance.design.po. Dotted without a word is dotted too.
	steps []word
	// open are the brackets around, outermost first.
	open []bracket
	// key: what is written is the key of an object.
	key bool
}

type bracket struct {
	typ    hclsyntax.TokenType
	call   string // the function, of a parenthesis
	commas int
}

// cursorIn looks at the expression up to the spot.
func (sp spot) cursorIn() cursor {
	begin := sp.attr.value.start
	c := cursor{quoted: -1}
	tokens := lex(sp.text[begin:sp.offset], begin)
	var flat hclsyntax.Tokens // with no spaces and comments
	for _, t := range tokens {
		if t.Type == hclsyntax.TokenEOF || t.Type == hclsyntax.TokenComment {
			continue
		}
		switch {
		case opening(t.Type):
			b := bracket{typ: t.Type}
			if n := len(flat); t.Type == hclsyntax.TokenOParen && n > 0 && flat[n-1].Type == hclsyntax.TokenIdent {
				b.call = string(flat[n-1].Bytes)
			}
			c.open = append(c.open, b)
		case closing(t.Type) && len(c.open) > 0:
			c.open = c.open[:len(c.open)-1]
		case t.Type == hclsyntax.TokenComma && len(c.open) > 0:
			c.open[len(c.open)-1].commas++
		}
		flat = append(flat, t)
	}
	if n := len(c.open); n > 0 && (c.open[n-1].typ == hclsyntax.TokenOQuote || c.open[n-1].typ == hclsyntax.TokenOHeredoc) {
		c.quoted = sp.offset
		for i := len(flat) - 1; i >= 0; i-- {
			if flat[i].Type == hclsyntax.TokenOQuote || flat[i].Type == hclsyntax.TokenOHeredoc {
				c.quoted = flat[i].Range.End.Byte
				break
			}
		}
		return c
	}
	c.steps = stepsBefore(flat)
	if n := len(c.open); n > 0 && c.open[n-1].typ == hclsyntax.TokenOBrace {
		c.key = beginsKey(flat)
	}
	return c
}

// stepsBefore walks back over the word that has been begun and the steps before
// it.
func stepsBefore(flat hclsyntax.Tokens) []word {
	i := len(flat) - 1
	if i >= 0 && flat[i].Type == hclsyntax.TokenIdent {
		i--
	}
	var out []word
	for i > 0 && flat[i].Type == hclsyntax.TokenDot {
		i--
		for i >= 2 && flat[i].Type == hclsyntax.TokenCBrack {
			for i > 0 && flat[i].Type != hclsyntax.TokenOBrack {
				i--
			}
			out = append(out, word{text: indexStep})
			i--
		}
		if i < 0 || flat[i].Type != hclsyntax.TokenIdent && flat[i].Type != hclsyntax.TokenStar {
			return []word{{text: "?"}}
		}
		out = append(out, wordOf(flat[i]))
		i--
	}
	slices.Reverse(out)
	return out
}

// beginsKey reports whether what comes next in braces is a key.
func beginsKey(flat hclsyntax.Tokens) bool {
	i := len(flat) - 1
	if i >= 0 && flat[i].Type == hclsyntax.TokenIdent {
		i--
	}
	if i < 0 {
		return false
	}
	switch flat[i].Type {
	case hclsyntax.TokenOBrace, hclsyntax.TokenComma, hclsyntax.TokenNewline:
		return true
	}
	return false
}

// expression offers what may stand in a value.
func (c *completer) expression() {
	cur := c.cursorIn()
	var spec *schema.Attribute
	if b := c.s.schemaOf(c.in); b != nil {
		spec, _ = b.Attribute(c.attr.name.text)
	}
	switch {
	case cur.quoted >= 0:
		if spec != nil && !strings.ContainsAny(c.text[cur.quoted:c.offset], "${") && !inObject(cur.open) {
			for _, v := range spec.OneOf {
				c.add(completionItem{Label: v, Kind: kindValue}, span{cur.quoted, c.wordEnd()}, v, "")
			}
		}
		return
	case len(cur.steps) > 0:
		c.steps(cur.steps)
		return
	case cur.key:
		return
	}
	if c.in.typ.text == "variable" && c.attr.name.text == "type" {
		for _, t := range []string{"string", "number", "bool", "any"} {
			c.add(completionItem{Label: t, Kind: kindKeyword}, c.prefix, t, "")
		}
		for _, t := range []string{"list", "set", "map", "object", "tuple", "optional"} {
			c.add(completionItem{Label: t, Kind: kindKeyword}, c.prefix, t+"(", t+"($1)")
		}
		return
	}
	if spec != nil && len(cur.open) == 0 {
		c.constants(spec)
	}
	c.roots()
	for _, name := range c.s.names {
		f := c.s.funcs[name]
		call, snippet := name+"(", name+"($1)"
		if len(f.Params) == 0 {
			call, snippet = name+"()", ""
		}
		c.add(completionItem{Label: name, Kind: kindFunction, Detail: f.Signature(), Documentation: markdown(f.Doc)}, c.prefix, call, snippet)
	}
}

// wordEnd is the end of the word that the spot is in, within quotes.
func (c *completer) wordEnd() int {
	end := c.offset
	for end < len(c.text) && isWord(c.text[end]) {
		end++
	}
	return end
}

func inObject(open []bracket) bool {
	return slices.ContainsFunc(open, func(b bracket) bool { return b.typ == hclsyntax.TokenOBrace })
}

// constants offers the values that the schema names.
func (c *completer) constants(spec *schema.Attribute) {
	for _, v := range spec.OneOf {
		text := `"` + v + `"`
		if spec.Type != cty.String {
			text = `["` + v + `"]`
		}
		c.add(completionItem{Label: text, Kind: kindValue}, c.prefix, text, "")
	}
	if spec.Type == cty.Bool {
		c.add(completionItem{Label: "true", Kind: kindKeyword}, c.prefix, "true", "")
		c.add(completionItem{Label: "false", Kind: kindKeyword}, c.prefix, "false", "")
	}
}

// roots offers what references may begin with here.
func (c *completer) roots() {
	where := ""
	path := c.in.path()
	if len(path) > 0 {
		where = path[0].typ.text
	}
	names := []string{"var"}
	if where != "variable" && !c.own().vars() {
		names = append(names, "local")
	}
	if where != "variable" && where != "locals" && where != "dssctl" && !c.own().vars() {
		names = append(names, "instance", "module")
	}
	if in := c.in.around("instance", "module"); in != nil {
		if _, keyed := in.attr("for_each"); keyed && c.attr.name.text != "for_each" {
			names = append(names, "each")
		}
	}
	if c.in.typ.text == "precondition" {
		names = append(names, "self")
	}
	for _, n := range names {
		c.add(completionItem{Label: n, Kind: kindReference}, c.prefix, n, "")
	}
}

// steps offers how a reference may go on.
func (c *completer) steps(steps []word) {
	root := steps[0].text
	switch {
	case root == "each" && len(steps) == 1:
		for _, n := range []string{"key", "value"} {
			c.add(completionItem{Label: n, Kind: kindProperty}, c.prefix, n, "")
		}
	case len(steps) == 1 && (root == "var" || root == "local" || root == "instance" || root == "module"):
		own := c.in.around(root)
		declared(c.sources(), func(sym symbol, at place, b *block) {
			if sym.root != root || own != nil && own.label(0) == sym.name {
				return
			}
			item := completionItem{Label: sym.name, Kind: kindVariable, Detail: at.name}
			if root == "var" {
				item.Documentation = markdown(strings.TrimSpace(describeVariable(at.src, b, at.start-b.labels[0].start)))
			}
			c.add(item, c.prefix, sym.name, "")
		})
	case root == "module":
		if output(append(steps, word{})) == len(steps) {
			c.called(steps[1].text, "output", func(at place, b *block) {
				c.add(completionItem{Label: b.labels[0].text, Kind: kindProperty, Detail: at.name}, c.prefix, b.labels[0].text, "")
			})
		}
	case root == "instance" || root == "self":
		rest, a, b := c.s.follow(steps)
		if a != nil || b == nil || len(rest) > 0 {
			return
		}
		if b.Multiple && len(b.Labels) > 0 && len(steps) > 2 && steps[len(steps)-1].text == b.Type {
			return // a label must follow
		}
		for i := range b.Attributes {
			a := &b.Attributes[i]
			if a.Name != "for_each" {
				c.add(completionItem{Label: a.Name, Kind: kindProperty, Detail: reference.TypeName(a.Type), Documentation: markdown(reference.Attribute(a))}, c.prefix, a.Name, "")
			}
		}
		for i := range b.Blocks {
			c.add(completionItem{Label: b.Blocks[i].Type, Kind: kindModule, Documentation: markdown(reference.Block(&b.Blocks[i]))}, c.prefix, b.Blocks[i].Type, "")
		}
	}
}

// signature says which parameter of which function is being written.
func (q *query) signature() (any, error) {
	sp := q.spot()
	if !q.doc.native() || sp.attr == nil || sp.name {
		return nil, nil
	}
	open := sp.cursorIn().open
	for i := len(open) - 1; i >= 0; i-- {
		f, ok := q.s.funcs[open[i].call]
		if open[i].typ != hclsyntax.TokenOParen || !ok {
			continue
		}
		sig := signature{Label: f.Signature(), Documentation: markdown(f.Doc), Parameters: []parameter{}}
		for _, p := range f.Params {
			sig.Parameters = append(sig.Parameters, parameter{p})
		}
		return signatureHelp{Signatures: []signature{sig}, ActiveParameter: max(0, min(open[i].commas, len(f.Params)-1))}, nil
	}
	return nil, nil
}
