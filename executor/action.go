package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/state"
)

// call makes an action ready for its performer. records gathers what the
// performer has state remember.
func (s *session) call(in *plan.Instance, a *plan.Action, records map[string]json.RawMessage) *providers.Call {
	return &providers.Call{
		Run: s.journal.Run().ID, Action: *a, Planned: in, Address: in.Address,
		Instance: s.instances[in.Address],
		Secrets:  s.Secrets, Key: s.meta.Key, Clock: s.Clock, Redactor: s.Redactor,
		Receipt: receipt{s: s, action: a.ID},
		Progress: func(p event.Progress) {
			p.Note = s.Redactor.String(p.Note)
			s.emit(event.Event{Type: event.ApplyProgress, Instance: in.Address, Action: a.ID, Title: a.Title, Index: s.index[a.ID], Progress: &p})
		},
		Notice: func(text string) {
			text = s.Redactor.String(text)
			// A notice that cannot be journalled is still shown.
			_ = s.record(recNotice, a.ID, textData{text})
			s.emit(event.Event{Type: event.Notice, Instance: in.Address, Action: a.ID, Title: a.Title, Message: text})
		},
		Beside: func(phase plan.Phase) providers.Receipt { return s.beside(in, a, phase) },
		PutBack: func(ctx context.Context, names ...string) error {
			p, c, err := s.guard(in, a, names)
			if err != nil {
				return err
			}
			return p.PutBack(ctx, c, names...)
		},
		CheckPutBack: func(ctx context.Context, names ...string) error { return s.checkPutBack(ctx, in, a, names, false) },
		Standing:     s.standing,
		DataDirs:     s.dataDirs,
		Down:         func() { s.note(a, recDown, nil) },
		Up:           func(stayed bool) { s.note(a, recUp, upData{Stayed: stayed}) },
		Kept: func(path string) {
			// A path that cannot be journalled is found by looking.
			_ = s.record(recKept, a.ID, textData{path})
		},
		Recorded: s.recorded(in),
		Record: func(aspect string, v any) error {
			b, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("record of %s: %w", aspect, err)
			}
			records[aspect] = b
			return nil
		},
	}
}

// dataDirs are those of the plan and of the state, each once.
func (s *session) dataDirs(ctx context.Context) ([]string, error) {
	all, err := s.Store.Instances(ctx)
	if err != nil {
		return nil, fmt.Errorf("read which data directories are known: %w", err)
	}
	var out []string
	for _, in := range all {
		out = append(out, in.DataDir)
	}
	for i := range s.plan.Instances {
		out = append(out, s.plan.Instances[i].DataDir)
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(dir string) bool { return dir == "" }), nil
}

// note journals what only measures: without it nothing else is wrong.
func (s *session) note(a *plan.Action, typ string, data any) { _ = s.record(typ, a.ID, data) }

// recorded reads what state says of an instance's aspect.
func (s *session) recorded(in *plan.Instance) func(context.Context, string) (json.RawMessage, error) {
	return func(ctx context.Context, aspect string) (json.RawMessage, error) {
		all, err := s.Store.Instances(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the record of %s: %w", aspect, err)
		}
		return all[in.Address].Aspects[aspect], nil
	}
}

// beside is the receipt of the action of a phase in the window of a.
func (s *session) beside(in *plan.Instance, a *plan.Action, phase plan.Phase) providers.Receipt {
	for i := range in.Stages {
		all := in.Stages[i].Actions
		if !slices.ContainsFunc(all, func(b plan.Action) bool { return b.ID == a.ID }) {
			continue
		}
		for j := range all {
			if all[j].Phase == phase {
				return receipt{s: s, action: all[j].ID}
			}
		}
	}
	return nothingYet{}
}

// guard finds the action that made the copy which the window of a began with.
func (s *session) guard(in *plan.Instance, a *plan.Action, names []string) (providers.Protector, *providers.Call, error) {
	for i := range in.Stages {
		var guard *plan.Action
		for j := range in.Stages[i].Actions {
			b := &in.Stages[i].Actions[j]
			if _, ok := s.Performers[b.Kind].(providers.Protector); ok && b.Phase == plan.Protect && s.history.of(b.ID).phase == done {
				guard = b
			}
			if b.ID != a.ID || guard == nil {
				continue
			}
			if p, ok := s.Performers[guard.Kind].(providers.Protector); ok {
				return p, s.call(in, guard, nil), nil
			}
		}
	}
	return nil, nil, fmt.Errorf("put back %s: the window of %q began without a copy", strings.Join(names, ", "), a.Title)
}

func (s *session) checkPutBack(ctx context.Context, in *plan.Instance, a *plan.Action, names []string, quick bool) error {
	p, c, err := s.guard(in, a, names)
	if err != nil {
		return err
	}
	c.Glance = quick
	return p.CheckPutBack(ctx, c, names...)
}

// perform does one action and proves it. Nothing is returned but the reason why
// it is not done.
func (s *session) perform(ctx context.Context, in *plan.Instance, a *plan.Action) error {
	p := s.Performers[a.Kind]
	records := map[string]json.RawMessage{}
	c := s.call(in, a, records)
	ctx = context.WithValue(ctx, actionKey{}, a.ID)
	started := s.Clock.Now()
	ev := event.Event{Instance: in.Address, Action: a.ID, Title: a.Title, Index: s.index[a.ID]}
	tell := func(t event.Type, message string) {
		ev.Type, ev.Message, ev.Elapsed = t, message, s.Clock.Now().Sub(started)
		s.emit(ev)
	}

	if err := s.record(recBegin, a.ID, nil); err != nil {
		return err
	}
	tell(event.ApplyStart, "")
	how := asDone
	skipped, err := p.Done(ctx, c)
	switch {
	case skipped:
		how = asSkipped
	case a.Manual != "":
		how = asManual
	}
	if err == nil && !skipped {
		err = p.Do(ctx, c)
	}
	if err == nil && how != asManual {
		// What a person has yet to do cannot be proven.
		err = p.Verify(ctx, c)
	}
	if err == nil {
		err = s.finish(ctx, in, a, how, s.Clock.Now().Sub(started), records)
	}
	if err != nil {
		err = s.clean(ctx, err)
		tell(event.ApplyErrored, err.Error())
		return errors.Join(err, s.record(recFailed, a.ID, textData{err.Error()}))
	}
	switch how {
	case asSkipped:
		tell(event.ApplySkipped, "was so already")
	case asManual:
		tell(event.ApplyManual, a.Manual)
	default:
		tell(event.ApplyComplete, "")
	}
	return nil
}

// ending is how an action came to its end.
type ending int

const (
	asDone    ending = iota
	asSkipped        // it was so already
	asManual         // its performer has noted down that a person has to do it
)

// clean makes an error fit to be shown and stored.
func (s *session) clean(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
		err = fmt.Errorf("aborted: %w", cause)
	}
	return &shownError{text: s.Redactor.String(err.Error()), err: err}
}

// shownError shows a redacted text and keeps the chain.
type shownError struct {
	text string
	err  error
}

func (e *shownError) Error() string { return e.text }
func (e *shownError) Unwrap() error { return e.err }

// finish journals an action's end and brings state up to date. The journal
// comes first: a recovery repeats the rest from it.
func (s *session) finish(ctx context.Context, in *plan.Instance, a *plan.Action, how ending, elapsed time.Duration, records map[string]json.RawMessage) error {
	end := endData{Skipped: how == asSkipped, Manual: how == asManual, Elapsed: elapsed, Records: map[string]recordChange{}, Left: map[string]string{}}
	all, err := s.Store.Instances(ctx)
	if err != nil {
		return err
	}
	for aspect, after := range records {
		end.Records[aspect] = recordChange{Before: all[in.Address].Aspects[aspect], After: after}
	}
	for _, f := range a.Reads {
		sum, err := s.probe(s.instances[in.Address], f.Probe)
		if err != nil {
			return fmt.Errorf("read %s again: %w", f.Subject, err)
		}
		end.Left[f.Probe] = sum
	}
	if err := s.record(recEnd, a.ID, end); err != nil {
		return err
	}
	return s.remember(ctx, in, func(i *state.Instance) {
		for aspect, c := range end.Records {
			setAspect(i, aspect, c.After)
		}
		if a.Cost.Bytes > 0 && elapsed > time.Second && how == asDone {
			if i.Throughput == nil {
				i.Throughput = map[string]float64{}
			}
			i.Throughput[string(a.Kind)] = float64(a.Cost.Bytes) / elapsed.Seconds()
		}
	})
}

// remember updates the instance's record in state.
func (s *session) remember(ctx context.Context, in *plan.Instance, f func(*state.Instance)) error {
	if in.Foreign {
		return nil
	}
	return s.Store.Update(context.WithoutCancel(ctx), in.Address, func(i *state.Instance) error {
		s.touch(in, i)
		f(i)
		return nil
	})
}

// touch says that this run has to do with the instance.
func (s *session) touch(in *plan.Instance, i *state.Instance) {
	i.DataDir, i.LastRun, i.Updated = in.DataDir, s.journal.Run().ID, s.Clock.Now()
}

func setAspect(i *state.Instance, aspect string, v json.RawMessage) {
	if len(v) == 0 || string(v) == "null" {
		delete(i.Aspects, aspect)
		return
	}
	if i.Aspects == nil {
		i.Aspects = map[string]json.RawMessage{}
	}
	i.Aspects[aspect] = v
}
