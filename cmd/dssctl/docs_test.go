package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/reference"
)

var update = flag.Bool("update", false, "write the reference pages again")

// The reference pages are made from the schema and the commands; `make docs`
// writes them, and this test fails when they are stale.
func TestReferencePages(t *testing.T) {
	all, _ := (&world{}).aspects()
	root := config.RootSchema(instanceSchema(all))
	var blocks bytes.Buffer
	blocks.WriteString("# Blocks\n\nWritten by `make docs` from the schema; do not edit.\n\n")
	if err := reference.Page(root, &blocks); err != nil {
		t.Fatal(err)
	}
	machines, err := reference.JSON(root)
	if err != nil {
		t.Fatal(err)
	}
	editors, err := reference.JSONSchema(root)
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{
		"blocks.md":           blocks.String(),
		"commands.md":         commandPage(),
		"blocks.json":         string(machines) + "\n",
		"dss.hcl.schema.json": string(editors) + "\n",
	}
	for name, want := range pages {
		path := filepath.Join("..", "..", "docs", "reference", name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is stale, run `make docs`:\n%s", name, diff)
		}
	}
}

// commandPage is the help of every command.
func commandPage() string {
	var b strings.Builder
	b.WriteString("# Commands\n\nWritten by `make docs` from the commands' own help; do not edit. Long flags are\naccepted with one dash or two.\n")
	root := newRootCommand(&world{out: os.Stdout, err: os.Stderr, in: os.Stdin})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Hidden || c.Name() == "help" {
			return
		}
		c.InitDefaultHelpFlag()
		long := strings.TrimSpace(strings.ReplaceAll(c.Long, strings.TrimSpace(exitStatusHelp), ""))
		if long == "" {
			long = c.Short
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n```\n%s\n```\n", c.CommandPath(), long, c.UseLine())
		if flags := strings.TrimRight(c.NonInheritedFlags().FlagUsagesWrapped(88), "\n"); flags != "" {
			fmt.Fprintf(&b, "\n```\n%s\n```\n", flags)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	b.WriteString("\n## Exit status\n\n```\n" + strings.TrimPrefix(strings.TrimSpace(exitStatusHelp), "EXIT STATUS\n") + "\n```\n")
	return b.String()
}
