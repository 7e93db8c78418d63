package config

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// leavingIn replaces what stands in a value at the rest of a path; NilVal where
// nothing is left.
func leavingIn(v cty.Value, rest string, live []byte) (cty.Value, bool) {
	bare, marks := v.Unmark()
	if rest == "" {
		out, ok := liveValue(bare.Type(), live)
		if ok && out != cty.NilVal {
			out = out.WithMarks(marks)
		}
		return out, ok
	}
	t := bare.Type()
	if bare.IsNull() || !bare.IsKnown() || !t.IsMapType() && !t.IsObjectType() {
		return cty.NilVal, false
	}
	members := bare.AsValueMap()
	// The longest key first: "a.b" before "a".
	for _, k := range slices.SortedFunc(maps.Keys(members), func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }) {
		deeper, ok := afterKey(rest, k)
		if !ok {
			continue
		}
		changed, ok := leavingIn(members[k], deeper, live)
		if !ok {
			return cty.NilVal, false
		}
		if changed == cty.NilVal {
			delete(members, k)
		} else {
			members[k] = changed
		}
		switch {
		case len(members) == 0:
			return cty.NilVal, true // nothing is declared in it any more
		case t.IsMapType() && sameTypes(members):
			return cty.MapVal(members).WithMarks(marks), true
		}
		return cty.ObjectVal(members).WithMarks(marks), true
	}
	return cty.NilVal, false
}

// afterKey takes a key off the front of a path, in either of its forms.
func afterKey(path, key string) (string, bool) {
	for _, form := range []string{step(key), "." + key} {
		rest, ok := strings.CutPrefix(path, form)
		if ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return rest, true
		}
	}
	return "", false
}

func sameTypes(members map[string]cty.Value) bool {
	var t cty.Type
	for _, v := range members {
		if t != cty.NilType && !t.Equals(v.Type()) {
			return false
		}
		t = v.Type()
	}
	return true
}

// liveValue reads a live value, as the type where it fits.
func liveValue(t cty.Type, live []byte) (cty.Value, bool) {
	if len(live) == 0 || string(live) == "null" {
		return cty.NilVal, true
	}
	implied, err := ctyjson.ImpliedType(live)
	if err != nil {
		return cty.NilVal, false
	}
	v, err := ctyjson.Unmarshal(live, implied)
	if err != nil {
		return cty.NilVal, false
	}
	if out, err := safeConvert(v, t); err == nil {
		return out, true
	}
	return v, true
}
