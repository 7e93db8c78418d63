package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

// compiled is a block checked against its schema, as far as that goes without
// evaluating: once for all the instances of a for_each.
type compiled struct {
	spec   *schema.Block
	labels []string
	at     hcl.Range // its header
	end    hcl.Range
	attrs  []*expression // in schema order
	free   []*expression // of an open block: under names of its own, in source order
	blocks []*compiled   // in source order
	// broken: something in it is not understood, and was reported.
	broken bool
	places map[string]hcl.Range // see ranges
}

// ranges are the places of the attributes as written, made once.
func (c *compiled) ranges() map[string]hcl.Range {
	if c.places == nil {
		c.places = make(map[string]hcl.Range, len(c.attrs))
		for _, e := range c.attrs {
			c.places[e.spec.Name] = e.attr.Range
		}
	}
	return c.places
}

// expression is an attribute as written.
type expression struct {
	spec *schema.Attribute
	attr *hcl.Attribute

	// From references.go.
	refs     references
	broken   bool // reported already: not to be evaluated
	constant bool // it refers to nothing, and calls nothing

	// The value, once known, where it is the same for every key: from attribute.go
	// or constants.go.
	done bool
	val  cty.Value
	ok   bool
}

func (c *compiled) attr(name string) *expression {
	for _, e := range c.attrs {
		if e.spec.Name == name {
			return e
		}
	}
	return nil
}

// each calls f for every attribute of the block and the blocks inside.
func (c *compiled) each(f func(*expression)) {
	for _, e := range c.attrs {
		f(e)
	}
	for _, e := range c.free {
		f(e)
	}
	for _, b := range c.blocks {
		b.each(f)
	}
}

// compile checks one block. The labels are those of the block itself.
func (l *loader) compile(b *hcl.Block, spec *schema.Block) *compiled {
	c := &compiled{spec: spec, labels: b.Labels, at: headerRange(b)}
	l.checkLabels(c, b)
	body, diags := l.specs.read(b.Body, spec)
	l.report(diags...)
	c.broken = c.broken || diags.HasErrors()
	c.end = body.end
	l.compileAttributes(c, body)
	l.compileBlocks(c, body)
	return c
}

// headerRange covers `type "label"`.
func headerRange(b *hcl.Block) hcl.Range {
	if n := len(b.LabelRanges); n > 0 && b.LabelRanges[n-1].Filename == b.TypeRange.Filename && b.LabelRanges[n-1].Start.Line == b.TypeRange.Start.Line {
		return hcl.RangeBetween(b.TypeRange, b.LabelRanges[n-1])
	}
	if n := len(b.LabelRanges); n > 0 {
		return b.LabelRanges[n-1]
	}
	return b.TypeRange
}

func (l *loader) checkLabels(c *compiled, b *hcl.Block) {
	spec := c.spec
	if want := len(spec.Labels); len(b.Labels) != want {
		c.broken = true
		at := &b.TypeRange
		if len(b.Labels) > want && want < len(b.LabelRanges) {
			at = &b.LabelRanges[want]
		}
		if want == 0 {
			l.report(errorAt(at, "Unexpected block label", "A %q block has no labels.", spec.Type))
			return
		}
		usage := spec.Type
		for _, label := range spec.Labels {
			usage += fmt.Sprintf(" %q", strings.ToUpper(label.Name))
		}
		more := ""
		if first := spec.Labels[0]; len(first.OneOf) > 0 {
			more = fmt.Sprintf(" The %s is %s.", first.Name, wordList(first.OneOf, "or"))
		}
		l.report(errorAt(at, "Wrong number of block labels", "Write %s { … }: a label is %s here.%s", usage, map[bool]string{true: "missing", false: "too many"}[len(b.Labels) < want], more))
		return
	}
	for i, label := range spec.Labels {
		if len(label.OneOf) > 0 && !slices.Contains(label.OneOf, b.Labels[i]) {
			c.broken = true
			guess := ""
			if n := closest(b.Labels[i], label.OneOf); n != "" {
				guess = fmt.Sprintf(" Did you mean %q?", n)
			}
			l.report(errorAt(&b.LabelRanges[i], "Unsupported block label", "The %s of a %q block must be %s, not %q.%s", label.Name, spec.Type, wordList(label.OneOf, "or"), b.Labels[i], guess))
		}
	}
}

func (l *loader) compileAttributes(c *compiled, body content) {
	spec := c.spec
	badLabels := c.broken
	meant := map[string]bool{} // what seems to be there under a wrong name
	found := make([]*hcl.Attribute, len(spec.Attributes))
	for _, a := range body.attrs {
		i := slices.IndexFunc(spec.Attributes, func(s schema.Attribute) bool { return s.Name == a.Name })
		if i < 0 && spec.Open && foreignAttributes[spec.Type+"."+a.Name] == "" {
			c.free = append(c.free, &expression{spec: &schema.Attribute{Name: a.Name, Type: cty.DynamicPseudoType}, attr: a})
			if l.soundsSecret(a.Name) {
				l.maskExpr(a.Expr)
			} else {
				l.maskNamed(a.Expr)
			}
			continue
		}
		if i < 0 {
			c.broken = true
			meant[closest(a.Name, applicable(c))] = true
			meant[foreignNames[spec.Type+"."+a.Name]] = true
			l.unknownAttribute(c, a)
			continue
		}
		found[i] = a
	}
	for i, a := range found {
		s := &spec.Attributes[i]
		applies := s.AppliesTo(c.labels)
		if a != nil && s.Secret {
			l.maskExpr(a.Expr)
		}
		switch {
		case a == nil && s.Required && applies && !meant[s.Name]:
			c.broken = true
			l.report(errorAt(&c.at, "Missing attribute", "The attribute %q is required in %s.%s", s.Name, c.describe(), example(s)))
		case a == nil:
		case !applies && !badLabels:
			c.broken = true
			l.report(errorAt(&a.NameRange, "Attribute without meaning here", "%s has no meaning in %s: it belongs to %s %s.", s.Name, c.describe(), spec.Type, wordList(s.Labels, "or")))
		case applies:
			e := &expression{spec: s, attr: a}
			c.attrs = append(c.attrs, e)
			if !s.Secret {
				l.maskNamed(a.Expr)
			}
		}
	}
}

func example(s *schema.Attribute) string {
	switch {
	case len(s.OneOf) > 0:
		return fmt.Sprintf(" It is %s.", wordList(s.OneOf, "or"))
	case s.Example != "":
		return fmt.Sprintf(" For example: %s = %s", s.Name, s.Example)
	}
	return ""
}

// describe names the block for a sentence: `runtime_database "embedded"`.
func (c *compiled) describe() string {
	out := c.spec.Type
	for _, label := range c.labels {
		out += " " + quote(label)
	}
	return out
}

// where says where something is that is in the block: `in variable "env"`.
func (c *compiled) where() string {
	if c.spec.Type == "" {
		return "at the top level of a file"
	}
	return "in " + c.describe()
}

func (l *loader) unknownAttribute(c *compiled, a *hcl.Attribute) {
	names := applicable(c)
	guess := closest(a.Name, names)
	if s, ok := c.spec.Attribute(guess); ok && s.Secret || looksSecret.MatchString(a.Name) {
		l.maskAll(a.Expr.Range())
	} else {
		l.maskNamed(a.Expr)
	}
	if _, isBlock := c.spec.Block(a.Name); isBlock {
		l.report(errorAt(&a.NameRange, "Unknown attribute", "%s is a block: write %s { … }, without an equals sign.", a.Name, a.Name))
		return
	}
	detail := fmt.Sprintf("There is no attribute %q %s.", a.Name, c.where())
	if advice, ok := foreignAttributes[c.spec.Type+"."+a.Name]; ok {
		l.report(errorAt(&a.NameRange, "Unknown attribute", "%s %s", detail, advice))
		return
	}
	if b, ok := c.spec.Block(closest(a.Name, blockTypes(c.spec))); ok && guess == "" {
		detail += fmt.Sprintf(" Did you mean the block %q?", b.Type)
	} else if inner := holders(c.spec, a.Name); inner != "" && guess == "" {
		detail += fmt.Sprintf(" It belongs in a block %q.", inner)
	} else {
		detail += hint(a.Name, names, "Possible are")
	}
	l.report(errorAt(&a.NameRange, "Unknown attribute", "%s", detail))
}

// applicable are the names of the attributes that the block may have.
func applicable(c *compiled) []string {
	var names []string
	for i := range c.spec.Attributes {
		if s := &c.spec.Attributes[i]; s.AppliesTo(c.labels) {
			names = append(names, s.Name)
		}
	}
	return names
}

func blockTypes(spec *schema.Block) []string {
	var names []string
	for _, b := range spec.Blocks {
		names = append(names, b.Type)
	}
	return names
}

// holders returns the one type of nested block that has such an attribute.
func holders(spec *schema.Block, name string) string {
	found := ""
	for i := range spec.Blocks {
		if _, ok := spec.Blocks[i].Attribute(name); ok {
			if found != "" {
				return ""
			}
			found = spec.Blocks[i].Type
		}
	}
	return found
}

func (l *loader) compileBlocks(c *compiled, body content) {
	spec := c.spec
	seen := map[string]*compiled{}
	for _, b := range body.blocks {
		s, ok := spec.Block(b.Type)
		if !ok {
			c.broken = true
			l.unknownBlock(c, b)
			continue
		}
		inner := l.compile(b, s)
		id := b.Type
		if s.Multiple {
			id += "\x00" + strings.Join(b.Labels, "\x00")
		}
		if first := seen[id]; first != nil && (!s.Multiple || len(s.Labels) > 0) {
			c.broken = true
			if s.Multiple {
				l.report(errorAt(&inner.at, "Duplicate block", "There is %s already at %s. Give one of them another label.", inner.describe(), place(first.at)))
			} else {
				l.report(errorAt(&inner.at, "Duplicate block", "Only one %q block is possible in %s, and there is one already at %s.", b.Type, c.describe(), place(first.at)))
			}
			continue
		}
		seen[id] = inner
		c.blocks = append(c.blocks, inner)
	}
	for i := range spec.Blocks {
		s := &spec.Blocks[i]
		if s.Required && !slices.ContainsFunc(c.blocks, func(b *compiled) bool { return b.spec == s }) && !c.broken {
			c.broken = true
			l.report(errorAt(&c.at, "Missing block", "A block %q is required in %s.", s.Type, c.describe()))
		}
	}
}

func (l *loader) unknownBlock(c *compiled, b *hcl.Block) {
	l.maskBody(b.Body)
	if a, isAttr := c.spec.Attribute(b.Type); isAttr {
		l.report(errorAt(&b.TypeRange, "Unknown block", "%s is an attribute: write %s = …, with an equals sign.", a.Name, a.Name))
		return
	}
	detail := fmt.Sprintf("There is no block %q %s.", b.Type, c.where())
	types := blockTypes(c.spec)
	if advice, ok := foreign[b.Type]; ok && c.spec.Type == "" {
		l.report(errorAt(&b.TypeRange, "Unknown block", "%s %s", detail, advice))
		return
	}
	if guess := closest(b.Type, applicable(c)); guess != "" && closest(b.Type, types) == "" {
		detail += fmt.Sprintf(" Did you mean the attribute %q?", guess)
	} else {
		detail += hint(b.Type, types, "Possible are")
	}
	l.report(errorAt(&b.TypeRange, "Unknown block", "%s", detail))
}

// maskBody masks what sounds secret in a block that no schema knows.
func (l *loader) maskBody(body hcl.Body) {
	native, ok := body.(*hclsyntax.Body)
	if !ok {
		return
	}
	for _, a := range native.Attributes {
		if looksSecret.MatchString(a.Name) {
			l.maskExpr(a.Expr)
		} else {
			l.maskNamed(a.Expr)
		}
	}
	for _, b := range native.Blocks {
		l.maskBody(b.Body)
	}
}
