package executor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

// Foreseen is what a pre-flight found of one action.
type Foreseen struct {
	Address string
	Action  *plan.Action
	preflight.Finding
}

func (f Foreseen) String() string { return f.Address + ": " + f.Finding.String() }

// PreflightError says what was found before DSS was stopped. Nothing was done by
// the actions that it names.
type PreflightError struct{ Found []Foreseen }

func (e *PreflightError) Error() string {
	var b strings.Builder
	b.WriteString("the pre-flight found what would fail:")
	for _, f := range e.Found {
		b.WriteString("\n  - " + f.String())
	}
	return b.String()
}

// preflightParallel is how many instances are looked at at a time.
const preflightParallel = 8

// Preflight looks for what can be known to fail in p, without any lock and
// without changing anything. Instances are looked at some at a time; the findings
// come in the order of the plan.
func (e *Executor) Preflight(ctx context.Context, p *plan.Plan) ([]Foreseen, error) {
	meta, err := e.Store.Meta(ctx)
	if err != nil {
		return nil, err
	}
	found := make([][]Foreseen, len(p.Instances))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(preflightParallel)
	for i := range p.Instances {
		in := &p.Instances[i]
		if len(in.Stages) == 0 || in.Failed {
			continue
		}
		g.Go(func() error {
			inst, err := e.Open(in, e.Runner)
			if err != nil {
				return fmt.Errorf("%s: %w", in.Address, err)
			}
			s := &session{Executor: e, plan: p, meta: meta, instances: map[string]*dss.Instance{in.Address: inst}}
			found[i], err = s.foresee(gctx, in, allActions(in), s.looking)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var out []Foreseen
	for _, f := range found {
		out = append(out, f...)
	}
	return out, nil
}

// foresee asks the performers of these actions. The same thing found for two
// actions is told once.
func (s *session) foresee(ctx context.Context, in *plan.Instance, actions []*plan.Action, call func(*plan.Instance, *plan.Action) *providers.Call) ([]Foreseen, error) {
	var out []Foreseen
	told := map[preflight.Finding]bool{}
	for _, a := range actions {
		p, ok := s.Performers[a.Kind].(providers.Preflighter)
		if !ok {
			continue
		}
		all, err := p.Preflight(ctx, call(in, a))
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		if err != nil {
			return nil, fmt.Errorf("%s: look ahead at %q: %w", in.Address, a.Title, s.clean(ctx, err))
		}
		for _, f := range all {
			if told[f] {
				continue
			}
			told[f] = true
			f.What, f.Where, f.Found = s.Redactor.String(f.What), s.Redactor.String(f.Where), s.Redactor.String(f.Found)
			out = append(out, Foreseen{Address: in.Address, Action: a, Finding: f})
		}
	}
	return out, nil
}

// looking is a call of an action that is only thought about: there is no run.
func (s *session) looking(in *plan.Instance, a *plan.Action) *providers.Call {
	return &providers.Call{
		Action: *a, Planned: in, Address: in.Address, Instance: s.instances[in.Address],
		Secrets: s.Secrets, Key: s.meta.Key, Clock: s.Clock, Redactor: s.Redactor,
		Receipt: nothingYet{}, Progress: func(event.Progress) {}, Notice: func(string) {}, Kept: func(string) {},
		Beside:       func(plan.Phase) providers.Receipt { return nothingYet{} },
		PutBack:      func(context.Context, ...string) error { return errOnlyLooks },
		CheckPutBack: func(context.Context, ...string) error { return errOnlyLooks },
		Standing:     s.standing,
		DataDirs:     s.dataDirs,
		Recorded:     s.recorded(in),
		Record:       func(string, any) error { return errOnlyLooks },
		Down:         func() {}, Up: func(bool) {},
	}
}

var errOnlyLooks = errors.New("a pre-flight only looks")

// nothingYet is the receipt of an action that has not begun.
type nothingYet struct{}

func (nothingYet) Save(any) error         { return errOnlyLooks }
func (nothingYet) Load(any) (bool, error) { return false, nil }

// preflight refuses a run in which something is known to fail.
func (s *session) preflight(ctx context.Context, actions func(*plan.Instance) []*plan.Action) error {
	var bad []Foreseen
	for i := range s.plan.Instances {
		in := &s.plan.Instances[i]
		all, err := s.foresee(ctx, in, actions(in), s.looking)
		if err != nil {
			return err
		}
		bad = append(bad, errorsAmong(all)...)
	}
	if len(bad) > 0 {
		return &PreflightError{Found: bad}
	}
	return nil
}

func errorsAmong(all []Foreseen) (out []Foreseen) {
	for _, f := range all {
		if f.Severity != preflight.Warning {
			out = append(out, f)
		}
	}
	return out
}

// beforeStop looks once more when a is the action that stops DSS: what prepares a
// window can take long, and the world moves.
func (s *session) beforeStop(ctx context.Context, u *unit, a *plan.Action) error {
	if a.Phase != plan.Stop || s.history.of(a.ID).touched() {
		return nil
	}
	if err := s.recordable(); err != nil {
		return err
	}
	return s.preflight(ctx, func(in *plan.Instance) []*plan.Action {
		if in != u.in {
			return nil
		}
		var left []*plan.Action
		for _, b := range u.actions {
			if !s.history.of(b.ID).touched() {
				left = append(left, b)
			}
		}
		return left
	})
}

func allActions(in *plan.Instance) []*plan.Action {
	var out []*plan.Action
	for i := range in.Stages {
		out = append(out, pointers(in.Stages[i].Actions)...)
	}
	return out
}
