package install_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/install"
)

// freeBlock returns a base port whose ten ports are free of listeners, and kept
// from other tests.
func freeBlock(t *testing.T) int {
	t.Helper()
	base, release, err := dsskit.FreePorts(10)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return base
}

func TestPortChange(t *testing.T) {
	w := newWorld(t, install.NewPort(), ini)
	base := freeBlock(t)
	w.declare(fmt.Sprintf("port = %d", base))
	p := w.mustPropose()
	if len(p.Changes) != 1 || p.Changes[0].Op != plan.Update || string(p.Changes[0].Before) != "11200" || string(p.Changes[0].After) != fmt.Sprint(base) {
		t.Errorf("found %+v", p.Changes)
	}
	if len(p.Steps) != 2 || p.Steps[0].Phase != plan.Doing || p.Steps[1].Phase != plan.Replay || p.Steps[0].Window != providers.Offline || p.Steps[1].Window != providers.Offline {
		t.Fatalf("found %+v", p.Steps)
	}
	if r := p.Steps[0].Reads; len(r) != 1 || r[0].Probe != "install.ini#server.port" {
		t.Errorf("found %+v", r)
	}
	calls := w.calls("run", p)
	w.apply(calls)
	if diff := cmp.Diff(strings.Replace(ini, "11200", fmt.Sprint(base), 1), w.read("install.ini")); diff != "" {
		t.Error(diff)
	}
	if again := w.mustPropose(); len(again.Changes)+len(again.Steps) > 0 || again.Record != nil {
		t.Errorf("the next plan is not empty: %+v; recorded %s", again, w.recorded)
	}
	w.undo(calls)
	w.undo(calls)
	if diff := cmp.Diff(ini, w.read("install.ini")); diff != "" {
		t.Error(diff)
	}
	ran := strings.Split(strings.TrimSpace(w.read("ran")), "\n")
	if len(ran) < 2 || !strings.HasPrefix(ran[0], "dssadmin regenerate-config ") || ran[0] == ran[1] {
		t.Errorf("ran %q: expected it once for the new file and again for the old one", ran)
	}
	if len(w.notices) > 0 {
		t.Errorf("found %q", w.notices)
	}
}

func TestPortKept(t *testing.T) {
	w := newWorld(t, install.NewPort(), ini)
	w.declare("port = 11200")
	p := w.mustPropose()
	if len(p.Changes)+len(p.Steps) > 0 || string(p.Record) != `{"port":11200}` {
		t.Errorf("found %+v", p)
	}
	w.recorded = []byte("{\n  \"port\": 11200\n}") // as a state file may lay it out
	if p := w.mustPropose(); p.Record != nil {
		t.Errorf("found %+v", p)
	}
	w.declare("")
	if p := w.mustPropose(); !p.Forget || len(p.Changes) != 1 || p.Changes[0].Op != plan.Forget {
		t.Errorf("found %+v", p)
	}
	w.recorded = nil
	if p := w.mustPropose(); p.Forget || len(p.Changes) > 0 {
		t.Errorf("found %+v", p)
	}
}

func TestPortInUse(t *testing.T) {
	for _, address := range []string{"127.0.0.1:%d", "[::1]:%d", ":%d"} {
		base := freeBlock(t)
		l, err := net.Listen("tcp", fmt.Sprintf(address, base+7))
		if err != nil {
			t.Logf("listen on "+address+": %v", base+7, err)
			continue
		}
		w := newWorld(t, install.NewPort(), ini)
		w.declare(fmt.Sprintf("port = %d", base))
		p, diags := w.propose()
		if !diags.HasErrors() || !strings.Contains(diags.Error(), fmt.Sprintf("listens on %d.", base+7)) || len(p.Steps) > 0 {
			t.Errorf("%s: found %v", address, diags)
		}
		l.Close()
	}
}

// TestOwnPortsAreNotInUse: a block may overlap the instance's present one,
// whose listeners are gone when DSS is stopped.
func TestOwnPortsAreNotInUse(t *testing.T) {
	base := freeBlock(t)
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base+7))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := newWorld(t, install.NewPort(), strings.Replace(ini, "11200", fmt.Sprint(base+5), 1))
	w.declare(fmt.Sprintf("port = %d", base))
	if _, diags := w.propose(); len(diags) > 0 {
		t.Errorf("found %v", diags)
	}
}

func TestPortRange(t *testing.T) {
	w := newWorld(t, install.NewPort(), ini)
	for value, ok := range map[string]bool{"1024": true, "65526": true, "1023": false, "65527": false, "11200.5": false, `"x"`: false} {
		if diags := w.load("port = " + value); diags.HasErrors() == ok {
			t.Errorf("port = %s: found %v", value, diags)
		}
	}
}

// estate makes the requests of many instances: name, live port, declared port
// (0 for none).
func estate(t *testing.T, instances ...[3]any) []providers.Request {
	t.Helper()
	var text strings.Builder
	live := map[string]int{}
	for _, in := range instances {
		fmt.Fprintf(&text, "instance %q {\n  data_dir = \"/data/%s\"\n", in[0], in[0])
		if in[2] != 0 {
			fmt.Fprintf(&text, "  port = %d\n", in[2])
		}
		text.WriteString("}\n")
		live["instance."+in[0].(string)] = in[1].(int)
	}
	e, diags := config.Load(config.LoadOptions{
		FS: fstest.MapFS{"main.dss.hcl": {Data: []byte(text.String())}}, Schema: config.InstanceSchema(install.NewPort().Schema()),
	})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var out []providers.Request
	for _, in := range e.Instances {
		out = append(out, providers.Request{Address: in.Address, Desired: in, Facts: dss.Facts{Port: live[in.Address]}})
	}
	return out
}

func TestCheckEstate(t *testing.T) {
	for _, tt := range []struct {
		name      string
		instances [][3]any
		want      []string
	}{
		{"apart", [][3]any{{"a", 11200, 11200}, {"b", 11210, 11210}, {"c", 11300, 0}}, nil},
		{"same", [][3]any{{"a", 11200, 11200}, {"b", 11300, 11200}}, []string{"error: instance.a has the ports 11200 to 11209 and instance.b has 11200 to 11209."}},
		{"by one", [][3]any{{"a", 11209, 11209}, {"b", 11200, 11200}}, []string{"error: instance.b has the ports 11200 to 11209 and instance.a has 11209 to 11218."}},
		{"with one that is not declared", [][3]any{{"a", 11205, 0}, {"b", 11300, 11200}}, []string{"error: instance.b has the ports 11200 to 11209 and instance.a has 11205 to 11214."}},
		{"neither declared", [][3]any{{"a", 11205, 0}, {"b", 11200, 0}}, []string{"warning: instance.b has the ports 11200 to 11209 and instance.a has 11205 to 11214."}},
		{"swapped", [][3]any{{"a", 11200, 11300}, {"b", 11300, 11200}}, nil},
		{"three", [][3]any{{"a", 1, 11200}, {"b", 1, 11205}, {"c", 1, 11210}}, []string{"error: instance.a has", "error: instance.b has"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			diags := install.NewPort().CheckEstate(estate(t, tt.instances...))
			if len(diags) != len(tt.want) {
				t.Fatalf("found %v", diags)
			}
			for i, d := range diags {
				text := "error: " + d.Detail
				if d.Severity == hcl.DiagWarning {
					text = "warning: " + d.Detail
				}
				if !strings.HasPrefix(text, tt.want[i]) || d.Subject == nil {
					t.Errorf("found %s at %v, expected %s", text, d.Subject, tt.want[i])
				}
			}
		})
	}
}

func TestListeners(t *testing.T) {
	dir := t.TempDir()
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	if err := os.WriteFile(filepath.Join(dir, "tcp"), []byte(head+
		"   0: 0100007F:2BC0 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"+
		"   1: 0100007F:2BC1 0100007F:8000 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"+
		"nonsense\n   2: 00000000:XXXX 00000000:0000 0A\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := install.Listeners(dir)
	if err != nil || len(got) != 1 || !got[11200] {
		t.Errorf("without IPv6: found %v, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tcp6"), []byte(head+
		"   0: 00000000000000000000000000000000:2BC9 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := install.Listeners(dir); err != nil || len(got) != 2 || !got[11209] {
		t.Errorf("found %v, %v", got, err)
	}
	if _, err := install.Listeners(filepath.Join(dir, "none")); err == nil {
		t.Error("no list is no error")
	}
}

// An instance that is to be made gets free ports or none.
func TestPortOfNewcomer(t *testing.T) {
	dir := t.TempDir()
	const head = "  sl  local_address rem_address   st\n"
	if err := os.WriteFile(filepath.Join(dir, "tcp"), []byte(head+"   0: 0100007F:2BC4 00000000:0000 0A 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := install.NewPortWith(dir)
	w := newWorld(t, p, ini)
	for port, busy := range map[int]bool{11194: false, 11200: true, 11204: true, 11205: false} {
		w.declare(fmt.Sprintf("port = %d", port))
		in := w.estate.Instances[0]
		o, err := p.Observe(context.Background(), providers.ObserveRequest{Address: in.Address, Desired: in, Absent: true})
		if err != nil {
			t.Fatal(err)
		}
		out, diags := p.Make(providers.Request{Address: in.Address, Desired: in, Observed: o})
		if diags.HasErrors() != busy || len(out.Steps) > 0 {
			t.Errorf("port %d: %v", port, diags)
		}
	}
}

// TestPortsNotSeen: without the kernel's lists the plan says so.
func TestPortsNotSeen(t *testing.T) {
	w := newWorld(t, install.NewPortWith(t.TempDir()), ini)
	w.declare("port = 21000")
	p, diags := w.propose()
	if diags.HasErrors() || len(diags) != 1 || diags[0].Severity != hcl.DiagWarning || len(p.Steps) != 2 {
		t.Errorf("found %v, %d steps", diags, len(p.Steps))
	}
}

func TestGovern(t *testing.T) {
	w := newWorld(t, install.NewPort(), strings.Replace(ini, "design", "govern", 1))
	w.write("state", "governserver   STOPPED   Not started\n")
	w.declare(fmt.Sprintf("port = %d", freeBlock(t)))
	w.apply(w.calls("run", w.mustPropose()))
	if ran := w.read("ran"); !strings.HasPrefix(ran, "govern-admin regenerate-config ") || strings.Contains(ran, "dssadmin") {
		t.Errorf("ran %q", ran)
	}
}

func TestNodeType(t *testing.T) {
	w := newWorld(t, install.NewNodeType(), ini)
	w.declare(`node_type = "design"`)
	if p := w.mustPropose(); len(p.Changes)+len(p.Steps) > 0 {
		t.Errorf("found %+v", p)
	}
	w.declare(`node_type = "api"`)
	_, diags := w.propose()
	if !diags.HasErrors() || !strings.Contains(diags.Error(), `declared as "api"`) || diags[0].Subject == nil {
		t.Errorf("found %v", diags)
	}
	w.declare("")
	w.mustPropose()
	if diags := w.load(`node_type = "designer"`); !diags.HasErrors() {
		t.Error("an unknown type was taken")
	}
}

func TestImport(t *testing.T) {
	f := dss.Facts{NodeType: "design", Port: 11200}
	attributes := map[string]cty.Value{}
	for _, p := range []providers.Importer{install.NewNodeType(), install.NewPort(), install.NewINI()} {
		for _, a := range p.Import(nil, f).Attributes {
			attributes[a.Name] = a.Value
		}
	}
	if len(attributes) != 2 || attributes["node_type"].AsString() != "design" || !attributes["port"].RawEquals(cty.NumberIntVal(11200)) {
		t.Errorf("found %v", attributes)
	}
	if d := install.NewPort().Import(nil, dss.Facts{Port: 80}); len(d.Attributes) > 0 {
		t.Error("a port was imported that cannot be declared")
	}
}

func TestRegenerateFails(t *testing.T) {
	w := newWorld(t, install.NewPort(), ini)
	w.declare(fmt.Sprintf("port = %d", freeBlock(t)))
	calls := w.calls("run", w.mustPropose())
	w.apply(calls[:1])
	w.write("broken", "")
	ctx := context.Background()
	err := w.performer(calls[1]).Do(ctx, calls[1])
	if err == nil || !strings.Contains(err.Error(), "exit code 3; it said:\nit broke") {
		t.Errorf("found %v", err)
	}
	if done, err := w.performer(calls[1]).Done(ctx, calls[1]); done || err != nil {
		t.Errorf("done: %v, %v", done, err)
	}
	if err := w.performer(calls[0]).Undo(ctx, calls[0]); err == nil {
		t.Error("undo did not say that the command failed")
	}
	if w.read("install.ini") != ini {
		t.Error("install.ini was not put back")
	}
	if err := os.Remove(w.instance.Path("broken")); err != nil {
		t.Fatal(err)
	}
	before := w.read("ran")
	w.undo(calls)
	if w.read("ran") == before {
		t.Error("the second undo did not run the command, which had failed")
	}
}

// What a plan does not look at has its ports: an instance that -target leaves
// out, by its file or its declaration, and a data directory of nobody beside.
func TestPortsOfDataDirectoriesThatAreNotPlanned(t *testing.T) {
	root := t.TempDir()
	dirs := map[string]string{
		"live":         "[server]\nport = 41200\n",
		"moving":       "[server]\nport = 41300\n",
		"old":          "[general]\n[server]\nport=41405\n",
		"broken":       "[server]\nport = x\n",
		".fresh.copy":  "[server]\nport = 41500\n",
		"fresh.dssctl": "",
	}
	for name, text := range dirs {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(root, name, "install.ini"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(root, "live"), filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		port int
		want string // "" for nothing
	}{
		{41210, ""},
		{41209, "error: instance.fresh would get the ports 41209 to 41218, and instance.live (" + root + "/link), which this plan leaves out, has 41200 to 41209."},
		{41291, "error: instance.fresh would get the ports 41291 to 41300, and instance.moving (" + root + "/moving), which this plan leaves out, has 41300 to 41309."},
		{41325, "error: instance.fresh would get the ports 41325 to 41334, and instance.moving (" + root + "/moving), which this plan leaves out, has 41320 to 41329."},
		{41400, "warning: instance.fresh would get the ports 41400 to 41409, and the data directory " + root + "/old, which is of no instance of this estate, has 41405 to 41414 in its install.ini."},
		{41500, ""},
	} {
		e, diags := config.Load(config.LoadOptions{
			FS: fstest.MapFS{"main.dss.hcl": {Data: fmt.Appendf(nil, `
instance "fresh" {
  data_dir = "%[1]s/fresh"
  port     = %[2]d
}
instance "live" { data_dir = "%[1]s/link" }
instance "moving" {
  data_dir = "%[1]s/moving"
  port     = 41320
}
instance "gone" { data_dir = "%[1]s/gone" }
`, root, tt.port)}}, Schema: config.InstanceSchema(install.NewPort().Schema()),
		})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		fresh := e.Instances[slices.IndexFunc(e.Instances, func(in *config.Instance) bool { return in.Address == "instance.fresh" })]
		p := install.NewPort().Survey(e.Instances, e.Secrets)
		at, err := dss.Open(fresh.DataDir, dss.Options{Bare: true, UID: func() int { return 1 }})
		if err != nil {
			t.Fatal(err)
		}
		o, err := p.Observe(t.Context(), providers.ObserveRequest{Address: fresh.Address, Instance: at, Desired: fresh, Absent: true})
		if err != nil {
			t.Fatal(err)
		}
		diags = install.NewPort().CheckEstate([]providers.Request{{Address: fresh.Address, Desired: fresh, Observed: o}})
		var found []string
		for _, d := range diags {
			kind := "error: "
			if d.Severity == hcl.DiagWarning {
				kind = "warning: "
			}
			found = append(found, kind+d.Detail)
		}
		if text := strings.Join(found, "\n"); len(diags) > 1 || !strings.HasPrefix(text, tt.want) || (text == "") != (tt.want == "") {
			t.Errorf("port %d: found %q, expected %q", tt.port, text, tt.want)
		}
	}
}
