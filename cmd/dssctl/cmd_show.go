package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/state"
)

// showOptions are the flags of show.
type showOptions struct {
	json      bool
	format    string
	sourceDir string
}

func newShowCommand(w *world) *cobra.Command {
	var o showOptions
	cmd := &cobra.Command{
		Use:   "show [PLANFILE|RUN] [-json|-format FORMAT] [-source-dir FOLDER]",
		Short: "Show a saved plan or a past run; without either, the newest run",
		Long: `Show a plan file, or what a run did: its plan, the outcome of each action, and the
downtime measured. Neither the configuration nor the instances are needed.

Formats:
  human     for a terminal
  json      the plan file, or a run with its plan and journal, as one document
  markdown  for a comment on a pull request, never longer than one may be
  html      one file for a browser, without anything from a network
  github    annotations of the files, on the log of a job of GitHub Actions
  sarif     SARIF 2.1.0, for code scanning
  junit     a JUnit report: a block that differs, or an action that failed, is a
            test that failed
` + exitStatusHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			return w.runShow(cmd.Context(), o, name)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print JSON: the same as -format json")
	f.StringVar(&o.format, "format", "human", "print as `FORMAT`: "+strings.Join(formatNames, ", "))
	f.StringVar(&o.sourceDir, "source-dir", "", "for github and sarif: the `FOLDER` in which dssctl planned, as seen from the repository's root")
	cmd.MarkFlagsMutuallyExclusive("json", "format")
	choices(cmd, "format", formatNames...)
	return cmd
}

func (w *world) runShow(ctx context.Context, o showOptions, name string) error {
	if o.json {
		o.format = "json"
	}
	if renderers[o.format] == nil {
		last := len(formatNames) - 1
		return fmt.Errorf("-format is %q; it must be %s or %s", o.format, strings.Join(formatNames[:last], ", "), formatNames[last])
	}
	if name != "" {
		if _, err := os.Stat(name); err == nil {
			p, raw, err := readPlan(name)
			if err != nil {
				return err
			}
			return renderers[o.format](w, &shown{options: o, plan: p, raw: raw})
		}
	}
	store, err := w.store()
	if err != nil {
		return err
	}
	err = w.showRun(ctx, store, o, name)
	if errors.Is(err, state.ErrNotFound) {
		err = fmt.Errorf("%q is neither a file nor a run in %s; `dssctl state list` lists the runs", name, store.Where())
	}
	return closing(store, err)
}

func (w *world) showRun(ctx context.Context, store state.Store, o showOptions, id string) error {
	if id == "" {
		runs, err := store.Runs(ctx)
		if err != nil {
			return err
		}
		if len(runs) == 0 && o.format == "human" {
			fmt.Fprintln(w.stdout(), "No run yet.")
			return nil
		}
		if len(runs) == 0 {
			return fmt.Errorf("there is no run yet in %s: nothing to show as %s", store.Where(), o.format)
		}
		id = runs[0].ID
	}
	p, result, err := executor.ReadRun(ctx, store, id)
	if err != nil {
		return err
	}
	if err := w.executor(store, &config.Estate{Secrets: secret.Values{}}).Offer(ctx, result); err != nil {
		return err
	}
	s := &shown{options: o, plan: p}
	r := w.report(store, result)
	s.run = &r
	if s.journal, err = journal(ctx, store, id); err != nil {
		return err
	}
	return renderers[o.format](w, s)
}

// showJSON prints a plan file as it is, or a run as one document.
func (w *world) showJSON(s *shown) error {
	if s.run == nil {
		_, err := w.stdout().Write(s.raw)
		return err
	}
	enc := json.NewEncoder(w.stdout())
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(s.document())
}
