package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/schedule"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

// memory is a receipt in memory.
type memory struct{ raw []byte }

func (m *memory) Save(v any) (err error) { m.raw, err = json.Marshal(v); return err }
func (m *memory) Load(v any) (bool, error) {
	if m.raw == nil {
		return false, nil
	}
	return true, json.Unmarshal(m.raw, v)
}

// scheduleWorld is an account with a crontab and an estate that can be read.
type scheduleWorld struct {
	t     *testing.T
	dir   string
	table string // the crontab
	entry entry
	inst  *dss.Instance
}

func newScheduleWorld(t *testing.T) *scheduleWorld {
	t.Helper()
	dir := t.TempDir()
	w := &scheduleWorld{t: t, dir: dir, table: filepath.Join(dir, "crontab-of-the-account")}
	w.program("crontab", fmt.Sprintf(`case $1 in
-l) [ -e %[1]s ] || { echo "no crontab for nobody" >&2; exit 1; }; cat %[1]s ;;
-r) rm %[1]s ;;
*) cp "$1" %[1]s ;;
esac
`, w.table))
	w.program("dssctl", "exit 0\n")
	t.Setenv("PATH", filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	w.entry = entry{Scheduler: "cron", Entry: schedule.Entry{
		ID: "nightly", Expr: "0 3 * * *", Dir: dir, Command: []string{filepath.Join(dir, "bin", "dssctl"), "backup", "run", "instance.design.nightly"},
	}}
	var err error
	w.inst, err = dss.Open(filepath.Join(dir, "design"), dss.Options{Bare: true, UID: func() int { return 1 }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// program puts a script on the PATH.
func (w *scheduleWorld) program(name, script string) {
	w.t.Helper()
	path := filepath.Join(w.dir, "bin", name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755), os.Chmod(path, 0o755)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *scheduleWorld) call(unschedule bool) *providers.Call {
	a := args{}
	a.Schedule, a.Unschedule = &w.entry, unschedule
	return &providers.Call{
		Action: plan.Action{Kind: KindSchedule, Args: encode(a)}, Instance: w.inst, Clock: clock.System{}, Receipt: &memory{},
	}
}

// A schedule that cannot run is found by the plan, with the reason; what is done
// is refused as well, and leaves nothing to undo.
func TestScheduleThatCannotRun(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(w *scheduleWorld)
		want  string
	}{
		"fine":             {func(*scheduleWorld) {}, ""},
		"no home":          {func(w *scheduleWorld) { w.t.Setenv("HOME", "") }, ""},
		"unreadable files": {func(w *scheduleWorld) { w.program("dssctl", "echo 'no value for pg_password' >&2; exit 1\n") }, "no value for pg_password"},
		"no program":       {func(w *scheduleWorld) { os.Remove(filepath.Join(w.dir, "bin", "dssctl")) }, "which is no program"},
		"quote in a key": {func(w *scheduleWorld) {
			w.entry.Entry.Command = append(w.entry.Entry.Command, `instance.design["it\"s"].nightly`)
		}, `holds a \`},
		"not allowed": {func(w *scheduleWorld) {
			w.program("crontab", "echo 'You (x) are not allowed to use this program (crontab)' >&2; exit 1\n")
		}, "/etc/cron.allow"},
		"no crontab": {func(w *scheduleWorld) {
			w.t.Setenv("PATH", w.dir)
		}, "no program crontab"},
		"no systemd": {func(w *scheduleWorld) {
			w.entry.Scheduler = "systemd"
			w.program("systemctl", "echo offline; exit 1\n")
		}, "use cron instead"},
		"no lingering": {func(w *scheduleWorld) {
			w.entry.Scheduler = "systemd"
			w.program("systemctl", "echo running\n")
			w.program("loginctl", "echo Linger=no\n")
		}, "loginctl enable-linger "},
	} {
		t.Run(name, func(t *testing.T) {
			w := newScheduleWorld(t)
			c.spoil(w)
			call := w.call(false)
			found, err := scheduler{}.Preflight(t.Context(), call)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if len(found) > 0 {
					t.Fatalf("found %v", found)
				}
				if err := (scheduler{}).Do(t.Context(), call); err != nil {
					t.Error(err)
				}
				if raw, err := os.ReadFile(w.table); err != nil || !strings.Contains(string(raw), "0 3 * * *") {
					t.Errorf("the crontab: %s, %v", raw, err)
				}
				return
			}
			if len(found) != 1 || found[0].Severity != preflight.Error || !strings.Contains(found[0].Found, c.want) || found[0].Remedy == "" {
				t.Errorf("found %+v, expected %q", found, c.want)
			}
			if err := (scheduler{}).Do(t.Context(), call); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it was done: %v", err)
			}
			if err := (scheduler{}).Undo(t.Context(), call); err != nil {
				t.Errorf("there is nothing to undo: %v", err)
			}
		})
	}
}

// Where the estate cannot be read any more, an entry can still be removed.
func TestUnscheduleAsksForLess(t *testing.T) {
	w := newScheduleWorld(t)
	if err := (scheduler{}).Do(t.Context(), w.call(false)); err != nil {
		t.Fatal(err)
	}
	w.program("dssctl", "exit 1\n")
	call := w.call(true)
	if found, err := (scheduler{}).Preflight(t.Context(), call); err != nil || len(found) > 0 {
		t.Errorf("found %v, %v", found, err)
	}
	if err := (scheduler{}).Do(t.Context(), call); err != nil {
		t.Error(err)
	}
	if raw, err := os.ReadFile(w.table); err == nil && strings.Contains(string(raw), "nightly") {
		t.Errorf("the entry is still there: %s", raw)
	}
}

// The files of the account's own systemd are looked at, too.
func TestScheduleUnitsThatCannotBeWritten(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	w := newScheduleWorld(t)
	w.entry.Scheduler = "systemd"
	w.program("systemctl", "echo running\n")
	w.program("loginctl", "echo Linger=yes\n")
	home := filepath.Join(w.dir, "home")
	units := filepath.Join(home, ".config", "systemd", "user")
	if err := os.MkdirAll(units, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	if found, err := (scheduler{}).Preflight(t.Context(), w.call(false)); err != nil || len(found) > 0 {
		t.Errorf("found %v, %v", found, err)
	}
	if err := os.Chmod(units, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(units, 0o755) //nolint:errcheck // for the clean-up
	found, err := scheduler{}.Preflight(t.Context(), w.call(false))
	if err != nil || len(found) == 0 || !strings.Contains(found[0].String(), units) {
		t.Errorf("found %v, %v", found, err)
	}
}
