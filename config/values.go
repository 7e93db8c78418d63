package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// envPrefix begins the environment variables that give values.
const envPrefix = "DSSCTL_VAR_"

// givenValue is a value from outside, not yet read: only the one that counts
// is.
type givenValue struct {
	name string
	how  string     // "with -var", for messages
	at   *hcl.Range // in a variable file

	made cty.Value       // by a module call; NilVal otherwise
	expr hcl.Expression  // from a file
	json json.RawMessage // from a saved plan
	text string          // from all else
}

// gatherValues looks through all sources in rising order of precedence. To the
// variables of a module, its call gives values, and nothing else does.
func (l *loader) gatherValues() {
	if l.above != nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(l.opts.Values)) {
		if l.variables[name] != nil {
			l.give(&givenValue{name: name, how: "in the saved plan", json: l.opts.Values[name]})
		}
	}
	if names, ok := l.list(l.opts.Dir); ok {
		for _, n := range names {
			if IsAutoVarFile(n) {
				l.readValues(filepath.Join(l.opts.Dir, n))
			}
		}
	}
	for _, name := range l.opts.VarFiles {
		l.readValues(name)
	}
	for _, arg := range l.opts.Vars {
		name, text, ok := strings.Cut(arg, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			l.report(errorAt(nil, "Invalid --var", "A --var has no name or no value: write --var 'NAME=VALUE'."))
			continue
		}
		l.give(&givenValue{name: name, how: "with -var", text: text})
	}
	for _, entry := range l.opts.Environ {
		rest, ok := strings.CutPrefix(entry, envPrefix)
		if !ok {
			continue
		}
		name, text, _ := strings.Cut(rest, "=")
		// Others are ignored: the environment may serve several estates.
		if l.variables[name] != nil {
			l.give(&givenValue{name: name, how: "in the environment as " + envPrefix + name, text: text})
		}
	}
}

func (l *loader) give(g *givenValue) {
	v := l.variables[g.name]
	if v == nil {
		l.report(errorAt(g.at, "Unknown variable", "A value for var.%s is given %s, but there is no such variable.%s", g.name, g.how, hint(g.name, slices.Collect(maps.Keys(l.variables)), "Declared are")))
		return
	}
	v.given = g
}

// readValues reads a variable file.
func (l *loader) readValues(name string) {
	src, ok := l.read(name, "the variable file")
	if !ok {
		l.unread = true
		return
	}
	began := len(l.diags)
	f, ok := l.parse(src, name)
	// No source line of it is shown: which values are sensitive cannot be told from
	// a broken one.
	l.sources[name], l.copied[name] = &hcl.File{Bytes: starred(src)}, true
	if !ok {
		l.unread = true
		unquote(l.diags[began:])
		return
	}
	var attrs []*hcl.Attribute
	if native, ok := f.Body.(*hclsyntax.Body); ok {
		c, _ := l.specs.read(native, &localsSchema)
		attrs = c.attrs
		for _, b := range c.blocks {
			l.report(errorAt(&b.TypeRange, "Unknown block", "A variable file holds only values: NAME = VALUE. Blocks belong into files *%s.", suffixNative))
		}
	} else {
		all, diags := f.Body.JustAttributes()
		l.report(diags...)
		attrs = slices.SortedFunc(maps.Values(all), bySource)
	}
	for _, a := range attrs {
		// The names say which line is meant.
		if r := a.NameRange; r.End.Byte <= len(src) {
			copy(l.sources[name].Bytes[r.Start.Byte:r.End.Byte], src[r.Start.Byte:r.End.Byte])
		}
		l.give(&givenValue{name: a.Name, how: "in " + name, at: a.Range.Ptr(), expr: a.Expr})
	}
}

// value reads the value and brings it to the variable's type.
func (g *givenValue) value(v *variable) (cty.Value, hcl.Diagnostics) {
	val, diags := g.raw(v)
	if diags.HasErrors() {
		if v.sensitive {
			return cty.DynamicVal, hcl.Diagnostics{errorAt(g.at, "Invalid value for variable", "The value of var.%s, given %s, is no valid expression. The variable is sensitive, so more is not shown.", v.name, g.how)}
		}
		for _, d := range diags {
			if g.expr == nil {
				// Its place is one in a text that nobody can see.
				d.Subject, d.Context = nil, nil
				d.Detail = fmt.Sprintf("The value of var.%s, given %s, is read as an expression of type %s, and is none: %s", v.name, g.how, v.typeName(), d.Detail)
			}
		}
		return cty.DynamicVal, diags
	}
	out, err := v.convert(val)
	if err != nil {
		reason := v.explain(err)
		if v.sensitive || val.ContainsMarked() {
			reason = "its value, which is sensitive, cannot be converted"
		}
		return cty.DynamicVal, hcl.Diagnostics{errorAt(g.at, "Invalid value for variable", "The value of var.%s, given %s, does not fit the type %s declared at %s: %s.", v.name, g.how, v.typeName(), place(v.at), reason)}
	}
	return out, nil
}

func (g *givenValue) raw(v *variable) (cty.Value, hcl.Diagnostics) {
	switch {
	case g.made != cty.NilVal:
		return g.made, nil
	case g.expr != nil:
		return safeValue(g.expr, nil)
	case g.json != nil:
		t, err := ctyjson.ImpliedType(g.json)
		if err != nil {
			return cty.DynamicVal, hcl.Diagnostics{errorAt(nil, "Invalid value for variable", "It is no JSON.")}
		}
		val, err := ctyjson.Unmarshal(g.json, t)
		if err != nil {
			return cty.DynamicVal, hcl.Diagnostics{errorAt(nil, "Invalid value for variable", "It is no JSON.")}
		}
		return val, nil
	case v.literal:
		return cty.StringVal(g.text), nil
	}
	tokens, _ := hclsyntax.LexExpression([]byte(g.text), "", hcl.InitialPos)
	if d := checkTokens(tokens); d != nil {
		return cty.DynamicVal, hcl.Diagnostics{d}
	}
	expr, diags := hclsyntax.ParseExpression([]byte(g.text), "value", hcl.InitialPos)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	return safeValue(expr, nil)
}
