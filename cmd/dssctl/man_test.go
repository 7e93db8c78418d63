package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// TestManPages writes the manual pages and the completion scripts, and looks
// whether they are fit to be read. `make man` keeps them: it names the folder in
// DSSCTL_MAN. They are made from the commands, so they cannot be stale, and the
// library that makes them is not part of dssctl.
func TestManPages(t *testing.T) {
	dir := os.Getenv("DSSCTL_MAN")
	if dir == "" {
		dir = t.TempDir()
	}
	man, completions := filepath.Join(dir, "man1"), filepath.Join(dir, "completions")
	for _, d := range []string{man, completions} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root := newRootCommand(&world{out: os.Stdout, err: os.Stderr, in: os.Stdin})
	root.DisableAutoGenTag = true
	commands := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.IsAvailableCommand() || c == root {
			commands++
		}
		c.Long = manText(c.Long)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) // the same bytes for the same commands
	if err := doc.GenManTree(root, &doc.GenManHeader{Title: "DSSCTL", Section: "1", Source: "dssctl", Manual: "dssctl", Date: &day}, man); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(man, "*.1"))
	if err != nil || len(pages) < commands || commands < 12 {
		t.Errorf("%d pages for %d commands, %v", len(pages), commands, err)
	}
	for _, page := range pages {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{".TH \"DSSCTL", ".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION"} {
			if !bytes.Contains(raw, []byte(want)) {
				t.Errorf("%s has no %s", page, want)
			}
		}
		if name := filepath.Base(page); name == "dssctl-apply.1" && !bytes.Contains(raw, []byte(".SH EXIT STATUS\n.EX\n0    done")) {
			t.Errorf("%s has no table of exit statuses:\n%s", page, raw)
		}
	}

	write := func(name string, f func(*bytes.Buffer) error) {
		var b bytes.Buffer
		if err := f(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(completions, name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("dssctl.bash", func(b *bytes.Buffer) error { return root.GenBashCompletionV2(b, true) })
	write("_dssctl", func(b *bytes.Buffer) error { return root.GenZshCompletion(b) })
	write("dssctl.fish", func(b *bytes.Buffer) error { return root.GenFishCompletion(b, true) })
	write("dssctl.ps1", func(b *bytes.Buffer) error { return root.GenPowerShellCompletionWithDesc(b) })
	if out, err := exec.Command("bash", "-n", filepath.Join(completions, "dssctl.bash")).CombinedOutput(); err != nil {
		t.Errorf("bash cannot read its completions: %v\n%s", err, out)
	}
}

// manText turns a command's help into the Markdown that manual pages are made
// from: what is indented stays as it is, and the exit statuses get a heading.
func manText(help string) string {
	text, exits, _ := strings.Cut(help, exitStatusHelp)
	var b strings.Builder
	inside := false
	for line := range strings.Lines(strings.TrimRight(text+exits, "\n") + "\n") {
		if indented := strings.HasPrefix(line, "  "); indented != inside && strings.TrimSpace(line) != "" {
			b.WriteString("\n```\n")
			if inside {
				b.WriteString("\n")
			}
			inside = indented
		}
		b.WriteString(strings.TrimPrefix(line, "  "))
	}
	if inside {
		b.WriteString("```\n")
	}
	if strings.Contains(help, exitStatusHelp) {
		_, table, _ := strings.Cut(exitStatusHelp, "EXIT STATUS\n")
		b.WriteString("\n# EXIT STATUS\n\n```\n" + strings.ReplaceAll("\n"+strings.TrimRight(table, "\n"), "\n  ", "\n")[1:] + "\n```\n")
	}
	return b.String()
}

// The shell completes what has a fixed choice.
func TestCompletion(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"show", "-format", ""}, []string{"human", "json", "markdown", "html", "github", "sarif", "junit"}},
		{[]string{"apply", "-on-failure", ""}, []string{"rollback", "stop"}},
		{[]string{"apply", "-allow", ""}, []string{"irreversible", "data-loss"}},
		{[]string{"rec"}, []string{"recover"}},
	} {
		args := append([]string{"__complete"}, c.args...)
		for i := range args {
			if strings.HasPrefix(args[i], "-") {
				args[i] = "-" + args[i] // the shell completes long flags with two dashes
			}
		}
		got := dssctl(t, dir, nil, args...).must(t, 0).stdout
		for _, w := range c.want {
			if !strings.Contains("\n"+got, "\n"+w) {
				t.Errorf("%v completes %q, which lacks %s", c.args, got, w)
			}
		}
	}
}
