package settings_test

import (
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/providers"
)

// hidden is the live file where DSS keeps the password encrypted.
var hidden = strings.Replace(live, "old-secret", "e:AES:old+/=", 1)

var ciphertext = regexp.MustCompile(`e:AES:[^"]*`)

// mustBeSafe looks for secrets and ciphertexts in what outlives the step.
func (w *world) mustBeSafe(c *providers.Call) {
	w.t.Helper()
	text := string(w.recorded) + string(c.Receipt.(*receipt).b) + strings.Join(w.notices, "\n")
	if strings.Contains(text, "hunter22") || strings.Contains(text, "e:AES:") {
		w.t.Errorf("a secret shows: %s", text)
	}
}

// TestEncrypts: what DSS keeps encrypted is never written in clear.
func TestEncrypts(t *testing.T) {
	w := newWorld(t, hidden)
	w.declare(`{ ldap = { bindPassword = var.pw }, maxRunningActivities = 20 }`)
	p := w.mustPropose()
	want := "update ldap.bindPassword: (secret) # DSS keeps it encrypted, and it is not what dssctl set last: it is set again, encrypted\nupdate maxRunningActivities: 5 -> 20"
	if diff := cmp.Diff(want, show(p.Changes)); diff != "" || len(w.warnings) > 0 {
		t.Errorf("warnings %q, changes %s", w.warnings, diff)
	}
	c := w.call("run", p)
	w.apply(c)
	stored := ciphertext.FindString(w.file())
	if strings.Contains(w.file(), "hunter22") || stored == "" || stored == "e:AES:old+/=" || w.encryptions() != 1 {
		t.Errorf("%d encryptions, file %s", w.encryptions(), w.file())
	}
	w.mustBeSafe(c)
	if again := w.mustPropose(); len(again.Changes)+len(again.Steps) > 0 || again.Record != nil {
		t.Errorf("the next plan is not empty: %s; record %s", show(again.Changes), again.Record)
	}
	recorded := w.recorded
	w.rewrite(strings.Replace(w.file(), stored, "e:AES:somebody", 1))
	if p := w.mustPropose(); len(p.Steps) != 1 {
		t.Errorf("somebody else's ciphertext: found %s", show(p.Changes))
	}
	if err := w.performer().Verify(context.Background(), c); err == nil || !strings.Contains(err.Error(), "ldap.bindPassword") {
		t.Errorf("somebody else's ciphertext is verified: %v", err)
	}
	w.recorded = recorded
	w.rewrite(strings.Replace(w.file(), "e:AES:somebody", stored, 1))
	w.undo(c)
	if diff := cmp.Diff(hidden, w.file()); diff != "" {
		t.Errorf("undone (-want +got):\n%s", diff)
	}
}

// TestEncryptsAfterACrash: between receipt and file, and behind the file.
func TestEncryptsAfterACrash(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, hidden)
	w.declare(`{ ldap = { bindPassword = var.pw } }`)
	c := w.call("run", w.mustPropose())
	if err := w.performer().Do(ctx, c); err != nil {
		t.Fatal(err)
	}
	first := ciphertext.FindString(w.file())
	w.rewrite(hidden) // as if killed before the file was written
	if done, err := w.performer().Done(ctx, c); err != nil || done {
		t.Fatalf("the old ciphertext is taken for the new one: %v, %v", done, err)
	}
	w.apply(c)
	second := ciphertext.FindString(w.file())
	if second == first || w.encryptions() != 2 {
		t.Errorf("found %s after %s, %d encryptions", second, first, w.encryptions())
	}
	if err := w.performer().Do(ctx, c); err != nil { // behind the file
		t.Fatal(err)
	}
	if got := ciphertext.FindString(w.file()); got != second || w.encryptions() != 2 {
		t.Errorf("found %s after %s, %d encryptions", got, second, w.encryptions())
	}
	if err := w.performer().Verify(ctx, c); err != nil {
		t.Error(err)
	}
	w.mustBeSafe(c)
	if p := w.mustPropose(); len(p.Changes)+len(p.Steps) > 0 || p.Record != nil {
		t.Errorf("the next plan is not empty: %s", show(p.Changes))
	}
	w.undo(c)
	if diff := cmp.Diff(hidden, w.file()); diff != "" {
		t.Errorf("undone (-want +got):\n%s", diff)
	}
}

// TestEncryptsAChange: another value than the one that was encrypted before.
func TestEncryptsAChange(t *testing.T) {
	w := newWorld(t, hidden)
	w.declare(`{ ldap = { bindPassword = var.pw } }`)
	w.apply(w.call("first", w.mustPropose()))
	w.declare(`{ ldap = { bindPassword = sensitive("hunter22 and \"more\" <&>") } }`)
	c := w.call("second", w.mustPropose())
	before := w.file()
	w.apply(c)
	if strings.Contains(w.file(), "more") || w.encryptions() != 2 {
		t.Errorf("%d encryptions, file %s", w.encryptions(), w.file())
	}
	w.mustBeSafe(c)
	w.undo(c)
	if w.file() != before {
		t.Error("undo does not restore the first ciphertext")
	}
}

// TestEncryptionFails: nothing is written, and nothing is shown.
func TestEncryptionFails(t *testing.T) {
	ctx := context.Background()
	for name, spoil := range map[string]func(*world){
		"no tool": func(w *world) {
			if err := os.Remove(w.instance.Path("bin", "dssadmin")); err != nil {
				w.t.Fatal(err)
			}
		},
		"DSS runs": func(w *world) {
			if err := os.WriteFile(w.instance.Path("state"), []byte("backend   RUNNING   pid 1, uptime 0:00:01\n"), 0o640); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, hidden)
			w.declare(`{ ldap = { bindPassword = var.pw } }`)
			c := w.call("run", w.mustPropose())
			spoil(w)
			err := w.performer().Do(ctx, c)
			if err == nil || !strings.Contains(err.Error(), "ldap.bindPassword") || strings.Contains(err.Error(), "hunter22") || w.file() != hidden || w.encryptions() != 0 {
				t.Errorf("found %v, %d encryptions", err, w.encryptions())
			}
			w.undo(c)
			if w.file() != hidden {
				t.Error("undo changed the file")
			}
		})
	}
}

// TestNotEncrypted: what is encrypted already, empty, or plain in DSS's file is
// written as declared.
func TestNotEncrypted(t *testing.T) {
	inClear := func(path, why string) string {
		return "general_settings." + path + " is written in clear, " + why + "; an encrypted value (bin/dssadmin encrypt-password) can be declared instead."
	}
	for name, tt := range map[string]struct{ file, declared, pointer, want, warning string }{
		"encrypted already":      {hidden, `{ ldap = { bindPassword = sensitive("e:AES:mine") } }`, "/ldap/bindPassword", `"e:AES:mine"`, ""},
		"empty":                  {hidden, `{ ldap = { bindPassword = sensitive("") } }`, "/ldap/bindPassword", `""`, ""},
		"removed":                {hidden, `{ ldap = { bindPassword = null } }`, "/ldap/bindPassword", "", ""},
		"plain in the file":      {live, `{ ldap = { bindPassword = var.pw } }`, "/ldap/bindPassword", `"hunter22"`, inClear("ldap.bindPassword", "as DSS keeps it there now")},
		"encrypted over plain":   {live, `{ ldap = { bindPassword = sensitive("e:AES:mine") } }`, "/ldap/bindPassword", `"e:AES:mine"`, ""},
		"absent":                 {live, `{ proxy = { password = var.pw } }`, "/proxy/password", `"hunter22"`, inClear("proxy.password", "for DSS keeps nothing there now")},
		"absent, empty":          {live, `{ proxy = { password = sensitive("") } }`, "/proxy/password", `""`, ""},
		"a name of no secret":    {live, `{ text = var.pw }`, "/text", `"hunter22"`, ""},
		"number":                 {strings.Replace(live, "1.0", `"e:AES:odd"`, 1), `{ ratio = sensitive(2) }`, "/ratio", "2", ""},
		"list over encrypted":    {strings.Replace(live, "tok-live", "e:AES:tok", 1), `{ list = [{ name = "x", token = var.pw }] }`, "/list/0/token", `"hunter22"`, "The secrets in general_settings.list are written in clear, though DSS keeps some there encrypted now: dssctl encrypts single strings, not those in lists. Encrypted values (bin/dssadmin encrypt-password) can be declared instead."},
		"encrypted list":         {strings.Replace(live, "tok-live", "e:AES:tok", 1), `{ list = [{ name = "x", token = sensitive("e:AES:t") }] }`, "/list/0/token", `"e:AES:t"`, ""},
		"list over a plain list": {live, `{ list = [{ name = "x", token = var.pw }] }`, "/list/0/token", `"hunter22"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tt.file)
			w.declare(tt.declared)
			p := w.mustPropose()
			if diff := cmp.Diff(tt.warning, strings.Join(w.warnings, "\n")); diff != "" {
				t.Errorf("warnings: %s", diff)
			}
			c := w.call("run", p)
			w.apply(c)
			doc, err := jsonedit.Parse([]byte(w.file()))
			if err != nil {
				t.Fatal(err)
			}
			if raw, _ := doc.Get(tt.pointer); string(raw) != tt.want || w.encryptions() != 0 {
				t.Errorf("found %s, expected %s; %d encryptions", raw, tt.want, w.encryptions())
			}
			w.mustBeSafe(c)
			if p := w.mustPropose(); len(p.Changes)+len(p.Steps)+len(w.warnings) > 0 {
				t.Errorf("the next plan is not empty: %s, warnings %q", show(p.Changes), w.warnings)
			}
			w.undo(c)
			if diff := cmp.Diff(tt.file, w.file()); diff != "" {
				t.Errorf("undone: %s", diff)
			}
		})
	}
}

// TestCannotBeEncrypted is said by the plan, before DSS is stopped.
func TestCannotBeEncrypted(t *testing.T) {
	w := newWorld(t, hidden)
	w.declare(`{ ldap = { bindPassword = sensitive("hunter\n22") } }`)
	p, diags := w.propose()
	if !diags.HasErrors() || !strings.Contains(diags.Error(), "cannot encrypt") || strings.Contains(diags.Error(), "hunter") || len(p.Steps) > 0 {
		t.Errorf("found %v, %d steps", diags, len(p.Steps))
	}
}

// TestPlanKeepsCiphertextsOut: a plan holds neither secret.
func TestPlanKeepsCiphertextsOut(t *testing.T) {
	w := newWorld(t, hidden)
	w.declare(`{ ldap = { bindPassword = var.pw } }`)
	raw, err := json.Marshal(w.mustPropose())
	if err != nil {
		t.Fatal(err)
	}
	if text := string(raw); strings.Contains(text, "hunter22") || strings.Contains(text, "e:AES:") {
		t.Errorf("a secret is in the plan: %s", text)
	}
}
