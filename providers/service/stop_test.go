package service

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

const job = `[{"def":{"id":"j1","name":"Build x"},"state":"RUNNING","startTime":1700000000000}]`

// busy has a job run in project SALES, for so many looks.
func (w *world) busy(looks int) {
	w.api["GET /projects/"] = func() string { return `[{"projectKey":"SALES"}]` }
	w.api["GET /projects/SALES/jobs/"] = func() string {
		if looks--; looks >= 0 {
			return job
		}
		return "[]"
	}
}

func TestStop(t *testing.T) {
	w := newWorld(t)
	c, rec := w.call(KindStop, withKey(nil))
	if done, err := (stopper{}).Done(t.Context(), c); done || err != nil {
		t.Fatalf("done: %v, %v", done, err)
	}
	if err := (stopper{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := (stopper{}).Verify(t.Context(), c); err != nil {
		t.Error(err)
	}
	if done, err := (stopper{}).Done(t.Context(), c); !done || err != nil {
		t.Errorf("done: %v, %v", done, err)
	}
	if len(rec.notices) > 0 {
		t.Errorf("notices %q", rec.notices)
	}
	if err := (stopper{}).Undo(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"dss stop", "dss start"}, w.calls); diff != "" {
		t.Error(diff)
	}
}

func TestStopTellsWhatIsNotSeen(t *testing.T) {
	w := newWorld(t)
	c, rec := w.call(KindStop, args{Warning: unseenWarning})
	if err := (stopper{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{unseenWarning}, rec.notices); diff != "" {
		t.Error(diff)
	}
}

func TestStopOfABusyInstance(t *testing.T) {
	for name, tc := range map[string]struct {
		mode  string
		looks int
		want  []string // in the error
		calls []string
	}{
		"fail":            {onRunningFail, 99, []string{"DSS is busy", `job "Build x" of project SALES since 2023-11-14`, "on_running"}, nil},
		"unknown mode":    {"whatever", 99, []string{"DSS is busy"}, nil},
		"wait":            {onRunningWait, 3, nil, []string{"dss stop"}},
		"wait in vain":    {onRunningWait, 1 << 30, []string{"still after 30m", "SALES"}, nil},
		"abort":           {onRunningAbort, 2, nil, []string{"POST /projects/SALES/jobs/j1/abort", "POST /projects/SALES/jobs/j1/abort", "dss stop"}},
		"nothing running": {onRunningFail, 0, nil, []string{"dss stop"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.busy(tc.looks)
			w.api["POST /projects/SALES/jobs/j1/abort"] = func() string { return "{}" }
			c, _ := w.call(KindStop, withKey(func(a *args) { a.OnRunning = tc.mode }))
			err := (stopper{}).Do(t.Context(), c)
			if (err != nil) != (tc.want != nil) {
				t.Fatalf("got %v", err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
			if diff := cmp.Diff(tc.calls, w.calls); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Notebooks cannot be aborted by a call: the stop ends them.
func TestAbortLeavesNotebooksToTheStop(t *testing.T) {
	w := newWorld(t)
	w.api["GET /admin/notebooks/"] = func() string { return `[{"projectKey":"A","name":"n"}]` }
	c, _ := w.call(KindStop, withKey(func(a *args) { a.OnRunning = onRunningAbort }))
	if err := (stopper{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func TestStopThatCannotAsk(t *testing.T) {
	for name, tc := range map[string]struct {
		mode, state string
		api         bool
		stopped     bool
	}{
		"fail":     {onRunningFail, "RUNNING", false, false},
		"wait":     {onRunningWait, "RUNNING", false, false},
		"abort":    {onRunningAbort, "RUNNING", false, true},
		"starting": {onRunningFail, "STARTING", true, true},
		"failed":   {onRunningFail, "FATAL x", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.state = tc.state
			if !tc.api {
				delete(w.api, "GET /projects/")
			}
			c, rec := w.call(KindStop, withKey(func(a *args) { a.OnRunning = tc.mode }))
			err := (stopper{}).Do(t.Context(), c)
			if (err == nil) != tc.stopped {
				t.Errorf("got %v", err)
			}
			if tc.stopped && len(rec.notices) != 1 {
				t.Errorf("notices %q", rec.notices)
			}
			if err != nil && strings.Contains(err.Error(), theKey) {
				t.Errorf("the key is in %v", err)
			}
		})
	}
}

func TestStuckStop(t *testing.T) {
	w := newWorld(t)
	w.stops = false
	c, _ := w.call(KindStop, args{StopTimeout: "2m"})
	began := w.clock.Now()
	err := (stopper{}).Do(t.Context(), c)
	var stuck *dss.StuckError
	if !errors.As(err, &stuck) || !strings.Contains(err.Error(), "force_stop") {
		t.Fatalf("got %v", err)
	}
	if d := w.clock.Now().Sub(began); d < 2*time.Minute || d > 3*time.Minute {
		t.Errorf("waited %s", d)
	}
}

// The command fails and DSS is there: no use in waiting long. Its reason is told.
func TestStopCommandFails(t *testing.T) {
	w := newWorld(t)
	w.stops, w.exit = false, 5
	c, _ := w.call(KindStop, args{StopTimeout: "1h"})
	began := w.clock.Now()
	err := (stopper{}).Do(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "exit code 5") {
		t.Fatalf("got %v", err)
	}
	if d := w.clock.Now().Sub(began); d > 2*time.Minute {
		t.Errorf("waited %s", d)
	}
	// It fails and DSS has stopped: that is what counts.
	w.stops = true
	if err := (stopper{}).Do(t.Context(), c); err != nil {
		t.Error(err)
	}
}

func TestForceStop(t *testing.T) {
	for _, force := range []bool{false, true} {
		t.Run(strconv.FormatBool(force), func(t *testing.T) {
			w := newWorld(t)
			pid := startProcess(t, w.inst, "DIP_HOME="+w.inst.DataDir)
			bystander := startProcess(t, w.inst, "DIP_HOME="+w.inst.DataDir+"2")
			c, rec := w.call(KindStop, args{ForceStop: force, StopTimeout: "1m"})
			err := (stopper{}).Do(t.Context(), c)
			if (err == nil) != force {
				t.Fatalf("got %v", err)
			}
			if !force && !strings.Contains(err.Error(), strconv.Itoa(pid)) {
				t.Errorf("the process is not named: %v", err)
			}
			if force && !strings.Contains(strings.Join(rec.notices, "\n"), strconv.Itoa(pid)) {
				t.Errorf("notices %q", rec.notices)
			}
			if syscall.Kill(bystander, 0) != nil {
				t.Error("a sibling's process was ended")
			}
		})
	}
}

// startProcess starts a process of the instance's account.
func startProcess(t *testing.T, in *dss.Instance, env string) int {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", "echo up; read x")
	cmd.Dir, cmd.Env = "/", []string{env, "PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		<-ended
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	go func() { defer close(ended); _ = cmd.Wait() }()
	return cmd.Process.Pid
}

func TestUndoStop(t *testing.T) {
	for found, tc := range map[string]struct {
		calls   []string
		notices int
	}{
		"RUNNING":  {[]string{"dss stop", "dss start"}, 0},
		"STARTING": {[]string{"dss stop", "dss start"}, 0},
		"FATAL":    {[]string{"dss stop", "dss start"}, 0},
		"STOPPED":  {nil, 0},
	} {
		t.Run(found, func(t *testing.T) {
			w := newWorld(t)
			w.state = found
			c, _ := w.call(KindStop, args{})
			done, err := (stopper{}).Done(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if !done {
				if err := (stopper{}).Do(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if err := (stopper{}).Undo(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tc.calls, w.calls); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Killed between the stop and its end: the second Do finds DSS stopped, and
// must not forget that it was running.
func TestStopRemembersAcrossACrash(t *testing.T) {
	w := newWorld(t)
	c, _ := w.call(KindStop, args{})
	for range 2 {
		if err := (stopper{}).Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if err := (stopper{}).Undo(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if w.state != "RUNNING" {
		t.Errorf("DSS is %s", w.state)
	}
}

// DSS that did not work before need not work after the undo.
func TestUndoStopOfAFailedInstance(t *testing.T) {
	w := newWorld(t)
	w.state, w.starts = "FATAL", "FATAL"
	c, rec := w.call(KindStop, args{})
	if err := (stopper{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := (stopper{}).Undo(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if len(rec.notices) != 1 || !strings.Contains(rec.notices[0], "found failed") {
		t.Errorf("notices %q", rec.notices)
	}
}

func TestStart(t *testing.T) {
	w := newWorld(t)
	w.state = "STOPPED"
	c, _ := w.call(KindStart, args{})
	if done, err := (starter{}).Done(t.Context(), c); done || err != nil {
		t.Errorf("done: %v, %v", done, err)
	}
	if err := (starter{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := (starter{}).Verify(t.Context(), c); err != nil {
		t.Error(err)
	}
	if done, err := (starter{}).Done(t.Context(), c); !done || err != nil {
		t.Errorf("done: %v, %v", done, err)
	}
	if err := (starter{}).Undo(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"dss start", "dss stop"}, w.calls); diff != "" {
		t.Error(diff)
	}
}

func TestStartThatFails(t *testing.T) {
	for name, tc := range map[string]struct {
		starts string
		ready  bool
		want   []string
	}{
		"fatal":     {"FATAL Exited too quickly", true, []string{"DSS failed right away", "backend (FATAL)", "last words", "get-configuration"}},
		"not ready": {"RUNNING", false, []string{"the time was up", "502", "last words"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			put(t, w.inst.Path("run/backend.log"), "first\nlast words\n", 0o600)
			w.state, w.starts, w.ready = "STOPPED", tc.starts, tc.ready
			w.busy(99)
			c, _ := w.call(KindStart, withKey(func(a *args) { a.StartTimeout = "3m" }))
			err := (starter{}).Do(t.Context(), c)
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
			// It was never ready: nobody can have begun to work, nobody is asked.
			if err := (starter{}).Undo(t.Context(), c); err != nil {
				t.Errorf("undo: %v", err)
			}
			if w.state != "STOPPED" {
				t.Errorf("DSS is %s", w.state)
			}
		})
	}
}

// Once DSS was ready, undoing the start must not cut off what runs by now.
func TestUndoStartAsksWhatRuns(t *testing.T) {
	w := newWorld(t)
	w.state = "STOPPED"
	c, _ := w.call(KindStart, withKey(nil))
	if err := (starter{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	w.busy(1)
	var busy *BusyError
	if err := (starter{}).Undo(t.Context(), c); !errors.As(err, &busy) || w.state != "RUNNING" {
		t.Errorf("got %v, DSS is %s", err, w.state)
	}
	if err := (starter{}).Undo(t.Context(), c); err != nil || w.state != "STOPPED" {
		t.Errorf("got %v, DSS is %s", err, w.state)
	}
}

// A start on the ruins of another: what is left is cleared away first.
func TestStartAfterAFailedOne(t *testing.T) {
	w := newWorld(t)
	w.state = "FATAL"
	c, _ := w.call(KindStart, args{})
	if err := (starter{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"dss stop", "dss start"}, w.calls); diff != "" {
		t.Error(diff)
	}
}

func TestStartPrunes(t *testing.T) {
	w := newWorld(t)
	w.state = "STOPPED"
	root := safetyRoot(w.inst.Companion())
	for _, run := range []string{"20261001-a", "20261002-a", "20261003-a", "20261004-a", partPrefix + "20260901-a"} {
		put(t, filepath.Join(root, run, "design-2", manifestName), "{}", 0o600)
	}
	c, _ := w.call(KindStart, args{})
	if err := (starter{}).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"20261002-a", "20261003-a", "20261004-a"}, list(t, root)); diff != "" {
		t.Error(diff)
	}
	// The current run is kept, however old its name.
	if err := pruneSafety(w.inst.Companion(), map[string]bool{"20261002-a": true}); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(root, "20261005-a", "x"), "", 0o600)
	if err := pruneSafety(w.inst.Companion(), map[string]bool{"20261002-a": true}); err != nil {
		t.Fatal(err)
	}
	if got := list(t, root); len(got) != 4 {
		t.Errorf("got %v", got)
	}
	if err := pruneSafety(filepath.Join(root, "absent"), nil); err != nil {
		t.Error(err)
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestBadArguments(t *testing.T) {
	w := newWorld(t)
	for kind, p := range New().Performers() {
		c := &providers.Call{Action: plan.Action{ID: "design/1", Kind: kind, Args: []byte("[")}, Run: "r", Instance: w.inst}
		if err := p.Do(t.Context(), c); err == nil || !strings.Contains(err.Error(), string(kind)) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
