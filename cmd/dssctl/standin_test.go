package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/dssctl/dssctl/internal/smallfs"
)

// standIn makes a data directory whose bin/dss says that DSS is stopped: enough
// for edits, without Java or PostgreSQL.
func standIn(t *testing.T, dir string) string {
	t.Helper()
	kit := filepath.Join(t.TempDir(), "dataiku-dss-14.4.1")
	write(t, kit, "installer.sh", "#!/bin/sh\nexit 1\n")
	write(t, kit, "dss-version.json", `{"product_version":"14.4.1"}`)
	if err := os.Chmod(filepath.Join(kit, "installer.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"install.ini":                  "[general]\nnodetype = design\ninstallid = aaaaaaaaaaaaaaaaaaaaaaaa\n\n[server]\nport = 11200\n",
		"dss-version.json":             `{"product_version":"14.4.1"}`,
		"bin/env-default.sh":           "export DKUINSTALLDIR=\"" + kit + "\"\n",
		"config/general-settings.json": "{\n  \"maxRunningActivities\": 5,\n  \"other\": \"" + strings.Repeat("x", 20000) + "\"\n}\n",
		"bin/dss":                      "#!/bin/sh\necho 'DSS is not running'\n",
	} {
		write(t, dir, name, content)
	}
	if err := os.Chmod(filepath.Join(dir, "bin", "dss"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func standInEstate(dataDir, extra string) string {
	return fmt.Sprintf("instance \"design\" {\n  data_dir = %q\n%s\n  general_settings = {\n    maxRunningActivities = 20\n  }\n}\n", dataDir, extra)
}

// A disk that is too full for a file to be edited: the plan says so, the file is as
// it was, nothing is left beside it, and there is no run.
func TestDiskTooFullToEdit(t *testing.T) {
	small := smallfs.Hold(t)
	if small == "" {
		t.Skip("no small file system to fill: scripts/test makes one when root starts it")
	}
	data := standIn(t, filepath.Join(small, "dss"))
	t.Cleanup(func() {
		if err := os.RemoveAll(data); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	write(t, dir, "main.dss.hcl", standInEstate(data, fmt.Sprintf("  companion_dir = %q", filepath.Join(dir, "companion"))))
	filler := filepath.Join(small, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if err := f.Close(); err != nil {
		t.Log(err)
	}
	before := snapshot(t, data)
	o := dssctl(t, dir, nil, "apply", "-auto-approve").must(t, 1)
	if !strings.Contains(o.stderr, "config/general-settings.json cannot be replaced") || !strings.Contains(o.stderr, "no room") {
		t.Errorf("it says %s", o)
	}
	after := snapshot(t, data)
	for name, was := range before {
		if after[name] != was {
			t.Errorf("%s has changed", name)
		}
	}
	if len(after) != len(before) {
		t.Errorf("there were %d files, and now there are %d", len(before), len(after))
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	dssctl(t, dir, nil, "recover").must(t, 0)
	dssctl(t, dir, nil, "apply", "-auto-approve").must(t, 0)
	dssctl(t, dir, nil, "plan", "-detailed-exitcode").must(t, 0)
}

// The question at a terminal: the summary again, and only "yes" is yes.
func TestApprovalAtATerminal(t *testing.T) {
	dir := t.TempDir()
	data := standIn(t, filepath.Join(dir, "dss"))
	write(t, dir, "main.dss.hcl", standInEstate(data, ""))
	for _, c := range []struct {
		answer string
		code   int
	}{{"y\n", 1}, {"no\n", 1}, {"yes\n", 0}} {
		cmd, _ := command(t, dir, []string{"TERM=xterm"}, "apply")
		tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 70})
		if err != nil {
			t.Fatal(err)
		}
		screen := readScreen(tty)
		waitFor(t, "the question", func() bool { return strings.Contains(screen(), "Only \"yes\" is taken as yes:") })
		if !strings.Contains(screen()[strings.LastIndex(screen(), "Summary"):], "1 instance to change") {
			t.Errorf("the summary does not stand before the question: %s", screen())
		}
		if _, err := tty.WriteString(c.answer); err != nil {
			t.Fatal(err)
		}
		code := 0
		if err := cmd.Wait(); err != nil {
			code = cmd.ProcessState.ExitCode()
		}
		if code != c.code {
			t.Errorf("%q ends with %d\n%s", c.answer, code, screen())
		}
		if !strings.Contains(screen(), "\x1b[") {
			t.Error("no colour at a terminal")
		}
		if err := tty.Close(); err != nil {
			t.Error(err)
		}
	}
	dssctl(t, dir, nil, "plan", "-detailed-exitcode").must(t, 0)
	if o := dssctl(t, dir, nil, "plan"); strings.Contains(o.stdout, "\x1b[") {
		t.Error("colour where there is no terminal")
	}
}

// readScreen gathers what a terminal shows.
func readScreen(tty *os.File) func() string {
	got := make(chan string, 1)
	got <- ""
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := tty.Read(b)
			s := <-got
			got <- s + string(b[:n])
			if err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	return func() string {
		s := <-got
		got <- s
		return s
	}
}

// A saved plan is refused when what it was based on has changed, in the
// instance or in the files, and not when something else did.
func TestStalePlan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := standIn(t, filepath.Join(dir, "dss"))
	estate := standInEstate(data, "")
	settings := filepath.Join("dss", "config", "general-settings.json")
	write(t, dir, "main.dss.hcl", estate)
	dssctl(t, dir, nil, "plan", "-out", "p.plan").must(t, 0)

	for _, c := range []struct{ name, file, content, word string }{
		{"the value itself", settings, "{\n  \"maxRunningActivities\": 7\n}\n", "general-settings.json"},
		{"the files", "main.dss.hcl", estate + "# a remark\n", "main.dss.hcl was edited"},
	} {
		was, err := os.ReadFile(filepath.Join(dir, c.file))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, c.file, c.content)
		before := snapshot(t, data)
		o := dssctl(t, dir, nil, "apply", "p.plan").must(t, 5)
		if !strings.Contains(o.stderr, c.word) || !strings.Contains(o.stderr, "Make a new plan") {
			t.Errorf("%s: it says %s", c.name, o)
		}
		after := snapshot(t, data)
		for name := range before {
			if before[name] != after[name] {
				t.Errorf("%s: %s was changed", c.name, name)
			}
		}
		write(t, dir, c.file, string(was))
	}
	// Something else in the same file.
	write(t, dir, settings, "{\"new\": true, \"maxRunningActivities\":   5}\n")
	dssctl(t, dir, nil, "apply", "p.plan").must(t, 0)
	if got, err := os.ReadFile(filepath.Join(dir, settings)); err != nil || string(got) != "{\"new\": true, \"maxRunningActivities\":   20}\n" {
		t.Errorf("the file is %q, %v", got, err)
	}
	// What is done cannot be done again from the same plan.
	dssctl(t, dir, nil, "apply", "p.plan").must(t, 5)
}

// An instance that vanishes from the files is forgotten and not touched.
func TestRemovedInstanceIsForgotten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := standIn(t, filepath.Join(dir, "dss"))
	write(t, dir, "main.dss.hcl", standInEstate(data, ""))
	dssctl(t, dir, nil, "apply", "-auto-approve").must(t, 0)
	write(t, dir, "main.dss.hcl", "locals {}\n")
	before := snapshot(t, data)
	o := dssctl(t, dir, nil, "plan", "-detailed-exitcode").must(t, 2)
	if !strings.Contains(o.stdout, "instance.design") {
		t.Errorf("the plan does not name it: %s", o)
	}
	dssctl(t, dir, nil, "apply", "-auto-approve").must(t, 0)
	dssctl(t, dir, nil, "plan", "-detailed-exitcode").must(t, 0)
	after := snapshot(t, data)
	for name := range before {
		if before[name] != after[name] {
			t.Errorf("%s was changed", name)
		}
	}
}
