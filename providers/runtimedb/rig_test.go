package runtimedb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// rig is a simulated DSS, a real PostgreSQL, and as little of planner and
// executor as it takes to carry out what the provider proposes.
type rig struct {
	putBack  []string
	t        *testing.T
	kit      *dsskit.Instance
	dss      *dss.Instance
	pg       *dsskit.Postgres
	login    pg.Login
	secrets  map[string]string // variables
	record   json.RawMessage
	receipts map[string]json.RawMessage
	notices  []string
	run      int
}

func newRig(t *testing.T, version string, seed int64, node ...string) *rig {
	t.Helper()
	if os.Getuid() == 0 {
		t.Skip("neither DSS nor PostgreSQL runs as root: run the tests with scripts/test")
	}
	if testing.Short() {
		t.Skip("starts a DSS and a PostgreSQL")
	}
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, kitDir, err := dsskit.Build(ctx, t.TempDir(), dsskit.KitOptions{Version: version, Seed: seed})
	must(err)
	port, release, err := dsskit.FreePorts(10)
	must(err)
	t.Cleanup(release)
	r := &rig{t: t, secrets: map[string]string{"pw": "planted p'ss\"wörd\\"}}
	r.kit, err = dsskit.Install(ctx, kitDir, dsskit.InstallOptions{DataDir: filepath.Join(t.TempDir(), "dss data"), Port: port, Seed: seed, RowsPerTable: 60, NodeType: strings.Join(node, "")})
	must(err)
	t.Cleanup(func() { must(r.kit.Close()) })
	r.pg, err = dsskit.StartPostgres(ctx, filepath.Join(t.TempDir(), "pg"), dsskit.PGOptions{MaxConnections: 100})
	must(err)
	t.Cleanup(func() { must(r.pg.Close()) })
	must(r.pg.CreateRole(ctx, "dss", r.secrets["pw"]))
	must(r.pg.CreateDatabase(ctx, "runtime", "dss"))
	r.login = pg.Login{Host: r.pg.Host, Port: r.pg.Port, Database: "runtime", User: "dss", Password: r.secrets["pw"]}
	r.dss, err = dss.Open(r.kit.DataDir, dss.Options{UnitDirs: []string{}})
	must(err)
	return r
}

// block declares the rig's database with more attributes.
func (r *rig) block(attributes string) string {
	return fmt.Sprintf("runtime_database \"postgresql\" {\n host = \"127.0.0.1\"\n port = %d\n database = \"runtime\"\n password = var.pw\n%s\n}", r.login.Port, attributes)
}

func (r *rig) estate(block string) *config.Estate {
	r.t.Helper()
	var vars strings.Builder
	for name, value := range r.secrets {
		quoted, _ := json.Marshal(value)
		fmt.Fprintf(&vars, "variable %q {\n type = string\n sensitive = true\n default = %s\n}\n", name, quoted)
	}
	return estate(r.t, vars.String()+fmt.Sprintf("instance \"design\" {\n data_dir = %q\n%s\n}\n", r.kit.DataDir, block))
}

// plan observes and proposes.
func (r *rig) plan(block string) (providers.Proposal, *config.Estate, string) {
	r.t.Helper()
	e := r.estate(block)
	f, err := r.dss.Facts(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	o, err := New().Observe(r.t.Context(), providers.ObserveRequest{Address: "instance.design", Instance: r.dss, Facts: f, Desired: e.Instances[0], Secrets: e.Secrets, Recorded: r.record, Key: testKey})
	if err != nil {
		r.t.Fatal(err)
	}
	p, diags := New().Propose(providers.Request{Address: "instance.design", Facts: f, Desired: e.Instances[0], Observed: o, Recorded: r.record, Secrets: e.Secrets, Key: testKey})
	text := render(p, diags)
	if strings.Contains(text, "planted") || strings.Contains(text, "e:AES:") {
		r.t.Errorf("a secret shows in the plan:\n%s", text)
	}
	return p, e, text
}

type memoryReceipt struct {
	r  *rig
	id string
}

func (m memoryReceipt) Save(v any) error {
	b, err := json.Marshal(v)
	m.r.receipts[m.id] = b
	return err
}

func (m memoryReceipt) Load(v any) (bool, error) {
	b, ok := m.r.receipts[m.id]
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal(b, v)
}

func (r *rig) call(e *config.Estate, s providers.Step) *providers.Call {
	return &providers.Call{
		Run: fmt.Sprintf("run-%d", r.run), Action: s.Action, Address: "instance.design", Instance: r.dss, Secrets: e.Secrets, Key: testKey,
		Clock: clock.System{}, Redactor: &secret.Redactor{}, Receipt: memoryReceipt{r, string(s.Kind)},
		Progress: func(event.Progress) {}, Notice: func(s string) { r.notices = append(r.notices, s) },
		PutBack: func(_ context.Context, names ...string) error {
			r.putBack = append(r.putBack, names...)
			return nil
		},
		Recorded: func(context.Context, string) (json.RawMessage, error) { return r.record, nil },
		Record: func(_ string, v any) error {
			b, err := json.Marshal(v)
			r.record = b
			return err
		},
	}
}

// begin starts a run.
func (r *rig) begin() {
	r.run++
	r.receipts = map[string]json.RawMessage{}
}

// apply carries out the steps: DSS is stopped for those that need it, and
// started behind them. hook is asked before each step.
func (r *rig) apply(p providers.Proposal, e *config.Estate, hook func(providers.Step) error) error {
	r.t.Helper()
	ctx := r.t.Context()
	stopped := false
	for _, s := range p.Steps {
		if s.Window == providers.Offline && !stopped {
			stopped = true
			if err := r.kit.Stop(ctx); err != nil {
				r.t.Fatal(err)
			}
		}
		if s.Window == providers.Online && stopped {
			stopped = false
			r.start()
		}
		if hook != nil {
			if err := hook(s); err != nil {
				return err
			}
		}
		if err := r.perform(r.call(e, s)); err != nil {
			return fmt.Errorf("%s: %w", s.Kind, err)
		}
	}
	if p.Record != nil {
		r.record = p.Record
	}
	return nil
}

func (r *rig) perform(c *providers.Call) error {
	ctx := r.t.Context()
	perf := New().Performers()[c.Action.Kind]
	done, err := perf.Done(ctx, c)
	if err == nil && !done {
		err = perf.Do(ctx, c)
	}
	if err == nil {
		err = perf.Verify(ctx, c)
	}
	return err
}

// undo takes everything back, the last step first, and returns what was left.
func (r *rig) undo(p providers.Proposal, e *config.Estate) (left []string) {
	r.t.Helper()
	if err := r.kit.Stop(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	for i := len(p.Steps) - 1; i >= 0; i-- {
		c := r.call(e, p.Steps[i])
		err := New().Performers()[c.Action.Kind].Undo(r.t.Context(), c)
		if l := (*providers.LeftoverError)(nil); errors.As(err, &l) {
			left = append(left, l.Error())
		} else if err != nil {
			r.t.Fatalf("undo %s: %v", c.Action.Kind, err)
		}
	}
	return left
}

func (r *rig) start() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Minute)
	defer cancel()
	if err := r.kit.Start(ctx); err != nil {
		r.t.Fatal(err)
	}
	if err := r.kit.WaitReady(ctx); err != nil {
		r.t.Fatal(err, r.kit.Log())
	}
}

func (r *rig) settings() string {
	r.t.Helper()
	b, err := os.ReadFile(r.dss.Path(dss.SettingsFile))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

// sql asks the superuser.
func (r *rig) sql(query string) string {
	r.t.Helper()
	out, err := r.pg.Exec(r.t.Context(), "runtime", query)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// tables lists the tables of a schema.
func (r *rig) tables(schema string) []string {
	r.t.Helper()
	return strings.Fields(r.sql(fmt.Sprintf("SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = '%s' AND relkind IN ('r', 'S') ORDER BY 1", schema)))
}

// mustBeSafe looks for the password in everything that was written.
func (r *rig) mustBeSafe() {
	r.t.Helper()
	text := strings.Join(r.notices, "\n") + string(r.record)
	for _, b := range r.receipts {
		text += string(b)
	}
	for _, v := range r.secrets {
		if strings.Contains(text, v) {
			r.t.Errorf("a secret shows in notices, record or receipts:\n%s", text)
		}
	}
	if strings.Contains(text, "e:AES:") {
		r.t.Errorf("a ciphertext shows:\n%s", text)
	}
}
