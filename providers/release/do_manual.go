package release

import (
	"context"
	"errors"

	"github.com/dssctl/dssctl/providers"
)

// manualStep performs integration.manual: it has state remember what waits for a
// person. The executor leaves such an action pending, and the run is done.
type manualStep struct{}

// Done: whoever did it while the plan waited for its apply is seen only where a
// file shows it; asking once too often does no harm.
func (manualStep) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (manualStep) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if c.Manual == nil {
		return errors.New("the action does not say what is to be done")
	}
	m := *c.Manual
	m.Was = signed(c, m.Sign)
	return c.remember(ctx, func(r *record) { r.Manual[m.Key] = m })
}

func (manualStep) Verify(context.Context, *providers.Call) error { return nil }

// Undo: the executor puts back what state remembered before.
func (manualStep) Undo(context.Context, *providers.Call) error { return nil }
