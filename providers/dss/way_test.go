package dss

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/systemdtest"
)

const theUnit = "dataiku.service"

// answers is the web server of a DSS that is up or not: then its port is closed.
type answers func() bool

func (up answers) RoundTrip(*http.Request) (*http.Response, error) {
	if !up() {
		return nil, syscall.ECONNREFUSED
	}
	w := httptest.NewRecorder()
	w.WriteString("{}") //nolint:errcheck // in memory
	return w.Result(), nil
}

// bootMachine is an instance with a boot unit, on a machine with a stand-in
// systemd. DSS is up, in its unit or not.
func bootMachine(t *testing.T, inUnit bool) (*Instance, *systemdtest.System) {
	t.Helper()
	s := systemdtest.New(t)
	t.Setenv("PATH", s.Path())
	dir := newDataDir(t)
	write(t, filepath.Join(dir, "bin/dss"), `#!/bin/sh
state="$(dirname "$0")/../state"
case $1 in
status) cat "$state" ;;
start) [ ! -e "$state.broken" ] || exit 1; echo "backend RUNNING pid 1" >"$state"; echo start >>"$state.log" ;;
stop) echo "backend STOPPED" >"$state"; echo stop >>"$state.log" ;;
esac
`, 0o755)
	s.Unit(theUnit, dir)
	in := open(t, dir, func(o *Options) {
		o.UnitDirs = []string{s.Units}
		o.HTTP = &http.Client{Transport: answers(func() bool { return strings.Contains(read(t, filepath.Join(dir, "state")), "RUNNING") })}
	})
	setState(t, in, "backend RUNNING pid 1\n")
	if inUnit {
		s.Activate(theUnit)
	}
	return in, s
}

// What stops DSS starts it, and where systemd does not even begin, its own script
// does.
func TestStopAndUp(t *testing.T) {
	const shows = "DSS was started by its own script; the unit dataiku.service shows inactive: start DSS through its boot unit dataiku.service: "
	for name, tc := range map[string]struct {
		outside bool // DSS was started by hand
		is      []string
		sudoers []string
		// between the stop and the start.
		then   func(s *systemdtest.System)
		forget bool // nobody remembers how it was stopped
		last   bool
		calls  []string
		notice string // its beginning
		active bool   // the unit afterwards
		err    string
	}{
		"by the account": {is: []string{"allow"}, calls: []string{"stop dataiku.service", "start dataiku.service"}, active: true},
		"by sudo": {
			sudoers: []string{"systemctl start dataiku.service", "systemctl stop dataiku.service"}, active: true,
			calls: []string{"stop dataiku.service: refused", "stop dataiku.service by sudo", "start dataiku.service: refused", "start dataiku.service by sudo"},
		},
		"by sudo with the short name": {
			sudoers: []string{"systemctl start dataiku", "systemctl stop dataiku"}, active: true,
			calls: []string{
				"stop dataiku.service: refused", "sudo systemctl stop dataiku.service: refused", "stop dataiku.service by sudo",
				"start dataiku.service: refused", "sudo systemctl start dataiku.service: refused", "start dataiku.service by sudo",
			},
		},
		"started by hand, no rights":       {outside: true},
		"started by hand, with all rights": {outside: true, is: []string{"allow"}},
		"may stop, may not start": {
			sudoers: []string{"systemctl stop dataiku.service"}, notice: shows + "the account may not",
			calls: []string{
				"stop dataiku.service: refused", "stop dataiku.service by sudo",
				"start dataiku.service: refused", "sudo systemctl start dataiku.service: refused", "sudo systemctl start dataiku: refused",
			},
		},
		"masked meanwhile": {
			is: []string{"allow"}, then: func(s *systemdtest.System) { s.Is("masked-" + theUnit) }, notice: shows + "it is masked", calls: []string{"stop dataiku.service"},
		},
		"removed meanwhile": {
			is: []string{"allow"}, then: func(s *systemdtest.System) { _ = os.Remove(filepath.Join(s.Units, theUnit)) },
			notice: shows + "systemd knows no such unit", calls: []string{"stop dataiku.service"},
		},
		"systemd gone meanwhile": {
			is: []string{"allow"}, then: func(s *systemdtest.System) { s.Is("gone") }, notice: shows + "systemd cannot be asked: it does not run here", calls: []string{"stop dataiku.service"},
		},
		"systemctl gone meanwhile": {
			is: []string{"allow"}, then: func(s *systemdtest.System) { _ = os.Remove(filepath.Join(s.Bin, "systemctl")) },
			notice: shows + "systemd cannot be asked: ", calls: []string{"stop dataiku.service"},
		},
		"the start hangs": {
			is: []string{"allow", "slow-start"}, notice: shows[:len("DSS was started by its own script; the unit dataiku.service shows inactive: ")],
			calls: []string{"stop dataiku.service", "start dataiku.service"},
		},
		// DSS itself cannot start: its own script would not help, and is left to
		// whoever comes after.
		"the unit fails": {is: []string{"allow", "broken"}, calls: []string{"stop dataiku.service", "start dataiku.service"}, err: "Job for dataiku.service failed"},
		"the unit fails, at last": {
			is: []string{"allow", "broken"}, last: true, calls: []string{"stop dataiku.service", "start dataiku.service"}, notice: "DSS was started by its own script; the unit dataiku.service shows inactive: ",
		},
		"the own script fails": {
			outside: true, is: []string{"allow"}, then: breakScript, err: "bin/dss start failed",
		},
		"the own script fails, at last": {
			outside: true, is: []string{"allow"}, last: true,
			then: func(s *systemdtest.System) {
				breakScript(s)
				s.File(theUnit, "[Service]\nExecStart=rm DATADIR/state.broken; DATADIR/bin/dss start\n")
			},
			calls: []string{"start dataiku.service"}, active: true, notice: "DSS was started by the boot unit dataiku.service: ",
		},
		"nobody remembers": {forget: true, outside: true, is: []string{"allow"}, calls: []string{"start dataiku.service"}, active: true},
		"nobody remembers, no rights": {
			forget: true, outside: true, notice: shows + "the account may not",
			calls: []string{"start dataiku.service: refused", "sudo systemctl start dataiku.service: refused", "sudo systemctl start dataiku: refused"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in, s := bootMachine(t, !tc.outside)
			s.Is(tc.is...)
			s.Sudoers(tc.sudoers...)
			w, err := in.StopWay(t.Context())
			if err == nil {
				err = in.StopBy(t.Context(), w)
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := (Way{Unit: map[bool]string{false: theUnit}[tc.outside]}); w != want {
				t.Errorf("stopped by %s", w)
			}
			if stopped, err := in.Stopped(t.Context()); !stopped || err != nil || s.Active(theUnit) {
				t.Fatalf("stopped: %v, %v; the unit is active: %v", stopped, err, s.Active(theUnit))
			}
			if tc.then != nil {
				tc.then(s)
				fillIn(t, in, s)
			}
			o := BringUp{By: &w, Timeout: time.Second, Last: tc.last}
			if tc.forget {
				o.By = nil
			}
			var notices []string
			o.Notice = func(text string) { notices = append(notices, text) }
			err = in.Up(t.Context(), o)
			if (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("got %v", err)
			}
			if ready, rerr := in.Ready(t.Context()); ready != (tc.err == "") || rerr != nil {
				t.Errorf("ready: %v, %v", ready, rerr)
			}
			if tc.notice == "" != (len(notices) == 0) || len(notices) > 1 || tc.notice != "" && !strings.HasPrefix(notices[0], tc.notice) {
				t.Errorf("notices %q", notices)
			}
			if s.Active(theUnit) != tc.active {
				t.Errorf("the unit is active: %v", s.Active(theUnit))
			}
			if diff := cmp.Diff(tc.calls, s.Calls()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func breakScript(s *systemdtest.System) { s.Is("break-script") }

// fillIn does what a case has asked for that needs the data directory.
func fillIn(t *testing.T, in *Instance, s *systemdtest.System) {
	t.Helper()
	if path := filepath.Join(filepath.Dir(s.Bin), "state", "break-script"); os.Remove(path) == nil {
		write(t, in.Path("state.broken"), "", 0o644)
	}
	path := filepath.Join(s.Units, theUnit)
	if text, err := os.ReadFile(path); err == nil {
		write(t, path, strings.ReplaceAll(string(text), "DATADIR", in.DataDir), 0o644)
	}
}

// A unit that has outlived its DSS, as one of an init.d script does: a start
// alone would do nothing.
func TestUpOfAUnitThatShowsActive(t *testing.T) {
	in, s := bootMachine(t, true)
	s.Is("allow")
	setState(t, in, "backend STOPPED\n")
	if err := in.Up(t.Context(), BringUp{Timeout: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"stop dataiku.service", "start dataiku.service"}, s.Calls()); diff != "" || !s.Active(theUnit) {
		t.Error(diff)
	}
}

// A stop that systemd refuses has done nothing, and its own script is not used:
// systemd would start DSS again, or count it as failed.
func TestStopThatIsRefused(t *testing.T) {
	in, s := bootMachine(t, true)
	err := in.Stop(t.Context())
	if !as[*RefusedError](err) || !strings.Contains(err.Error(), "`systemctl stop dataiku.service`") || !strings.Contains(err.Error(), "a password is required") {
		t.Errorf("got %v", err)
	}
	if ready, err := in.Ready(t.Context()); !ready || err != nil || !s.Active(theUnit) {
		t.Errorf("ready: %v, %v; active: %v", ready, err, s.Active(theUnit))
	}
}

// Where there is no systemd, no unit can own anything.
func TestStopWithoutSystemd(t *testing.T) {
	in, s := bootMachine(t, false)
	s.Is("gone")
	for _, in := range []*Instance{in, in.WithUnit("dataiku.nope")} {
		if w, err := in.StopWay(t.Context()); w != (Way{}) || err != nil {
			t.Errorf("got %v, %v", w, err)
		}
	}
}

// The unit that a plan of long ago names is gone, and DSS runs in another one.
func TestStopByTheUnitOfNow(t *testing.T) {
	in, _ := bootMachine(t, true)
	if w, err := in.WithUnit("dataiku.old").StopWay(t.Context()); w != (Way{Unit: theUnit}) || err != nil {
		t.Errorf("got %v, %v", w, err)
	}
}

func TestStartCommand(t *testing.T) {
	for name, tc := range map[string]struct {
		is, sudoers []string
		unit        string
		want        string // "" for the own script
	}{
		"no rights":  {},
		"sudo":       {sudoers: []string{"systemctl start dataiku.service"}, want: "sudo systemctl start dataiku.service"},
		"polkit":     {is: []string{"polkit"}, want: "systemctl start dataiku.service"},
		"masked":     {is: []string{"polkit", "masked-dataiku.service"}},
		"no systemd": {is: []string{"polkit", "gone"}},
		"no unit":    {is: []string{"polkit"}, unit: NoUnit},
		"wrong unit": {is: []string{"polkit"}, unit: "dataiku.nope"},
	} {
		t.Run(name, func(t *testing.T) {
			in, s := bootMachine(t, true)
			s.Is(tc.is...)
			s.Sudoers(tc.sudoers...)
			if tc.want == "" {
				tc.want = in.Path("bin", "dss") + " start"
			}
			if got := in.WithUnit(tc.unit).StartCommand(t.Context()); got != tc.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

// The words by which a failure is told from a refusal are those of real programs.
func TestUnderstands(t *testing.T) {
	for text, want := range map[string]string{
		"Failed to start dataiku.service: Interactive authentication required.":                    "the account may not",
		"Failed to start dataiku.service: Access denied\nSee system logs and 'systemctl status'":   "the account may not",
		"Failed to start dataiku.service: Unit dataiku.service not found.":                         "systemd knows no such unit",
		"Failed to start dataiku.service: Unit dataiku.service is masked.":                         "it is masked",
		"Failed to start x.service: Unit x.service has a bad unit file setting.":                   "systemd knows no such unit",
		"System has not been booted with systemd as init system (PID 1). Can't operate.":           "systemd does not run here",
		"Failed to connect to bus: No such file or directory":                                      "systemd does not run here",
		"Failed to connect to system scope bus via local transport: Permission denied":             "systemd does not run here",
		"Job for dataiku.service failed because the control process exited with error code.":       "",
		"Job for dataiku.service failed because a timeout was exceeded.":                           "",
		"A dependency job for dataiku.service failed. See 'journalctl -xe' for details.":           "",
		"Job for dataiku.service failed because of unavailable resources or another system error.": "",
	} {
		e := &RefusedError{}
		if got := e.understands(&proc.ExitError{ExitCode: 1, Stderr: text}, notAllowed.MatchString); got != (want != "") || e.Why != want {
			t.Errorf("%q: %v, %q", text, got, e.Why)
		}
	}
}
