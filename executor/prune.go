package executor

import (
	"context"
	"errors"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/state"
)

// KeptRuns is how many runs are remembered, with what undoing them needs, beside
// those that are older and can still be undone.
const KeptRuns = 100

// prune forgets all but the newest runs, and the originals that its instances
// kept for runs forgotten long ago. The newest run that stands on an instance is
// remembered however old it is: with a backup every night it would be forgotten
// by them. An old run is undone only after those that came after it, so none that
// is kept needs one that goes. What cannot be removed prevents nobody from
// working.
func (s *session) prune(ctx context.Context) {
	runs, err := s.Store.Runs(ctx)
	errs := []error{err}
	known, kept := map[string]bool{}, []state.Run(nil)
	for i, r := range runs {
		if i < KeptRuns || r.Status.Open() {
			known[r.ID], kept = true, append(kept, r)
			continue
		}
		// One that cannot be read cannot be undone either.
		if gone, err := s.superseded(ctx, r, kept); err == nil && !gone {
			known[r.ID], kept = true, append(kept, r)
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
