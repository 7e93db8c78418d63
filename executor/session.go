package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/state"
)

// session is one hold of the locks, over one plan.
type session struct {
	*Executor
	plan      *plan.Plan
	meta      state.Meta
	lease     state.Lease
	instances map[string]*dss.Instance // by address
	unlocks   []func() error
	journal   state.Journal
	history   *history
	total     int // actions in the plan
	index     map[string]int

	// late gathers what could not be written while undoing.
	late error
	// standingRuns is what standing has found.
	standingRuns *[]providers.StandingRun

	mu  sync.Mutex // guards Events and the journal
	seq int
}

// begin takes the estate's lock and the lock beside each instance that the plan
// changes.
func (e *Executor) begin(ctx context.Context, why string, p *plan.Plan) (_ *session, err error) {
	s := &session{Executor: e, plan: p, instances: map[string]*dss.Instance{}, index: map[string]int{}, history: &history{actions: map[string]*progress{}}}
	defer func() {
		if err != nil {
			s.end()
		}
	}()
	if s.meta, err = e.Store.Meta(ctx); err != nil {
		return nil, err
	}
	if p.Estate.Lineage != s.meta.Lineage {
		return nil, &StaleError{Changed: []string{fmt.Sprintf("the plan was made for another estate, or the state in %s is not the one it was made with (lineage %s, here %s)", e.Store.Where(), p.Estate.Lineage, s.meta.Lineage)}}
	}
	if err = s.checkPerformers(); err != nil {
		return nil, err
	}
	if s.lease, err = e.Store.Lock(ctx, why); err != nil {
		return nil, err
	}
	for i := range p.Instances {
		in := &p.Instances[i]
		if len(in.Stages) == 0 {
			continue
		}
		inst, err := e.Open(in, journalling{Runner: e.Runner, s: s})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", in.Address, err)
		}
		if in.RealDir != "" && inst.DataDir != in.RealDir {
			return nil, &ElsewhereError{Address: in.Address, DataDir: in.DataDir, Planned: in.RealDir, Now: inst.DataDir}
		}
		unlock, err := inst.LockBeside(why)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", in.Address, err)
		}
		s.unlocks = append(s.unlocks, unlock)
		s.instances[in.Address] = inst
	}
	return s, nil
}

// checkPerformers refuses a plan with actions that this dssctl does not know.
func (s *session) checkPerformers() error {
	var errs []error
	s.plan.Actions(func(_ *plan.Instance, _ *plan.Stage, a *plan.Action) bool {
		s.total++
		s.index[a.ID] = s.total
		if s.Performers[a.Kind] == nil {
			errs = append(errs, fmt.Errorf("action %s is of the kind %q, which this dssctl does not know: the plan was made by version %s", a.ID, a.Kind, s.plan.Tool))
		}
		return true
	})
	return errors.Join(errs...)
}

func (s *session) end() {
	// Releasing must work also when the run's context has ended.
	ctx := context.Background()
	if s.journal != nil {
		_ = s.journal.Close() // every record is on disk already
	}
	for _, unlock := range s.unlocks {
		_ = unlock() // the kernel drops it with the process anyway
	}
	if s.lease != nil {
		_ = s.lease.Release(ctx) // a lease that stays is recognised as stale
	}
}

// create makes the run.
func (s *session) create(ctx context.Context, o Options, raw []byte) (err error) {
	run := state.Run{Status: state.Running, Why: o.Why, Unattended: o.Unattended}
	for i := range s.plan.Instances {
		if in := &s.plan.Instances[i]; len(in.Stages) > 0 || len(in.Records) > 0 || in.Protect != nil || in.MovedFrom != "" || in.Importing != nil || in.Forgotten() {
			run.Instances = append(run.Instances, in.Address)
			if in.MovedFrom != "" {
				run.Instances = append(run.Instances, in.MovedFrom) // what came before stands below this
			}
		}
	}
	s.journal, err = s.Store.CreateRun(ctx, run, raw)
	if err != nil {
		return fmt.Errorf("create the run's journal: %w", err)
	}
	s.emit(event.Event{Type: event.RunStart, Total: s.total})
	return nil
}

// record appends to the journal and to what is known of the run.
func (s *session) record(typ, action string, data any) error {
	r := state.Record{Type: typ, Action: action, Time: s.Clock.Now()}
	if data != nil {
		b, err := json.Marshal(data)
		if err != nil {
			return fmt.Errorf("journal %s of %s: %w", typ, action, err)
		}
		r.Data = b
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	r.Seq = s.seq
	// The journal must be written also when the action was aborted.
	if err := s.journal.Append(context.Background(), r); err != nil {
		return fmt.Errorf("write the run's journal: %w", err)
	}
	return s.history.add(r)
}

func (s *session) emit(ev event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Events == nil {
		return
	}
	ev.Time, ev.Total = s.Clock.Now(), s.total
	if s.journal != nil {
		ev.Run = s.journal.Run().ID
	}
	ev.Message = s.Redactor.String(ev.Message)
	s.Events(ev)
}

// journalling notes each command that an action starts, so that a recovery can
// wait for one that outlived its dssctl.
type journalling struct {
	proc.Runner
	s *session
}

type actionKey struct{}

func (j journalling) Run(ctx context.Context, c proc.Cmd) (proc.Result, error) {
	action, ok := ctx.Value(actionKey{}).(string)
	if ok && j.s.journal != nil {
		told := c.Started
		c.Started = func(p proc.Process) {
			// A journal that fails here fails at the action's end as well.
			_ = j.s.record(recProcess, action, processData{Command: c.Path, Process: p})
			if told != nil {
				told(p)
			}
		}
	}
	return j.Runner.Run(ctx, c)
}

// receipt is an action's durable memory in the journal.
type receipt struct {
	s      *session
	action string
}

func (r receipt) Save(v any) error { return r.s.record(recReceipt, r.action, v) }

func (r receipt) Load(v any) (bool, error) {
	r.s.mu.Lock()
	raw := r.s.history.of(r.action).receipt
	r.s.mu.Unlock()
	if raw == nil {
		return false, nil
	}
	return true, json.Unmarshal(raw, v)
}

var _ providers.Receipt = receipt{}
