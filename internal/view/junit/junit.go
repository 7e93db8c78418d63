// Package junit writes a plan or a run as a JUnit report, which every CI server
// shows as tests: an instance is a suite; of a plan, each declared block is a
// test that fails when the live instance differs; of a run, each action is a
// test.
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
)

type (
	suites struct {
		XMLName  xml.Name `xml:"testsuites"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Suites   []*suite `xml:"testsuite"`
	}
	suite struct {
		Name      string `xml:"name,attr"`
		Tests     int    `xml:"tests,attr"`
		Failures  int    `xml:"failures,attr"`
		Errors    int    `xml:"errors,attr"`
		Skipped   int    `xml:"skipped,attr"`
		Time      string `xml:"time,attr"`
		Timestamp string `xml:"timestamp,attr"`
		Cases     []test `xml:"testcase"`
		Err       string `xml:"system-err,omitempty"`

		took time.Duration
	}
	test struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		Time    string   `xml:"time,attr"`
		Skipped *verdict `xml:"skipped"`
		Error   *verdict `xml:"error"`
		Failure *verdict `xml:"failure"`
		Out     string   `xml:"system-out,omitempty"`
	}
	verdict struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// Write writes a plan, or where report is not nil, a run of it.
func Write(w io.Writer, p *plan.Plan, report *view.RunReport) error {
	out := suites{Name: "dssctl plan"}
	stamp := p.CreatedAt
	if report != nil {
		out.Name, stamp = "dssctl run "+view.Clean(report.Run), report.Started
	}
	about := map[string]*suite{}
	add := func(address string) *suite {
		s := about[address]
		if s == nil {
			s = &suite{Name: view.Clean(address), Timestamp: stamp.UTC().Format("2006-01-02T15:04:05")}
			about[address] = s
			out.Suites = append(out.Suites, s)
		}
		return s
	}
	if report == nil {
		for i := range p.Instances {
			add(p.Instances[i].Address).instance(&p.Instances[i])
		}
		diagnostics(p, add)
	} else {
		for i := range report.Actions {
			add(report.Actions[i].Instance).action(&report.Actions[i])
		}
	}
	for _, s := range out.Suites {
		s.Time = seconds(s.took)
		out.Tests, out.Failures, out.Errors = out.Tests+s.Tests, out.Failures+s.Failures, out.Errors+s.Errors
	}
	raw, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, xml.Header+string(raw)+"\n")
	return err
}

func (s *suite) add(t test) {
	s.Tests++
	switch {
	case t.Error != nil:
		s.Errors++
	case t.Failure != nil:
		s.Failures++
	case t.Skipped != nil:
		s.Skipped++
	}
	t.Class = s.Name
	if t.Time == "" {
		t.Time = seconds(0)
	}
	s.Cases = append(s.Cases, t)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", max(0, d.Seconds())) }

// instance has a test for each block that is declared or changes.
func (s *suite) instance(in *plan.Instance) {
	if in.Failed {
		return // its errors are added below
	}
	changed := map[string]bool{}
	var blocks []string
	for i := range in.Changes {
		if b := in.Changes[i].Block; !changed[b] {
			changed[b] = true
			blocks = append(blocks, b)
		}
	}
	same := func(name string) bool {
		for b := range changed {
			if b == name || strings.HasPrefix(b, name+".") {
				return false
			}
		}
		return true
	}
	for _, name := range in.Declared {
		if same(name) {
			s.add(test{Name: view.Clean(name)})
		}
	}
	for _, b := range blocks {
		name := b
		if name == "" {
			name = "instance"
		}
		s.add(test{Name: view.Clean(name), Failure: &verdict{
			Type: "drift", Message: "differs from what is declared", Text: view.Clean(view.Differences(in, b)),
		}})
	}
	if len(s.Cases) == 0 {
		s.add(test{Name: "as declared"})
	}
}

// diagnostics: an error makes a test of its own, for nothing was compared; a
// warning is said.
func diagnostics(p *plan.Plan, add func(string) *suite) {
	for _, d := range p.Diagnostics {
		address := d.Address
		if address == "" {
			address = "estate"
		}
		s := add(address)
		text := view.Clean(d.Detail)
		if d.Range != "" {
			text = view.Clean(d.Range) + ": " + text
		}
		if d.Severity == plan.Error {
			s.add(test{Name: "planned: " + view.Clean(d.Summary), Error: &verdict{Type: "plan", Message: view.Clean(d.Summary), Text: text}})
			continue
		}
		s.Err += "Warning: " + view.Clean(d.Summary) + "\n" + text + "\n"
		if s.Tests == 0 {
			s.add(test{Name: "planned"})
		}
	}
	for i := range p.Instances {
		if s := add(p.Instances[i].Address); s.Errors == 0 && p.Instances[i].Failed {
			s.add(test{Name: "planned", Error: &verdict{Type: "plan", Message: "could not be planned"}})
		}
	}
}

func (s *suite) action(a *view.ActionReport) {
	t := test{Name: view.Clean(a.ID + " " + a.Title), Time: seconds(a.Elapsed)}
	s.took += max(0, a.Elapsed)
	for _, n := range a.Notices {
		t.Out += view.Clean(n) + "\n"
	}
	if a.Leftover != "" {
		t.Out += "something is left: " + view.Clean(a.Leftover) + "\n"
	}
	v := &verdict{Type: string(a.Outcome), Message: strings.ReplaceAll(string(a.Outcome), "_", " "), Text: view.Clean(a.Error)}
	switch a.Outcome {
	case view.Done, view.Skipped: // so it was found
	case view.NotStarted:
		t.Skipped = v
	case view.Manual:
		v.Message, v.Text = "left to a person", view.Clean(a.Manual)
		t.Skipped = v
	case view.Undone:
		if a.Error == "" {
			t.Skipped = v
		} else {
			t.Failure = v
		}
	default:
		t.Failure = v
	}
	s.add(t)
}
