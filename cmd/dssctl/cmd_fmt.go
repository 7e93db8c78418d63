package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/config"
)

// fmtOptions are the flags of fmt.
type fmtOptions struct {
	check, diff, recursive bool
}

func newFmtCommand(w *world) *cobra.Command {
	var o fmtOptions
	cmd := &cobra.Command{
		Use:   "fmt [-check] [-diff] [-recursive] [PATH ...]",
		Short: "Format the files",
		Long: `Format *.dss.hcl and *.vars.hcl files in place and name those that changed. PATH is
a file, a folder, or "-" for standard input to standard output.
` + exitStatusHelp,
		RunE: func(_ *cobra.Command, args []string) error { return w.runFmt(o, args) },
	}
	cmd.Flags().BoolVar(&o.check, "check", false, "change nothing; exit with 3 when a file is not formatted")
	cmd.Flags().BoolVar(&o.diff, "diff", false, "show the changes")
	cmd.Flags().BoolVar(&o.recursive, "recursive", false, "go into folders below")
	return cmd
}

func (w *world) runFmt(o fmtOptions, args []string) error {
	if len(args) == 1 && args[0] == "-" {
		return w.fmtStdin(o)
	}
	if len(args) == 0 {
		args = []string{w.dir()}
	}
	if o.recursive {
		var err error
		if args, err = foldersBelow(args); err != nil {
			return fmt.Errorf("format: %w", err)
		}
	}
	formatted, sources, diags := config.FormatFiles(args)
	unformatted := false
	for _, f := range formatted {
		if !f.Changed() {
			continue
		}
		unformatted = true
		fmt.Fprintln(w.stdout(), f.Path)
		if o.diff {
			fmt.Fprint(w.stdout(), f.Diff())
		}
		if o.check {
			continue
		}
		lostGroup, err := f.Write()
		if err != nil {
			return err
		}
		if lostGroup {
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagWarning, Summary: "The group of a file could not be kept",
				Detail: fmt.Sprintf("%s belonged to a group that the account which runs dssctl is not in. It has the account's own group now, which may do no more than everybody else; chgrp gives it back.", f.Path),
			})
		}
	}
	if err := w.printDiagnostics(diags, sources); err != nil {
		return err
	}
	if o.check && unformatted {
		return &codeError{code: exitFormat}
	}
	return nil
}

func (w *world) fmtStdin(o fmtOptions) error {
	var b strings.Builder
	if _, err := copyAll(&b, w.in); err != nil {
		return fmt.Errorf("format standard input: %w", err)
	}
	formatted, diags := config.Format([]byte(b.String()), "<stdin>")
	if err := w.printDiagnostics(diags, map[string]*hcl.File{"<stdin>": {Bytes: []byte(b.String())}}); err != nil {
		return err
	}
	if o.check {
		if string(formatted) != b.String() {
			return &codeError{code: exitFormat}
		}
		return nil
	}
	_, err := w.stdout().Write(formatted)
	return err
}

// foldersBelow returns the paths with the folders below each that is one, but
// for hidden ones.
func foldersBelow(paths []string) ([]string, error) {
	var out []string
	for _, path := range paths {
		err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && p != path && strings.HasPrefix(d.Name(), "."):
				return fs.SkipDir
			case d.IsDir() || p == path:
				out = append(out, p)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
