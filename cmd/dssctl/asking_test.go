package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// atTerminal runs a dssctl in a terminal; each question is waited for before its
// answer is typed. It returns the screen and the exit code.
func atTerminal(t *testing.T, dir string, dialogue [][2]string, args ...string) (string, int) {
	t.Helper()
	cmd, _ := command(t, dir, []string{"TERM=xterm"}, args...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	screen := readScreen(tty)
	seen := 0
	for _, d := range dialogue {
		waitFor(t, d[0], func() bool { return strings.Contains(screen()[seen:], d[0]) })
		seen += strings.Index(screen()[seen:], d[0]) + len(d[0])
		if _, err := tty.WriteString(d[1] + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	code := 0
	if err := cmd.Wait(); err != nil {
		code = cmd.ProcessState.ExitCode()
	}
	return screen(), code
}

// init asks for each instance that it finds, until the answer is good.
func TestInitAtATerminal(t *testing.T) {
	dir := t.TempDir()
	standIn(t, filepath.Join(dir, "machine", "a"))
	standIn(t, filepath.Join(dir, "machine", "b"))
	estate := filepath.Join(dir, "estate")
	if err := os.Mkdir(estate, 0o755); err != nil {
		t.Fatal(err)
	}
	screen, code := atTerminal(t, estate, [][2]string{{"name [a]: ", "-"}, {"name [b]: ", "no name"}, {"\"no name\" is no name for an instance", "prod"}}, "init", "-search", filepath.Join(dir, "machine"))
	if code != 0 || !strings.Contains(screen, "DSS 14.4.1, design node, port 11200") {
		t.Fatalf("exit %d\n%s", code, screen)
	}
	if _, err := os.Stat(filepath.Join(estate, "a.dss.hcl")); err == nil {
		t.Error("the one that was left out has a file")
	}
	dssctl(t, estate, nil, "plan", "-detailed-exitcode", "-target", "instance.prod").must(t, 0)
}

// The console asks at a terminal, and goes on behind a mistake.
func TestConsoleAtATerminal(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "main.dss.hcl", standInEstate("/data/design", ""))
	screen, code := atTerminal(t, dir, [][2]string{
		{"> ", "instance.desing"}, {"\n> ", "["}, {"\n. ", "1 + 1]"}, {"[2]\r\n> ", "exit"},
	}, "console")
	if code != 0 || !strings.Contains(screen, `Did you mean "design"`) || !strings.Contains(screen, "[2]") {
		t.Errorf("exit %d\n%s", code, screen)
	}
}
