package config

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/secret"
)

// inClear is the Extra of a diagnostic about a value that holds a secret: neither
// the value nor its source line may be shown.
type inClear struct{}

func holdsSecret(d *hcl.Diagnostic) bool {
	_, ok := d.Extra.(inClear)
	return ok
}

// checkBoth checks a value by its schema, and refuses a secret that is declared in
// clear: it would stand in plans, in the records of runs, and in messages.
func checkBoth(v cty.Value, s *schema.Attribute, at *hcl.Range) *hcl.Diagnostic {
	d := checkValue(v, s, at)
	if s.Secret {
		return d // never shown, whatever it is made of
	}
	path, found := plainSecret(v, s.Name, nil)
	switch {
	case !found:
		return d
	case d == nil:
		d = refusePlain(s, s.Name+pathText(path, false), at)
	}
	d.Detail, d.Extra = secret.Mask(d.Detail), inClear{}
	return d
}

func refusePlain(s *schema.Attribute, where string, at *hcl.Range) *hcl.Diagnostic {
	const summary = "A secret that is not sensitive"
	if s.Public {
		return errorAt(at, summary, "%s is or holds a secret, by its name or its text, and %s is shown in plans and messages. The reference page of the block says where credentials go.", where, s.Name)
	}
	return errorAt(at, summary, "%s is or holds a secret, by its name or its text, so its value must not stand in a plan. Take it from a variable with sensitive = true, or from env, secret_file or secret_command; where it is no secret after all, wrap it in sensitive(…) as well.", where)
}

// plainSecret returns where in v, which stands under this name, an unmarked string
// is or holds a secret.
func plainSecret(v cty.Value, name string, at cty.Path) (cty.Path, bool) {
	switch {
	case v.IsMarked() || v.IsNull() || !v.IsKnown():
		return nil, false
	case v.Type() == cty.String:
		return at, secret.Holds(v.AsString(), name)
	case !v.CanIterateElements():
		return nil, false
	}
	pair := secret.IsPair(func(member string) string { return memberOf(v, member) })
	option := ""
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		below := name
		here := slices.Concat(at, cty.Path{cty.IndexStep{Key: k}})
		if k.Type() == cty.String && !k.IsMarked() {
			below = k.AsString()
			if hclsyntax.ValidIdentifier(below) {
				here[len(at)] = cty.GetAttrStep{Name: below}
			}
			if pair && secret.PairValue(below) && isText(e) {
				return here, true
			}
		}
		// A command's words: the one after --password is the password.
		if option != "" && isText(e) && secret.Holds(e.AsString(), option) {
			return here, true
		}
		option = ""
		if isText(e) && strings.HasPrefix(e.AsString(), "-") {
			option = strings.TrimLeft(e.AsString(), "-")
		}
		if found, ok := plainSecret(e, below, here); ok {
			return found, true
		}
	}
	return nil, false
}

// isText reports whether v is an unmarked string that is not empty.
func isText(v cty.Value) bool {
	return !v.IsMarked() && v.IsKnown() && !v.IsNull() && v.Type() == cty.String && v.AsString() != ""
}

// memberOf returns a string member of an object or map, "true" for a true one; ""
// where there is none.
func memberOf(v cty.Value, name string) string {
	var m cty.Value
	switch {
	case v.Type().IsObjectType() && v.Type().HasAttribute(name):
		m = v.GetAttr(name)
	case v.Type().IsMapType() && v.HasIndex(cty.StringVal(name)).True():
		m = v.Index(cty.StringVal(name))
	default:
		return ""
	}
	switch {
	case isText(m):
		return m.AsString()
	case !m.IsMarked() && m.IsKnown() && !m.IsNull() && m.Type() == cty.Bool && m.True():
		return "true"
	}
	return ""
}
