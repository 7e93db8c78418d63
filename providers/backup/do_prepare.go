package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/volume"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/backup/still"
	"github.com/dssctl/dssctl/providers/preflight"
)

// preparer performs backup.prepare: whatever would fail once DSS is down shall
// fail here.
type preparer struct{}

func (preparer) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (preparer) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if held, err := c.store.Holds(c.owner()); err != nil {
		return err
	} else if !held && c.Known {
		return fmt.Errorf("the destination %s held this policy's sets, and there are none of them there now. %s", c.Destination, goneRemedy)
	}
	found, err := c.survey(ctx)
	if err != nil {
		return err
	}
	if all := preflight.Errors(c.foreseeLinks(found)); len(all) > 0 {
		return errors.New(all[0].String())
	}
	required, err := c.required()
	if err != nil {
		return err
	}
	if err := c.store.Claim(c.owner()); err != nil {
		return err
	}
	if err := atomicfile.Sweep(c.Destination, ""); err != nil {
		return err
	}
	unfinished, err := c.store.Sweep(c.Run)
	for _, id := range unfinished {
		c.Notice(fmt.Sprintf("removed the set %s, which was never finished", id))
	}
	if err != nil {
		return err
	}
	if err := c.sweepViews(ctx); err != nil {
		return err
	}
	if err := c.checkRoom(); err != nil {
		return err
	}
	m, err := c.method()
	if err != nil {
		return err
	}
	if err := m.Check(ctx); err != nil {
		return err
	}
	if err := m.Prepare(ctx); err != nil {
		return err
	}
	if _, err = c.store.Begin(c.Run); err != nil {
		return err
	}
	found.tell(c.Notice)
	return c.update(func(m *making) { m.Required, m.Outside = required, &found.outside })
}

// sweepViews takes away what killed runs have left of views of the data
// directory, also of kinds that are not used any more: they fill its volume.
func (c *call) sweepViews(ctx context.Context) error {
	kinds := []string{still.Btrfs, still.ZFS, still.Reflinks}
	if c.Held != "" && !slices.Contains(kinds, c.Held) {
		kinds = append(kinds, c.Held)
	}
	var errs []error
	for _, kind := range kinds {
		s, err := c.snapshotter(kind)
		if err != nil {
			continue // none of that kind can be there
		}
		ids, err := s.List(ctx)
		if err != nil {
			continue
		}
		for _, id := range ids {
			if id == c.viewID() {
				continue
			}
			c.Notice(fmt.Sprintf("removed the view %s of the data directory, which a broken-off run had left", id))
			errs = append(errs, s.Destroy(ctx, id))
		}
	}
	return errors.Join(errs...)
}

// checkRoom refuses a destination that cannot hold what the last set took. What
// the first one takes is not known.
func (c *call) checkRoom() error {
	if hasRepository(c.Method) && c.Repository != "" {
		return nil
	}
	free, err := volume.Free(c.Destination)
	if err != nil {
		return err
	}
	if need := c.need(); free < need {
		return fmt.Errorf("the destination %s has %s free, and a set like the last one needs %s: free some (`dssctl backup prune`), or choose another destination", c.Destination, humanize.Bytes(free), humanize.Bytes(need))
	}
	return nil
}

// need is what a set takes at most, as far as the last one tells; 0 where that
// does not matter to the destination.
func (c *call) need() int64 {
	if hasRepository(c.Method) && c.Repository != "" {
		return 0
	}
	const reserve = 16 << 20
	need := int64(reserve)
	if n := c.previous(); n != nil && n.Part.Stored > 0 {
		need += n.Part.Stored + n.Part.Stored/20
	}
	return need
}

// previous is the newest good set by the same method.
func (c *call) previous() *method.Stored {
	entries, err := c.store.List()
	if err != nil {
		return nil // an incremental method then begins anew
	}
	for _, e := range entries {
		if e.Broken == nil && e.Manifest.Part.Method == c.Method && e.ID != c.Run {
			s := stored(e)
			return &s
		}
	}
	return nil
}

func stored(e set.Entry) method.Stored { return e.Stored() }

func (preparer) Verify(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.part()); err != nil {
		return fmt.Errorf("the unfinished set is not there: %w", err)
	}
	return nil
}

// Undo removes the unfinished set.
func (preparer) Undo(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	return c.abandon()
}

// abandon removes the unfinished set, where there is one: a destination that
// has gone away holds none.
func (c *call) abandon() error {
	if _, err := os.Stat(c.Destination); err != nil {
		return &providers.LeftoverError{What: "an unfinished set in " + c.Destination + " (the next run removes it)", Err: err}
	}
	return c.store.Abandon(c.Run)
}

// viewID names the run's view.
func (c *call) viewID() string { return c.Run }
