package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

// Part is a place inside an instance, such as runtime_database.pool or
// install_ini.javaopts["backend.xmx"].
type Part struct {
	text  string // as written
	forms []string
}

// String is the part as it was written.
func (p Part) String() string { return p.text }

// Covers reports whether what stands at the path is the part or lies in it. A
// path is a block's name and what follows, joined by dots or brackets.
func (p Part) Covers(path string) bool {
	return slices.ContainsFunc(p.forms, func(f string) bool { return below(path, f) })
}

// parsePart reads a place. Keys that are no identifiers have two forms in
// paths: in brackets, and bare.
func parsePart(s string) (Part, []string, error) {
	t, diags := hclsyntax.ParseTraversalAbs([]byte(s), "ignore", hcl.InitialPos)
	if diags.HasErrors() {
		return Part{}, nil, errors.New(`it is no path such as runtime_database.pool or install_ini.javaopts["backend.xmx"]`)
	}
	steps, err := addressSteps(t)
	if err != nil {
		return Part{}, nil, err
	}
	names := make([]string, len(steps))
	written := ""
	for i, st := range steps {
		names[i] = st.name
		if i == 0 {
			written = st.name
		} else {
			written += step(st.name)
		}
	}
	p := Part{text: s, forms: []string{written}}
	if bare := strings.Join(names, "."); bare != written {
		p.forms = append(p.forms, bare)
	}
	return p, names, nil
}

// readIgnore reads an instance's attribute ignore.
func (l *loader) readIgnore(d *declaration, in *Instance) {
	v, ok := in.values["ignore"]
	if !ok || !v.IsWhollyKnown() || v.IsNull() {
		return
	}
	var faults []string
	for _, text := range stringsIn(v) {
		p, names, err := parsePart(text)
		why := ""
		if err != nil {
			why = err.Error() + "."
		} else {
			why = missing(in.Block, d.spec, names)
		}
		if why != "" {
			faults = append(faults, fmt.Sprintf("ignore has %q: %s", text, why))
			continue
		}
		in.Ignore = append(in.Ignore, p)
	}
	if len(faults) > 0 {
		in.broken = true
		l.report(errorAt(in.RangeOf("ignore"), "Unknown path", "%s", strings.Join(faults, "\n")))
	}
}

// undrifting are the attributes of an instance that say where it is, and not
// how.
var undrifting = []string{"data_dir", "companion_dir", "protect"}

// missing says why there is no such place in a block; "" when there is.
func missing(b *Block, spec *schema.Block, names []string) string {
	name, rest := names[0], names[1:]
	parts := spec.Parts()
	if spec.Type == "instance" {
		parts = slices.DeleteFunc(parts, func(n string) bool { return slices.Contains(undrifting, n) })
	}
	if !slices.Contains(parts, name) {
		return fmt.Sprintf("%s has no %q that could drift.%s", describeSpec(spec), name, hint(name, parts, "There are"))
	}
	if a, ok := spec.Attribute(name); ok {
		if len(rest) > 0 && a.Type.IsPrimitiveType() {
			return fmt.Sprintf("%s is %s, so there is nothing inside.", name, typeInWords(a.Type))
		}
		return ""
	}
	inner, ok := spec.Block(name)
	if !ok || len(rest) == 0 {
		return ""
	}
	var child *Block
	if !inner.Multiple || len(inner.Labels) == 0 {
		if b != nil {
			child = b.Child(name)
		}
		return missing(child, inner, rest)
	}
	var labels []string
	if b != nil {
		for _, c := range b.Children(name) {
			labels = append(labels, c.Labels[0])
			if c.Labels[0] == rest[0] {
				child = c
			}
		}
	}
	switch {
	case child == nil:
		return fmt.Sprintf("no block %s %q is declared.%s", name, rest[0], hint(rest[0], labels, "There are"))
	case len(rest) == 1:
		return ""
	}
	return missing(child, inner, rest[1:])
}

func describeSpec(spec *schema.Block) string {
	if spec.Type == "instance" {
		return "an instance"
	}
	return spec.Type
}

// Leaving returns the instance as if what stands at a place were declared as it
// is live, as JSON; where nothing is, as if it were not declared. The path is
// that of a change, see Part.Covers. False where nothing is declared there, or
// where a value that is live does not fit.
func (in *Instance) Leaving(path string, live []byte) (*Instance, bool) {
	b, ok := in.leaving(path, live)
	if !ok {
		return nil, false
	}
	out := *in
	out.Block = b
	return &out, true
}

func (b *Block) leaving(path string, live []byte) (*Block, bool) {
	for name, v := range b.values {
		rest, ok := strings.CutPrefix(path, name)
		if !ok || rest != "" && rest[0] != '.' && rest[0] != '[' {
			continue
		}
		changed, ok := leavingIn(v, rest, live)
		if !ok {
			return nil, false
		}
		return b.with(name, changed), true
	}
	for i, c := range b.blocks {
		own := strings.TrimPrefix(c.Address, b.Address+".")
		rest, ok := strings.CutPrefix(path, own)
		if !ok || rest != "" && rest[0] != '.' {
			continue
		}
		out := *b
		if rest == "" {
			out.blocks = slices.Delete(slices.Clone(b.blocks), i, i+1)
			return &out, true
		}
		inner, ok := c.leaving(rest[1:], live)
		if !ok {
			return nil, false
		}
		out.blocks = slices.Clone(b.blocks)
		out.blocks[i] = inner
		return &out, true
	}
	return nil, false
}

// with returns the block with another value; NilVal takes the attribute out.
func (b *Block) with(name string, v cty.Value) *Block {
	out := *b
	out.values = make(map[string]cty.Value, len(b.values))
	for n, old := range b.values {
		switch {
		case n != name:
			out.values[n] = old
		case v != cty.NilVal:
			out.values[n] = v
		}
	}
	return &out
}
