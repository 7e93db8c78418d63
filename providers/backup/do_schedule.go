package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/schedule"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

// entry is what starts a policy's backups.
type entry struct {
	Scheduler string         `json:"scheduler"` // cron or systemd
	Sudo      bool           `json:"sudo,omitempty"`
	Entry     schedule.Entry `json:"entry"`
}

// entryOf is the entry that a block declares; nil for none.
func (p *Provider) entryOf(b *config.Block) *entry {
	expr := b.String("schedule")
	if expr == "" {
		return nil
	}
	return &entry{
		Scheduler: b.String("scheduler"), Sudo: b.String("privilege") == "sudo",
		Entry: schedule.Entry{
			ID: schedule.ID(b.Address + " of " + p.o.Estate), Expr: strings.Join(strings.Fields(expr), " "), Dir: p.o.Estate,
			Command: []string{p.o.Command, "backup", "run", "-auto-approve", "-lock-timeout", "6h", b.Address},
		},
	}
}

// scheduler returns the program that keeps the entry. A system's timer needs
// root; without it the timer is one of the account's own systemd.
func (e entry) scheduler(inst *dss.Instance) (schedule.Scheduler, error) {
	home := homeDir()
	o := schedule.Options{Runner: inst.Runner(), Clock: inst.Clock(), Home: home}
	if e.Scheduler != "systemd" {
		return schedule.NewCrontab(o), nil
	}
	account, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("schedule backups: which account runs dssctl? %w", err)
	}
	o.Account = account.Username
	if !e.Sudo {
		if home == "" {
			return nil, errors.New("schedule backups: the account has no home directory, where its own systemd looks for timers: set HOME, or use scheduler = \"cron\"")
		}
		o.User, o.Units = true, filepath.Join(home, ".config", "systemd", "user")
		return schedule.NewSystemd(o), nil
	}
	o.Units, o.Sudo = "/etc/systemd/system", []string{"sudo", "-n"}
	return schedule.NewSystemd(o), nil
}

// homeDir is the account's home, which cron and systemd take from the system's
// list of accounts: without the variable, so does dssctl. "" where there is none.
func homeDir() string {
	if home := os.Getenv("HOME"); home != "" {
		return home
	}
	if account, err := user.Current(); err == nil {
		return account.HomeDir
	}
	return ""
}

// lookAtEntry observes the entry of this id.
func lookAtEntry(ctx context.Context, inst *dss.Instance, want entry, o *observed) {
	s, err := want.scheduler(inst)
	if err != nil {
		o.ScheduleError = err.Error()
		return
	}
	found, drift, err := s.Observe(ctx, want.Entry.ID)
	if err != nil {
		o.ScheduleError = err.Error()
		return
	}
	o.Drift = drift
	if found != nil {
		o.Entry = &entry{Scheduler: want.Scheduler, Sudo: want.Sudo, Entry: *found}
	}
}

// schedule compares the entry.
func (m *maker) schedule(p *Provider, b *config.Block, was *entry, out *providers.Proposal) {
	want := p.entryOf(b)
	switch {
	case want == nil && was == nil:
	case want == nil:
		out.Changes = append(out.Changes, m.change(b, "schedule", plan.Delete, was.Entry.Expr, nil, ""))
		out.Steps = append(out.Steps, m.unschedule(*was))
	case m.seen.ScheduleError == "" && m.seen.Drift == "" && m.seen.Entry != nil && m.seen.Entry.Entry.Equal(want.Entry) &&
		(was == nil || was.sameAs(want)):
	default:
		c := m.change(b, "schedule", plan.Create, nil, want.Entry.Expr, m.seen.Drift)
		if m.seen.Entry != nil {
			c.Op, c.Before = plan.Update, encode(m.seen.Entry.Entry.Expr)
			if c.Note == "" && m.seen.Entry.Entry.Expr == want.Entry.Expr {
				c.Note = "the entry's command differs from what is declared"
			}
		}
		out.Changes = append(out.Changes, c)
		if was != nil && !was.sameAs(want) {
			out.Steps = append(out.Steps, m.unschedule(*was))
		}
		a := m.a
		a.Schedule = want
		s := m.step(KindSchedule, plan.Doing, providers.Online,
			fmt.Sprintf("schedule backups at %q (%s)", want.Entry.Expr, placeOfEntry(want.Scheduler)), "the entry as it was")
		s.Args, s.Unit = encode(a), m.at+" schedule"
		out.Steps = append(out.Steps, s)
	}
}

// sameAs reports whether it is the same entry, of whatever content: one of another
// scheduler, or of an instance that has another address now, is in the way.
func (e *entry) sameAs(other *entry) bool {
	return e.Scheduler == other.Scheduler && e.Entry.ID == other.Entry.ID
}

func placeOfEntry(scheduler string) string {
	if scheduler == "systemd" {
		return "systemd timer"
	}
	return "crontab"
}

// unschedule removes an entry.
func (m *maker) unschedule(was entry) providers.Step {
	a := m.a
	a.Schedule = &was
	a.Unschedule = true
	s := m.step(KindSchedule, plan.Doing, providers.Online, fmt.Sprintf("remove the schedule entry of %s (%s)", was.Entry.ID, placeOfEntry(was.Scheduler)), "the entry as it was")
	s.Args, s.Unit = encode(a), m.at+" schedule"
	return s
}

// scheduler performs backup.schedule.
type scheduler struct{}

// scheduleReceipt is the entry as it was found.
type scheduleReceipt struct {
	Before schedule.Saved `json:"before"`
}

func (scheduler) Done(ctx context.Context, pc *providers.Call) (bool, error) {
	c, s, err := openSchedule(pc)
	if err != nil {
		return false, err
	}
	return c.scheduled(ctx, s)
}

func openSchedule(pc *providers.Call) (*call, schedule.Scheduler, error) {
	c, err := open(pc)
	if err != nil {
		return nil, nil, err
	}
	if c.Schedule == nil {
		return nil, nil, fmt.Errorf("the arguments of %s name no entry", pc.Action.Kind)
	}
	s, err := c.Schedule.scheduler(c.Instance)
	return c, s, err
}

// scheduled reports whether the entry is as it shall be.
func (c *call) scheduled(ctx context.Context, s schedule.Scheduler) (bool, error) {
	found, drift, err := s.Observe(ctx, c.Schedule.Entry.ID)
	if err != nil {
		return false, err
	}
	if c.Unschedule {
		return found == nil, nil
	}
	return found != nil && drift == "" && found.Equal(c.Schedule.Entry), nil
}

func (scheduler) Do(ctx context.Context, pc *providers.Call) error {
	c, s, err := openSchedule(pc)
	if err != nil {
		return err
	}
	if err := c.runnable(ctx, s); err != nil {
		return err
	}
	var r scheduleReceipt
	if known, err := c.Receipt.Load(&r); err != nil {
		return err
	} else if !known {
		found, err := s.Save(ctx, c.Schedule.Entry.ID)
		if err != nil {
			return err
		}
		if err := c.Receipt.Save(scheduleReceipt{Before: found}); err != nil {
			return err
		}
	}
	if c.Unschedule {
		return s.Remove(ctx, c.Schedule.Entry.ID)
	}
	return s.Install(ctx, c.Schedule.Entry)
}

// runnable looks whether the entry can be installed, or removed, and would run.
func (c *call) runnable(ctx context.Context, s schedule.Scheduler) error {
	if err := s.Check(ctx); err != nil {
		return err
	}
	if c.Unschedule {
		return nil
	}
	if err := c.Schedule.Entry.Check(); err != nil {
		return err
	}
	return c.rehearse(ctx)
}

// Preflight implements providers.Preflighter: a schedule that cannot run is found
// before any window.
func (scheduler) Preflight(ctx context.Context, pc *providers.Call) ([]preflight.Finding, error) {
	c, err := open(pc)
	if err != nil {
		return nil, err
	}
	if c.Schedule == nil {
		return nil, fmt.Errorf("the arguments of %s name no entry", pc.Action.Kind)
	}
	what := "The backups could not be scheduled"
	if c.Unschedule {
		what = "The schedule entry could not be removed"
	}
	refuse := func(err error) []preflight.Finding {
		return []preflight.Finding{{
			Severity: preflight.Error, What: what, Where: placeOfEntry(c.Schedule.Scheduler) + " entry " + c.Schedule.Entry.ID,
			Found: err.Error(), Expected: "an entry that runs every time, without whoever applies",
			Remedy: "Put that right, or take `schedule` out of the block and run `dssctl backup run` from a scheduler of your own.",
		}}
	}
	s, err := c.Schedule.scheduler(c.Instance)
	if err != nil {
		return refuse(err), nil
	}
	if err := c.runnable(ctx, s); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return refuse(err), nil
	}
	if files := s.Files(c.Schedule.Entry.ID); len(files) > 0 {
		return preflight.Files(what, files...), nil
	}
	return nil, nil
}

// rehearse looks whether the estate can be read where there is neither a
// terminal nor the environment of whoever applies: a schedule that cannot find
// its secrets would fail every night.
func (c *call) rehearse(ctx context.Context) error {
	e := c.Schedule.Entry
	if info, err := os.Stat(e.Command[0]); err != nil || info.Mode()&0o111 == 0 {
		return fmt.Errorf("the entry would run %s, which is no program: install dssctl where it stays, such as /usr/local/bin, and apply with that one", e.Command[0])
	}
	env := []string{"-i", "PATH=" + schedule.DefaultPath, "LC_ALL=C.UTF-8"}
	if home := homeDir(); home != "" {
		env = append(env, "HOME="+home)
	}
	_, err := c.Instance.Runner().Run(ctx, proc.Cmd{
		Path: "env", Dir: e.Dir, Timeout: rehearsalTimeout,
		Args: append(env, e.Command[0], "validate"),
	})
	if err != nil {
		return fmt.Errorf("the schedule would run without this terminal and this environment, and there the estate in %s cannot be read; variables come from *.auto.vars.hcl, and secrets from secret_file(…) or secret_command(…): %w", e.Dir, err)
	}
	return nil
}

const rehearsalTimeout = 5 * time.Minute

func (scheduler) Verify(ctx context.Context, pc *providers.Call) error {
	c, s, err := openSchedule(pc)
	if err != nil {
		return err
	}
	ok, err := c.scheduled(ctx, s)
	if err == nil && !ok {
		err = fmt.Errorf("the entry of %s is not as it was written", c.Schedule.Entry.ID)
	}
	if err != nil {
		return err
	}
	return c.remember(ctx, func(p *policyRecord) {
		p.Schedule = c.Schedule
		if c.Unschedule {
			p.Schedule = nil
		}
	})
}

// CheckUndo: the entry must be as the run left it, or somebody's own work would be
// lost; and it must be possible to write one.
func (scheduler) CheckUndo(ctx context.Context, pc *providers.Call) error {
	var r scheduleReceipt
	if known, err := pc.Receipt.Load(&r); err != nil || !known || pc.Glance {
		return err
	}
	c, s, err := openSchedule(pc)
	if err != nil {
		return err
	}
	if err := s.Check(ctx); err != nil {
		return err
	}
	ok, err := c.scheduled(ctx, s)
	if err == nil && !ok {
		err = fmt.Errorf("the schedule entry of %s was changed after the run (%s): take that back, or declare it and apply", c.Schedule.Entry.ID, placeOfEntry(c.Schedule.Scheduler))
	}
	return err
}

// Undo puts back the entry that was there. Where Do did not come so far, nothing
// is asked for: what kept it from its work must not keep it from being undone.
func (scheduler) Undo(ctx context.Context, pc *providers.Call) error {
	var r scheduleReceipt
	known, err := pc.Receipt.Load(&r)
	if err != nil || !known {
		return err
	}
	c, s, err := openSchedule(pc)
	if err != nil {
		return err
	}
	return s.Restore(ctx, c.Schedule.Entry.ID, r.Before)
}
