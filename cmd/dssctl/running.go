package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sort"
	"time"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/state"
)

// execute runs f with an executor whose events are shown, under a guard where v
// wants one, and ends with the summary.
func (w *world) execute(ctx context.Context, sig *signals, store state.Store, estate *config.Estate, out *output, v vigil, f func(context.Context, *executor.Executor) (*executor.Result, error)) error {
	flush := w.delivery.queue()
	defer flush(ctx)
	sink := out.events()
	e := w.executor(store, estate)
	g := w.startGuard(v, estate.Secrets)
	e.Stop = sig.stop
	e.Events = func(ev event.Event) {
		if ev.Type == event.RunStart {
			g.tell(guardNews{Run: ev.Run})
		}
		sink.Event(ev)
	}
	result, err := f(ctx, e)
	g.release() // not deferred: a panic is no orderly end
	sink.Close()
	if result == nil {
		return err
	}
	out.told, w.ran = true, true
	if verr := sink.Summary(w.report(store, result)); verr != nil && err == nil {
		err = verr
	}
	return err
}

func (w *world) executor(store state.Store, estate *config.Estate) *executor.Executor {
	all, _ := w.aspects()
	return &executor.Executor{
		Store: store, Performers: performers(all), Runner: w.runner,
		Secrets: estate.Secrets, Redactor: &w.redactor, Clock: w.clock,
		Open: w.openPlanned,
	}
}

// openPlanned opens an instance as a plan has it.
func (w *world) openPlanned(in *plan.Instance, r proc.Runner) (*dss.Instance, error) {
	return dss.Open(in.DataDir, dss.Options{
		Runner: r, Clock: w.clock, Companion: in.CompanionDir, Environment: in.Environment, UID: w.uid, UnitDirs: w.unitDirs, Redactor: &w.redactor, Bare: in.Bare,
	})
}

// report is what the views show of a result, with where its guard wrote.
func (w *world) report(store state.Store, r *executor.Result) view.RunReport {
	out := report(r)
	if log := present([]string{store.LogPath(r.Run.ID)}); len(log) > 0 {
		out.GuardLog = log[0]
	}
	return out
}

// report turns a result into what the views show.
func report(r *executor.Result) view.RunReport {
	out := view.RunReport{
		Run: r.Run.ID, Status: string(r.Run.Status), Started: r.Run.Started, Ended: r.Run.Ended, Why: r.Run.Why, Safety: present(r.Kept),
		Undoable: r.Undoable, Spent: r.Spent,
	}
	for _, a := range r.Actions {
		out.Actions = append(out.Actions, view.ActionReport{
			ID: a.Action.ID, Title: a.Action.Title, Instance: a.Instance,
			Outcome: view.Outcome(a.Outcome), Elapsed: a.Elapsed, Error: a.Error, Leftover: a.Leftover, Notices: a.Notices,
			Manual: a.Action.Manual,
		})
	}
	for _, address := range sortedKeys(r.Down) {
		out.Down = append(out.Down, view.Down{Instance: address, Since: r.Down[address]})
	}
	for _, address := range sortedKeys(r.Downtime) {
		d := r.Downtime[address]
		out.Downtime = append(out.Downtime, view.Downtime{Instance: address, Duration: d.Run, Rollback: d.Rollback})
	}
	return out
}

// present are the paths that are still there: what an undo has put back is no
// longer kept aside.
func present(paths []string) (out []string) {
	for _, p := range paths {
		if _, err := os.Lstat(p); !errors.Is(err, fs.ErrNotExist) {
			out = append(out, p)
		}
	}
	return out
}

// sortedKeys returns the keys of all maps, each once, in order.
func sortedKeys[V any](maps ...map[string]V) []string {
	seen := map[string]bool{}
	var out []string
	for _, m := range maps {
		for k := range m {
			if !seen[k] {
				seen[k] = true
				out = append(out, k)
			}
		}
	}
	sort.Strings(out)
	return out
}

// patiently repeats f while another run holds the lock.
func (w *world) patiently(ctx context.Context, timeout time.Duration, f func() error) error {
	deadline, told := w.clock.Now().Add(timeout), false
	for {
		err := f()
		if exitCode(err, 0) != exitLocked || !w.clock.Now().Before(deadline) {
			return err
		}
		if !told {
			w.say("Waiting for at most %s: %v\n", timeout, err)
			told = true
		}
		if err := w.clock.Sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}
