package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/dssctl/dssctl/config/schema"
)

// attribute evaluates an attribute and brings the value to its schema: type,
// secrecy, and what is allowed. False means that it has no good value, which
// is then reported or follows from what was reported before.
func (l *loader) attribute(e *expression, ctx *hcl.EvalContext) (cty.Value, bool) {
	if e.done {
		return e.val, e.ok
	}
	v, ok := l.evaluate(e, ctx)
	if ok && e.spec.Instance {
		v, ok = l.instanceAddress(e, v)
	}
	if ok {
		var d *hcl.Diagnostic
		if v, d = fit(v, e); d != nil {
			ok = false
			switch {
			case holdsSecret(d):
				l.maskExpr(e.attr.Expr)
			case !e.spec.Secret:
				d.Expression, d.EvalContext = e.attr.Expr, ctx
			}
			l.report(d)
		}
	}
	if !ok {
		v = cty.DynamicVal
	}
	if !e.refs.each {
		e.done, e.val, e.ok = true, v, ok
	}
	return v, ok
}

func fit(v cty.Value, e *expression) (cty.Value, *hcl.Diagnostic) {
	s := e.spec
	at := e.attr.Expr.Range().Ptr()
	if bare, _ := v.Unmark(); bare.IsNull() {
		if s.Required {
			return v, errorAt(at, "Missing value", "%s is required, and its value is null.", s.Name)
		}
		return cty.NullVal(s.Type), nil
	}
	if (s.Public || s.Type == cty.Number || s.Type == cty.Bool || len(s.OneOf) > 0) && marked(v) {
		return v, errorAt(at, "Sensitive value not allowed here", "%s is shown in plans and messages, so it cannot be made of a sensitive value. If this part of it is no secret, wrap it into nonsensitive(…).", s.Name)
	}
	if s.Type != cty.DynamicPseudoType {
		converted, d := convertTo(v, s, at)
		if d != nil {
			return v, d
		}
		v = converted
	}
	if d := checkBoth(v, s, at); d != nil {
		return v, d
	}
	if s.Secret {
		bare, _ := v.UnmarkDeep()
		v = bare.Mark(sensitive)
	}
	return v, nil
}

func convertTo(v cty.Value, s *schema.Attribute, at *hcl.Range) (cty.Value, *hcl.Diagnostic) {
	if d := strayKeys(v, s.Type, s.Name, at); d != nil {
		return v, d
	}
	out, err := safeConvert(v, s.Type)
	if err == nil {
		return out, nil
	}
	where, want, culprit := s.Name, s.Type, v
	if path, inner, innerType := misfit(v, s.Type, nil); len(path) > 0 {
		where, want, culprit = s.Name+pathText(path, v.ContainsMarked()), innerType, inner
	}
	got := culprit.Type().FriendlyName()
	switch bare, _ := culprit.Unmark(); {
	case bare.IsNull():
		return v, errorAt(at, "Wrong type", "%s must be %s, and it is null.", where, typeInWords(want))
	case want.IsPrimitiveType() && culprit.Type().IsPrimitiveType():
		return v, errorAt(at, "Wrong type", "%s must be %s, and this %s cannot be read as one.", where, typeInWords(want), got)
	case want.Equals(culprit.Type()) || where == s.Name && want.IsMapType() && culprit.Type().IsObjectType():
		return v, errorAt(at, "Wrong type", "%s must be %s, and this is %s: %s.", where, typeInWords(want), article(got), err)
	}
	return v, errorAt(at, "Wrong type", "%s must be %s, and this is %s.", where, typeInWords(want), article(got))
}

// misfit finds the innermost part of a value that does not fit its type.
func misfit(v cty.Value, want cty.Type, path cty.Path) (cty.Path, cty.Value, cty.Type) {
	bare, _ := v.Unmark()
	if !bare.IsNull() && bare.IsKnown() && bare.CanIterateElements() && !want.IsPrimitiveType() {
		for it := bare.ElementIterator(); it.Next(); {
			k, inner := it.Element()
			var innerType cty.Type
			var st cty.PathStep = cty.IndexStep{Key: k}
			switch {
			case want.IsMapType() && k.Type() == cty.String, want.IsListType() && k.Type() == cty.Number:
				innerType = want.ElementType()
			case want.IsSetType() && k.Type() == cty.Number:
				innerType = want.ElementType()
			case want.IsObjectType() && k.Type() == cty.String && want.HasAttribute(k.AsString()):
				innerType, st = want.AttributeType(k.AsString()), cty.GetAttrStep{Name: k.AsString()}
			default:
				continue
			}
			if _, err := safeConvert(inner, innerType); err != nil {
				return misfit(inner, innerType, append(path, st))
			}
		}
	}
	return path, v, want
}

// safeConvert keeps a panic of the library from ending the program.
func safeConvert(v cty.Value, t cty.Type) (out cty.Value, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("this value cannot be converted")
		}
	}()
	return convert.Convert(v, t)
}

// strayKeys finds keys that an object type does not have: a conversion would
// drop them without a word.
func strayKeys(v cty.Value, want cty.Type, where string, at *hcl.Range) *hcl.Diagnostic {
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return nil
	}
	switch {
	case want.IsObjectType() && (v.Type().IsObjectType() || v.Type().IsMapType()):
		for it := v.ElementIterator(); it.Next(); {
			k, inner := it.Element()
			name := k.AsString()
			if !want.HasAttribute(name) {
				return errorAt(at, "Unknown key", "%s has no key %q.%s", where, name, hint(name, slices.Collect(maps.Keys(want.AttributeTypes())), "Possible are"))
			}
			if d := strayKeys(inner, want.AttributeType(name), where+step(name), at); d != nil {
				return d
			}
		}
	case want.IsCollectionType():
		for it := v.ElementIterator(); it.Next(); {
			if _, inner := it.Element(); inner.Type().IsObjectType() || inner.Type().IsMapType() {
				if d := strayKeys(inner, want.ElementType(), "an element of "+where, at); d != nil {
					return d
				}
			}
		}
	}
	return nil
}

func checkValue(v cty.Value, s *schema.Attribute, at *hcl.Range) *hcl.Diagnostic {
	if marked(v) {
		return nil // nothing may be said about it
	}
	if len(s.OneOf) > 0 {
		for _, given := range stringsIn(v) {
			if !slices.Contains(s.OneOf, given) {
				if s.Secret {
					return errorAt(at, "Invalid value", "%s must be %s.", s.Name, wordList(s.OneOf, "or"))
				}
				guess := ""
				if n := closest(given, s.OneOf); n != "" {
					guess = fmt.Sprintf(" Did you mean %q?", n)
				}
				return errorAt(at, "Invalid value", "%s must be %s, not %q.%s", s.Name, wordList(s.OneOf, "or"), given, guess)
			}
		}
	}
	if s.Check == nil {
		return nil
	}
	if err := s.Check(v); err != nil {
		msg := err.Error()
		if s.Secret && v.Type() == cty.String && len(v.AsString()) > 0 && strings.Contains(msg, v.AsString()) {
			msg = "is not of the form expected"
		}
		return errorAt(at, "Invalid value", "%s %s.", s.Name, strings.TrimSuffix(msg, "."))
	}
	return nil
}

// stringsIn returns a string, or the strings of a collection.
func stringsIn(v cty.Value) []string {
	if v.Type() == cty.String {
		return []string{v.AsString()}
	}
	var out []string
	if v.CanIterateElements() {
		for it := v.ElementIterator(); it.Next(); {
			if _, e := it.Element(); !e.IsNull() && e.Type() == cty.String {
				out = append(out, e.AsString())
			}
		}
	}
	return out
}

func typeInWords(t cty.Type) string {
	switch t {
	case cty.String:
		return "a string"
	case cty.Number:
		return "a number"
	case cty.Bool:
		return "true or false"
	}
	return "of type " + typeexpr.TypeString(t)
}

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// pathText writes a path below an attribute: .javaopts["backend.xmx"]. Keys of
// a sensitive value are left out.
func pathText(p cty.Path, hidden bool) string {
	var b strings.Builder
	for _, st := range p {
		switch st := st.(type) {
		case cty.GetAttrStep:
			if hidden {
				b.WriteString("[…]")
				continue
			}
			b.WriteString(step(st.Name))
		case cty.IndexStep:
			switch {
			case hidden:
				b.WriteString("[…]")
			case st.Key.Type() == cty.String && st.Key.IsKnown() && !st.Key.IsNull():
				b.WriteString("[" + quote(st.Key.AsString()) + "]")
			case st.Key.Type() == cty.Number && st.Key.IsKnown() && !st.Key.IsNull():
				b.WriteString("[" + st.Key.AsBigFloat().Text('f', -1) + "]")
			default:
				b.WriteString("[…]")
			}
		}
	}
	return b.String()
}
