package jsonedit

import "encoding/json"

// Covers reports whether the object a holds all that b holds: each member of b is
// in a with an Equal value, or with one that covers it where both are objects.
// What a has besides does not count, and a null is the same as no member. Other
// values cover what they are Equal to.
func Covers(a, b []byte) bool {
	var whole, part map[string]json.RawMessage
	if json.Unmarshal(a, &whole) != nil || json.Unmarshal(b, &part) != nil || whole == nil || part == nil {
		return Equal(a, b)
	}
	for key, want := range part {
		have, ok := whole[key]
		if !ok {
			have = json.RawMessage("null")
		}
		if !Covers(have, want) {
			return false
		}
	}
	return true
}
