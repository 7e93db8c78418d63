package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

const exitStatusHelp = `
EXIT STATUS
  0    done, or no changes
  1    error
  2    changes present (plan -detailed-exitcode)
  3    a file is not formatted (fmt -check)
  4    a run stopped part-way or was aborted; its journal is kept, see dssctl recover
  5    refused: stale plan, danger not allowed, an open run
  6    failed and rolled back
  11   locked by another run, of this estate or of the instance
  130  interrupted, cleanly stopped (143 for SIGTERM and SIGHUP)
`

// newRootCommand puts the commands together.
func newRootCommand(w *world) *cobra.Command {
	root := &cobra.Command{
		Use:   "dssctl",
		Short: "Bring Dataiku DSS instances to the state that HCL files declare",
		Long: `dssctl brings Dataiku DSS instances to the state that HCL files declare.

Files *.dss.hcl in one folder say what each instance shall be. "dssctl plan"
compares that with the live data directories and shows what would be done, in
which order, and for how long DSS is down. "dssctl apply" does it: each action
is journalled, verified, and can be undone.

Long flags are accepted with one dash or two.
`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
	}
	root.SetVersionTemplate("dssctl {{.Version}}\n")
	root.SetOut(w.stdout())
	root.SetErr(w.stderr())
	root.SetFlagErrorFunc(unknownFlag)
	root.PersistentFlags().StringVar(&w.chdir, "chdir", "", "work in this `folder` instead of the current one")
	root.AddGroup(
		&cobra.Group{ID: "main", Title: "Main commands:"},
		&cobra.Group{ID: "run", Title: "Runs:"},
		&cobra.Group{ID: "more", Title: "More commands:"},
	)
	root.SetHelpCommandGroupID("more")
	root.SetCompletionCommandGroupID("more")
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			c.DisableFlagsInUseLine = true
			root.AddCommand(c)
		}
	}
	add("main", newInitCommand(w), newValidateCommand(w), newPlanCommand(w), newApplyCommand(w), newImportCommand(w), newStatusCommand(w), newDoctorCommand(w), newBackupCommand(w))
	add("run", newShowCommand(w), newRecoverCommand(w), newRollbackCommand(w))
	add("more", newFmtCommand(w), newOutputCommand(w), newConsoleCommand(w), newGraphCommand(w), newSchemaCommand(w), newLSPCommand(w), newStateCommand(w), newVersionCommand(w), newGuardCommand(w))
	return root
}

// run is dssctl without os.Exit.
func run(w *world, args []string) int {
	root := newRootCommand(w)
	root.SetArgs(normalize(root, withEnvironment(root, args, w.getenv)))
	var sig syscall.Signal
	ctx := context.WithValue(context.Background(), signalKey{}, &sig)
	surviveClosedPipes()
	err := w.delivered(root.ExecuteContext(ctx))
	if text := strings.TrimSpace(errorText(err)); text != "" {
		w.say("Error: %s\n", text)
	}
	w.lastWord(err)
	return exitCode(err, sig)
}

// delivered is the error of a command whose output is what it is for: that it
// could not be written is one, unless its reader had seen enough.
func (w *world) delivered(err error) error {
	var code *codeError
	if w.ran || err != nil && (!errors.As(err, &code) || code.code != exitChanges) {
		return err
	}
	if lost := w.delivery.to(w.out).lost(); lost != nil {
		return fmt.Errorf("write standard output: %w", lost)
	}
	return err
}

type signalKey struct{}

// noteSignal tells run which signal ended the command.
func noteSignal(ctx context.Context, s syscall.Signal) {
	if p, ok := ctx.Value(signalKey{}).(*syscall.Signal); ok && s != 0 {
		*p = s
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	var code *codeError
	if errors.As(err, &code) {
		return code.text
	}
	return err.Error()
}
