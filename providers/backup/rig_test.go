package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/retention"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

// rig is a data directory on disk, and the performers of a policy of it, without
// an executor. Its policy keeps the folder while it "runs": no DSS is there.
type rig struct {
	*testing.T
	root, away string // of all, and beside the data directory
	in         *dss.Instance
	a          args
	notices    []string
	record     json.RawMessage
	receipt    map[string]json.RawMessage
	runs       int
}

const h2Page = 4096

func newRig(t *testing.T, name string) *rig {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Skip("nothing is done as root; scripts/test drops it")
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, root: root, away: filepath.Join(root, "disk2")}
	dir := filepath.Join(root, "design")
	database := make([]byte, h2Page)
	copy(database, "H:2,block:1,")
	for name, text := range map[string]string{
		"install.ini":                  "[general]\nnodetype = design\ninstallid = abcdefghijklmnopqrstuvwx\n[server]\nport = 11200\n",
		"dss-version.json":             `{"product_version": "14.4.1"}`,
		"bin/dss":                      "#!/bin/sh\n",
		"config/general-settings.json": `{"a": 1}`,
		"config/users.json":            `{}`,
		"databases/audit.mv.db":        string(database),
		"managed_datasets/a/b.csv":     "1,2\n",
		"jobs/log":                     "log",
		"pyenv/lib/x.py":               "x",
	} {
		r.write(filepath.Join(dir, name), text)
	}
	r.link("pyenv/python", "/usr/bin/env")
	r.link("pyenv/python3", "python")
	if err := os.Link(filepath.Join(dir, "pyenv/lib/x.py"), filepath.Join(dir, "pyenv/lib/y.py")); err != nil {
		t.Fatal(err)
	}
	redactor := &secret.Redactor{}
	runner := proc.New(proc.Options{TempDir: t.TempDir(), Redactor: redactor})
	if r.in, err = dss.Open(dir, dss.Options{Runner: runner, Redactor: redactor}); err != nil {
		t.Fatal(err)
	}
	r.a = args{policy: policy{Name: "nightly", Destination: filepath.Join(root, "backups"), Method: name, Consistency: byLive}, Tool: "1.0"}
	return r
}

func (r *rig) write(path, text string) {
	r.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.Fatal(err)
	}
}

// link makes a link in the data directory.
func (r *rig) link(rel, to string) {
	r.Helper()
	at := filepath.Join(r.root, "design", rel)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		r.Fatal(err)
	}
	if err := os.Symlink(to, at); err != nil {
		r.Fatal(err)
	}
}

// move moves a name of the data directory to another disk and leaves a link.
func (r *rig) move(rel string) {
	r.Helper()
	to := filepath.Join(r.away, filepath.Base(rel))
	if err := os.MkdirAll(r.away, 0o755); err != nil {
		r.Fatal(err)
	}
	if err := os.Rename(r.in.Path(rel), to); err != nil {
		r.Fatal(err)
	}
	r.link(rel, to)
}

// call is an action of a run.
func (r *rig) call(kind plan.Kind, run string, a args) *providers.Call {
	if r.receipt == nil {
		r.receipt = map[string]json.RawMessage{}
	}
	return &providers.Call{
		Run: run, Action: plan.Action{Kind: kind, Args: encode(a)}, Address: "instance.design", Instance: r.in,
		Clock: clock.System{}, Redactor: &secret.Redactor{}, Progress: func(event.Progress) {}, Kept: func(string) {},
		Notice:   func(s string) { r.notices = append(r.notices, s) },
		Receipt:  rigReceipt{r.receipt, run + string(kind)},
		Recorded: func(context.Context, string) (json.RawMessage, error) { return r.record, nil },
		Record: func(_ string, v any) error {
			var err error
			r.record, err = json.Marshal(v)
			return err
		},
	}
}

type rigReceipt struct {
	all map[string]json.RawMessage
	key string
}

func (r rigReceipt) Save(v any) (err error) { r.all[r.key], err = json.Marshal(v); return err }

func (r rigReceipt) Load(v any) (bool, error) {
	raw, ok := r.all[r.key]
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal(raw, v)
}

// do performs one action.
func (r *rig) do(kind plan.Kind, run string, a args) error {
	r.Helper()
	p := New(Options{}).Performers()[kind]
	c := r.call(kind, run, a)
	if err := p.Do(context.Background(), c); err != nil {
		return err
	}
	return p.Verify(context.Background(), c)
}

// run makes a set, as far as that goes.
func (r *rig) run() (string, error) {
	r.Helper()
	r.runs++
	id := time.Now().UTC().Add(time.Duration(r.runs)*time.Second).Format("20060102-150405") + "-00aa"
	for _, kind := range []plan.Kind{KindPrepare, KindSave, KindPublish, KindVerify} {
		if err := r.do(kind, id, r.a); err != nil {
			return id, err
		}
	}
	return id, nil
}

// foresee is what the pre-flight finds.
func (r *rig) foresee() []preflight.Finding {
	r.Helper()
	var out []preflight.Finding
	for _, kind := range []plan.Kind{KindPrepare, KindSave} {
		p, ok := New(Options{}).Performers()[kind].(providers.Preflighter)
		if !ok {
			r.Fatalf("%s has no pre-flight", kind)
		}
		found, err := p.Preflight(context.Background(), r.call(kind, "", r.a))
		if err != nil {
			r.Fatal(err)
		}
		out = append(out, found...)
	}
	return out
}

func (r *rig) store() set.Store { return set.Store{Dir: r.a.Destination} }

// get is a set of the destination, whatever is known of it.
func (r *rig) get(id string) set.Entry {
	e, _ := r.store().Get(id)
	return e
}

// needs skips where the method's program is not installed, and gives restic its
// password.
func (r *rig) needs(name string) {
	r.Helper()
	if name != method.Archive {
		if _, err := exec.LookPath(name); err != nil {
			r.Skipf("%s is not installed; scripts/setup installs it", name)
		}
	}
	if name == method.Restic {
		password := secret.Plain("correct horse")
		r.a.Password = &password
	}
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

var policyKeepingOne = retention.Policy{KeepLast: 1}
