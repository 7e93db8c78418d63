package settings_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

const live = `{
  "maxRunningActivities": 5,
  "ratio": 1.0,
  "text": "a\u0026b",
  "ldap": {
    "enabled": false,
    "bindPassword": "old-secret"
  },
  "nothing": null,
  "list": [{"name": "x", "token": "tok-live"}, {"name": "y"}],
  "internalDatabase": {"maxPooledExternalConnections": 50},
  "passwordPolicy": {"minLength": 8}
}
`

// show writes changes in short lines.
func show(changes []plan.Change) string {
	var lines []string
	for _, c := range changes {
		text := fmt.Sprintf("%s %s: %s -> %s", c.Op, c.Path, c.Before, c.After)
		if c.Secret {
			text = fmt.Sprintf("%s %s: (secret)", c.Op, c.Path)
			if c.Before != nil || c.After != nil {
				text += " SHOWN"
			}
		}
		if c.Note != "" {
			text += " # " + c.Note
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

func TestMerge(t *testing.T) {
	tests := []struct{ name, declared, changes, want string }{
		{"equal", `{ maxRunningActivities = 5, ratio = 1, text = "a&b", ldap = { enabled = false }, list = [{ name = "x", token = sensitive("tok-live") }, { name = "y" }] }`, "", live},
		{"number", `{ maxRunningActivities = 20 }`, "update maxRunningActivities: 5 -> 20", strings.Replace(live, "5,", "20,", 1)},
		{"nested", `{ ldap = { enabled = true } }`, "update ldap.enabled: false -> true", strings.Replace(live, "false", "true", 1)},
		{
			"new object", `{ newThing = { a = 1, b = [1, 2] } }`, "create newThing.a: null -> 1\ncreate newThing.b: null -> [1,2]",
			strings.Replace(live, "8}\n", "8},\n  \"newThing\": {\n    \"a\": 1,\n    \"b\": [\n      1,\n      2\n    ]\n  }\n", 1),
		},
		{"list as a whole", `{ list = [] }`, `update list: [{"name":"x","token":"(secret)"},{"name":"y"}] -> []`, strings.Replace(live, `[{"name": "x", "token": "tok-live"}, {"name": "y"}]`, "[]", 1)},
		{"null removes", `{ text = null, absent = null }`, `delete text: "a&b" -> null`, strings.Replace(live, "  \"text\": \"a\\u0026b\",\n", "", 1)},
		{
			"null becomes an object", `{ nothing = { a = 1, b = 2 } }`,
			"create nothing.a: null -> 1 # makes an object of /nothing, which is none\ncreate nothing.b: null -> 2 # makes an object of /nothing, which is none",
			strings.Replace(live, `"nothing": null`, "\"nothing\": {\n    \"a\": 1,\n    \"b\": 2\n  }", 1),
		},
		{"empty object asks for an object", `{ nothing = {}, ldap = {}, empty = {} }`, "create empty: null -> {}\nupdate nothing: null -> {}", strings.Replace(strings.Replace(live, `"nothing": null`, `"nothing": {}`, 1), "8}\n", "8},\n  \"empty\": {}\n", 1)},
		{"secret", `{ ldap = { bindPassword = var.pw } }`, "update ldap.bindPassword: (secret)", strings.Replace(live, "old-secret", "hunter22", 1)},
		{"removed secret", `{ ldap = { bindPassword = null } }`, "delete ldap.bindPassword: (secret)", strings.Replace(live, ",\n    \"bindPassword\": \"old-secret\"", "", 1)},
		{"secret inside a list", `{ list = [{ name = "x", token = var.pw }] }`, "update list: (secret)", strings.Replace(live, `[{"name": "x", "token": "tok-live"}, {"name": "y"}]`, "[\n    {\n      \"name\": \"x\",\n      \"token\": \"hunter22\"\n    }\n  ]", 1)},
		{"an object that looks like a reference", `{ list = [{ secret = false }, { secret = "" }] }`, `update list: [{"name":"x","token":"(secret)"},{"name":"y"}] -> [{"secret":false},{"secret":""}]`, strings.Replace(live, `[{"name": "x", "token": "tok-live"}, {"name": "y"}]`, "[\n    {\n      \"secret\": false\n    },\n    {\n      \"secret\": \"\"\n    }\n  ]", 1)},
		{"a name that hints only", `{ passwordPolicy = { minLength = 12, required = true } }`, "update passwordPolicy.minLength: (secret)\ncreate passwordPolicy.required: null -> true", strings.Replace(live, `8}`, `12, "required": true}`, 1)},
		{"sensitive number", `{ ratio = sensitive(2) }`, "update ratio: (secret)", strings.Replace(live, `1.0`, `2`, 1)},
		{"wholly sensitive", `sensitive({ ratio = 2, ldap = { enabled = true } })`, "update ldap.enabled: (secret)\nupdate ratio: (secret)", strings.Replace(strings.Replace(live, `1.0`, `2`, 1), "false", "true", 1)},
		{"odd keys", `{ "a.b" = { "c/d" = 1 } }`, `create ["a.b"]["c/d"]: null -> 1`, strings.Replace(live, "8}\n", "8},\n  \"a.b\": {\n    \"c/d\": 1\n  }\n", 1)},
		{"big number", `{ big = 9007199254740993 }`, "create big: null -> 9007199254740993", strings.Replace(live, "8}\n", "8},\n  \"big\": 9007199254740993\n", 1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, live)
			w.declare(tt.declared)
			p := w.mustPropose()
			if diff := cmp.Diff(tt.changes, show(p.Changes)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			plan, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			for _, hidden := range []string{"hunter22", "old-secret", "tok-live"} {
				if strings.Contains(string(plan), hidden) {
					t.Errorf("%q is in the plan: %s", hidden, plan)
				}
			}
			if tt.changes == "" {
				if len(p.Steps) > 0 || p.Record == nil {
					t.Errorf("found %d steps and the record %s", len(p.Steps), p.Record)
				}
				return
			}
			before, err := os.Stat(w.instance.Path(dss.SettingsFile))
			if err != nil {
				t.Fatal(err)
			}
			c := w.call("run", p)
			w.apply(c)
			if diff := cmp.Diff(tt.want, w.file()); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
			if again := w.mustPropose(); len(again.Changes)+len(again.Steps) > 0 || again.Record != nil {
				t.Errorf("the next plan is not empty: %s; record %s, recorded %s", show(again.Changes), again.Record, w.recorded)
			}
			if strings.Contains(string(w.recorded), "hunter22") || strings.Contains(string(c.Receipt.(*receipt).b), "hunter22") {
				t.Error("the secret is in the record or the receipt")
			}
			w.undo(c)
			if diff := cmp.Diff(live, w.file()); diff != "" {
				t.Errorf("undone (-want +got):\n%s", diff)
			}
			if after, err := os.Stat(w.instance.Path(dss.SettingsFile)); err != nil || !after.ModTime().Equal(before.ModTime()) || after.Mode() != before.Mode() {
				t.Errorf("undone: mode and time are %v, %v (%v)", after.Mode(), after.ModTime(), err)
			}
			if len(w.notices) > 0 {
				t.Errorf("found notices %q", w.notices)
			}
		})
	}
}

func TestStep(t *testing.T) {
	w := newWorld(t, live)
	w.declare(`{ maxRunningActivities = 20, ratio = 1, nothing = { x = { y = 1 } }, gone = null }`)
	p := w.mustPropose()
	s := p.Steps[0]
	if s.Window != providers.Offline || s.Phase != plan.Doing || s.Trial || s.Danger != plan.NoDanger || !s.Undo.Possible || s.Title != "change 2 values in general-settings.json" {
		t.Errorf("found %+v", s)
	}
	var probes []string
	for _, r := range s.Reads {
		if _, _, err := w.instance.Read(r.Probe); err != nil {
			t.Error(err)
		}
		probes = append(probes, r.Probe)
	}
	want := []string{"config/general-settings.json#/maxRunningActivities", "config/general-settings.json#/nothing"}
	if diff := cmp.Diff(want, probes); diff != "" {
		t.Error(diff)
	}
	if p.Record != nil {
		t.Error("the step records, and the proposal does too")
	}
}

func TestRefused(t *testing.T) {
	for name, tt := range map[string]struct{ declared, want string }{
		"internal database": {`{ internalDatabase = { schema = "x" } }`, "block runtime_database"},
		"whole block":       {`{ internalDatabase = null }`, "block runtime_database"},
		"sensitive and no object": {
			`sensitive("hunter22")`, "must be an object",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, live)
			w.declare(tt.declared)
			p, diags := w.propose()
			text := fmt.Sprint(diags)
			if !diags.HasErrors() || !strings.Contains(text, tt.want) || strings.Contains(text, "hunter22") {
				t.Errorf("found %s, expected … %s …", text, tt.want)
			}
			if len(p.Steps)+len(p.Changes) > 0 || p.Record != nil || diags[0].Subject == nil {
				t.Errorf("found %+v, %v", p, diags[0].Subject)
			}
		})
	}
}

func TestNoFile(t *testing.T) {
	w := newWorld(t, live)
	w.declare(`{ a = 1 }`)
	if err := os.Remove(w.instance.Path(dss.SettingsFile)); err != nil {
		t.Fatal(err)
	}
	if _, diags := w.propose(); !diags.HasErrors() || !strings.Contains(diags.Error(), "which does not exist") {
		t.Errorf("found %v", diags)
	}
	w.declare("")
	if p := w.mustPropose(); len(p.Changes) > 0 {
		t.Errorf("found %+v", p)
	}
}

func TestForget(t *testing.T) {
	w := newWorld(t, live)
	w.declare(`{ maxRunningActivities = 20, ldap = { enabled = true, bindPassword = var.pw } }`)
	w.apply(w.call("run", w.mustPropose()))
	edited := w.file()
	w.declare(`{ ldap = { enabled = true } }`)
	p := w.mustPropose()
	const note = "no longer declared; the value stays as it is in general-settings.json"
	if diff := cmp.Diff("forget ldap.bindPassword:  ->  # "+note+"\nforget maxRunningActivities:  ->  # "+note, show(p.Changes)); diff != "" {
		t.Error(diff)
	}
	if len(p.Steps) > 0 || string(p.Record) != `{"set":["/ldap/enabled"]}` {
		t.Errorf("found %d steps, record %s", len(p.Steps), p.Record)
	}
	w.recorded = p.Record
	if p := w.mustPropose(); len(p.Changes) > 0 || p.Record != nil {
		t.Errorf("found %+v", p)
	}
	w.declare("")
	p = w.mustPropose()
	if diff := cmp.Diff("forget ldap.enabled:  ->  # "+note, show(p.Changes)); diff != "" || !p.Forget {
		t.Error(diff)
	}
	w.recorded = nil
	if p := w.mustPropose(); len(p.Changes) > 0 || p.Forget {
		t.Errorf("found %+v", p)
	}
	if w.file() != edited {
		t.Error("forgetting touched the file")
	}
}

// TestEncryptedByDSS: DSS may replace a secret by its ciphertext. That is the
// same secret, as long as the ciphertext stays the one first seen.
func TestEncryptedByDSS(t *testing.T) {
	w := newWorld(t, live)
	w.declare(`{ ldap = { bindPassword = var.pw } }`)
	w.apply(w.call("run", w.mustPropose()))
	plain := w.file()
	first := strings.Replace(plain, "hunter22", "e:AES:first", 1)
	w.rewrite(first)
	p := w.mustPropose()
	if len(p.Changes)+len(p.Steps) > 0 || p.Record == nil {
		t.Fatalf("found %s, record %s", show(p.Changes), p.Record)
	}
	w.recorded = p.Record
	if p := w.mustPropose(); len(p.Changes)+len(p.Steps) > 0 || p.Record != nil {
		t.Errorf("found %s, record %s", show(p.Changes), p.Record)
	}
	w.rewrite(strings.Replace(plain, "hunter22", "e:AES:other", 1))
	p = w.mustPropose()
	if got := show(p.Changes); !strings.Contains(got, "update ldap.bindPassword: (secret) # DSS keeps it encrypted") || len(p.Steps) != 1 {
		t.Errorf("somebody else's secret: found %s", got)
	}
	w.rewrite(first)
	w.recorded = nil
	if p := w.mustPropose(); len(p.Steps) != 1 {
		t.Error("without a record the secret must be set again")
	}
}

func TestUndoAfterDSSWrote(t *testing.T) {
	w := newWorld(t, live)
	w.declare(`{ maxRunningActivities = 20, newThing = { a = 1 }, text = null, nothing = { x = 1 } }`)
	c := w.call("run", w.mustPropose())
	w.apply(c)
	w.rewrite(strings.Replace(w.file(), `"ratio": 1.0`, `"ratio": 2.0`, 1))
	w.undo(c)
	if diff := cmp.Diff(strings.Replace(live, `"ratio": 1.0`, `"ratio": 2.0`, 1), w.file()); diff != "" {
		t.Error(diff)
	}
	if len(w.notices) == 0 || !strings.Contains(w.notices[0], "just the declared values are put back") {
		t.Errorf("found %q", w.notices)
	}
}

func TestUndoOfWhatNeverWas(t *testing.T) {
	w := newWorld(t, live)
	w.declare(`{ maxRunningActivities = 20 }`)
	c := w.call("run", w.mustPropose())
	w.undo(c)
	if w.file() != live {
		t.Error("undo changed the file")
	}
}

// TestRunning: a running DSS would overwrite the file.
func TestRunning(t *testing.T) {
	w := newWorld(t, live)
	w.declare(`{ maxRunningActivities = 20 }`)
	c := w.call("run", w.mustPropose())
	if err := os.WriteFile(w.instance.Path("state"), []byte("backend   RUNNING   pid 1, uptime 0:00:01\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := w.performer().Do(context.Background(), c); err == nil || w.file() != live {
		t.Errorf("found %v", err)
	}
	w.undo(c)
	if w.file() != live {
		t.Error("undo changed the file")
	}
}

func TestVerifyLooksAgain(t *testing.T) {
	w := newWorld(t, live)
	w.declare(`{ maxRunningActivities = 20, ldap = { bindPassword = var.pw } }`)
	c := w.call("run", w.mustPropose())
	w.apply(c)
	w.rewrite(live)
	err := w.performer().Verify(context.Background(), c)
	if err == nil || !strings.Contains(err.Error(), "ldap.bindPassword, maxRunningActivities") || strings.Contains(err.Error(), "hunter22") {
		t.Errorf("found %v", err)
	}
}

// TestMissingSecret: a plan is applied where the secret is not given.
func TestMissingSecret(t *testing.T) {
	w := newWorld(t, live)
	w.declare(`{ ldap = { bindPassword = var.pw } }`)
	c := w.call("run", w.mustPropose())
	c.Secrets = nil
	if _, err := w.performer().Done(context.Background(), c); err == nil || !strings.Contains(err.Error(), "instance.design.general_settings.ldap.bindPassword") {
		t.Errorf("found %v", err)
	}
	w.undo(c) // undoing needs no secret
}

// TestHostilePlan: a plan is a file that could have been edited.
func TestHostilePlan(t *testing.T) {
	w := newWorld(t, live)
	w.declare(`{ maxRunningActivities = 20 }`)
	p := w.mustPropose()
	for _, args := range []string{`{"leaves":[{"keys":["internalDatabase"],"remove":true}]}`, `{"leaves":[{"keys":[]}]}`, `{"leaves":1}`, `{"leaves":[{"keys":["a"],"value":[{"text":"{"}]}]}`} {
		p.Steps[0].Args = json.RawMessage(args)
		if err := w.performer().Do(context.Background(), w.call("run", p)); err == nil || w.file() != live {
			t.Errorf("%s: found %v", args, err)
		}
	}
}

// TestMany: many leaves of a large file are set, and put back to the byte.
func TestMany(t *testing.T) {
	var file, declared strings.Builder
	file.WriteString("{\n")
	declared.WriteString("{")
	for i := range 300 {
		fmt.Fprintf(&file, "  \"key%d\": {\"text\": %q},\n", i, strings.Repeat("x", 3000))
		fmt.Fprintf(&declared, "key%d = { n = %d }, ", i, i)
	}
	file.WriteString("  \"end\": 1\n}\n")
	declared.WriteString("}")
	w := newWorld(t, file.String())
	w.declare(declared.String())
	c := w.call("run", w.mustPropose())
	w.apply(c)
	if got := w.file(); !strings.Contains(got, `"n": 299`) {
		t.Errorf("the last leaf is not set in %d bytes", len(got))
	}
	w.undo(c)
	if w.file() != file.String() {
		t.Error("undo changed the file")
	}
}
