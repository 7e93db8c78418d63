package schema

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

func TestChecks(t *testing.T) {
	for _, c := range []struct {
		name      string
		check     func(cty.Value) error
		good, bad []cty.Value
	}{
		{"Duration", Duration, strs("90s", "26h", "1h30m", "0s"), strs("", "1", "one day", "-1h")},
		{"AbsolutePath", AbsolutePath, strs("/", "/a b"), strs("", "a", "./a", "/a\n", "/a\x00")},
		{"NotEmpty", NotEmpty, append(strs("a"), cty.ListVal(strs("a"))), append(strs("", " "), cty.ListValEmpty(cty.String))},
		{"Port", Port, nums(1, 65535), nums(0, 65536, 1.5, -1)},
		{"BasePort", BasePort, nums(1024, 65526), nums(80, 65527)},
		{"Whole", Whole, nums(0, -3), nums(0.5)},
		{"Matches", Matches("[0-9a-f]{2}", "two digits"), strs("0f"), strs("", "0", "0f\n", "x0f")},
	} {
		for _, v := range c.good {
			if err := c.check(v); err != nil {
				t.Errorf("%s refuses %#v: %v", c.name, v, err)
			}
		}
		for _, v := range c.bad {
			if err := c.check(v); err == nil || !strings.HasPrefix(err.Error(), "must ") {
				t.Errorf("%s(%#v) = %v", c.name, v, err)
			}
		}
	}
}

func strs(in ...string) []cty.Value {
	var out []cty.Value
	for _, s := range in {
		out = append(out, cty.StringVal(s))
	}
	return out
}

func nums(in ...float64) []cty.Value {
	var out []cty.Value
	for _, n := range in {
		out = append(out, cty.NumberFloatVal(n))
	}
	return out
}

func TestAppliesTo(t *testing.T) {
	a := Attribute{Labels: []string{"x"}}
	if !a.AppliesTo([]string{"x"}) || a.AppliesTo([]string{"y"}) || a.AppliesTo(nil) {
		t.Error("an attribute for one label")
	}
	if all := (&Attribute{}); !all.AppliesTo(nil) {
		t.Error("an attribute for all")
	}
}
