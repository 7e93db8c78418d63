package executor_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/state"
)

// world is what the fake performers act on: it outlives a crash.
type world struct {
	t       *testing.T
	dir     string
	dataDir string
	running bool
	on      map[string]bool // by action id
	log     []string
	// fail makes Do of an action fail; failUndo its Undo. after is how far Do
	// gets: false before the act, true behind it.
	fail, failUndo map[string]error
	after          bool
	// hook is called at every step of a performer, "do ID", "undo ID".
	hook func(step string)
	stop chan struct{}
}

// crash is what a killed dssctl is played by: nothing but deferred releases of
// locks runs, as the kernel would do it.
type crash struct{}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := quickDir(t)
	w := &world{
		t: t, dir: dir, dataDir: filepath.Join(dir, "design"), running: true,
		on: map[string]bool{}, fail: map[string]error{}, failUndo: map[string]error{}, stop: make(chan struct{}),
	}
	files := map[string]string{
		"install.ini":                  "[general]\nnodetype = design\ninstallid = abc\n\n[server]\nport = 11200\n",
		"dss-version.json":             `{"product_version":"14.4.1"}`,
		"bin/dss":                      "#!/bin/sh\nexit 0\n",
		"config/general-settings.json": `{"a": 1, "b": {"c": 2}}`,
	}
	for name, content := range files {
		path := filepath.Join(w.dataDir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 {
		if err := os.Chown(w.dataDir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// quickDir is a folder in memory where there is one: thousands of crashes sync
// thousands of records.
func quickDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "dssctl-executor-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// performer acts on the world by the action's id.
type performer struct {
	w     *world
	stops bool // service.stop; otherwise, with starts, service.start
	start bool
}

func (p performer) step(name string, c *providers.Call) {
	p.w.log = append(p.w.log, name+" "+c.Action.ID)
	if p.w.hook != nil {
		p.w.hook(name + " " + c.Action.ID)
	}
}

func (p performer) Done(_ context.Context, c *providers.Call) (bool, error) {
	switch {
	case p.stops:
		return !p.w.running, nil
	case p.start:
		return p.w.running, nil
	}
	return p.w.on[c.Action.ID], nil
}

func (p performer) Do(ctx context.Context, c *providers.Call) error {
	id := c.Action.ID
	p.step("do", c)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	err := p.w.fail[id]
	if err != nil && !p.w.after {
		return err
	}
	switch {
	case p.stops:
		var was bool
		if found, lerr := c.Receipt.Load(&was); lerr != nil || !found {
			if serr := c.Receipt.Save(p.w.running); serr != nil {
				return errors.Join(lerr, serr)
			}
		}
		p.w.running = false
	case p.start:
		p.w.running = true
	default:
		if c.Action.Phase == plan.Doing && p.w.running {
			p.w.t.Errorf("%s is done while DSS runs", id)
		}
		p.w.on[id] = true
		if rerr := c.Record("settings", id); rerr != nil {
			return rerr
		}
	}
	p.step("did", c)
	return err
}

func (p performer) Verify(_ context.Context, c *providers.Call) error {
	if p.stops || p.start || p.w.on[c.Action.ID] {
		return nil
	}
	return errors.New("not so")
}

func (p performer) Undo(_ context.Context, c *providers.Call) error {
	p.step("undo", c)
	if err := p.w.failUndo[c.Action.ID]; err != nil {
		return err
	}
	switch {
	case p.stops:
		var was bool
		if found, err := c.Receipt.Load(&was); err != nil || !found {
			return err
		}
		p.w.running = was
	case p.start:
		p.w.running = false
	default:
		if c.Action.Phase == plan.Doing && p.w.running {
			p.w.t.Errorf("%s is undone while DSS runs", c.Action.ID)
		}
		delete(p.w.on, c.Action.ID)
	}
	p.step("undid", c)
	return nil
}

// journalHook wraps a store so that each record passes hook before and after it
// is written.
type journalHook struct {
	state.Store
	hook func(before bool, r state.Record)
}

func (s journalHook) CreateRun(ctx context.Context, r state.Run, p []byte) (state.Journal, error) {
	j, err := s.Store.CreateRun(ctx, r, p)
	return hookedJournal{j, s.hook}, err
}

func (s journalHook) OpenRun(ctx context.Context, id string) (state.Journal, error) {
	j, err := s.Store.OpenRun(ctx, id)
	return hookedJournal{j, s.hook}, err
}

type hookedJournal struct {
	state.Journal
	hook func(before bool, r state.Record)
}

func (j hookedJournal) Append(ctx context.Context, r state.Record) error {
	j.hook(true, r)
	err := j.Journal.Append(ctx, r)
	j.hook(false, r)
	return err
}

// executor returns one on the world, its journal passing hook.
func (w *world) executor(hook func(before bool, r state.Record)) *executor.Executor {
	w.t.Helper()
	store, err := state.OpenLocal(w.dir, state.LocalOptions{Clock: clock.System{}})
	if err != nil {
		w.t.Fatal(err)
	}
	e := &executor.Executor{
		Store: store, Clock: clock.System{}, Secrets: secret.Values{}, Redactor: &secret.Redactor{},
		Runner: proc.New(proc.Options{}), Stop: w.stop,
		Events: func(event.Event) {},
		Performers: map[plan.Kind]providers.Performer{
			"fake.change":   performer{w: w},
			"service.stop":  performer{w: w, stops: true},
			"service.start": performer{w: w, start: true},
		},
		Open: func(in *plan.Instance, r proc.Runner) (*dss.Instance, error) {
			return dss.Open(in.DataDir, dss.Options{Runner: r, Clock: clock.System{}, UID: func() int { return owner(w.t, in.DataDir) }})
		},
	}
	if hook != nil {
		e.Store = journalHook{store, hook}
	}
	return e
}

// plan makes a plan of two windows with proofs and online work behind.
func (w *world) plan() (*plan.Plan, []byte) {
	w.t.Helper()
	e := w.executor(nil)
	meta, err := e.Store.Meta(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	act := func(kind plan.Kind, phase plan.Phase) plan.Action {
		n++
		a := plan.Action{ID: "design/" + strconv.Itoa(n), Kind: kind, Title: "action " + strconv.Itoa(n), Phase: phase, Args: json.RawMessage(`{}`), Undo: plan.Undo{Possible: true}}
		if phase == plan.Stop {
			a.Danger = plan.Downtime
		}
		if phase == plan.Doing {
			probe := "config/general-settings.json#/a"
			a.Reads = []plan.Fingerprint{{Probe: probe, Subject: "the setting a", Sum: plan.Sum(meta.Key, probe, "1", true)}}
		}
		return a
	}
	const change = "fake.change"
	p := &plan.Plan{
		FormatVersion: plan.FormatVersion, Tool: "test", CreatedAt: time.Unix(0, 0).UTC(),
		Estate: plan.Estate{Lineage: meta.Lineage, Files: map[string]string{}},
		Instances: []plan.Instance{{
			Address: "instance.design", DataDir: w.dataDir,
			Changes: []plan.Change{{Block: "settings", Op: plan.Update, Before: json.RawMessage(`1`), After: json.RawMessage(`2`)}},
			Stages: []plan.Stage{
				{Kind: plan.Before, Actions: []plan.Action{act(change, plan.Prepare)}},
				{Kind: plan.Window, Number: 1, Actions: []plan.Action{act("service.stop", plan.Stop), act(change, plan.Doing), act(change, plan.Doing), act("service.start", plan.Start)}},
				{Kind: plan.After, Actions: []plan.Action{act(change, plan.Proof)}},
				{Kind: plan.Window, Number: 2, Actions: []plan.Action{act("service.stop", plan.Stop), act(change, plan.Doing), act("service.start", plan.Start)}},
				{Kind: plan.After, Actions: []plan.Action{act(change, plan.Proof), act(change, plan.Clean)}},
			},
		}},
	}
	raw, err := plan.Encode(p, meta.Key)
	if err != nil {
		w.t.Fatal(err)
	}
	return p, raw
}

// unitsOf are the ids of the plan's units, without stops and starts.
var unitsOf = [][]string{{"design/1", "design/3", "design/4", "design/6"}, {"design/8", "design/10"}, {"design/11"}}

// checkWhole says whether each unit is wholly there or wholly gone, in order,
// and DSS runs.
func (w *world) checkWhole() {
	w.t.Helper()
	if !w.running {
		w.t.Error("DSS is down")
	}
	gone := false
	for _, unit := range unitsOf {
		n := 0
		for _, id := range unit {
			if w.on[id] {
				n++
			}
		}
		if n != 0 && n != len(unit) {
			w.t.Errorf("unit %v is half done: %v", unit, w.on)
		}
		if gone && n > 0 {
			w.t.Errorf("unit %v is done although an earlier one is not: %v", unit, w.on)
		}
		gone = gone || n == 0
	}
}

// owner returns the account that the fixture belongs to. Where root runs the
// test, the fixture is somebody else's: dssctl does not work as root.
func owner(t *testing.T, path string) int {
	t.Helper()
	uid := fileOwner(t, path)
	if uid == 0 {
		t.Fatal("the fixture belongs to root")
	}
	return uid
}
