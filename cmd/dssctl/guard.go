package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/providers/backup"
)

// A backup that nobody watches has a guard: a second dssctl in a session of its
// own, which does nothing but wait for the end of the first. When that was
// killed, and DSS may be down, it undoes the backup, which starts DSS again.

// guardName is the guard's command, which is not for people.
const guardName = "guard"

// orderly is what the guard is told when there is nothing left to do.
const orderly = "done"

// startGuard starts a guard of this process and returns what releases it. Without
// one the backup goes on all the same, and the next one undoes what is left.
func (w *world) startGuard(o varOptions) (release func()) {
	nothing := func() {}
	self, err := w.self()
	if err != nil {
		return nothing
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nothing
	}
	defer read.Close()
	args := []string{"backup", guardName, "-chdir", w.estateDir()}
	for _, v := range o.vars {
		args = append(args, "-var", v)
	}
	for _, f := range o.files {
		if path, err := absolute(w.dir(), f); err == nil {
			args = append(args, "-var-file", path)
		}
	}
	// Not by internal/proc: it outlives this process, and nobody waits for it.
	cmd := exec.Command(self, args...)
	cmd.Stdin, cmd.Env = read, w.environ
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		_ = write.Close() // nobody reads
		return nothing
	}
	return func() {
		_, _ = io.WriteString(write, orderly) // a guard that is gone needs no word
		_ = write.Close()
		_ = cmd.Wait()
	}
}

func newBackupGuardCommand(w *world) *cobra.Command {
	var o varOptions
	cmd := &cobra.Command{
		Use:    guardName,
		Short:  "Undo a backup whose dssctl was killed",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return w.runGuard(cmd.Context(), o) },
	}
	o.addFlags(cmd.Flags())
	return cmd
}

// guardPatience is how long the lock of a killed dssctl may take to be known as
// stale.
const guardPatience = 10 * time.Minute

func (w *world) runGuard(ctx context.Context, o varOptions) (err error) {
	said, err := io.ReadAll(w.in)
	if err == nil && string(said) == orderly {
		return nil
	}
	store, err := w.store()
	if err != nil {
		return err
	}
	defer func() { err = closing(store, err) }()
	err = w.patiently(ctx, guardPatience, func() error { return executor.CheckOpen(ctx, store) })
	var open *executor.OpenRunError
	if !errors.As(err, &open) || open.Run.Why != "backup "+string(backup.Run) {
		return err // it was killed before or behind its work
	}
	p, _, err := executor.ReadRun(ctx, store, open.Run.ID)
	if err != nil {
		return err
	}
	estate, err := w.loadEstate(o, p.Variables)
	if err != nil {
		return err
	}
	ctx, sig := w.watchSignals(ctx, true)
	defer sig.finish()
	fmt.Fprintf(w.stderr(), "The dssctl of backup %s was killed: undoing it, so that DSS runs again.\n", open.Run.ID)
	return w.execute(ctx, sig, store, estate, false, func(ctx context.Context, e *executor.Executor) (*executor.Result, error) {
		return e.Recover(ctx, open.Run.ID, executor.Backwards, executor.Options{OnFailure: executor.Rollback, Why: "guard of a backup"})
	})
}
