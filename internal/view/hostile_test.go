package view

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/internal/view/viewtest"
)

// nasty tries to draw on the terminal.
const nasty = "x\x1b[2J\r\x07\x9b31m\u202e\u2028\xff\ty"

func hostile() *plan.Plan { return viewtest.Hostile(nasty) }

func TestNothingDrawsOnTheTerminal(t *testing.T) {
	var b bytes.Buffer
	s := Style{Width: 60, Unicode: true}
	r := report("failed", Done, Failed, UndoFailed, Open, Undone)
	for i := range r.Actions {
		a := &r.Actions[i]
		a.Title, a.Instance, a.Error, a.Leftover, a.Notices = nasty, nasty, nasty, nasty, []string{nasty}
	}
	r.Run, r.Safety, r.Notices, r.Downtime = nasty, []string{nasty}, []string{nasty}, []Downtime{{Instance: nasty}}
	h := NewHuman(&b, s, Terminal{}, &clockAt{now: noon})
	for _, e := range runEvents() {
		e.Title, e.Instance, e.Message, e.Run = nasty, nasty, nasty, nasty
		if e.Progress != nil {
			e.Progress.Unit, e.Progress.Note = nasty, nasty
		}
		h.Event(e)
	}
	h.Close()
	for _, err := range []error{
		h.err, Plan(&b, hostile(), s), Summary(&b, r, s), RollbackPreview(&b, r, map[string]plan.Undo{"design/1": {Possible: true, How: nasty}}, []string{nasty}, s),
		Status(&b, []StatusRow{{Address: nasty, Version: nasty, NodeType: nasty, Service: nasty, Notes: []string{nasty}, LastRun: nasty, LastStatus: nasty}}, s),
		Runs(&b, []RunRow{{Run: nasty, Status: nasty, Why: nasty, Instances: []string{nasty}}}, s),
		StateList(&b, []StateRow{{Address: nasty, DataDir: nasty, Aspects: []string{nasty}, LastRun: nasty}}, s),
		StateShow(&b, StateDetail{StateRow: StateRow{Address: nasty}, Records: map[string]json.RawMessage{nasty: raw(`{"\u001b": "\u001b"}`)}, Throughput: map[string]float64{nasty: 1}}, s),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for line := range strings.Lines(b.String()) {
		if i := strings.IndexFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool {
			return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028'
		}); i >= 0 {
			t.Errorf("a character acts on the terminal, at %d of %q", i, line)
		}
	}
}

func TestHostileStream(t *testing.T) {
	var b bytes.Buffer
	if err := PlanStream(&b, hostile(), &clockAt{now: noon}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

// A secret that slipped into a plan does not get through a redacting writer,
// and a change marked secret shows no value even without one.
func TestSecretsStayIn(t *testing.T) {
	const value = `hunter2 "é\` + "\n"
	js, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var r secret.Redactor
	p := movePlan()
	p.Instances[0].Changes[2].Before, p.Instances[0].Changes[2].After = js, js // marked secret
	var plain, safe bytes.Buffer
	if err := Plan(&plain, p, Style{}); err != nil {
		t.Fatal(err)
	}
	if err := PlanStream(&plain, p, &clockAt{now: noon}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(plain.String(), "hunter2") {
		t.Errorf("the value of a secret is shown: %s", plain.String())
	}

	r.Add("hunter2")
	p.Instances[0].Changes[1].After = js
	p.Instances[0].Stages[0].Actions[0].Title = "log in with hunter2"
	w := r.Writer(&safe)
	h := NewHuman(w, Style{}, Terminal{IsTTY: true, Width: 60}, &clockAt{now: noon})
	s := NewStream(w, &clockAt{now: noon})
	for _, e := range []event.Event{
		{Type: event.ApplyStart, Action: "a", Title: "log in with hunter2"},
		{Type: event.ApplyErrored, Action: "a", Title: "log in with hunter2", Message: "hunter2 is wrong"},
	} {
		h.Event(e)
		s.Event(e)
	}
	h.Close()
	if err := Plan(w, p, Style{}); err != nil {
		t.Fatal(err)
	}
	if err := PlanStream(w, p, &clockAt{now: noon}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(safe.String(), "hunter2") {
		t.Error("a known secret got through")
	}
	if n := strings.Count(safe.String(), secret.Placeholder); n < 8 {
		t.Errorf("only %d places were redacted", n)
	}
}

func FuzzChange(f *testing.F) {
	f.Add(`{"a":[1,2,{"b":null}]}`, `{"a":[2,{"b":0}],"c":"é"}`, 60)
	f.Add(`[]`, `[[[[[[[[[[1]]]]]]]]]]`, 40)
	f.Add("\x00", `"`, 0)
	f.Add(`1e999`, `"1e999"`, 1)
	f.Fuzz(func(t *testing.T, before, after string, width int) {
		p := movePlan()
		p.Instances[0].Changes = nil
		for _, op := range ops {
			p.Instances[0].Changes = append(p.Instances[0].Changes, plan.Change{Block: "b", Path: after, Op: op, Before: raw(before), After: raw(after), Note: before})
		}
		var b bytes.Buffer
		if err := Plan(&b, p, Style{Width: width % 300}); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(b.String(), "\x1b\r\x07") {
			t.Errorf("%q acts on the terminal", b.String())
		}
		b.Reset()
		if err := PlanStream(&b, p, &clockAt{now: noon}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("not JSON: %s", line)
			}
		}
	})
}
