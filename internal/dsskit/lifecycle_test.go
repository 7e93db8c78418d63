package dsskit_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// Whatever the seed makes of the words around it, the table tells the truth, and a stopped DSS has none.
func TestStatus(t *testing.T) {
	t.Parallel()
	for _, seed := range []int64{5, 6} {
		i := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: seed})
		if state, err := i.Main(t.Context()); err != nil || state != "" {
			t.Errorf("before the first start the backend is %q, %v", state, err)
		}
		start(t, i)
		waitFor(t, "every process to run", func() bool {
			table, result, err := i.Status(t.Context())
			must(t, err)
			running := 0
			for _, p := range table {
				if p.State == "RUNNING" && strings.Contains(p.About, "pid ") && strings.Contains(p.About, "uptime 0:0") {
					running++
				}
			}
			if len(table) != 3 || table[0].Name != "backend" {
				t.Fatalf("unexpected table:\n%s", result.Output)
			}
			return running == 3
		})
		stop(t, i)
		if i.Ready(t.Context()) {
			t.Error("DSS answers after its stop")
		}
	}
}

// The commands of a data directory give its processes nothing that would keep a caller waiting.
func TestRestartAndKill(t *testing.T) {
	t.Parallel()
	i := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: 7})
	start(t, i)
	if r := mustRun(t, i, "dss", "start"); !strings.Contains(r.Output, "already running") {
		t.Errorf("a second start says:\n%s", r.Output)
	}
	must(t, i.SetFault(dsskit.Faults{dsskit.StopSlow: "1500ms"}))
	begun := time.Now()
	mustRun(t, i, "dss", "restart")
	must(t, i.WaitReady(t.Context()))
	if time.Since(begun) < 1500*time.Millisecond {
		t.Error("the stop was not slow")
	}
	must(t, i.Kill())
	if state, err := i.Main(t.Context()); err != nil || state != "" {
		t.Errorf("after a kill the backend is %q, %v", state, err)
	}
	must(t, i.SetFault(nil))
	start(t, i)

	moved := i.DataDir + ".moved"
	must(t, os.Rename(i.DataDir, moved))
	gone := *i
	waitFor(t, "the processes to follow their data directory", func() bool { return !gone.Ready(t.Context()) && gone.Alive() == 0 })
	must(t, os.Rename(moved, i.DataDir))
}

func TestStartFaults(t *testing.T) {
	t.Parallel()
	i := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: 8})
	must(t, i.SetFault(dsskit.Faults{dsskit.StartFatal: ""}))
	mustRun(t, i, "dss", "start")
	waitFor(t, "the supervisor to give up", func() bool {
		state, err := i.Main(t.Context())
		must(t, err)
		return state == "FATAL"
	})
	stop(t, i)

	must(t, i.SetFault(dsskit.Faults{dsskit.StartHang: ""}))
	mustRun(t, i, "dss", "start")
	waitFor(t, "the backend to run", func() bool {
		state, err := i.Main(t.Context())
		must(t, err)
		return state == "RUNNING"
	})
	if i.Ready(t.Context()) {
		t.Error("a hanging start is ready")
	}
	stop(t, i)

	must(t, i.SetFault(dsskit.Faults{dsskit.StopStuck: "300ms"}))
	start(t, i)
	if r := mustRun(t, i, "dss", "stop"); r.ExitCode == 0 {
		t.Errorf("a stuck stop ended well:\n%s", r.Output)
	}
	waitFor(t, "the stuck backend to be told as such", func() bool {
		state, err := i.Main(t.Context())
		must(t, err)
		return state == "STOPPING"
	})
	must(t, i.Kill())

	must(t, i.SetFault(dsskit.Faults{dsskit.CorruptH2: ""}))
	mustRun(t, i, "dss", "start")
	waitFor(t, "the start to fail on a corrupt database", func() bool {
		state, err := i.Main(t.Context())
		must(t, err)
		return state == "FATAL"
	})
	stop(t, i)
}

// What reads the data directory from bin/ notices that it was moved, until the installer is replayed.
func TestMovedDataDirectory(t *testing.T) {
	t.Parallel()
	i := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: 9})
	moved, err := dsskit.Open(filepath.Dir(i.DataDir))
	must(t, err)
	moved.DataDir += "/elsewhere"
	must(t, os.Rename(i.DataDir, moved.DataDir))
	t.Cleanup(func() { must(t, moved.Close()) })
	if r := mustRun(t, moved, "dss", "start"); r.ExitCode == 0 {
		t.Errorf("a moved data directory started:\n%s", r.Output)
	}
	installer(t, moved, "14.4.1", 0, "-u", "-y")
	start(t, moved)
	waitFor(t, "the builtin Python of the old place to fail", func() bool {
		table, _, err := moved.Status(t.Context())
		must(t, err)
		return table[1].Name == "ipython" && table[1].State == "FATAL"
	})
	stop(t, moved)
	must(t, os.Rename(moved.DataDir+"/pyenv", moved.DataDir+"/pyenv.old"))
	installer(t, moved, "14.4.1", 0, "-u", "-y")
	start(t, moved)
	waitFor(t, "the rebuilt Python to run", func() bool {
		table, _, err := moved.Status(t.Context())
		must(t, err)
		return table[1].State == "RUNNING"
	})
	stop(t, moved)
}

// install.ini counts only once regenerate-config has run.
func TestRegenerateConfig(t *testing.T) {
	t.Parallel()
	i := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: 10})
	port, release, err := dsskit.FreePorts(10)
	must(t, err)
	t.Cleanup(release)
	old := i.URL()
	ini := filepath.Join(i.DataDir, "install.ini")
	text, err := os.ReadFile(ini)
	must(t, err)
	oldPort := old[strings.LastIndex(old, ":")+1:]
	must(t, os.WriteFile(ini, bytes.Replace(text, []byte(oldPort), fmt.Append(nil, port), 1), 0o600))
	start(t, i)
	if i.URL() != old {
		t.Error("install.ini took effect by itself")
	}
	must(t, i.SetFault(dsskit.Faults{dsskit.RequiresAuthentication: ""}))
	if r := mustRun(t, i, "dssadmin", "regenerate-config"); r.ExitCode != 0 {
		t.Fatal(r.Output)
	}
	for _, verb := range []string{"status", "stop"} {
		if r := mustRun(t, i, "dss", verb); r.ExitCode == 0 || !strings.Contains(r.Output, "Server requires authentication") {
			t.Errorf("after regenerate-config under a running DSS, %s ended with %d:\n%s", verb, r.ExitCode, r.Output)
		}
	}
	must(t, i.Kill())
	start(t, i)
	if want := fmt.Sprintf("http://127.0.0.1:%d", port); i.URL() != want {
		t.Errorf("DSS is at %s, want %s", i.URL(), want)
	}
	stop(t, i)
}

// Secrets are salted, and readable in their own data directory only.
func TestEncryptPassword(t *testing.T) {
	t.Parallel()
	one := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: 12})
	two := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: 12})
	secret := encrypt(t, one, "pw")
	if secret == encrypt(t, one, "pw") {
		t.Error("the same password is encrypted twice to the same string")
	}
	connectTo(t, two, map[string]any{"host": "127.0.0.1", "port": 1, "db": "d", "user": "u", "password": secret}, "s", "")
	if r := mustRun(t, two, "dssadmin", "copy-databases-to-external"); r.ExitCode == 0 || !strings.Contains(r.Output, "Invalid HMAC") {
		t.Errorf("with another instance's secret the copy ended with %d:\n%s", r.ExitCode, r.Output)
	}
	connectTo(t, one, map[string]any{"host": "127.0.0.1", "port": 1, "db": "d", "user": "u", "password": secret}, "s", "")
	mustRun(t, one, "dss", "start")
	waitFor(t, "the start to fail without its database", func() bool {
		state, err := one.Main(t.Context())
		must(t, err)
		return state == "FATAL"
	})
	must(t, one.SetFault(dsskit.Faults{dsskit.EncryptFail: ""}))
	if r := mustRun(t, one, "dssadmin", "encrypt-password", "pw"); r.ExitCode == 0 {
		t.Error("encrypt-password did not fail")
	}
}
