package view

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/plan"
)

func TestValues(t *testing.T) {
	for _, c := range []struct{ before, after, want string }{
		{`1`, `2`, "~ x  1 -> 2"},
		{`1`, `"1"`, `~ x  1 -> "1"`},
		{`false`, `"false"`, `~ x  false -> "false"`},
		{`null`, `""`, `~ x  (none) -> ""`},
		{`"14.4.1"`, `"v 2"`, `~ x  14.4.1 -> "v 2"`},
		{`12345678901234567890.10`, `1e3`, "~ x  12345678901234567890.10 -> 1e3"},
		{`{}`, `[]`, "~ x  {} -> []"},
		{`{"a": 1}`, `{"a": 1, "b": {"c": []}}`, "~ x\n          + b\n              + c  []\n            # 1 member stays"},
		{`{"a": null}`, `{}`, "~ x\n          - a  null"},
		{`{"a": null}`, `{"a": {}}`, "~ x\n          ~ a  (none) -> {}"},
		{`[1, 2, 3, 4]`, `[0, 1, 3, 4]`, "~ x\n          + 0\n          - 2\n            # 3 members stay"},
		{`[{"a": 1}]`, `[{"a": 2}]`, "~ x\n          - {\"a\": 1}\n          + {\"a\": 2}"},
		{`{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}`, `{"a":{"a":{"a":{"a":{"a":{"a":{"a":2}}}}}}}`, `~ a  {"a": 1} -> {"a": 2}`},
	} {
		p := &plan.Plan{Instances: []plan.Instance{{Address: "instance.a", Changes: []plan.Change{
			{Block: "b", Path: "x", Op: plan.Update, Before: raw(c.before), After: raw(c.after)},
		}}}}
		var b bytes.Buffer
		if err := Plan(&b, p, Style{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), c.want+"\n") {
			t.Errorf("%s to %s reads\n%s\nexpected\n%s", c.before, c.after, b.String(), c.want)
		}
	}
}

func TestBlockOps(t *testing.T) {
	const b = "instance.a.b"
	change := func(path string, op plan.Op) plan.Change { return plan.Change{Block: "b", Path: path, Op: op} }
	for _, c := range []struct {
		name    string
		changes []plan.Change
		summary plan.Op
		want    plan.Op
	}{
		{"the summary says it", []plan.Change{change("x", plan.Create)}, plan.Create, plan.Create},
		{"its own change says it", []plan.Change{change("x", plan.Create), change("", plan.Forget)}, plan.Update, plan.Forget},
		{"new attributes do not make a new block", []plan.Change{change("x", plan.Create)}, "", plan.Update},
		{"all goes", []plan.Change{change("x", plan.Delete), change("y", plan.Delete)}, "", plan.Delete},
		{"some go", []plan.Change{change("x", plan.Delete), change("y", plan.Create)}, "", plan.Update},
	} {
		got := blocks(&plan.Instance{Address: "instance.a", Changes: c.changes}, map[string]plan.Op{b: c.summary})
		if len(got) != 1 || got[0].op != c.want {
			t.Errorf("%s: %s, expected %s", c.name, got[0].op, c.want)
		}
	}
}

func TestDetect(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	for _, c := range []struct {
		env  func(string) string
		tty  bool
		want bool
	}{
		{env(), true, true},
		{env(), false, false},
		{env("NO_COLOR", "1"), true, false},
		{env("NO_COLOR", "1", "FORCE_COLOR", "1"), true, false},
		{env("FORCE_COLOR", "1"), false, true},
		{env("FORCE_COLOR", "0"), true, false},
		{env("TERM", "dumb"), true, false},
	} {
		if got := DetectColor(c.env, c.tty); got != c.want {
			t.Errorf("NO_COLOR=%q FORCE_COLOR=%q TERM=%q terminal=%v: %v", c.env("NO_COLOR"), c.env("FORCE_COLOR"), c.env("TERM"), c.tty, got)
		}
	}
	for _, c := range []struct {
		env  func(string) string
		want bool
	}{
		{env(), true},
		{env("LANG", "en_US.utf8"), true},
		{env("LANG", "C"), false},
		{env("LANG", "C", "LC_ALL", "C.UTF-8"), true},
		{env("LC_ALL", "POSIX", "LANG", "en_US.UTF-8"), false},
	} {
		if got := DetectUnicode(c.env); got != c.want {
			t.Errorf("LC_ALL=%q LANG=%q: %v", c.env("LC_ALL"), c.env("LANG"), got)
		}
	}
}

// Without Unicode, what dssctl itself says is ASCII.
func TestASCII(t *testing.T) {
	var b bytes.Buffer
	for _, err := range []error{
		Plan(&b, everything(), Style{Width: 60}), Summary(&b, report("failed", Done, Failed), Style{}),
		RollbackPreview(&b, report("done", Done), nil, nil, Style{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if i := strings.IndexFunc(b.String(), func(r rune) bool { return r > 126 }); i >= 0 {
		t.Errorf("not ASCII: %q", b.String()[max(0, i-40):i+3])
	}
}
