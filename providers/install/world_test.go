package install_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

const nobody = 65534

const ini = `; made by the installer
[general]
nodetype = design
installid = abcdefghijklmnopqrstuvwx

[server]
port=11200     ; the base port

# Memory
[javaopts]
backend.xmx = 4g
`

// world is a data directory and an estate that declares it.
type world struct {
	t        *testing.T
	provider providers.Provider
	instance *dss.Instance
	estate   *config.Estate
	recorded json.RawMessage
	key      secret.Key
	notices  []string
}

// newWorld makes a stopped instance. Its bin/dssadmin and bin/govern-admin
// write what they were asked, and the install.ini that they saw, into a file
// "ran"; they fail while there is a file "broken".
func newWorld(t *testing.T, provider providers.Provider, installINI string) *world {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dss")
	const tool = `#!/bin/sh
cd "$(dirname "$0")/.."
echo "$(basename "$0") $* $(cksum < install.ini)" >> ran
if [ -e broken ]; then echo "it broke" >&2; exit 3; fi
`
	for name, content := range map[string]string{
		"install.ini": installINI, "dss-version.json": `{"product_version":"14.4.1"}`, "bin/dssadmin": tool, "bin/govern-admin": tool,
		"bin/dss": "#!/bin/sh\ncat \"$(dirname \"$0\")/../state\"\n", "state": "backend   STOPPED   Not started\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o640)
		if strings.HasPrefix(name, "bin/") {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	uid := os.Getuid()
	if uid == 0 {
		// DSS, and so dssctl, does not run as root.
		uid = nobody
		err := filepath.WalkDir(filepath.Dir(dir), func(p string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(p, nobody, nobody)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	in, err := dss.Open(dir, dss.Options{UID: func() int { return uid }, UnitDirs: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, provider: provider, instance: in, key: secret.Key("0123456789abcdef0123456789abcdef")}
	w.declare("")
	return w
}

// declare sets the estate: attributes are lines of the instance block.
func (w *world) declare(attributes string) {
	w.t.Helper()
	if diags := w.load(attributes); diags.HasErrors() {
		w.t.Fatal(diags)
	}
}

func (w *world) load(attributes string) hcl.Diagnostics {
	const text = `variable "pw" {
  type      = string
  sensitive = true
}
instance "design" {
  data_dir = %q
  %s
}
`
	estate, diags := config.Load(config.LoadOptions{
		FS:     fstest.MapFS{"main.dss.hcl": {Data: fmt.Appendf(nil, text, w.instance.DataDir, attributes)}},
		Schema: config.InstanceSchema(w.provider.Schema()), Vars: []string{"pw=hunter22"},
	})
	w.estate = estate
	return diags
}

func (w *world) read(name string) string {
	w.t.Helper()
	b, err := os.ReadFile(w.instance.Path(name))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return string(b)
}

func (w *world) write(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(w.instance.Path(name), []byte(content), 0o640); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) facts() dss.Facts {
	w.t.Helper()
	f, err := w.instance.Facts(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

func (w *world) propose() (providers.Proposal, hcl.Diagnostics) {
	w.t.Helper()
	in := w.estate.Instances[0]
	o, err := w.provider.Observe(context.Background(), providers.ObserveRequest{
		Address: in.Address, Instance: w.instance.Frozen(), Desired: in, Secrets: w.estate.Secrets, Recorded: w.recorded, Key: w.key, Facts: w.facts(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.provider.Propose(providers.Request{
		Address: in.Address, Desired: in, Observed: o, Recorded: w.recorded, Secrets: w.estate.Secrets, Key: w.key, Facts: w.facts(),
	})
}

// mustPropose expects no diagnostics.
func (w *world) mustPropose() providers.Proposal {
	w.t.Helper()
	p, diags := w.propose()
	if len(diags) > 0 {
		w.t.Fatal(diags)
	}
	return p
}

// calls makes the steps of the proposal ready.
func (w *world) calls(run string, p providers.Proposal) []*providers.Call {
	w.t.Helper()
	var out []*providers.Call
	for _, s := range p.Steps {
		out = append(out, &providers.Call{
			Run: run, Action: s.Action, Address: "instance.design", Instance: w.instance, Secrets: w.estate.Secrets, Key: w.key,
			Clock: clock.System{}, Redactor: &secret.Redactor{}, Receipt: &receipt{}, Progress: func(event.Progress) {},
			Notice: func(s string) { w.notices = append(w.notices, s) },
			Record: func(aspect string, v any) error {
				if aspect != w.provider.Name() {
					return fmt.Errorf("a record for %s", aspect)
				}
				b, err := json.Marshal(v)
				w.recorded = b
				return err
			},
		})
	}
	return out
}

func (w *world) performer(c *providers.Call) providers.Performer {
	return w.provider.Performers()[c.Action.Kind]
}

// apply carries the steps out.
func (w *world) apply(calls []*providers.Call) {
	w.t.Helper()
	ctx := context.Background()
	for _, c := range calls {
		done, err := w.performer(c).Done(ctx, c)
		if err != nil || done {
			w.t.Fatalf("%s: done before: %v, %v", c.Action.Kind, done, err)
		}
		if err := w.performer(c).Do(ctx, c); err != nil {
			w.t.Fatal(err)
		}
		if err := w.performer(c).Verify(ctx, c); err != nil {
			w.t.Fatal(err)
		}
		if done, err := w.performer(c).Done(ctx, c); err != nil || !done {
			w.t.Fatalf("%s: done after: %v, %v", c.Action.Kind, done, err)
		}
	}
}

// undo takes the steps back, the last one first.
func (w *world) undo(calls []*providers.Call) {
	w.t.Helper()
	for _, c := range slices.Backward(calls) {
		if err := w.performer(c).Undo(context.Background(), c); err != nil {
			w.t.Fatal(err)
		}
	}
}

// receipt is a receipt in memory.
type receipt struct{ b []byte }

func (r *receipt) Save(v any) (err error) {
	r.b, err = json.Marshal(v)
	return err
}

func (r *receipt) Load(v any) (bool, error) {
	if r.b == nil {
		return false, nil
	}
	return true, json.Unmarshal(r.b, v)
}
