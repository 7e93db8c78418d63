package executor

import (
	"context"
	"fmt"
	"slices"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/state"
)

// standing returns, for each instance, the newest run but this one that stands on
// it, where that can be undone: older ones are undone only after it, and those
// that came after it and were undone do not count. It is found once for a
// session: nobody else ends a run meanwhile.
func (s *session) standing(ctx context.Context) ([]providers.StandingRun, error) {
	if s.standingRuns != nil {
		return *s.standingRuns, nil
	}
	runs, err := s.Store.Runs(ctx)
	if err != nil {
		return nil, err
	}
	out := []providers.StandingRun{}
	settled := map[string]bool{}
	for _, r := range runs {
		if s.current(r) || !slices.ContainsFunc(r.Instances, func(a string) bool { return !settled[a] }) {
			continue
		}
		_, past, err := ReadRun(ctx, s.Store, r.ID)
		if err != nil {
			return nil, fmt.Errorf("which runs can still be undone: %w", err)
		}
		for _, address := range r.Instances {
			if settled[address] || !past.stands(map[string]bool{address: true}, s.aside) {
				continue
			}
			settled[address] = true
			if past.Undoable || r.Status.Open() {
				out = append(out, providers.StandingRun{Run: r.ID, Address: address, Actions: past.standingActions(address)})
			}
		}
	}
	s.standingRuns = &out
	return out, nil
}

// current reports whether it is this session's own run.
func (s *session) current(r state.Run) bool { return s.journal != nil && r.ID == s.journal.Run().ID }

// standingActions are those of one instance of which something is in place.
func (r *Result) standingActions(address string) []plan.Action {
	var out []plan.Action
	for _, a := range r.Actions {
		if a.Instance == address && a.Outcome != OutcomeNotStarted && a.Outcome != OutcomeUndone {
			out = append(out, *a.Action)
		}
	}
	return out
}

// superseded reports whether an old run is not the newest one that stands on any
// of its instances. runs are the newer ones, the newest first; this session's own
// run does not count, it may yet be undone.
func (s *session) superseded(ctx context.Context, old state.Run, runs []state.Run) (bool, error) {
	_, past, err := ReadRun(ctx, s.Store, old.ID)
	if err != nil {
		return false, err
	}
	open := map[string]bool{}
	for _, a := range old.Instances {
		if past.Undoable && past.stands(map[string]bool{a: true}, s.aside) {
			open[a] = true
		}
	}
	for _, r := range runs {
		if len(open) == 0 {
			return true, nil
		}
		if s.current(r) || !slices.ContainsFunc(r.Instances, func(a string) bool { return open[a] }) {
			continue
		}
		_, newer, err := ReadRun(ctx, s.Store, r.ID)
		if err != nil {
			return false, err
		}
		for _, a := range r.Instances {
			if open[a] && newer.stands(map[string]bool{a: true}, s.aside) {
				delete(open, a)
			}
		}
	}
	return len(open) == 0, nil
}
