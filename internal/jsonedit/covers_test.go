package jsonedit

import "testing"

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`{"a": 1, "b": {"c": 2, "d": []}}`, `{"b": {"c": 2.0}}`, true},
		{`{"a": 1}`, `{}`, true},
		{`{"a": 1}`, `{"a": 1, "gone": null}`, true},
		{`{"a": null}`, `{}`, true},
		{`{"a": 1}`, `{"a": 2}`, false},
		{`{"a": 1}`, `{"a": 1, "b": false}`, false},
		{`{"b": {"c": 2}}`, `{"b": {"c": 2, "d": 3}}`, false},
		{`{"b": 7}`, `{"b": {}}`, false},
		{`{"b": {}}`, `{"b": null}`, false},
		{`{"l": [1, {"x": 1, "y": 2}]}`, `{"l": [1, {"x": 1}]}`, false}, // a list is one value
		{`{"n": 9007199254740993}`, `{"n": 9007199254740992}`, false},
		{`null`, `null`, true},
		{`{`, `{`, false},
	} {
		if got := Covers([]byte(c.a), []byte(c.b)); got != c.want {
			t.Errorf("Covers(%s, %s) = %v", c.a, c.b, got)
		}
	}
}
