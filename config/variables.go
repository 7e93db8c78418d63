package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// variable is a variable block, and the value it got.
type variable struct {
	name        string
	*compiled   //
	typ         cty.Type
	defaults    *typeexpr.Defaults // of optional attributes
	literal     bool               // values on the command line are strings as they are
	fallback    cty.Value          // the default; NilVal for none
	description string
	sensitive   bool
	nullable    bool
	deprecated  string

	given *givenValue // the one that counts; nil for the default
}

func (l *loader) collectVariable(b *hcl.Block) {
	c := l.compile(b, &variableSchema)
	if len(b.Labels) != 1 {
		return
	}
	name := b.Labels[0]
	if !hclsyntax.ValidIdentifier(name) {
		l.report(errorAt(&b.LabelRanges[0], "Invalid name", "The name of a variable must be an identifier: a letter, then letters, digits, - and _; and %q is none.", name))
		return
	}
	if first := l.variables[name]; first != nil {
		l.report(errorAt(&c.at, "Duplicate variable", "var.%s is declared already at %s.", name, place(first.at)))
		return
	}
	v := &variable{name: name, compiled: c, typ: cty.DynamicPseudoType, literal: true}
	l.variables[name] = v
	v.sensitive = l.constant(c, "sensitive", cty.False).True()
	v.nullable = l.constant(c, "nullable", cty.True).True()
	v.description = l.constant(c, "description", cty.StringVal("")).AsString()
	v.deprecated = l.constant(c, "deprecated", cty.StringVal("")).AsString()
	l.variableType(v)
	if e := c.attr("default"); e != nil {
		if v.sensitive || looksSecret.MatchString(name) {
			l.maskExpr(e.attr.Expr)
		}
		l.variableDefault(v, e)
	}
}

// constant returns an attribute that takes no expression, or the default.
func (l *loader) constant(c *compiled, name string, fallback cty.Value) cty.Value {
	e := c.attr(name)
	if e == nil {
		return fallback
	}
	v, ok := l.attribute(e, nil)
	if !ok || v.IsNull() {
		c.broken = c.broken || !ok
		return fallback
	}
	return v
}

func (l *loader) variableType(v *variable) {
	e := v.attr("type")
	if e == nil {
		return
	}
	expr := e.attr.Expr
	// "string" in quotes is what older languages wrote.
	if text := literal(expr); text != "" {
		v.broken = true
		l.report(errorAt(expr.Range().Ptr(), "Invalid type", "A type is written without quotes: type = %s", text))
		return
	}
	t, defaults, diags := typeexpr.TypeConstraintWithDefaults(expr)
	l.report(diags...)
	if diags.HasErrors() {
		v.broken = true
		return
	}
	v.typ, v.defaults = t, defaults
	v.literal = t.IsPrimitiveType()
}

func (l *loader) variableDefault(v *variable, e *expression) {
	val, diags := safeValue(e.attr.Expr, nil)
	l.report(diags...)
	if diags.HasErrors() || v.broken {
		v.broken = true
		return
	}
	at := e.attr.Expr.Range().Ptr()
	if val.IsNull() && !v.nullable {
		v.broken = true
		l.report(errorAt(at, "Invalid default", "The default of var.%s is null, and nullable is false.", v.name))
		return
	}
	converted, err := v.convert(val)
	if err != nil {
		v.broken = true
		l.report(errorAt(at, "Invalid default", "The default of var.%s does not fit its type %s: %s.", v.name, v.typeName(), v.explain(err)))
		return
	}
	v.fallback = converted
}

func (v *variable) typeName() string {
	if v.typ == cty.DynamicPseudoType {
		return "any"
	}
	return typeexpr.TypeString(v.typ)
}

// convert brings a value to the variable's type.
func (v *variable) convert(val cty.Value) (out cty.Value, err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("this value cannot be converted")
		}
	}()
	if v.defaults != nil && !val.IsNull() {
		val = v.defaults.Apply(val)
	}
	return safeConvert(val, v.typ)
}

// explain says what is wrong with a value, by its place in it.
func (v *variable) explain(err error) string {
	msg := err.Error()
	if p := (cty.PathError{}); errors.As(err, &p) && len(p.Path) > 0 {
		return fmt.Sprintf("%s: %s", strings.TrimPrefix(pathText(p.Path, v.sensitive), "."), msg)
	}
	return msg
}

// evaluateVariables gives every variable its value, marked where it is
// sensitive, and checks the validation rules.
func (l *loader) evaluateVariables() {
	l.gatherValues()
	values := make(map[string]cty.Value, len(l.variables))
	for _, name := range slices.Sorted(maps.Keys(l.variables)) {
		v := l.variables[name]
		val := cty.UnknownVal(v.typ)
		if found, ok := l.variableValue(v); ok {
			val = found
		} else {
			v.broken = true
		}
		if v.sensitive {
			val = val.Mark(sensitive)
		}
		values[name] = val
	}
	l.root.Variables["var"] = cty.ObjectVal(values)
	for _, name := range slices.Sorted(maps.Keys(l.variables)) {
		l.validate(l.variables[name], values[name])
	}
}

func (l *loader) variableValue(v *variable) (cty.Value, bool) {
	if v.broken {
		return cty.NilVal, false
	}
	if v.given == nil && v.fallback == cty.NilVal {
		if !l.ask(v) {
			return cty.NilVal, false
		}
	}
	if v.given == nil {
		return v.fallback, true
	}
	val, diags := v.given.value(v)
	if diags.HasErrors() {
		l.report(diags...)
		return cty.NilVal, false
	}
	if val.IsNull() && !v.nullable {
		if v.fallback != cty.NilVal {
			v.given = nil
			return v.fallback, true
		}
		l.report(errorAt(v.given.at, "Invalid value for variable", "The value of var.%s, given %s, is null, and the variable is declared with nullable = false at %s.", v.name, v.given.how, place(v.at)))
		return cty.NilVal, false
	}
	if v.deprecated != "" {
		at := v.given.at
		if at == nil {
			at = &v.at
		}
		l.report(&hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Deprecated variable", Detail: fmt.Sprintf("var.%s is deprecated, and a value is given %s: %s", v.name, v.given.how, v.deprecated), Subject: at})
	}
	return val, true
}

// givenVariables are the values from outside, without the sensitive ones.
func (l *loader) givenVariables() map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	all := l.root.Variables["var"]
	for name, v := range l.variables {
		if v.given == nil || v.sensitive || v.broken {
			continue
		}
		val := all.GetAttr(name)
		if b, err := ctyjson.Marshal(val, val.Type()); err == nil {
			out[name] = b
		}
	}
	return out
}
