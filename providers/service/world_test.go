package service

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

const nobody = 65534

// world is a stand-in DSS: a data directory, a supervisor by way of a fake
// runner, and a web server.
type world struct {
	t      *testing.T
	inst   *dss.Instance
	clock  *handClock
	mu     sync.Mutex
	state  string // of the backend
	calls  []string
	stops  bool // what `dss stop` does to the state
	exit   int  // of `dss stop`
	starts string
	api    map[string]func() string // by "METHOD PATH"
	ready  bool
	boot   *boot // nil where there is no systemd
}

// boot is a systemd with one unit.
type boot struct {
	load        string
	active, may bool
	breaks      bool // its starts fail
}

// answer is what systemctl and sudo print, and end with.
func (w *world) answer(command string) (out string, exit int) {
	b := w.boot
	plain := strings.TrimPrefix(command, "sudo -n ")
	switch {
	case strings.HasPrefix(command, "systemctl show "):
		load, active := b.load, "inactive"
		if !strings.HasSuffix(command, " dataiku.service") {
			load = "not-found"
		}
		if b.active {
			active = "active"
		}
		return "LoadState=" + load + "\nActiveState=" + active + "\n", 0
	case strings.HasPrefix(command, "sudo -n -l ") && b.may:
		return "/usr/bin/systemctl", 0
	case plain != command:
		return "sudo: a password is required", 1
	case command == "pkcheck":
		return "not authorized", 2
	case !b.may:
		return "Interactive authentication required.", 1
	}
	if strings.Contains(command, " stop ") {
		b.active = false
		if w.stops {
			w.state = "STOPPED"
		}
		return "", 0
	}
	if b.breaks {
		return "Job for dataiku.service failed", 1
	}
	b.active, w.state = true, w.starts
	return "", 0
}

// owner is the account that owns a data directory.
func owner(t *testing.T, dir string) int {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: &handClock{now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}, state: "RUNNING", stops: true, starts: "RUNNING", ready: true, api: map[string]func() string{
		"GET /projects/": func() string { return "[]" }, "GET /futures/": func() string { return "[]" }, "GET /admin/notebooks/": func() string { return "[]" },
	}}
	dir := filepath.Join(t.TempDir(), "dss")
	for name, text := range map[string]string{
		"install.ini":                   "[general]\nnodetype = design\n[server]\nport = 1\n",
		"dss-version.json":              `{"product_version":"14.4.1"}`,
		"instance-id.txt":               "id\n",
		"bin/dss":                       "#!/bin/sh\nexit 1\n",
		"bin/env-default.sh":            "export DKUINSTALLDIR=/opt/kit\n",
		"bin/env-site.sh":               "# mine\n",
		"config/general-settings.json":  "{}",
		"config/projects/A/params.json": `{"a": 1}`,
		"databases/jobs.mv.db":          strings.Repeat("H2", 4096),
		"managed_datasets/big":          "not protected",
	} {
		put(t, filepath.Join(dir, name), text, 0o644)
	}
	uid := os.Getuid()
	if uid == 0 {
		uid = nobody
		err := filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(p, uid, uid)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	w.inst, err = dss.Open(dir, dss.Options{Runner: w, HTTP: &http.Client{Transport: w}, Clock: w.clock, UID: func() int { return uid }, UnitDirs: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func put(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func (w *world) setState(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = s
}

func (w *world) Run(ctx context.Context, c proc.Cmd) (proc.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	command := strings.Join(append([]string{filepath.Base(c.Path)}, c.Args...), " ")
	exit, out := 0, ""
	switch command {
	case "dss status":
		out = "backend " + w.state + "\n"
	case "dss stop":
		if exit = w.exit; w.stops {
			w.state = "STOPPED"
		}
	case "dss start":
		w.state = w.starts
	default:
		exit, out = 99, "unexpected: "+command
		if w.boot != nil {
			if strings.HasPrefix(command, "pkcheck ") {
				command = "pkcheck"
			}
			out, exit = w.answer(command)
		}
	}
	if command != "dss status" && command != "pkcheck" && !strings.Contains(command, " show ") && !strings.Contains(command, " -l ") {
		w.calls = append(w.calls, command)
	}
	if ctx.Err() != nil {
		return proc.Result{ExitCode: -1}, context.Cause(ctx)
	}
	result := proc.Result{ExitCode: exit, Stdout: []byte(out)}
	if exit != 0 {
		return result, &proc.ExitError{Cmd: command, ExitCode: exit, Stdout: out}
	}
	return result, nil
}

// RoundTrip is the web server of a DSS that is not stopped.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	down := strings.HasPrefix(w.state, "STOPPED")
	w.mu.Unlock()
	if down {
		return nil, syscall.ECONNREFUSED
	}
	answer := httptest.NewRecorder()
	w.serve(answer, r)
	return answer.Result(), nil
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.URL.Path == "/dip/api/get-configuration" {
		if !w.ready {
			http.Error(rw, "bad gateway", http.StatusBadGateway)
			return
		}
		fmt.Fprint(rw, "{}")
		return
	}
	if user, _, _ := r.BasicAuth(); user != theKey {
		rw.WriteHeader(401)
		return
	}
	route := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/public/api")
	answer := w.api[route]
	if answer == nil {
		rw.WriteHeader(404)
		return
	}
	if r.Method != http.MethodGet {
		w.calls = append(w.calls, route)
	}
	fmt.Fprint(rw, answer())
}

const theKey = "dkuaps-TheAdminKey"

// memory is a Receipt in memory.
type memory struct{ raw []byte }

func (m *memory) Save(v any) (err error) {
	m.raw, err = json.Marshal(v)
	return err
}

func (m *memory) Load(v any) (bool, error) {
	if m.raw == nil {
		return false, nil
	}
	return true, json.Unmarshal(m.raw, v)
}

type record struct {
	kept     []string
	notices  []string
	progress []event.Progress
	mu       sync.Mutex
}

// call makes the call of an action with these arguments.
func (w *world) call(kind plan.Kind, args any) (*providers.Call, *record) {
	rec := &record{}
	return &providers.Call{
		Run: "20261120-120000-a", Action: plan.Action{ID: "design/2", Kind: kind, Args: encode(args)},
		Address: "instance.design", Instance: w.inst, Clock: w.clock, Redactor: &secret.Redactor{},
		Secrets: secret.Values{"instance.design.api_key": theKey},
		Receipt: &memory{},
		Progress: func(p event.Progress) {
			rec.mu.Lock()
			rec.progress = append(rec.progress, p)
			rec.mu.Unlock()
		},
		Notice: func(s string) { rec.notices = append(rec.notices, s) },
		Kept:   func(s string) { rec.kept = append(rec.kept, s) },
		Record: func(string, any) error { return nil },
	}, rec
}

func withKey(change func(*args)) args {
	key := secret.Ref("instance.design.api_key")
	a := args{OnRunning: onRunningFail, WaitTimeout: "30m", StopTimeout: "10m", StartTimeout: "15m", APIKey: &key}
	if change != nil {
		change(&a)
	}
	return a
}

type handClock struct {
	mu    sync.Mutex
	now   time.Time
	slept func()
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) Sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
	if c.slept != nil {
		c.slept()
	}
	return nil
}
