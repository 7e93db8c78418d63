package executor

import (
	"context"
	"errors"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/state"
)

// KeptRuns is how many runs are remembered, with what undoing them needs.
const KeptRuns = 100

// prune forgets all but the newest runs, and the originals that its instances
// kept for runs forgotten long ago. An old run is undone only behind those that
// came after it, so none that is kept needs one that goes. What cannot be removed
// keeps nobody from working.
func (s *session) prune(ctx context.Context) {
	runs, err := s.Store.Runs(ctx)
	errs := []error{err}
	known := map[string]bool{}
	for i, r := range runs {
		if i < KeptRuns || r.Status.Open() {
			known[r.ID] = true
			continue
		}
		if err := s.Store.DropRun(ctx, r.ID); err != nil && !errors.Is(err, state.ErrNotFound) {
			errs = append(errs, err)
		}
	}
	for _, in := range s.instances {
		if err == nil {
			errs = append(errs, in.PruneOriginals(KeptRuns, known))
		}
	}
	if err := errors.Join(errs...); err != nil {
		s.emit(event.Event{Type: event.Notice, Message: "what old runs left could not be removed: " + err.Error()})
	}
}
