package release

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// world is a stopped data directory of DSS 13.5.0, with kits beside it whose
// programs are short scripts.
type world struct {
	t        *testing.T
	base     string
	data     string
	node     string
	version  string
	estate   *config.Estate
	recorded json.RawMessage
	notices  []string
	putBack  int
	noCopy   error // why the safety backup cannot be put back
}

func newWorld(t *testing.T) *world {
	t.Helper()
	base := t.TempDir()
	w := &world{t: t, base: base, data: filepath.Join(base, "data"), node: "design", version: "13.5.0"}
	w.kit("13.5.0", "")
	w.write("data/install.ini", "[general]\nnodetype = design\n\n[server]\nport = 21200\n", 0o644)
	w.write("data/dss-version.json", `{"product_version":"13.5.0"}`, 0o644)
	w.write("data/bin/env-default.sh", fmt.Sprintf("export DKUINSTALLDIR=%q\n", filepath.Join(base, "kits/dataiku-dss-13.5.0")), 0o644)
	w.write("data/bin/dss", "#!/bin/sh\necho 'backend   STOPPED   Not started'\n", 0o755)
	w.write("data/bin/dssadmin", "#!/bin/sh\necho \"$@\" >> \"$(dirname \"$0\")/../ran\"\n", 0o755)
	w.write("data/config/general-settings.json", "{}", 0o600)
	return w
}

// kit unpacks a kit whose installer says what it was asked and attaches the data
// directory; then it does what more says.
func (w *world) kit(version, more string) string {
	w.t.Helper()
	name := "kits/dataiku-dss-" + version
	w.write(name+"/dss-version.json", fmt.Sprintf(`{"product_version":%q}`, version), 0o644)
	w.write(name+"/installer.sh", `#!/bin/sh
kit=$(cd "$(dirname "$0")" && pwd -P)
echo "$(basename "$kit") $*" >> "$kit/../ran"
[ "$JAVA_HOME" = "" ] || echo "java $JAVA_HOME" >> "$kit/../ran"
mkdir -p "$2/bin" "$2/_pre_migration_backup_1"
echo "export DKUINSTALLDIR=\"$kit\"" > "$2/bin/env-default.sh"
echo "new" > "$2/bin/program"
`+more+`
echo '{"product_version":"`+version+`"}' > "$2/dss-version.json"
`, 0o755)
	return filepath.Join(w.base, name)
}

func (w *world) write(rel, content string, mode os.FileMode) {
	w.t.Helper()
	path := filepath.Join(w.base, rel)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read(rel string) string {
	raw, err := os.ReadFile(filepath.Join(w.base, rel))
	if err != nil {
		return ""
	}
	return string(raw)
}

// others are what other aspects declare.
var others = schema.Fragment{
	Attributes: []schema.Attribute{{Name: "api_key", Type: cty.String, Secret: true}},
	Blocks: []schema.Block{{
		Type: "runtime_database", Labels: []schema.Label{{Name: "type"}},
		Attributes: []schema.Attribute{{Name: "password", Type: cty.String, Secret: true}},
	}},
}

// declare writes the instance's content.
func (w *world) declare(content string) {
	w.t.Helper()
	estate, diags := config.Load(config.LoadOptions{
		FS:     fstest.MapFS{"main.dss.hcl": {Data: fmt.Appendf(nil, "instance \"design\" {\n  data_dir = %q\n%s\n}\n", w.data, content)}},
		Schema: config.InstanceSchema(New().Schema(), others),
	})
	if diags.HasErrors() {
		w.t.Fatal(diags)
	}
	w.estate = estate
}

func (w *world) instance() *dss.Instance {
	w.t.Helper()
	uid := os.Getuid()
	if uid == 0 {
		// DSS does not run as root; the files are.
		uid = 65534
		if err := filepath.WalkDir(w.base, func(p string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(p, uid, uid)
		}); err != nil {
			w.t.Fatal(err)
		}
	}
	in, err := dss.Open(w.data, dss.Options{UID: func() int { return uid }, UnitDirs: []string{}})
	if err != nil {
		w.t.Fatal(err)
	}
	return in
}

// propose observes and proposes. see may change what was seen.
func (w *world) propose(see func(*Observation, *dss.Facts)) (providers.Proposal, hcl.Diagnostics) {
	w.t.Helper()
	ctx := context.Background()
	in, desired := w.instance(), w.estate.Instances[0]
	facts, err := in.Facts(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	p := New().Survey(w.estate.Instances, w.estate.Secrets)
	o, err := p.Observe(ctx, providers.ObserveRequest{Address: desired.Address, Instance: in.Frozen(), Facts: facts, Desired: desired, Secrets: w.estate.Secrets, Recorded: w.recorded})
	if err != nil {
		w.t.Fatal(err)
	}
	if see != nil {
		see(o.(*Observation), &facts)
	}
	return p.Propose(providers.Request{Address: desired.Address, Facts: facts, Desired: desired, Observed: o, Recorded: w.recorded, Secrets: w.estate.Secrets})
}

// mustPropose expects no error.
func (w *world) mustPropose() providers.Proposal {
	w.t.Helper()
	p, diags := w.propose(nil)
	if diags.HasErrors() {
		w.t.Fatal(diags)
	}
	return p
}

// calls makes the steps of a proposal ready.
func (w *world) calls(p providers.Proposal) []*providers.Call {
	var out []*providers.Call
	in := w.instance()
	for _, s := range p.Steps {
		out = append(out, &providers.Call{
			Run: "20260101-000000-aaaa", Action: s.Action, Address: "instance.design", Instance: in, Secrets: w.estate.Secrets,
			Clock: clock.System{}, Redactor: &secret.Redactor{}, Receipt: &receipt{}, Progress: func(event.Progress) {},
			Notice: func(s string) { w.notices = append(w.notices, s) }, Kept: func(string) {},
			Recorded: func(context.Context, string) (json.RawMessage, error) { return w.recorded, nil },
			Record: func(_ string, v any) error {
				b, err := json.Marshal(v)
				if string(b) == "null" {
					b = nil
				}
				w.recorded = b
				return err
			},
			CheckPutBack: func(context.Context, ...string) error { return w.noCopy },
			PutBack: func(context.Context, ...string) error {
				// What a safety backup of the frame does, as far as the installer goes.
				w.putBack++
				w.write("data/dss-version.json", `{"product_version":"13.5.0"}`, 0o644)
				w.write("data/bin/env-default.sh", fmt.Sprintf("export DKUINSTALLDIR=%q\n", filepath.Join(w.base, "kits/dataiku-dss-13.5.0")), 0o644)
				return nil
			},
		})
	}
	return out
}

func (w *world) performer(c *providers.Call) providers.Performer {
	return New().Performers()[c.Action.Kind]
}

// do carries a step out.
func (w *world) do(c *providers.Call) error {
	ctx := context.Background()
	p := w.performer(c)
	done, err := p.Done(ctx, c)
	if err == nil && !done {
		err = p.Do(ctx, c)
	}
	if err == nil {
		err = p.Verify(ctx, c)
	}
	return err
}

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

// summaries are the diagnostics' first lines.
func summaries(diags hcl.Diagnostics) string {
	var out []string
	for _, d := range diags {
		level := "error"
		if d.Severity == hcl.DiagWarning {
			level = "warning"
		}
		out = append(out, level+": "+d.Summary)
	}
	return strings.Join(out, "\n")
}

// kinds are the proposal's steps in short.
func kinds(p providers.Proposal) string {
	var out []string
	for _, s := range p.Steps {
		var a args
		if err := json.Unmarshal(s.Args, &a); err != nil {
			panic(err)
		}
		text := string(s.Kind)
		if a.Replay != nil {
			text += " " + strings.Join(a.Replay.Args, " ")
		}
		if s.Manual != "" {
			text += " by hand"
		}
		out = append(out, text)
	}
	return strings.Join(out, "\n")
}
