package main

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/spf13/cobra"
)

// TestScripts runs testdata/script: what a person types and reads, without a
// DSS that runs. Where a script needs a data directory, it brings a stand-in.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"status": scriptStatus},
		Setup: func(env *testscript.Env) error {
			scripts, err := filepath.Abs("../../examples/ci/scripts")
			if err != nil {
				return err
			}
			env.Setenv("CI_SCRIPTS", scripts)
			env.Setenv("DSSCTL_TEST_UID", "") // the account that runs the tests
			if os.Getuid() == 0 {
				env.Setenv("DSSCTL_TEST_UID", "65534")
			}
			return nil
		},
	})
}

// scriptStatus is the scripts' command for exec with an exact exit status.
func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE PROGRAM [ARGUMENT…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("it ends with %d, expected %d", code, want)
	}
}

// TestScriptsAreComplete: a script runs each command, and one ends with each exit
// status that the help names.
func TestScriptsAreComplete(t *testing.T) {
	missing := map[string]bool{}
	var add func(c *cobra.Command)
	add = func(c *cobra.Command) {
		if c.Runnable() && !c.Hidden {
			missing[c.CommandPath()] = true
		}
		for _, sub := range c.Commands() {
			add(sub)
		}
	}
	for _, c := range newRootCommand(testWorld()).Commands() {
		add(c)
	}
	for _, code := range regexp.MustCompile(`(?m)^  (\d+) |\((\d+) for`).FindAllStringSubmatch(exitStatusHelp, -1) {
		missing["status "+code[1]+code[2]] = true
	}
	paths, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	run := regexp.MustCompile(`(?m)^(?:! )?(exec|status \d+) (.*)`)
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range run.FindAllStringSubmatch(string(txtar.Parse(raw).Comment), -1) {
			delete(missing, line[1])
			for name := range missing {
				if strings.HasPrefix(line[2]+" ", name+" ") {
					delete(missing, name)
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		t.Errorf("no script has: %s", name)
	}
}
