package plan

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	if err := Validate(sample()); err != nil {
		t.Fatalf("the sample: %v", err)
	}
	in := func(p *Plan) *Instance { return &p.Instances[0] }
	act := func(p *Plan, n int) *Action { return &p.Instances[0].Stages[0].Actions[n] }
	tests := map[string]struct {
		spoil func(p *Plan)
		want  string
	}{
		"address twice":         {func(p *Plan) { p.Instances = append(p.Instances, Instance{Address: "instance.design"}) }, "for two"},
		"no address":            {func(p *Plan) { in(p).Address = "" }, "no instance"},
		"relative data dir":     {func(p *Plan) { in(p).DataDir = "data" }, "no absolute"},
		"data dir not clean":    {func(p *Plan) { in(p).DataDir = "/data/../etc" }, "clean path"},
		"relative companion":    {func(p *Plan) { in(p).CompanionDir = "x" }, "companion"},
		"failed with stages":    {func(p *Plan) { in(p).Failed = true }, "could not be planned"},
		"observed with stages":  {func(p *Plan) { in(p).Mode = Observe }, "only to be observed"},
		"unknown mode":          {func(p *Plan) { in(p).Mode = "wild" }, `"wild"`},
		"unknown op":            {func(p *Plan) { in(p).Changes[0].Op = "explode" }, `"explode"`},
		"secret shown":          {func(p *Plan) { in(p).Changes[0].Secret = true }, "is shown"},
		"unknown severity":      {func(p *Plan) { p.Diagnostics = []Diagnostic{{Severity: "fatal"}} }, `"fatal"`},
		"stage without actions": {func(p *Plan) { in(p).Stages[0].Actions = nil }, "no actions"},
		"unknown stage":         {func(p *Plan) { in(p).Stages[0].Kind = "later" }, `"later"`},
		"window number":         {func(p *Plan) { in(p).Stages[0].Number = 2 }, "expected window 1"},
		"before too late":       {func(p *Plan) { in(p).Stages = append(in(p).Stages, Stage{Kind: Before, Actions: []Action{*act(p, 1)}}) }, "not the first"},
		"numbered online stage": {func(p *Plan) { in(p).Stages[0].Kind = After }, "is no window"},
		"stop online":           {func(p *Plan) { in(p).Stages[0].Kind = After }, "outside of a window"},
		"no stop":               {func(p *Plan) { in(p).Stages[0].Actions = in(p).Stages[0].Actions[1:] }, "begin with a stop"},
		"no start":              {func(p *Plan) { in(p).Stages[0].Actions = in(p).Stages[0].Actions[:2] }, "end with a start"},
		"phases out of order":   {func(p *Plan) { act(p, 1).Phase = Stop; act(p, 0).Phase = Doing }, "comes too late"},
		"prepare in window":     {func(p *Plan) { act(p, 0).Phase = Prepare }, "inside a window"},
		"id twice":              {func(p *Plan) { act(p, 1).ID = "design/1" }, "not unique"},
		"no id":                 {func(p *Plan) { act(p, 1).ID = "" }, "empty"},
		"kind without verb":     {func(p *Plan) { act(p, 1).Kind = "runtimedb" }, "ASPECT.VERB"},
		"no title":              {func(p *Plan) { act(p, 1).Title = "" }, "no title"},
		"escape in title":       {func(p *Plan) { act(p, 1).Title = "a\x1b[1A" }, "control characters"},
		"bidi in title":         {func(p *Plan) { act(p, 1).Title = "a\u202eb" }, "control characters"},
		"unknown phase":         {func(p *Plan) { act(p, 1).Phase = "soon" }, `"soon"`},
		"unknown danger":        {func(p *Plan) { act(p, 1).Danger = "mild" }, `"mild"`},
		"no sum":                {func(p *Plan) { act(p, 1).Reads[0].Sum = "" }, "without probe or sum"},
		"no word on undo":       {func(p *Plan) { act(p, 1).Undo = Undo{} }, "does not say why"},
		"negative cost":         {func(p *Plan) { act(p, 1).Cost.Bytes = -1 }, "impossible cost"},
		"NaN cost":              {func(p *Plan) { act(p, 1).Cost.Seconds = math.NaN() }, "impossible cost"},
		"args no JSON":          {func(p *Plan) { act(p, 1).Args = json.RawMessage(`{"a":}`) }, "no JSON"},
		"args cut":              {func(p *Plan) { act(p, 1).Args = json.RawMessage(`{"secret":`) }, "no JSON"},
		"args too long":         {func(p *Plan) { act(p, 1).Args = json.RawMessage(`{"secret":1} 2`) }, "no JSON"},
		"secret not listed":     {func(p *Plan) { p.Secrets = nil }, "not listed"},
		"secret not needed":     {func(p *Plan) { act(p, 1).Args = nil }, "no action needs it"},
		"secret listed twice":   {func(p *Plan) { p.Secrets = append(p.Secrets, p.Secrets[0]) }, "twice"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := sample()
			tt.spoil(p)
			err := Validate(p)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, expected %q", err, tt.want)
			}
		})
	}
}

func TestValidateAllowsStoppedWindow(t *testing.T) {
	p := sample()
	st := &p.Instances[0].Stages[0]
	st.Actions = st.Actions[1:2]
	st.Note = "DSS was found stopped and stays stopped"
	if err := Validate(p); err != nil {
		t.Error(err)
	}
}

func TestValidateStopsCounting(t *testing.T) {
	p := sample()
	for range 1000 {
		p.Instances = append(p.Instances, Instance{})
	}
	err := Validate(p)
	if err == nil || !strings.Contains(err.Error(), "more faults") || strings.Count(err.Error(), "\n") > enough {
		t.Errorf("error %v", err)
	}
}

func TestSecretsOf(t *testing.T) {
	tests := map[string]struct {
		args string
		want string
	}{
		"none":           {`{"a":1}`, ""},
		"nested":         {`{"a":[{"b":{"secret":"one"}}]}`, "one"},
		"itself":         {`{"secret":"one"}`, "one"},
		"two":            {`{"a":{"secret":"two"},"b":{"secret":"one"}}`, "one,two"},
		"the same twice": {`[{"secret":"one"},{"secret":"one"}]`, "one"},
		"escaped":        {`{"\u0073ecret":"one"}`, "one"},
		"not a name":     {`{"secret":true}`, ""},
		"empty":          {`{"secret":""}`, ""},
		"more members":   {`{"secret":"one","x":{"secret":"two"}}`, "two"},
		"only a string":  {`["secret"]`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := &Plan{Instances: []Instance{{Stages: []Stage{{Actions: []Action{{Args: json.RawMessage(tt.args)}}}}}}}
			got, err := SecretsOf(p)
			if err != nil || strings.Join(got, ",") != tt.want {
				t.Errorf("got %v, %v; expected %s", got, err, tt.want)
			}
		})
	}
}

func TestGate(t *testing.T) {
	p := sample()
	acts := p.Instances[0].Stages[0].Actions
	acts[0].Danger = Downtime
	acts[1].Danger = DataLoss
	acts[1].Undo = Undo{How: "the runs since the move are not carried back"}
	acts[2].Danger = Irreversible
	refused := Gate(p, nil)
	if len(refused) != 2 {
		t.Fatalf("refused %+v", refused)
	}
	want := Refusal{
		Address: "instance.design", Action: "design/2", Title: "set internalDatabase", Danger: DataLoss,
		Why: "it loses data: the runs since the move are not carried back", Flag: "-allow data-loss",
	}
	if refused[0] != want {
		t.Errorf("got %+v", refused[0])
	}
	for _, part := range []string{"instance.design", "set internalDatabase", "design/2", "loses data", "-allow data-loss"} {
		if s := refused[0].String(); !strings.Contains(s, part) {
			t.Errorf("%q does not say %q", s, part)
		}
	}
	if got := Gate(p, []Danger{DataLoss}); len(got) != 1 || got[0].Flag != "-allow irreversible" || got[0].Why != "it cannot be undone" {
		t.Errorf("with data loss allowed: %+v", got)
	}
	if got := Gate(p, []Danger{DataLoss, Irreversible}); got != nil {
		t.Errorf("with both allowed: %+v", got)
	}
	for _, d := range []Danger{Irreversible, DataLoss} {
		if got, ok := ParseAllow(strings.TrimPrefix(d.Flag(), "-allow ")); !ok || got != d {
			t.Errorf("ParseAllow of the flag of %s: %s, %v", d, got, ok)
		}
	}
	if _, ok := ParseAllow("downtime"); ok {
		t.Error("downtime is not gated")
	}
}
