package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// slowStandIn is a data directory whose bin/dss, once a file "slow" is there,
// says that it has started and waits for a file "go".
func slowStandIn(t *testing.T, dir string) string {
	t.Helper()
	data := standIn(t, filepath.Join(dir, "dss"))
	write(t, data, "bin/dss", `#!/bin/sh
if [ -e '`+dir+`/slow' ] && [ -n "$(ls '`+dir+`/.dssctl/runs' 2>/dev/null)" ]; then
	touch '`+dir+`/started'
	while [ ! -e '`+dir+`/go' ]; do sleep 0.05; done
	touch '`+dir+`/ended'
fi
echo 'DSS is not running'
`)
	if err := os.Chmod(filepath.Join(data, "bin", "dss"), 0o755); err != nil {
		t.Fatal(err)
	}
	return data
}

// Ctrl-C at a terminal, where it reaches every process in front: the first one
// lets the action finish, with the command that it runs, and says so; the second
// one aborts it, and says so.
func TestCtrlCAtATerminal(t *testing.T) {
	there := func(dir, name string) func() bool {
		return func() bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil }
	}
	for _, twice := range []bool{false, true} {
		dir := t.TempDir()
		write(t, dir, "main.dss.hcl", standInEstate(slowStandIn(t, dir), ""))
		dssctl(t, dir, nil, "plan", "-out", "p.plan").must(t, 0)
		write(t, dir, "slow", "")
		cmd, _ := command(t, dir, []string{"TERM=xterm"}, "apply", "p.plan")
		tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 100})
		if err != nil {
			t.Fatal(err)
		}
		screen := readScreen(tty)
		says := func(text string) func() bool { return func() bool { return strings.Contains(screen(), text) } }
		press := func() {
			if _, err := tty.WriteString("\x03"); err != nil {
				t.Fatal(err)
			}
		}
		waitFor(t, "the action", there(dir, "started"))
		press()
		waitFor(t, "the answer to the first Ctrl-C", says("finishing the current action, then stopping; press Ctrl-C again to abort it"))
		want := 130
		if twice {
			want = 4
			press()
			waitFor(t, "the answer to the second Ctrl-C", says("Aborting the current action"))
		} else {
			write(t, dir, "go", "")
		}
		code := 0
		if err := cmd.Wait(); err != nil {
			code = cmd.ProcessState.ExitCode()
		}
		if code != want {
			t.Errorf("twice %v: it ends with %d, expected %d\n%s", twice, code, want, screen())
		}
		if there(dir, "ended")() == twice {
			t.Errorf("twice %v: the command of the action came to its end: %v", twice, !twice)
		}
		if err := tty.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Colours are for terminals; NO_COLOR takes them away there, FORCE_COLOR brings
// them elsewhere, and what is written to a file by a format never has any.
func TestColours(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "main.dss.hcl", standInEstate(standIn(t, filepath.Join(dir, "dss")), ""))
	dssctl(t, dir, nil, "plan", "-out", "p.plan").must(t, 0)
	for _, c := range []struct {
		env  []string
		args []string
		tty  bool
		want bool
	}{
		{[]string{"TERM=xterm"}, []string{"show", "p.plan"}, true, true},
		{[]string{"TERM=xterm", "NO_COLOR=1"}, []string{"show", "p.plan"}, true, false},
		{[]string{"TERM=dumb"}, []string{"show", "p.plan"}, true, false},
		{nil, []string{"show", "p.plan"}, false, false},
		{[]string{"FORCE_COLOR=1"}, []string{"show", "p.plan"}, false, true},
		{[]string{"FORCE_COLOR=0", "TERM=xterm"}, []string{"show", "p.plan"}, true, false},
		{[]string{"FORCE_COLOR=1", "NO_COLOR=1"}, []string{"show", "p.plan"}, false, false},
		{[]string{"FORCE_COLOR=1"}, []string{"show", "p.plan", "-format", "markdown"}, false, false},
		{[]string{"FORCE_COLOR=1"}, []string{"show", "p.plan", "-format", "junit"}, false, false},
	} {
		out := ""
		if c.tty {
			cmd, _ := command(t, dir, c.env, c.args...)
			tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 100})
			if err != nil {
				t.Fatal(err)
			}
			screen := readScreen(tty)
			if err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the plan", func() bool { return strings.Contains(screen(), "manual") })
			out = screen()
			if err := tty.Close(); err != nil {
				t.Error(err)
			}
		} else {
			out = dssctl(t, dir, c.env, c.args...).must(t, 0).stdout
		}
		if got := strings.Contains(out, "\x1b["); got != c.want {
			t.Errorf("%v %v, at a terminal %v: coloured %v", c.env, c.args, c.tty, got)
		}
	}
}
