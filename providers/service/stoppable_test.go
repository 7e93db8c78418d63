package service

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/preflight"
)

// kit makes the kit that the instance is attached to.
func (w *world) kit(t *testing.T, version string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kit")
	put(t, filepath.Join(dir, "installer.sh"), "#!/bin/sh\n", 0o755)
	put(t, filepath.Join(dir, "dss-version.json"), `{"product_version":"`+version+`"}`, 0o644)
	put(t, w.inst.Path("bin/env-default.sh"), "export DKUINSTALLDIR="+dir+"\n", 0o644)
	put(t, w.inst.Path("bin/dss"), "#!/bin/sh\nexit 1\n", 0o755)
	return dir
}

func headlines(all []preflight.Finding) string {
	var out []string
	for _, f := range all {
		out = append(out, fmt.Sprintf("%s%s", f.Severity, f.What))
	}
	return strings.Join(out, "; ")
}

func TestPreflightOfAWindow(t *testing.T) {
	attach := &plan.Instance{Stages: []plan.Stage{{Actions: []plan.Action{{Kind: "release.install"}}}}}
	for name, tc := range map[string]struct {
		set         func(t *testing.T, w *world, kit string)
		planned     *plan.Instance
		stop, start string
	}{
		"all well": {set: func(*testing.T, *world, string) {}},
		"kit gone": {
			set:  func(t *testing.T, _ *world, kit string) { remove(t, kit) },
			stop: "The kit is gone", start: "The kit is gone",
		},
		"kit gone, another is attached": {
			set:     func(t *testing.T, _ *world, kit string) { remove(t, kit) },
			planned: attach,
		},
		"kit gone with the commands, another is attached": {
			set: func(t *testing.T, w *world, kit string) {
				remove(t, w.inst.Path("bin/dss"))
				if err := os.Symlink(filepath.Join(kit, "scripts/dss"), w.inst.Path("bin/dss")); err != nil {
					t.Fatal(err)
				}
				remove(t, kit)
			},
			planned: attach, stop: "Whether DSS runs cannot be told; bin/dss cannot be run; DSS's own script cannot be run",
			start: "DSS's own script cannot be run",
		},
		"another version": {
			set: func(t *testing.T, _ *world, kit string) {
				put(t, filepath.Join(kit, "dss-version.json"), `{"product_version":"14.5.0"}`, 0o644)
			},
			stop: "The kit is of another version", start: "The kit is of another version",
		},
		"kit gone, stopped and stays so": {
			set: func(t *testing.T, w *world, kit string) {
				w.setState("STOPPED")
				remove(t, kit)
			},
			start: "The kit is gone",
		},
		"state not known": {
			set:  func(_ *testing.T, w *world, _ string) { w.setState("UNKNOWN") },
			stop: "Whether DSS runs cannot be told",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tc.set(t, w, w.kit(t, "14.4.1"))
			c, _ := w.call(KindStop, args{})
			c.Planned = tc.planned
			found, err := (stopper{}).Preflight(t.Context(), c)
			if got := headlines(found); got != tc.stop || err != nil {
				t.Errorf("stop: %q, %v", got, err)
			}
			found, err = (starter{}).Preflight(t.Context(), c)
			if got := headlines(found); got != tc.start || err != nil {
				t.Errorf("start: %q, %v", got, err)
			}
			if len(w.calls) > 0 {
				t.Errorf("a pre-flight did %q", w.calls)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// A state that cannot be told is refused before the stop, and again where a start
// would be the second DSS on the same data.
func TestUnknownStateIsNotStopped(t *testing.T) {
	w := newWorld(t)
	w.setState("UNKNOWN")
	for _, force := range []bool{false, true} {
		c, _ := w.call(KindStop, args{ForceStop: force})
		if err := (stopper{}).Do(t.Context(), c); err == nil || !strings.Contains(err.Error(), "cannot be told") {
			t.Errorf("stop: %v", err)
		}
		if err := (stopper{}).Undo(t.Context(), c); err != nil {
			t.Errorf("undo of what was not done: %v", err)
		}
	}
	c, _ := w.call(KindStart, args{})
	if err := (starter{}).Do(t.Context(), c); err == nil || !strings.Contains(err.Error(), "cannot be told") {
		t.Errorf("start: %v", err)
	}
	if len(w.calls) > 0 {
		t.Errorf("called %q", w.calls)
	}
	// Processes that may be ended settle it.
	startProcess(t, w.inst, "DIP_HOME="+w.inst.DataDir)
	c, _ = w.call(KindStop, args{ForceStop: true, StopTimeout: "1s"})
	if err := (stopper{}).Do(t.Context(), c); err != nil {
		t.Errorf("force_stop: %v", err)
	}
}

var (
	_ providers.Preflighter = stopper{}
	_ providers.Preflighter = starter{}
)
