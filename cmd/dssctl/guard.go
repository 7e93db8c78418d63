package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/state"
)

// A run that stops DSS has a guard: a second dssctl in a session of its own,
// which does nothing but wait for the end of the first. When that was killed and
// has left DSS down, the guard undoes the open window, which starts DSS again.
//
// All that the guard needs comes through a pipe: whose end tells it that the
// first dssctl is gone, however it went, and which shows secrets to nobody.

// guardName is the guard's command, which is not for people.
const guardName = "guard"

// vigil says whether a run is guarded, and how.
type vigil struct {
	// stopsDSS says that the run may leave DSS down when it is killed.
	stopsDSS bool
	// always undoes the run although DSS is up: nobody else would close it.
	always bool
	// run is the one that is worked on, where it is there already.
	run string
}

// vigilOver is that of a new run of p.
func vigilOver(p *plan.Plan, onFailure executor.OnFailure) vigil {
	// To stop means to keep everything as it is, for recover.
	return vigil{stopsDSS: stopsDSS(p) && onFailure != executor.StopThere}
}

// stopsDSS reports whether the plan takes a running DSS down.
func stopsDSS(p *plan.Plan) bool {
	found := false
	p.Actions(func(_ *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		found = a.Phase == plan.Stop && a.Danger == plan.Downtime
		return !found
	})
	return found
}

// guardOrder is the first thing that a guard is told.
type guardOrder struct {
	Dir     string        // of the estate
	Always  bool          `json:",omitempty"`
	Run     string        `json:",omitempty"`
	Secrets secret.Values // by their names in the plan
	// Vars are the names of the variables that were given, without their values, and
	// VarFiles the files: a person must give them to recover again.
	Vars     []string `json:",omitempty"`
	VarFiles []string `json:",omitempty"`
}

// guardNews comes after it.
type guardNews struct {
	Run  string `json:",omitempty"` // is worked on from now on
	Done bool   `json:",omitempty"` // nothing is left to do
}

// guard is the first dssctl's end of the pipes; nil when there is no guard.
type guard struct {
	tells *os.File // to the guard
	lives *os.File // from it: what says that it is there, and an end when it has ended
}

// guardReads is how long a guard may take to start, to read what it is told, and
// to end.
const guardReads = 5 * time.Second

// deadline is by the kernel's time, whatever a test's clock says.
func deadline() time.Time { return (clock.System{}).Now().Add(guardReads) }

// startGuard starts a guard of this process. Without one, the run goes on all the
// same.
func (w *world) startGuard(v vigil, secrets secret.Values) *guard {
	if !v.stopsDSS && !v.always {
		return nil
	}
	g, err := w.launchGuard()
	if err != nil {
		w.say("Warning: starting the process that guards this run failed: %v.\nIf dssctl is killed while DSS is stopped, DSS stays down until `dssctl recover`.\n", err)
		return nil
	}
	g.send(guardOrder{
		Dir: w.estateDir(), Always: v.always, Run: v.run, Secrets: secrets,
		Vars: w.varFlags.names(), VarFiles: w.varFlags.files,
	})
	return g
}

// detached starts the guard as nobody's child: who kills a process with all that
// it has started finds it neither by its parent nor by its group or session.
const detached = `"$0" ` + guardName + ` <&3 3<&- &`

func (w *world) launchGuard() (*guard, error) {
	heard, tells, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer heard.Close()
	lives, says, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, tells.Close())
	}
	defer says.Close()
	g := &guard{tells: tells, lives: lives}
	// Not by internal/proc: it outlives this process, and nobody waits for it.
	cmd := exec.Command("/bin/sh", "-c", detached, w.itself())
	cmd.ExtraFiles, cmd.Stdout, cmd.Env = []*os.File{heard}, says, guardEnviron(w.environ)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Run(); err != nil {
		return nil, errors.Join(err, g.close())
	}
	_ = says.Close() // before the wait for an end of it
	if err := g.waitReady(); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

// itself is a path to this very program, the one that it was started by where that
// still leads to it: an upgrade may have put another one there.
func (w *world) itself() string {
	running := fmt.Sprintf("/proc/%d/exe", os.Getpid())
	path, err := w.image()
	if err != nil {
		return running
	}
	a, err := os.Stat(path)
	if err != nil {
		return running
	}
	if b, err := os.Stat(running); err != nil || !os.SameFile(a, b) {
		return running
	}
	return path
}

// waitReady waits until the guard says that it is there: from then on it outlives
// a signal. One that takes long on a busy machine is not waited for.
func (g *guard) waitReady() error {
	if err := g.lives.SetReadDeadline(deadline()); err != nil {
		return err
	}
	if _, err := g.lives.Read(make([]byte, 1)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("it ended at once")
	}
	return nil
}

func (g *guard) close() error { return errors.Join(g.tells.Close(), g.lives.Close()) }

// guardEnviron leaves out what would add arguments to the guard, and the marks by
// which CI systems find and kill what a job has left running: the guard is for
// the moment after just that.
func guardEnviron(environ []string) []string {
	marks := []string{
		"RUNNER_TRACKING_ID",                                                                                // GitHub Actions
		"JENKINS_NODE_COOKIE", "JENKINS_SERVER_COOKIE", "HUDSON_COOKIE", "HUDSON_SERVER_COOKIE", "BUILD_ID", // Jenkins
	}
	return slices.DeleteFunc(slices.Clone(environ), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return name == "DSSCTL_ARGS" || strings.HasPrefix(name, "DSSCTL_ARGS_") || slices.Contains(marks, name)
	})
}

// tell lets the guard know; one that is gone needs no word.
func (g *guard) tell(n guardNews) {
	if g != nil {
		g.send(n)
	}
}

func (g *guard) send(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		return // these types always can be
	}
	if g.tells.SetWriteDeadline(deadline()) == nil {
		_, _ = g.tells.Write(append(b, '\n'))
	}
}

// release ends the guard: this process reached its end by itself.
func (g *guard) release() {
	if g == nil {
		return
	}
	g.tell(guardNews{Done: true})
	_ = g.tells.Close()
	if g.lives.SetReadDeadline(deadline()) == nil {
		_, _ = io.Copy(io.Discard, g.lives) // one that somebody has stopped reads it later
	}
	_ = g.lives.Close()
}

func newGuardCommand(w *world) *cobra.Command {
	return &cobra.Command{
		Use:    guardName,
		Short:  "Start DSS again when the dssctl that has stopped it was killed",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return w.runGuard(cmd.Context()) },
	}
}

// sayReady tells the first dssctl. The pipe to it stays open until the guard ends.
func (w *world) sayReady() {
	_, _ = io.WriteString(w.out, ".") // one that is gone already needs no word
	w.out = io.Discard
}

// hear returns what the guard was told until the pipe's end.
func (w *world) hear() (o guardOrder, run string, done bool) {
	d := json.NewDecoder(w.in)
	if err := d.Decode(&o); err != nil {
		return o, "", true // killed ahead of its first word: nothing was begun
	}
	run = o.Run
	for {
		var n guardNews
		if err := d.Decode(&n); err != nil {
			return o, run, done
		}
		if n.Run != "" {
			run = n.Run
		}
		done = done || n.Done
	}
}

// guardPatience is how long the guard waits for a lock: that of the killed dssctl
// until it is known as stale, that of somebody who works on the run already.
const guardPatience = 10 * time.Minute

// errTakenOver says that somebody else works on the run, or has closed it.
var errTakenOver = errors.New("somebody else has taken the run on")

func (w *world) runGuard(ctx context.Context) (err error) {
	// Whoever ends the first dssctl often means everything around it as well, and
	// DSS is started by nobody else. Ignored, a signal would stay so in DSS.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	w.sayReady()
	order, run, done := w.hear()
	if done || run == "" {
		return nil
	}
	w.chdir, w.varFlags = order.Dir, varOptions{vars: order.Vars, files: order.VarFiles}
	for _, v := range order.Secrets {
		w.redactor.Add(v)
	}
	store, err := w.store()
	if err != nil {
		return err
	}
	defer func() { err = w.leave(ctx, store, run, err) }()
	left, err := w.leftOpen(ctx, store, order, run)
	if err != nil || left == nil {
		return err
	}
	w.logTo(store.LogPath(run))
	err = w.undoLeft(ctx, store, order, left)
	if errors.Is(err, errTakenOver) {
		fmt.Fprintf(w.stdout(), "Nothing to do: %v.\n", err)
		return nil
	}
	return err
}

// leftOpen returns the run as the killed dssctl has left it; nil when there is
// nothing for the guard to do.
func (w *world) leftOpen(ctx context.Context, store state.Store, order guardOrder, run string) (*executor.Result, error) {
	_, left, err := executor.ReadRun(ctx, store, run)
	if err != nil || !left.Run.Status.Open() || !order.Always && len(left.Down) == 0 {
		return nil, err
	}
	return left, nil
}

func (w *world) undoLeft(ctx context.Context, store state.Store, order guardOrder, left *executor.Result) error {
	id := left.Run.ID
	what := "undoing it"
	if len(left.Down) > 0 {
		what += ", so that DSS runs again"
	}
	fmt.Fprintf(w.stdout(), "%s: the dssctl of run %s (%s) was killed: %s.\n", w.clock.Now().UTC().Format(time.RFC3339), id, left.Run.Why, what)
	unchanged := func(now *executor.Result) error {
		if now.Records != left.Records || !now.Run.Status.Open() {
			return errTakenOver
		}
		return nil
	}
	return w.patiently(ctx, guardPatience, func() error {
		_, now, err := executor.ReadRun(ctx, store, id)
		if err != nil {
			return err
		}
		if err := unchanged(now); err != nil {
			return err
		}
		sig := &signals{stop: make(chan struct{})} // nobody asks a guard to end
		return w.execute(ctx, sig, store, &config.Estate{Secrets: order.Secrets}, &output{w: w}, vigil{}, func(ctx context.Context, e *executor.Executor) (*executor.Result, error) {
			return e.Recover(ctx, id, executor.Backwards, executor.Options{
				OnFailure: executor.Rollback, Why: "guard of run " + id + ", whose dssctl was killed", Check: unchanged,
			})
		})
	})
}

// logTo has all that is printed from now on go to the end of a file. Without one
// it is lost: DSS counts more.
func (w *world) logTo(path string) {
	w.out, w.err = io.Discard, io.Discard
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err == nil {
		w.out, w.err = f, f
	}
}
