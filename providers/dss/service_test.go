package dss

import (
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/proc"
)

func TestWaitStopped(t *testing.T) {
	clock := newHandClock()
	states := []string{"backend RUNNING pid 1", "backend STOPPING", "backend STOPPED"}
	n := 0
	r := &runner{answer: func(string, proc.Cmd) (string, int) { n++; return states[min(n, len(states))-1], 0 }}
	in := open(t, newDataDir(t), func(o *Options) { o.Runner, o.Clock = r, clock })
	if err := in.WaitStopped(t.Context(), time.Minute); err != nil || n != 3 {
		t.Errorf("got %v after %d looks", err, n)
	}
}

func TestStuckStop(t *testing.T) {
	clock := newHandClock()
	r := &runner{answer: func(string, proc.Cmd) (string, int) { return "backend STOPPING\nnginx STOPPED\n", 0 }}
	in := open(t, newDataDir(t), func(o *Options) { o.Runner, o.Clock = r, clock })
	p := startProcess(t, in, "/", "", "DIP_HOME="+in.DataDir)
	began := clock.Now()
	err := in.WaitStopped(t.Context(), time.Minute)
	if !as[*StuckError](err) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{itoa(p.Process.Pid), "backend", "STOPPING", "1m0s"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	if d := clock.Now().Sub(began); d > 2*time.Minute {
		t.Errorf("waited %s", d)
	}
}

// The table says stopped, and a process is left: not stopped.
func TestStoppedCountsProcesses(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	if got, err := in.Stopped(t.Context()); !got || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	startProcess(t, in, "/", "", "DIP_HOME="+in.DataDir)
	if got, err := in.Stopped(t.Context()); got || err != nil {
		t.Errorf("with a process: %v, %v", got, err)
	}
}

// What could not be told is shown, or nobody would know what to look for.
func TestStuckStopShowsWhatStatusPrinted(t *testing.T) {
	r := &runner{answer: func(string, proc.Cmd) (string, int) { return "Server requires authentication\n", 2 }}
	in := open(t, newDataDir(t), func(o *Options) { o.Runner = r })
	err := in.WaitStopped(t.Context(), 0)
	if !as[*StuckError](err) || !strings.Contains(err.Error(), "Server requires authentication") || !strings.Contains(err.Error(), "by hand") {
		t.Errorf("got %v", err)
	}
}
