package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// faultCase is something that goes wrong, and what dssctl has to say.
type faultCase struct {
	name string
	// before makes it go wrong; what it returns mends it again.
	before func(l *lab) (mend func())
	// args replace `apply -auto-approve`.
	args []string
	// edit changes the estate's file.
	edit  func(src string) string
	codes []int
	// words must stand in the output.
	words []string
}

// Bad input and things that fail: each ends in a clear error, with the instance
// as it was, and DSS running.
func TestFaults(t *testing.T) {
	t.Parallel()
	old := oldPostgres(t)
	l := exampleOf("single").lab(t, 41)
	cases := []faultCase{
		{
			name: "PostgreSQL unreachable", codes: []int{1}, words: []string{"127.0.0.1", "refuse"},
			edit: func(src string) string {
				return strings.Replace(src, "port         = var.pg_port", "port         = 1", 1)
			},
		},
		{
			name: "PostgreSQL too old", codes: []int{1}, words: []string{"9.4", "9.5"},
			edit: func(src string) string {
				return strings.Replace(src, "port         = var.pg_port", "port         = "+strconv.Itoa(old), 1)
			},
		},
		{
			name: "no such database", codes: []int{1}, words: []string{"database", "nowhere"},
			edit: func(src string) string {
				return strings.Replace(src, `database     = "dss"`, `database     = "nowhere"`, 1)
			},
		},
		{
			name: "wrong password", codes: []int{1}, words: []string{"password", "dss"},
			edit: func(src string) string { return strings.Replace(src, "= var.pg_password", `= "not the password"`, 1) },
		},
		{
			name: "no right to create", codes: []int{1}, words: []string{"CREATE", "reader"},
			before: func(l *lab) func() {
				l.ok(l.pg.CreateRole(context.Background(), "reader", l.password))
				return func() {}
			},
			edit: func(src string) string {
				return strings.Replace(src, `user         = "dss"`, `user         = "reader"`, 1)
			},
		},
		{
			name: "prefix in use by somebody else", codes: []int{1}, words: []string{"design_jobs", "design_"},
			before: func(l *lab) func() {
				l.sql(`CREATE SCHEMA dss_runtime AUTHORIZATION dss; CREATE TABLE dss_runtime.design_jobs (a int); ALTER TABLE dss_runtime.design_jobs OWNER TO dss`)
				return func() {
					if got := l.sql(`SELECT count(*) FROM dss_runtime.design_jobs`); got != "0" {
						l.t.Errorf("somebody else's table was touched: %s", got)
					}
					l.sql(`DROP SCHEMA dss_runtime CASCADE`)
				}
			},
		},
		{
			name: "running job", codes: []int{6}, words: []string{"DKU_SALES", "job"},
			edit: withAPIKey,
			before: func(l *lab) func() {
				w := dsskit.Work{Kind: "job", ID: "build_42", Project: "DKU_SALES"}
				l.ok(l.dss["design"].StartWork(w))
				return func() { l.ok(l.dss["design"].FinishWork(w)) }
			},
		},
		{name: "copy fails half-way", codes: []int{6}, words: []string{"copy"}, before: fault(dsskit.Faults{dsskit.CopyFail: ""})},
		{name: "copy refuses", codes: []int{6}, words: []string{"copy"}, before: fault(dsskit.Faults{dsskit.CopyRefuse: ""})},
		{name: "password cannot be encrypted", codes: []int{6}, words: []string{"encrypt"}, before: fault(dsskit.Faults{dsskit.EncryptFail: ""})},
		{name: "regenerate-config fails", codes: []int{6}, words: []string{"regenerate"}, before: fault(dsskit.Faults{dsskit.RegenerateFail: ""})},
		{
			name: "PostgreSQL stops mid-copy", codes: []int{6}, words: []string{"copy"},
			before: func(l *lab) func() {
				mend := fault(dsskit.Faults{dsskit.CopySlow: "4s"})(l)
				ctx, cancel := context.WithCancel(context.Background())
				stopped := make(chan error, 1)
				go func() {
					// As soon as the first table is there.
					for n := ""; n == "" || n == "0"; time.Sleep(50 * time.Millisecond) {
						if ctx.Err() != nil {
							stopped <- errors.New("no table came")
							return
						}
						n, _ = l.pg.Exec(ctx, "dss", `SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
					}
					stopped <- l.pg.Stop(context.Background())
				}()
				return func() {
					cancel()
					l.ok(<-stopped)
					l.ok(l.pg.Start(context.Background()))
					mend()
					l.sql(`DROP SCHEMA IF EXISTS dss_runtime CASCADE`)
				}
			},
		},
		{
			name: "install.ini without [general]", codes: []int{1}, words: []string{"install.ini", "[general]"},
			before: replaceFile("install.ini", func(s string) string { return strings.Replace(s, "[general]", "[generic]", 1) }),
		},
		{
			name: "truncated general-settings.json", codes: []int{1}, words: []string{"general-settings.json"},
			before: replaceFile("config/general-settings.json", func(s string) string { return s[:len(s)/2] }),
		},
		{
			name: "duplicate key in general-settings.json", codes: []int{1}, words: []string{"general-settings.json", `key "twice"`},
			before: replaceFile("config/general-settings.json", func(s string) string {
				return strings.Replace(s, "{", `{"twice": 1, "twice": 2,`, 1)
			}),
		},
		{
			name: "owned by another account", codes: []int{1}, words: []string{"belongs to"},
			before: func(l *lab) func() {
				l.env = append(l.env, "DSSCTL_TEST_UID=12345")
				return func() { l.env = l.env[:len(l.env)-1] }
			},
		},
		{
			name: "running as root", codes: []int{1}, words: []string{"root"},
			before: func(l *lab) func() {
				l.env = append(l.env, "DSSCTL_TEST_UID=0")
				return func() { l.env = l.env[:len(l.env)-1] }
			},
		},
		{
			name: "start that never gets ready", codes: []int{6}, words: []string{"not ready"},
			edit:   withService(l.startTimeout()),
			before: faultUntilRollback(dsskit.Faults{dsskit.StartHang: ""}),
		},
		{
			name: "start that fails", codes: []int{6}, words: []string{"DSS failed", "backend (FATAL)"},
			before: faultUntilRollback(dsskit.Faults{dsskit.StartFatal: ""}),
		},
		{
			name: "stop that is stuck", codes: []int{6}, words: []string{"stop"},
			edit:   withService(`stop_timeout = "4s"`),
			before: faultUntilRollback(dsskit.Faults{dsskit.StopStuck: "2s"}),
		},
	}
	path := filepath.Join(l.dir, "main.dss.hcl")
	raw, err := os.ReadFile(path)
	l.ok(err)
	key, err := l.dss["design"].APIKey()
	l.ok(err)
	l.env = append(l.env, "TEST_API_KEY="+key)
	outputs := ""
	for _, c := range cases {
		ok := t.Run(c.name, func(t *testing.T) {
			l.t = t
			src := string(raw)
			if c.edit != nil {
				src = c.edit(src)
				if src == string(raw) {
					t.Fatal("the edit changed nothing")
				}
			}
			write(t, l.dir, "main.dss.hcl", src)
			mend := func() {}
			if c.before != nil {
				mend = c.before(l)
			}
			before := configs(t, l.data)
			args := c.args
			if args == nil {
				args = []string{"apply", "-auto-approve"}
			}
			o := l.run(args...)
			outputs += o.String()
			after := configs(t, l.data)
			running := l.running("design")
			mend()
			o.must(t, c.codes...)
			all := unwrapped(o.stdout + o.stderr)
			for _, w := range c.words {
				if !strings.Contains(all, w) {
					t.Errorf("%q is not in what it says:\n%s", w, all)
				}
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("something changed:\n%s\n%s", diff, o)
			}
			if !running {
				t.Errorf("DSS does not run\n%s", o)
			}
			if left := l.tables(); len(left) > 0 {
				t.Errorf("tables are left: %v\n%s", left, o)
			}
			if strings.Contains(all, key) {
				t.Error("the API key stands in the output")
			}
			if o := l.run("recover").must(t, 0); !strings.Contains(o.stdout, "No run is open") {
				t.Errorf("a run is still open: %s", o)
			}
		})
		if !ok {
			break
		}
	}
	l.t = t
	// After all of it, the move still works.
	write(t, l.dir, "main.dss.hcl", string(raw))
	l.run("apply", "-auto-approve").must(t, 0)
	l.run("plan", "-detailed-exitcode").must(t, 0)
	noSecrets(t, l, outputs)
}

// unwrapped is a text as one line: where it was wrapped depends on the length of
// paths.
func unwrapped(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "│", " ")), " ")
}

func withAPIKey(src string) string {
	return strings.Replace(src, `node_type = "design"`, "node_type = \"design\"\n  api_key   = env(\"TEST_API_KEY\")", 1)
}

func withService(attribute string) func(string) string {
	return func(src string) string {
		return strings.Replace(src, `node_type = "design"`, "node_type = \"design\"\n\n  service {\n    "+attribute+"\n  }", 1)
	}
}

// fault switches faults on.
func fault(f dsskit.Faults) func(*lab) func() {
	return func(l *lab) func() {
		l.ok(l.dss["design"].SetFault(f))
		return func() { l.ok(l.dss["design"].SetFault(nil)) }
	}
}

// faultUntilRollback switches faults on until dssctl begins to undo: what broke
// the new state must not break the way back.
func faultUntilRollback(f dsskit.Faults) func(*lab) func() {
	return func(l *lab) func() {
		mend := fault(f)(l)
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(50 * time.Millisecond):
				}
				journals, _ := filepath.Glob(filepath.Join(l.dir, ".dssctl", "runs", "*", "journal.jsonl"))
				for _, j := range journals {
					raw, _ := os.ReadFile(j)
					head, _ := os.ReadFile(filepath.Join(filepath.Dir(j), "run.json"))
					if strings.Contains(string(raw), `"undo_begin"`) && strings.Contains(string(head), `"running"`) {
						_ = l.dss["design"].SetFault(nil)
						return
					}
				}
			}
		}()
		return func() { close(stop); mend() }
	}
}

// replaceFile edits a file of the data directory by hand, keeping its mtime.
func replaceFile(rel string, f func(string) string) func(*lab) func() {
	return func(l *lab) func() {
		path := filepath.Join(l.dss["design"].DataDir, rel)
		raw, err := os.ReadFile(path)
		l.ok(err)
		l.ok(os.WriteFile(path, []byte(f(string(raw))), 0o644))
		return func() { l.ok(os.WriteFile(path, raw, 0o644)) }
	}
}

// sql runs a statement as the superuser in the database dss.
func (l *lab) sql(statement string) string {
	l.t.Helper()
	out, err := l.pg.Exec(context.Background(), "dss", statement)
	l.ok(err)
	return strings.TrimSpace(out)
}

// Two dssctl at once: one works, the other says who does.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	l := exampleOf("single").lab(t, 42)
	first, wait := start(t, l.dir, l.env, "apply", "-auto-approve")
	waitFor(t, "the first one's lock", func() bool {
		raw, _ := os.ReadFile(l.dss["design"].DataDir + ".dssctl/lock")
		return len(raw) > 0
	})
	l.ok(first.Process.Signal(syscall.SIGSTOP)) // it works for as long as the others take
	o := l.run("apply", "-auto-approve")
	if o.code != 11 {
		t.Errorf("the second one: %s", o)
	}
	// Another estate, the same instance.
	other := filepath.Join(l.data, "..", "other")
	copyTree(t, l.dir, other)
	l.ok(os.RemoveAll(filepath.Join(other, ".dssctl")))
	if o := dssctl(t, other, l.env, "apply", "-auto-approve"); o.code != 11 || !strings.Contains(o.stderr, "process "+strconv.Itoa(first.Process.Pid)) {
		t.Errorf("another estate's: %s", o)
	}
	l.ok(first.Process.Signal(syscall.SIGCONT))
	wait().must(t, 0)
	l.run("plan", "-detailed-exitcode").must(t, 0)
}

// Ctrl-C once stops in a clean place, twice aborts at once; recover closes it.
func TestSignals(t *testing.T) {
	t.Parallel()
	l := exampleOf("single").lab(t, 43)
	l.ok(l.dss["design"].SetFault(dsskit.Faults{dsskit.CopySlow: "4s"}))
	before := configs(t, l.data)
	for _, c := range []struct {
		signals []syscall.Signal
		code    int
		open    bool
	}{
		{[]syscall.Signal{syscall.SIGINT}, 130, false},
		{[]syscall.Signal{syscall.SIGTERM}, 143, false},
		{[]syscall.Signal{syscall.SIGINT, syscall.SIGINT}, 4, true},
	} {
		cmd, wait := start(t, l.dir, l.env, "apply", "-auto-approve")
		waitFor(t, "the copy", func() bool { return len(l.tables()) > 0 })
		for _, s := range c.signals {
			l.ok(cmd.Process.Signal(s))
			time.Sleep(300 * time.Millisecond)
		}
		o := wait().must(t, c.code)
		if again := len(c.signals) > 1; !strings.Contains(o.stderr, "finishing the current action, then stopping") || strings.Contains(o.stderr, "Aborting the current action") != again {
			t.Errorf("%v: it says %s", c.signals, o.stderr)
		}
		rec := l.run("recover").must(t, 0)
		if open := !strings.Contains(rec.stdout, "No run is open"); open != c.open {
			t.Errorf("%v: the run was left open: %v\n%s\n%s", c.signals, open, o, rec)
		}
		if diff := cmp.Diff(before, configs(t, l.data)); diff != "" || !l.running("design") || len(l.tables()) > 0 {
			t.Errorf("%v: running %v, tables %v, changed: %s\n%s", c.signals, l.running("design"), l.tables(), diff, o)
		}
	}
}

func waitFor(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}
