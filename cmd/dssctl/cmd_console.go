package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/config"
)

func newConsoleCommand(w *world) *cobra.Command {
	var o varOptions
	cmd := &cobra.Command{
		Use:   "console [-var NAME=VALUE]",
		Short: "Evaluate expressions of the estate",
		Long: `Evaluate expressions, one a line, with the variables, locals, instances and
functions of the estate: at a terminal, or from standard input. No instance is
looked at; instance.NAME.ATTRIBUTE is what is declared. What is sensitive is shown
as (sensitive).

An expression goes on on the next line while a bracket is open. "exit" ends it.
From standard input, it ends with 1 when an expression had an error.
` + exitStatusHelp,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.runConsole(cmd.Context(), o) },
	}
	o.addFlags(cmd.Flags())
	return cmd
}

// longestExpression is what one expression may take, over all its lines.
const longestExpression = 1 << 20

func (w *world) runConsole(ctx context.Context, o varOptions) error {
	estate, err := w.loadEstate(o, nil)
	if err != nil {
		return err
	}
	prompt := w.interactive()
	in := bufio.NewScanner(w.in)
	in.Buffer(nil, longestExpression)
	var pending strings.Builder
	failed := false
	for w.prompt(prompt, pending.Len() > 0) && in.Scan() {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		pending.WriteString(in.Text())
		src := pending.String()
		switch trimmed := strings.TrimSpace(src); {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case trimmed == "exit" || trimmed == "quit":
			return nil
		case len(src) < longestExpression && config.Unfinished(src):
			pending.WriteByte('\n')
			continue
		default:
			err := w.evaluate(estate, src)
			failed = failed || err != nil
			if err != nil && !isSaid(err) {
				return err
			}
		}
		pending.Reset()
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("read expressions: %w", err)
	}
	if rest := pending.String(); strings.TrimSpace(rest) != "" {
		failed = w.evaluate(estate, rest) != nil || failed
	}
	if failed && !prompt {
		return &codeError{code: exitError}
	}
	return nil
}

// prompt shows that a line is waited for.
func (w *world) prompt(ask, more bool) bool {
	if ask {
		text := "> "
		if more {
			text = ". "
		}
		if _, err := io.WriteString(w.stderr(), text); err != nil {
			return false
		}
	}
	return true
}

// evaluate prints the value of one expression, or what is wrong with it.
func (w *world) evaluate(estate *config.Estate, src string) error {
	v, sources, diags := estate.Evaluate(src)
	if err := w.printDiagnostics(diags, sources); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w.stdout(), config.FormatValue(v))
	return err
}

// isSaid reports whether an error has been shown already.
func isSaid(err error) bool {
	var code *codeError
	return errors.As(err, &code) && code.text == ""
}
