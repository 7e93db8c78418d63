package lazyregexp

import (
	"slices"
	"testing"
)

func TestRegexp(t *testing.T) {
	r := New(`a(b+)`)
	if !r.MatchString("xabb") || r.Match([]byte("b")) {
		t.Error("it matches otherwise than a(b+)")
	}
	if got := r.FindStringSubmatch("xabbc"); !slices.Equal(got, []string{"abb", "bb"}) {
		t.Errorf("found %q", got)
	}
	if got := r.ReplaceAllString("ab abb", "-"); got != "- -" {
		t.Errorf("replaced to %q", got)
	}
}

// What is wrong with an expression shows in the tests of whoever has it, used or
// not.
func TestInvalidPanicsInATest(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an invalid expression was taken")
		}
	}()
	New(`a(`)
}
