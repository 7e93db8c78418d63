package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/state"
)

// downError is the error of a command that leaves DSS down, with how to start it:
// the last lines that are printed.
type downError struct {
	error
	runs []view.StillDown
}

func (e *downError) Unwrap() error { return e.error }

// leave closes the store on a command's way out. When the command fails and the
// run, or else the one that the error names, has left DSS down, the error says how
// to start it.
func (w *world) leave(ctx context.Context, store state.Store, run string, err error) error {
	if run == "" {
		run = runOf(err)
	}
	if err != nil && run != "" && !isLocked(err) {
		if down, derr := w.stillDown(context.WithoutCancel(ctx), store, run); derr == nil && len(down.Instances) > 0 {
			err = &downError{err, []view.StillDown{down}}
		}
	}
	return closing(store, err)
}

// isLocked: somebody else works on it, and will have the last word.
func isLocked(err error) bool { return exitCode(err, 0) == exitLocked }

// runOf is the open run that an error is about, "" for none.
func runOf(err error) string {
	var failed *executor.FailedError
	var interrupted *executor.InterruptedError
	var open *executor.OpenRunError
	switch {
	case errors.As(err, &failed):
		return failed.Run
	case errors.As(err, &interrupted):
		return interrupted.Run
	case errors.As(err, &open):
		return open.Run.ID
	}
	return ""
}

// stillDown says which instances a run has left without DSS, and how they are
// started.
func (w *world) stillDown(ctx context.Context, store state.Store, run string) (view.StillDown, error) {
	p, result, err := executor.ReadRun(ctx, store, run)
	if err != nil {
		return view.StillDown{}, err
	}
	out := view.StillDown{Run: run}
	if result.Run.Status.Open() {
		out.Recover = proc.CommandLine(append(append([]string{"dssctl"}, w.again(p)...), "recover", run, "--rollback")...)
	}
	for i := range p.Instances {
		in := &p.Instances[i]
		if since, down := result.Down[in.Address]; down {
			out.Instances = append(out.Instances, w.downInstance(ctx, in, since))
		}
	}
	if log := present([]string{store.LogPath(run)}); len(log) > 0 {
		out.GuardLog = log[0]
	}
	return out, nil
}

func (w *world) downInstance(ctx context.Context, in *plan.Instance, since time.Time) view.DownInstance {
	out := view.DownInstance{Address: in.Address, Since: since, Account: accountName(w.uid())}
	inst, err := w.openPlanned(in, w.runner)
	if err != nil {
		// Half exchanged, it cannot be opened as an instance; its own script is
		// where it always is.
		out.Start = proc.CommandLine(in.DataDir+"/bin/dss", "start")
		return out
	}
	out.Start = inst.StartCommand(ctx)
	return out
}

// accountName is the login name, or the number where there is none.
func accountName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid " + strconv.Itoa(uid)
}

// again are the flags of this command that a person must give recover again: where
// the estate is, and its variables, without values. What p has recorded is not
// needed.
func (w *world) again(p *plan.Plan) []string {
	var out []string
	if w.chdir != "" {
		out = append(out, "--chdir="+w.estateDir())
	}
	for _, f := range w.varFlags.files {
		out = append(out, "--var-file="+f)
	}
	for _, name := range w.varFlags.names() {
		if p.Variables[name] == nil {
			out = append(out, "--var="+name+"=...")
		}
	}
	return out
}

// names are those of the variables, whose values may be secret.
func (o varOptions) names() []string {
	out := make([]string, len(o.vars))
	for i, v := range o.vars {
		out[i], _, _ = strings.Cut(v, "=")
	}
	return out
}

// lastWord prints how to start what a command leaves down.
func (w *world) lastWord(err error) {
	var down *downError
	if !errors.As(err, &down) {
		return
	}
	fmt.Fprintln(w.stderr())
	for _, r := range down.runs {
		view.HowToStart(w.stderr(), r)
	}
}
