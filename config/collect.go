package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

// local is one attribute of a locals block.
type local struct {
	name string
	*expression
}

// declaration is one instance block.
type declaration struct {
	name string
	*compiled
	forEach *expression
	rules   []*compiled // its preconditions
	needs   []string    // instances and modules that it refers to

	// From instances.go.
	broken    bool
	instances []*Instance
	value     cty.Value // for references to it; NilVal until asked for
	// wanted are the attributes and blocks that references name; "" is all.
	wanted map[string]bool
}

// want notes that a reference names a part of the declaration's value.
func (d *declaration) want(part string) {
	if d.wanted[part] {
		return
	}
	if d.wanted == nil {
		d.wanted = map[string]bool{}
	}
	d.wanted[part] = true
	d.value = cty.NilVal
}

func (d *declaration) wants(part string) bool { return d.wanted[""] || d.wanted[part] }

// collect gathers the definitions of all files and checks them as far as it
// goes without values.
func (l *loader) collect() {
	top := &compiled{spec: l.all.root}
	for _, body := range l.bodies {
		c, diags := l.specs.read(body, l.all.root)
		l.report(diags...)
		for _, a := range c.attrs {
			l.unknownAttribute(top, a)
		}
		for _, b := range c.blocks {
			if l.above != nil && slices.Contains(estateOnly, b.Type) {
				l.report(errorAt(&b.TypeRange, "Not in a module", "A block %s stands in the estate's own files, where addresses are whole: %sNAME.%sNAME.", b.Type, moduleStep, instanceStep))
				continue
			}
			switch b.Type {
			case variableSchema.Type:
				l.collectVariable(b)
			case localsSchema.Type:
				l.collectLocals(b)
			case settingsSchema.Type:
				l.collectSettings(b)
			case instanceType:
				l.collectInstance(b)
			case moduleSchema.Type:
				l.collectCall(b)
			case checkSchema.Type:
				l.collectNamed(b, &checkSchema, l.checks)
			case outputSchema.Type:
				l.collectNamed(b, &outputSchema, l.outputs)
			case movedSchema.Type:
				l.moved = append(l.moved, l.compile(b, &movedSchema))
			case forgetSchema.Type:
				l.forgotten = append(l.forgotten, l.compile(b, &forgetSchema))
			case importSchema.Type:
				l.imported = append(l.imported, l.compile(b, &importSchema))
			default:
				l.unknownBlock(top, b)
			}
		}
	}
}

func (l *loader) collectSettings(b *hcl.Block) {
	c := l.compile(b, &settingsSchema)
	if l.settings != nil {
		l.report(errorAt(&c.at, "Duplicate block", "There is a dssctl block already at %s.", place(l.settings.at)))
		return
	}
	l.settings = c
}

func (l *loader) collectLocals(b *hcl.Block) {
	if len(b.Labels) > 0 {
		l.report(errorAt(&b.LabelRanges[0], "Unexpected block label", "A %q block has no labels.", b.Type))
	}
	var blocks []*hcl.Block
	var attrs hcl.Attributes
	if native, ok := b.Body.(*hclsyntax.Body); ok {
		c, _ := l.specs.read(native, &localsSchema)
		attrs = hcl.Attributes{}
		for _, a := range c.attrs {
			attrs[a.Name] = a
		}
		blocks = c.blocks
	} else {
		var diags hcl.Diagnostics
		attrs, diags = b.Body.JustAttributes()
		l.report(diags...)
	}
	for _, inner := range blocks {
		l.maskBody(inner.Body)
		l.report(errorAt(&inner.TypeRange, "Unknown block", "There are no blocks in locals. A local value is an attribute: write %s = { … }.", inner.Type))
	}
	for name, a := range attrs {
		if looksSecret.MatchString(name) {
			l.maskExpr(a.Expr)
		} else {
			l.maskNamed(a.Expr)
		}
		if !hclsyntax.ValidIdentifier(name) {
			l.report(errorAt(&a.NameRange, "Invalid name", "The name of a local value must be an identifier: a letter, then letters, digits, - and _; and %q is none.", name))
			continue
		}
		// The order of a map is random: keep the earlier one in the source.
		if first := l.locals[name]; first != nil {
			second := a
			if l.before(a.NameRange, first.attr.NameRange) {
				second, first.attr = first.attr, a
			}
			l.report(errorAt(&second.NameRange, "Duplicate local value", "local.%s is defined already at %s.", name, place(first.attr.NameRange)))
			continue
		}
		l.locals[name] = &local{name, &expression{spec: anyAttribute, attr: a}}
	}
}

var anyAttribute = &schema.Attribute{Type: cty.DynamicPseudoType}

func (l *loader) before(a, b hcl.Range) bool {
	return a.Filename == b.Filename && a.Start.Byte < b.Start.Byte
}

func (l *loader) collectInstance(b *hcl.Block) {
	c := l.compile(b, l.all.instance)
	if len(b.Labels) != 1 {
		return
	}
	name := b.Labels[0]
	if !hclsyntax.ValidIdentifier(name) {
		l.report(errorAt(&b.LabelRanges[0], "Invalid name", "The name of an instance must be an identifier: a letter, then letters, digits, - and _; and %q is none.", name))
		return
	}
	if first := l.decls[name]; first != nil {
		l.report(errorAt(&c.at, "Duplicate instance", "instance.%s is declared already at %s. Give one of them another name.", name, place(first.at)))
		return
	}
	d := &declaration{name: name, compiled: c, broken: c.broken, forEach: c.attr(forEach)}
	// Rules are about the instance: they are no part of it.
	own := c.blocks[:0:0]
	for _, inner := range c.blocks {
		if inner.spec.Type == preconditionSchema.Type {
			d.rules = append(d.rules, inner)
		} else {
			own = append(own, inner)
		}
	}
	c.blocks = own
	l.decls[name] = d
}

// collectNamed takes in a block of which there is one for each name.
func (l *loader) collectNamed(b *hcl.Block, spec *schema.Block, into map[string]*compiled) {
	c := l.compile(b, spec)
	if len(b.Labels) != 1 {
		return
	}
	name := b.Labels[0]
	if !hclsyntax.ValidIdentifier(name) {
		l.report(errorAt(&b.LabelRanges[0], "Invalid name", "The name of %s must be an identifier: a letter, then letters, digits, - and _; and %q is none.", article(spec.Type), name))
		return
	}
	if first := into[name]; first != nil {
		l.report(errorAt(&c.at, "Duplicate "+spec.Type, "There is %s already at %s. Give one of them another name.", first.describe(), place(first.at)))
		return
	}
	into[name] = c
}

// checkVersion compares required_version with the tool's. Where it does not
// fit, nothing else is reported: the files may be written for another version.
func (l *loader) checkVersion() bool {
	if l.settings == nil {
		return true
	}
	e := l.settings.attr("required_version")
	if e == nil {
		return true
	}
	at := e.attr.Expr.Range().Ptr()
	v, diags := e.attr.Expr.Value(nil)
	if diags.HasErrors() {
		l.report(diags...)
		return true
	}
	if v.IsNull() || v.Type() != cty.String {
		l.report(errorAt(at, "Invalid version constraint", `required_version must be a string such as ">= 0.1, < 2.0".`))
		return true
	}
	want, err := version.NewConstraint(v.AsString())
	if err != nil {
		l.report(errorAt(at, "Invalid version constraint", `%q is no version constraint. Write one such as ">= 0.1, < 2.0".`, v.AsString()))
		return true
	}
	if l.opts.Version == "" {
		return true
	}
	have, err := version.NewVersion(l.opts.Version)
	if err != nil {
		return true // a build without a version is nobody's mistake here
	}
	// A pre-release of a version counts as that version.
	if want.Check(have.Core()) {
		return true
	}
	l.diags = hcl.Diagnostics{errorAt(at, "Unsupported dssctl version", "%s", fmt.Sprintf(
		"This estate asks for dssctl %s, and this is dssctl %s. Use a version that fits, or change required_version if you know that this one reads the estate well.", v.AsString(), l.opts.Version))}
	return false
}
