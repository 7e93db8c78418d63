package install_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/install"
)

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
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

func TestINI(t *testing.T) {
	for _, tt := range []struct{ name, file, declared, changes, want string }{
		{"equal", ini, `{ javaopts = { "Backend.XMX" = "4g" }, server = {} }`, "", ini},
		{"value", ini, `{ javaopts = { "backend.xmx" = "8g" } }`, `update javaopts.backend.xmx: "4g" -> "8g"`, strings.Replace(ini, "4g", "8g", 1)},
		{"number and truth value", ini, `{ server = { ssl = true, limit = 5 } }`, "create server.limit:  -> \"5\"\ncreate server.ssl:  -> \"true\"", strings.Replace(ini, "port\n", "port\nlimit=5\nssl=true\n", 1)},
		{"new section", ini, `{ git = { mode = "project" } }`, `create git.mode:  -> "project"`, ini + "\n[git]\nmode = project\n"},
		{"new section at an open end", strings.TrimSpace(ini), `{ git = { mode = "project" } }`, `create git.mode:  -> "project"`, ini + "\n[git]\nmode = project"},
		{"sensitive", ini, `{ proxy = { user = var.pw } }`, "create proxy.user: (secret)", ini + "\n[proxy]\nuser = hunter22\n"},
		{"path of a key file", ini + "[ssl]\ncert_key = /old\n", `{ ssl = { cert_key = "/new" } }`, `update ssl.cert_key: "/old" -> "/new"`, ini + "[ssl]\ncert_key = /new\n"},
		{"sounds secret and is no path", ini + "[ssl]\ncert_key = abc\n", `{ ssl = { cert_key = "/new" } }`, "update ssl.cert_key: (secret)", ini + "[ssl]\ncert_key = /new\n"},
		{
			"secret inside the old value", ini + "[x]\nopts = -Djavax.net.ssl.keyStorePassword=hunter22 -Da\n", `{ x = { opts = "-Db" } }`,
			`update x.opts: "-Djavax.net.ssl.keyStorePassword=(secret) -Da" -> "-Db"`, ini + "[x]\nopts = -Db\n",
		},
		{"value of many lines", ini + "jek.additional.opts = -Da\n  -Db\n", `{ javaopts = { "jek.additional.opts" = "-Dc" } }`, `update javaopts.jek.additional.opts: "-Da\n-Db" -> "-Dc"`, ini + "jek.additional.opts = -Dc\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, install.NewINI(), tt.file)
			w.declare("install_ini = " + tt.declared)
			p := w.mustPropose()
			if diff := cmp.Diff(tt.changes, show(p.Changes)); diff != "" {
				t.Error(diff)
			}
			if text, err := json.Marshal(p); err != nil || strings.Contains(string(text), "hunter22") {
				t.Errorf("the plan shows the secret (%v): %s", err, text)
			}
			if tt.changes == "" {
				if len(p.Steps) > 0 || p.Record == nil {
					t.Errorf("found %+v", p)
				}
				return
			}
			calls := w.calls("run", p)
			w.apply(calls)
			if diff := cmp.Diff(tt.want, w.read("install.ini")); diff != "" {
				t.Error(diff)
			}
			if again := w.mustPropose(); len(again.Changes)+len(again.Steps) > 0 || again.Record != nil {
				t.Errorf("the next plan is not empty: %s; recorded %s", show(again.Changes), w.recorded)
			}
			w.undo(calls)
			if diff := cmp.Diff(tt.file, w.read("install.ini")); diff != "" {
				t.Errorf("undone: %s", diff)
			}
			if len(w.notices) > 0 {
				t.Errorf("found %q", w.notices)
			}
		})
	}
}

func TestINIRefused(t *testing.T) {
	for name, tt := range map[string]struct{ declared, want string }{
		"port":                {`{ server = { port = "11300" } }`, "the attribute port is for that"},
		"port, other case":    {`{ server = { PORT = "11300" } }`, "the attribute port is for that"},
		"node type":           {`{ general = { nodetype = "api" } }`, "the attribute node_type checks it"},
		"installid":           {`{ general = { installid = "x" } }`, "must not be changed"},
		"twice":               {`{ a = { x = "1", X = "2" } }`, "twice"},
		"null":                {`{ a = { x = null } }`, "not null"},
		"null section":        {`{ a = null }`, "not null"},
		"lines":               {`{ a = { x = "1\n[b]" } }`, "one line"},
		"comment":             {`{ a = { x = "1 ;2" } }`, "comment"},
		"space":               {`{ a = { x = " 1" } }`, "white space"},
		"key":                 {`{ a = { "x=y" = "1" } }`, "cannot be a key"},
		"section":             {`{ "a]" = { x = "1" } }`, "cannot name a section"},
		"plain password":      {`{ a = { password = "hunter22" } }`, "install_ini.a.password is or holds a secret"},
		"plain cipher":        {`{ a = { x = "e:AES:hunter22" } }`, "install_ini.a.x is or holds a secret"},
		"sensitive port":      {`{ server = { port = var.pw } }`, "the attribute port is for that"},
		"sensitive and lines": {`{ a = { x = "${var.pw}\n" } }`, "one line"},
		"no map":              {`"x"`, "map"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, install.NewINI(), ini)
			diags := w.load("install_ini = " + tt.declared)
			if !diags.HasErrors() {
				// What holds a sensitive value is checked when the plan is made.
				_, diags = w.propose()
			}
			text := fmt.Sprint(diags)
			if !diags.HasErrors() || !strings.Contains(text, tt.want) || strings.Contains(text, "hunter22") {
				t.Errorf("found %s, expected … %s …", text, tt.want)
			}
		})
	}
}

func TestHeap(t *testing.T) {
	for value, warned := range map[string]bool{"31g": false, "32g": true, "40000m": true, "47G": true, "48g": false, "8g": false, "": false, "x": false} {
		w := newWorld(t, install.NewINI(), ini)
		w.declare(fmt.Sprintf(`install_ini = { javaopts = { "jek.xmx" = %q } }`, value))
		p, diags := w.propose()
		if got := len(diags) == 1 && diags[0].Severity == hcl.DiagWarning && strings.Contains(diags[0].Detail, "javaopts.jek.xmx is "+value+". From 32g on"); got != warned {
			t.Errorf("%s: found %v", value, diags)
		}
		if len(p.Steps) != 2 {
			t.Errorf("%s: found %d steps", value, len(p.Steps))
		}
	}
	for value, want := range map[string]int64{"4g": 4 << 30, "512M": 512 << 20, "1k": 1024, "10": 10, "1t": 1 << 40} {
		if got, ok := dss.HeapSize(value); !ok || got != want {
			t.Errorf("%s: found %d", value, got)
		}
	}
	for _, value := range []string{"", "g", "-1g", "9999999999999999999g", "99999999999t", "4gb"} {
		if got, ok := dss.HeapSize(value); ok {
			t.Errorf("%q: found %d", value, got)
		}
	}
}

func TestINIForget(t *testing.T) {
	w := newWorld(t, install.NewINI(), ini)
	w.declare(`install_ini = { javaopts = { "backend.xmx" = "8g", "jek.xmx" = "2g" } }`)
	w.apply(w.calls("run", w.mustPropose()))
	edited := w.read("install.ini")
	w.declare(`install_ini = { javaopts = { "backend.xmx" = "8g" } }`)
	p := w.mustPropose()
	if got := show(p.Changes); got != "forget javaopts.jek.xmx:  -> " || string(p.Record) != `{"set":["javaopts.backend.xmx"]}` {
		t.Errorf("found %s, %s", got, p.Record)
	}
	w.recorded = p.Record
	w.declare("")
	if p := w.mustPropose(); !p.Forget || show(p.Changes) != "forget javaopts.backend.xmx:  -> " {
		t.Errorf("found %+v", p)
	}
	if w.read("install.ini") != edited {
		t.Error("forgetting touched the file")
	}
}

// TestBothAspects: port and install_ini change the same file in one run, and
// undoing both makes the old file, byte for byte.
func TestBothAspects(t *testing.T) {
	w := newWorld(t, install.NewPort(), ini)
	w.declare(fmt.Sprintf("port = %d", freeBlock(t)))
	first := w.calls("run", w.mustPropose())
	lines := newINIOn(w)
	lines.declare(`install_ini = { git = { mode = "project" } }`)
	second := lines.calls("run", lines.mustPropose())
	w.apply(first[:1])
	lines.apply(second[:1])
	w.apply(first[1:])
	lines.apply(second[1:])
	lines.undo(second)
	w.undo(first)
	if diff := cmp.Diff(ini, w.read("install.ini")); diff != "" {
		t.Error(diff)
	}
	if all := slices.Concat(w.notices, lines.notices); len(all) > 0 {
		t.Errorf("found %q", all)
	}
}

func newINIOn(w *world) *world {
	out := *w
	out.provider = install.NewINI()
	return &out
}

func TestUndoAfterAnEdit(t *testing.T) {
	w := newWorld(t, install.NewINI(), ini)
	w.declare(`install_ini = { javaopts = { "backend.xmx" = "8g", "jek.xmx" = "2g" } }`)
	calls := w.calls("run", w.mustPropose())
	w.apply(calls)
	w.write("install.ini", w.read("install.ini")+"fek.xmx = 1g\n")
	w.undo(calls)
	if diff := cmp.Diff(ini+"fek.xmx = 1g\n", w.read("install.ini")); diff != "" {
		t.Error(diff)
	}
	if len(w.notices) != 1 || !strings.Contains(w.notices[0], "just the declared lines") {
		t.Errorf("found %q", w.notices)
	}
}

func TestRunning(t *testing.T) {
	w := newWorld(t, install.NewINI(), ini)
	w.declare(`install_ini = { javaopts = { "backend.xmx" = "8g" } }`)
	calls := w.calls("run", w.mustPropose())
	w.write("state", "backend   RUNNING   pid 1, uptime 0:00:01\n")
	for _, c := range calls {
		if err := w.performer(c).Do(context.Background(), c); err == nil {
			t.Errorf("%s was done while DSS runs", c.Action.Kind)
		}
	}
	w.undo(calls)
	if w.read("install.ini") != ini || w.read("ran") != "" {
		t.Errorf("install.ini or the command was touched: %q", w.read("ran"))
	}
}

// TestHostilePlan: a plan is a file that could have been edited.
func TestHostilePlan(t *testing.T) {
	w := newWorld(t, install.NewINI(), ini)
	w.declare(`install_ini = { javaopts = { "backend.xmx" = "8g" } }`)
	p := w.mustPropose()
	for _, args := range []string{
		`{"lines":[{"section":"general","key":"nodetype","value":"api"}]}`, `{"lines":[{"section":"a","key":"b","value":"c\n[d]"}]}`,
		`{"lines":[{"section":"a]","key":"b","value":"c"}]}`, `{"lines":[{"section":"a","key":"","value":"c"}]}`, `{"lines":1}`,
	} {
		p.Steps[0].Args = json.RawMessage(args)
		c := w.calls("run", p)[0]
		if err := w.performer(c).Do(context.Background(), c); err == nil || w.read("install.ini") != ini {
			t.Errorf("%s: found %v", args, err)
		}
	}
}
