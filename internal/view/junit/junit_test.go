package junit

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/internal/view/viewtest"
	"github.com/dssctl/dssctl/internal/view/viewtest/runs"
)

var update = flag.Bool("update", false, "write the golden files anew; read them with your own eyes then")

type world struct {
	plan   *plan.Plan
	report *view.RunReport
}

func worlds() map[string]world {
	everything := viewtest.Everything()
	everything.Instances[1].Declared = []string{"release", "port", "node_type", "general_settings", "backup"}
	everything.Instances[2].Declared = []string{"runtime_database"}
	p, report, _ := runs.RolledBack()
	failed := viewtest.Move()
	return map[string]world{
		"everything": {everything, nil}, "none": {&plan.Plan{CreatedAt: viewtest.Noon}, nil}, "rolled_back": {p, report},
		"failed": {failed, runs.Of(failed, "failed", view.Done, view.Skipped, view.Done, view.Open)},
	}
}

func TestGolden(t *testing.T) {
	for name, w := range worlds() {
		var b bytes.Buffer
		if err := Write(&b, w.plan, w.report); err != nil {
			t.Fatal(err)
		}
		path := "testdata/" + name + ".xml"
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// element is any element.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
}

func (e *element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// shape is what CI servers read: which elements, in which other, with which
// attributes; those with a star have to be there. There is no standard; it is
// the common part of the schemas of Jenkins and Maven Surefire.
var shape = map[string]struct{ children, attrs []string }{
	"testsuites": {[]string{"testsuite"}, []string{"name", "tests*", "failures*", "errors*", "time"}},
	"testsuite":  {[]string{"properties", "testcase", "system-out", "system-err"}, []string{"name*", "tests*", "failures*", "errors*", "skipped", "time", "timestamp"}},
	"testcase":   {[]string{"skipped", "error", "failure", "system-out", "system-err"}, []string{"name*", "classname*", "time"}},
	"skipped":    {nil, []string{"message", "type"}},
	"error":      {nil, []string{"message", "type"}},
	"failure":    {nil, []string{"message", "type"}},
	"system-out": {}, "system-err": {},
}

func (e *element) check(t *testing.T) {
	t.Helper()
	s, ok := shape[e.XMLName.Local]
	if !ok {
		t.Errorf("the element %s", e.XMLName.Local)
	}
	for _, a := range e.Attrs {
		if !has(s.attrs, a.Name.Local) {
			t.Errorf("%s has the attribute %s", e.XMLName.Local, a.Name.Local)
		}
	}
	for _, a := range s.attrs {
		if name, must := strings.CutSuffix(a, "*"); must && e.attr(name) == "" {
			t.Errorf("%s lacks the attribute %s", e.XMLName.Local, name)
		}
	}
	for i := range e.Children {
		if c := &e.Children[i]; !has(s.children, c.XMLName.Local) {
			t.Errorf("%s in %s", c.XMLName.Local, e.XMLName.Local)
		} else {
			c.check(t)
		}
	}
}

func has(list []string, name string) bool {
	for _, s := range list {
		if strings.TrimSuffix(s, "*") == name {
			return true
		}
	}
	return false
}

// count checks that a suite says how many tests of each kind it has.
func (e *element) count(t *testing.T) (tests, failures, errors int) {
	for i := range e.Children {
		c := &e.Children[i]
		switch c.XMLName.Local {
		case "testsuite":
			n, f, x := c.count(t)
			tests, failures, errors = tests+n, failures+f, errors+x
		case "testcase":
			tests++
			for _, v := range c.Children {
				switch v.XMLName.Local {
				case "failure":
					failures++
				case "error":
					errors++
				}
			}
		}
	}
	for name, n := range map[string]int{"tests": tests, "failures": failures, "errors": errors} {
		if e.attr(name) != strconv.Itoa(n) {
			t.Errorf("%s %s: %s=%q, it has %d", e.XMLName.Local, e.attr("name"), name, e.attr(name), n)
		}
	}
	return tests, failures, errors
}

func TestShape(t *testing.T) {
	const nasty = "x]]></failure><testcase name=\"y\"/>\x00\x1b\u202e\xff & \n"
	all := worlds()
	p, report, _ := runs.Hostile(nasty)
	all["hostile plan"], all["hostile run"] = world{viewtest.Hostile(nasty), nil}, world{p, report}
	for name, w := range all {
		var b bytes.Buffer
		if err := Write(&b, w.plan, w.report); err != nil {
			t.Fatal(err)
		}
		var root element
		d := xml.NewDecoder(&b)
		if err := d.Decode(&root); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := d.Decode(new(element)); !errors.Is(err, io.EOF) {
			t.Errorf("%s: more behind the end: %v", name, err)
		}
		root.check(t)
		root.count(t)
	}
}

func TestNoSecret(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, viewtest.Move(), nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "(secret)") {
		t.Error("no placeholder")
	}
}
