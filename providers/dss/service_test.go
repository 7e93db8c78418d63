package dss

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/proc"
)

// units makes a folder of unit files.
func units(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, name), text, 0o644)
	}
	return dir
}

func TestUnit(t *testing.T) {
	dir := newDataDir(t)
	etc := t.TempDir()
	for name, tc := range map[string]struct {
		files      map[string]string
		configured string
		want, err  string
	}{
		"none":          {},
		"own":           {files: map[string]string{"dataiku.service": "[Service]\nExecStart=" + dir + "/bin/dss start\n"}, want: "dataiku.service"},
		"sibling":       {files: map[string]string{"dataiku.service": "ExecStart=" + dir + "2/bin/dss start\n"}},
		"one of two":    {files: map[string]string{"dataiku.a.service": "ExecStart=" + dir + "2/bin/dss start\n", "dataiku.b.service": "Environment=\"DIP_HOME=" + dir + "\"\n"}, want: "dataiku.b.service"},
		"comment":       {files: map[string]string{"dataiku.service": "# was: " + dir + "\n[Service]\n"}},
		"other name":    {files: map[string]string{"nginx.service": dir}},
		"settings file": {files: map[string]string{"dataiku.service": "EnvironmentFile=-CONF\n", "boot.conf": "DIP_HOME=" + dir + "\n"}, want: "dataiku.service"},
		"two":           {files: map[string]string{"dataiku.a.service": dir, "dataiku.b.service": dir}, err: "several boot units"},
		"configured":    {files: map[string]string{"dataiku.a.service": dir, "dataiku.b.service": dir}, configured: "dataiku.b", want: "dataiku.b.service"},
		"none wanted":   {files: map[string]string{"dataiku.service": dir}, configured: NoUnit},
	} {
		t.Run(name, func(t *testing.T) {
			folder := units(t, nil)
			for file, text := range tc.files {
				write(t, filepath.Join(folder, file), strings.ReplaceAll(text, "CONF", filepath.Join(folder, "boot.conf")), 0o644)
			}
			in := open(t, dir, func(o *Options) { o.UnitDirs = []string{etc, folder, filepath.Join(folder, "absent")} }).WithUnit(tc.configured)
			got, err := in.Unit()
			if got != tc.want || (err != nil) != (tc.err != "") {
				t.Fatalf("got %q, %v", got, err)
			}
			if err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// An earlier folder's unit hides one of the same name, also when it is masked.
func TestUnitThatIsHidden(t *testing.T) {
	dir := newDataDir(t)
	masked := t.TempDir()
	if err := os.Symlink("/dev/null", filepath.Join(masked, "dataiku.service")); err != nil {
		t.Fatal(err)
	}
	in := open(t, dir, func(o *Options) {
		o.UnitDirs = []string{masked, units(t, map[string]string{"dataiku.service": dir})}
	})
	if got, err := in.Unit(); got != "" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestOwnScripts(t *testing.T) {
	r := &runner{answer: func(string, proc.Cmd) (string, int) { return "", 0 }}
	in := open(t, newDataDir(t), func(o *Options) { o.Runner = r })
	if err := in.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := in.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"dss start", "dss stop"}, r.calls); diff != "" {
		t.Error(diff)
	}
}

func TestBootUnit(t *testing.T) {
	const unit = "dataiku.service"
	for name, tc := range map[string]struct {
		answers map[string]struct {
			out  string
			exit int
		}
		do    func(t *testing.T, in *Instance) error
		calls []string
		err   string
	}{
		"start": {
			do:    func(t *testing.T, in *Instance) error { return in.Start(t.Context()) },
			calls: []string{"systemctl --no-ask-password start " + unit},
		},
		"start through sudo": {
			answers: map[string]struct {
				out  string
				exit int
			}{"systemctl --no-ask-password start " + unit: {"Failed to start: Interactive authentication required.", 1}},
			do:    func(t *testing.T, in *Instance) error { return in.Start(t.Context()) },
			calls: []string{"systemctl --no-ask-password start " + unit, "sudo -n systemctl --no-ask-password start " + unit},
		},
		"sudo refused": {
			answers: map[string]struct {
				out  string
				exit int
			}{
				"systemctl --no-ask-password start " + unit:         {"Access denied", 4},
				"sudo -n systemctl --no-ask-password start " + unit: {"sudo: a password is required", 1},
			},
			do:    func(t *testing.T, in *Instance) error { return in.Start(t.Context()) },
			calls: []string{"systemctl --no-ask-password start " + unit, "sudo -n systemctl --no-ask-password start " + unit},
			err:   "a password is required",
		},
		"a failure is not tried again": {
			answers: map[string]struct {
				out  string
				exit int
			}{"systemctl --no-ask-password start " + unit: {"Job for dataiku.service failed.", 1}},
			do:    func(t *testing.T, in *Instance) error { return in.Start(t.Context()) },
			calls: []string{"systemctl --no-ask-password start " + unit}, err: "Job for",
		},
		"stop": {
			answers: map[string]struct {
				out  string
				exit int
			}{"systemctl is-active " + unit: {"active\n", 0}},
			do:    func(t *testing.T, in *Instance) error { return in.Stop(t.Context()) },
			calls: []string{"systemctl is-active " + unit, "systemctl --no-ask-password stop " + unit},
		},
		"stop what was started by hand": {
			answers: map[string]struct {
				out  string
				exit int
			}{"systemctl is-active " + unit: {"inactive\n", 3}},
			do:    func(t *testing.T, in *Instance) error { return in.Stop(t.Context()) },
			calls: []string{"systemctl is-active " + unit, "dss stop"},
		},
		"no systemd": {
			answers: map[string]struct {
				out  string
				exit int
			}{"systemctl is-active " + unit: {"System has not been booted with systemd\n", 1}},
			do:    func(t *testing.T, in *Instance) error { return in.Stop(t.Context()) },
			calls: []string{"systemctl is-active " + unit}, err: "boot unit dataiku.service",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &runner{answer: func(command string, _ proc.Cmd) (string, int) {
				a := tc.answers[command]
				return a.out, a.exit
			}}
			in := open(t, newDataDir(t), func(o *Options) { o.Runner = r }).WithUnit(unit)
			err := tc.do(t, in)
			if (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff(tc.calls, r.calls); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A real systemctl on the PATH, that starts and stops through the scripts.
func TestStandInSystemctl(t *testing.T) {
	dir := newDataDir(t)
	bin := t.TempDir()
	write(t, filepath.Join(bin, "systemctl"), `#!/bin/sh
case "$*" in
"is-active "*) grep -q RUNNING "`+dir+`/state" && echo active && exit 0; echo inactive; exit 3;;
"--no-ask-password stop dataiku.service") echo "backend STOPPED" > "`+dir+`/state";;
"--no-ask-password start dataiku.service") echo "backend RUNNING pid 1" > "`+dir+`/state";;
*) echo "unexpected: $*" >&2; exit 9;;
esac
`, 0o755)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	in := open(t, dir, func(o *Options) { o.UnitDirs = []string{units(t, map[string]string{"dataiku.service": dir})} })
	for _, step := range []struct {
		do   func() error
		want Service
	}{
		{func() error { return in.Start(t.Context()) }, ServiceRunning},
		{func() error { return in.Stop(t.Context()) }, ServiceStopped},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got, _, err := in.State(t.Context()); got != step.want || err != nil {
			t.Errorf("got %s, %v", got, err)
		}
	}
}

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
