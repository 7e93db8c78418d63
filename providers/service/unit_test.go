package service

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// withUnit gives the instance a boot unit. What systemctl and sudo answer is in
// w.boot.
func (w *world) withUnit(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "dataiku.service"), "[Service]\nExecStart="+w.inst.DataDir+"/bin/dss start\n", 0o644)
	if err := os.Chmod(w.inst.Path("bin", "dss"), 0o755); err != nil {
		t.Fatal(err)
	}
	inst, err := dss.Open(w.inst.DataDir, dss.Options{Runner: w, HTTP: &http.Client{Transport: w}, Clock: w.clock, UID: func() int { return owner(t, w.inst.DataDir) }, UnitDirs: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	w.inst = inst
	w.boot = &boot{load: "loaded"}
}

// window makes the calls of a window's stop and start.
func (w *world) window(a args) (stop, start *providers.Call, rec *record) {
	stop, rec = w.call(KindStop, a)
	start, _ = w.call(KindStart, a)
	start.Notice = stop.Notice
	beside := func(p plan.Phase) providers.Receipt {
		switch p {
		case plan.Stop:
			return stop.Receipt
		case plan.Start:
			return start.Receipt
		}
		return &memory{}
	}
	stop.Beside, start.Beside = beside, beside
	return stop, start, rec
}

// What stopped DSS starts it, in the window and in its undo.
func TestTheStartUsesWhatTheStopUsed(t *testing.T) {
	const (
		askedStop  = "systemctl --no-ask-password stop dataiku.service"
		askedStart = "systemctl --no-ask-password start dataiku.service"
	)
	refused := []string{askedStart, "sudo -n systemctl start dataiku.service", "sudo -n systemctl start dataiku"}
	for name, tc := range map[string]struct {
		active, may bool
		// then changes the machine between the stop and what follows.
		then   func(b *boot)
		undo   bool // instead of the start
		calls  []string
		notice string
	}{
		"in the unit":                     {active: true, may: true, calls: []string{askedStop, askedStart}},
		"in the unit, undone":             {active: true, may: true, undo: true, calls: []string{askedStop, askedStart}},
		"by hand":                         {calls: []string{"dss stop", "dss start"}},
		"by hand, may start the unit":     {may: true, calls: []string{"dss stop", "dss start"}},
		"by hand, undone":                 {undo: true, calls: []string{"dss stop", "dss start"}},
		"rights taken meanwhile":          {active: true, may: true, then: func(b *boot) { b.may = false }, calls: append([]string{askedStop}, append(refused, "dss start")...), notice: "started by its own script; the unit dataiku.service shows inactive"},
		"rights taken meanwhile, undone":  {active: true, may: true, undo: true, then: func(b *boot) { b.may = false }, calls: append([]string{askedStop}, append(refused, "dss start")...), notice: "started by its own script; the unit dataiku.service shows inactive"},
		"the unit is gone meanwhile":      {active: true, may: true, then: func(b *boot) { b.load = "not-found" }, calls: []string{askedStop, "dss start"}, notice: "systemd knows no such unit"},
		"the unit fails to start, undone": {active: true, may: true, undo: true, then: func(b *boot) { b.breaks = true }, calls: []string{askedStop, askedStart, "dss start"}, notice: "started by its own script"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.withUnit(t)
			w.boot.active, w.boot.may = tc.active, tc.may
			stop, start, rec := w.window(args{})
			if err := (stopper{}).Do(t.Context(), stop); err != nil {
				t.Fatal(err)
			}
			if tc.then != nil {
				tc.then(w.boot)
			}
			var err error
			if tc.undo {
				err = stopper{}.Undo(t.Context(), stop)
			} else {
				err = starter{}.Do(t.Context(), start)
			}
			if err != nil || w.state != "RUNNING" {
				t.Errorf("%s, %v", w.state, err)
			}
			if diff := cmp.Diff(tc.calls, w.calls); diff != "" {
				t.Error(diff)
			}
			if said := strings.Join(rec.notices, "\n"); !strings.Contains(said, tc.notice) || tc.notice == "" && said != "" {
				t.Errorf("notices %q", said)
			}
		})
	}
}

// Between a run and its rollback DSS has moved into its unit: what the rollback
// stops, it starts, and not what the run once stopped.
func TestRollbackStartsWhatItStopped(t *testing.T) {
	w := newWorld(t)
	w.withUnit(t)
	w.boot.may = true
	stop, start, rec := w.window(args{})
	for _, err := range []error{stopper{}.Do(t.Context(), stop), starter{}.Do(t.Context(), start)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w.boot.active, w.calls = true, nil
	for _, err := range []error{starter{}.Undo(t.Context(), start), stopper{}.Undo(t.Context(), stop)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"systemctl --no-ask-password stop dataiku.service", "systemctl --no-ask-password start dataiku.service"}
	if diff := cmp.Diff(want, w.calls); diff != "" || len(rec.notices) > 0 || !w.boot.active {
		t.Errorf("%s, notices %q", diff, rec.notices)
	}
}

// A stop that was killed half-way finds its unit inactive: the unit is what has to
// be started all the same.
func TestHalfStoppedUnitIsStarted(t *testing.T) {
	w := newWorld(t)
	w.withUnit(t)
	w.boot.active, w.boot.may = true, true
	stop, start, _ := w.window(args{})
	w.stops = false // systemctl ends, DSS does not
	stop.Action.Args = encode(args{StopTimeout: "1s"})
	if err := (stopper{}).Do(t.Context(), stop); err == nil {
		t.Fatal("it stopped")
	}
	w.stops, w.calls = true, nil
	for _, err := range []error{stopper{}.Do(t.Context(), stop), starter{}.Do(t.Context(), start)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"dss stop", "systemctl --no-ask-password start dataiku.service"}, w.calls); diff != "" {
		t.Error(diff)
	}
}

// A stop that systemd refuses ends at once, with DSS up.
func TestRefusedStopEndsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.withUnit(t)
	w.boot.active = true
	stop, _, _ := w.window(args{})
	began := w.clock.Now()
	err := stopper{}.Do(t.Context(), stop)
	if err == nil || !strings.Contains(err.Error(), "the account may not") || w.clock.Now() != began {
		t.Errorf("after %s: %v", w.clock.Now().Sub(began), err)
	}
	if err := (stopper{}).Undo(t.Context(), stop); err != nil || w.state != "RUNNING" {
		t.Errorf("%s, %v", w.state, err)
	}
}

// What nothing brings up again ends with the command that a person types.
func TestUndoOfAStopEndsWithTheCommand(t *testing.T) {
	w := newWorld(t)
	w.withUnit(t)
	w.boot.active, w.boot.may = true, true
	stop, _, _ := w.window(args{StartTimeout: "2s"})
	if err := (stopper{}).Do(t.Context(), stop); err != nil {
		t.Fatal(err)
	}
	w.boot.breaks, w.starts, w.calls = true, "STOPPED", nil
	err := stopper{}.Undo(t.Context(), stop)
	if err == nil || !strings.HasSuffix(err.Error(), "To start DSS by hand, as the account "+w.inst.Account()+": sudo systemctl start dataiku.service") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"systemctl --no-ask-password start dataiku.service", "dss start"}, w.calls); diff != "" {
		t.Error(diff)
	}
}

// The look ahead is of the stop, or of a start without one.
func TestPreflightOfTheService(t *testing.T) {
	window := &plan.Instance{Stages: []plan.Stage{{Actions: []plan.Action{{Phase: plan.Stop}, {Phase: plan.Start}}}}}
	alone := &plan.Instance{Stages: []plan.Stage{{Actions: []plan.Action{{Phase: plan.Stop}}}}}
	for name, tc := range map[string]struct {
		declared, state string
		plan            *plan.Instance
		start           bool
		active, may     bool
		want            string
	}{
		"well":                         {state: "RUNNING", plan: window, active: true, may: true},
		"by hand":                      {state: "RUNNING", plan: window, may: true, want: "outside of its boot unit"},
		"by hand, asked of the start":  {state: "RUNNING", plan: window, may: true, start: true},
		"a start without a stop":       {state: "STOPPED", plan: &plan.Instance{}, start: true, want: "may start the boot unit"},
		"stopped, and stays so":        {state: "STOPPED", plan: alone},
		"stopped, and is started":      {state: "STOPPED", plan: window, want: "may start the boot unit"},
		"declared wrongly, stays down": {declared: "dataiku.nope", state: "STOPPED", plan: alone, want: "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.kit(t, "14.4.1")
			w.withUnit(t)
			w.state, w.boot.active, w.boot.may = tc.state, tc.active, tc.may
			c, _ := w.call(KindStop, args{Unit: tc.declared})
			c.Planned = tc.plan
			look := stopper{}.Preflight
			if tc.start {
				look = starter{}.Preflight
			}
			found, err := look(t.Context(), c)
			if err != nil || len(found) > 1 || len(found) == 1 != (tc.want != "") || tc.want != "" && !strings.Contains(found[0].What, tc.want) {
				t.Errorf("found %v, %v", found, err)
			}
			if len(w.calls) > 0 {
				t.Errorf("it did %q", w.calls)
			}
		})
	}
}

// A rollback that would stop DSS and could not start it is refused, and one that
// only has to start it is not.
func TestCheckUndoOfAStop(t *testing.T) {
	w := newWorld(t)
	w.withUnit(t)
	w.boot.active, w.boot.may = true, true
	stop, start, _ := w.window(args{})
	for _, err := range []error{stopper{}.Do(t.Context(), stop), starter{}.Do(t.Context(), start)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := (stopper{}).CheckUndo(t.Context(), stop); err != nil {
		t.Errorf("refused: %v", err)
	}
	w.boot.active, w.boot.load = false, "masked"
	if err := os.Chmod(w.inst.Path("bin", "dss"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (stopper{}).CheckUndo(t.Context(), stop); err == nil || !strings.Contains(err.Error(), "bin/dss cannot be run") {
		t.Errorf("got %v", err)
	}
	w.state = "STOPPED"
	if err := (stopper{}).CheckUndo(t.Context(), stop); err != nil {
		t.Errorf("down, and refused: %v", err)
	}
}
