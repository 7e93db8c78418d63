package settings_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	"github.com/dssctl/dssctl/providers/settings"
)

const nobody = 65534

// world is a data directory and an estate that declares it.
type world struct {
	t        *testing.T
	provider *settings.Provider
	instance *dss.Instance
	estate   *config.Estate
	recorded json.RawMessage
	key      secret.Key
	notices  []string
	warnings []string // of the last proposal
}

const install = "[general]\nnodetype = design\ninstallid = x\n[server]\nport = 11200\n"

// encryptor stands for bin/dssadmin: it never encrypts twice to the same text,
// and counts.
const encryptor = `#!/bin/sh
[ "$1" = encrypt-password ] || exit 9
echo x >> "$(dirname "$0")/../encryptions"
echo "e:AES:$(printf %s "$2" | cksum | cut -d ' ' -f 1)$(wc -l < "$(dirname "$0")/../encryptions" | tr -d ' ')"
`

// encryptions counts the calls of encrypt-password.
func (w *world) encryptions() int {
	b, err := os.ReadFile(w.instance.Path("encryptions"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
	return strings.Count(string(b), "x")
}

// newWorld makes a stopped instance with this general-settings.json.
func newWorld(t *testing.T, settingsFile string) *world {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dss")
	for name, content := range map[string]string{
		"install.ini": install, "dss-version.json": `{"product_version":"14.4.1"}`, "config/general-settings.json": settingsFile,
		"bin/dss": "#!/bin/sh\ncat \"$(dirname \"$0\")/../state\"\n", "state": "backend   STOPPED   Not started\n",
		"bin/dssadmin": encryptor,
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
	w := &world{t: t, provider: settings.New(), instance: in, key: secret.Key("0123456789abcdef0123456789abcdef")}
	w.declare("")
	return w
}

// declare sets the estate: attribute is the text of general_settings, "" for
// none.
func (w *world) declare(attribute string) {
	w.t.Helper()
	text := `variable "pw" {
  type      = string
  sensitive = true
}
instance "design" {
  data_dir = "` + w.instance.DataDir + `"
`
	if attribute != "" {
		text += "  general_settings = " + attribute + "\n"
	}
	estate, diags := config.Load(config.LoadOptions{
		FS:     fstest.MapFS{"main.dss.hcl": {Data: []byte(text + "}\n")}},
		Schema: config.InstanceSchema(w.provider.Schema()), Vars: []string{"pw=hunter22"},
	})
	if diags.HasErrors() {
		w.t.Fatal(diags)
	}
	w.estate = estate
}

func (w *world) file() string {
	w.t.Helper()
	b, err := os.ReadFile(w.instance.Path(dss.SettingsFile))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

// rewrite stands for DSS, or anybody else, saving the file.
func (w *world) rewrite(content string) {
	w.t.Helper()
	if err := os.WriteFile(w.instance.Path(dss.SettingsFile), []byte(content), 0o640); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) propose() (providers.Proposal, hcl.Diagnostics) {
	w.t.Helper()
	in := w.estate.Instances[0]
	o, err := w.provider.Observe(context.Background(), providers.ObserveRequest{
		Address: in.Address, Instance: w.instance.Frozen(), Desired: in, Secrets: w.estate.Secrets, Recorded: w.recorded, Key: w.key,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.provider.Propose(providers.Request{
		Address: in.Address, Desired: in, Observed: o, Recorded: w.recorded, Secrets: w.estate.Secrets, Key: w.key,
	})
}

// mustPropose expects no errors; warnings are kept.
func (w *world) mustPropose() providers.Proposal {
	w.t.Helper()
	p, diags := w.propose()
	if diags.HasErrors() {
		w.t.Fatal(diags)
	}
	w.warnings = nil
	for _, d := range diags {
		if d.Subject == nil {
			w.t.Errorf("no place: %s", d)
		}
		w.warnings = append(w.warnings, d.Detail)
	}
	return p
}

// call makes a step of the proposal ready, as read from a plan file.
func (w *world) call(run string, p providers.Proposal) *providers.Call {
	w.t.Helper()
	if len(p.Steps) != 1 {
		w.t.Fatalf("found %d steps, expected 1", len(p.Steps))
	}
	return &providers.Call{
		Run: run, Action: p.Steps[0].Action, Address: "instance.design", Instance: w.instance, Secrets: w.estate.Secrets, Key: w.key,
		Clock: clock.System{}, Redactor: &secret.Redactor{}, Receipt: &receipt{}, Progress: func(event.Progress) {},
		Notice: func(s string) { w.notices = append(w.notices, s) },
		Record: func(aspect string, v any) error {
			if aspect != settings.Name {
				return fmt.Errorf("a record for %s", aspect)
			}
			b, err := json.Marshal(v)
			w.recorded = b
			return err
		},
	}
}

func (w *world) performer() providers.Performer { return w.provider.Performers()[settings.KindMerge] }

// apply carries the proposal out.
func (w *world) apply(c *providers.Call) {
	w.t.Helper()
	ctx := context.Background()
	done, err := w.performer().Done(ctx, c)
	if err != nil || done {
		w.t.Fatalf("done before: %v, %v", done, err)
	}
	if err := w.performer().Do(ctx, c); err != nil {
		w.t.Fatal(err)
	}
	if err := w.performer().Verify(ctx, c); err != nil {
		w.t.Fatal(err)
	}
	if done, err := w.performer().Done(ctx, c); err != nil || !done {
		w.t.Fatalf("done after: %v, %v", done, err)
	}
}

func (w *world) undo(c *providers.Call) {
	w.t.Helper()
	for range 2 { // it may be called again after a crash
		if err := w.performer().Undo(context.Background(), c); err != nil {
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
