package config

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/zclconf/go-cty/cty"
)

// What is evaluated side by side comes out as what is evaluated alone: converted,
// marked where it is secret, and reported once, in the order of the file, where it
// does not fit.
func TestConstants(t *testing.T) {
	const n = 4 * constantsAtOnce
	source := func(port func(i int) string) fstest.MapFS {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "instance \"n%d\" {\n  data_dir = \"/d/%d\"\n  port = %s\n  api_key = \"key of %d\"\n}\n", i, i, port(i), i)
		}
		return fstest.MapFS{"main.dss.hcl": {Data: []byte(b.String())}}
	}
	e, diags := Load(LoadOptions{Schema: testSchema(), FS: source(func(i int) string { return fmt.Sprintf("%q", fmt.Sprint(2000+10*i)) })})
	if diags.HasErrors() || len(e.Instances) != n {
		t.Fatalf("%d instances, %v", len(e.Instances), diags)
	}
	for _, in := range e.Instances {
		var i int
		if _, err := fmt.Sscanf(in.Name, "n%d", &i); err != nil {
			t.Fatal(err)
		}
		if got := in.values["port"]; !got.RawEquals(cty.NumberIntVal(int64(2000 + 10*i))) {
			t.Errorf("%s has the port %#v", in.Address, got)
		}
		if got, want := in.values["api_key"], cty.StringVal(fmt.Sprintf("key of %d", i)).Mark(sensitive); !got.RawEquals(want) {
			t.Errorf("%s has the key %#v", in.Address, got)
		}
	}

	bad := []int{3, constantsAtOnce + 1, n - 1}
	_, diags = Load(LoadOptions{Schema: testSchema(), FS: source(func(i int) string {
		if i == bad[0] || i == bad[1] || i == bad[2] {
			return fmt.Sprintf("\"no port %d\"", i)
		}
		return fmt.Sprint(2000 + 10*i)
	})})
	if len(diags) != len(bad) {
		t.Fatalf("%d messages, want %d: %v", len(diags), len(bad), diags)
	}
	for k, d := range diags {
		if line := 5*bad[k] + 3; d.Summary != "Wrong type" || d.Subject.Start.Line != line {
			t.Errorf("message %d is %v, want one of line %d", k, d, line)
		}
	}
}
