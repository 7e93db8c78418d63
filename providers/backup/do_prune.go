package backup

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/retention"
	"github.com/dssctl/dssctl/providers/backup/set"
)

// pruner performs backup.prune: it removes what retention lets go.
type pruner struct{}

// Done: where nothing is to go, nothing is done that could not be undone.
func (pruner) Done(_ context.Context, pc *providers.Call) (bool, error) {
	c, err := open(pc)
	if err != nil {
		return false, err
	}
	entries, err := c.store.List()
	return err == nil && len(c.doomed(entries)) == 0 && c.clearer() == nil, err
}

// clearer is the policy's method where failed runs have left what no set needs.
func (c *call) clearer() method.Clearer {
	how, err := c.method()
	if err != nil {
		return nil
	}
	if m, ok := how.(method.Clearer); ok && m.Unneeded() {
		return m
	}
	return nil
}

// doomed are the ids of the sets that go: of those that the plan names, where it
// names some, those that still may.
func (c *call) doomed(entries []set.Entry) []string {
	ids := decide(entries, c.Retention, c.Former, c.Clock.Now())
	if len(c.Sets) > 0 {
		ids = slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(c.Sets, id) })
	}
	return ids
}

func (pruner) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	// Another's sets are not counted, and a destination that is gone has none.
	if err := c.store.CheckOwner(c.owner()); err != nil {
		return err
	}
	if _, err := c.store.Sweep(c.Run); err != nil {
		return err
	}
	entries, err := c.store.List()
	if err != nil {
		return err
	}
	ids := c.doomed(entries)
	byMethod := map[string][]method.Stored{}
	for _, e := range entries {
		if slices.Contains(ids, e.ID) {
			byMethod[e.Manifest.Part.Method] = append(byMethod[e.Manifest.Part.Method], stored(e))
		}
	}
	for name, sets := range byMethod {
		if err := c.forget(ctx, name, sets); err != nil {
			return err
		}
	}
	for i, id := range ids {
		c.Progress(event.Progress{Done: int64(i), Total: int64(len(ids)), Unit: "sets", Note: "removing " + id})
		if err := c.store.Remove(id); err != nil {
			return err
		}
		c.Notice("removed the set " + id)
	}
	if m := c.clearer(); m != nil {
		c.note("removing what broken-off runs left")
		return m.Clear(ctx)
	}
	return nil
}

// decide returns the ids of the sets to be removed, the oldest first. While a
// retention that keeps less waits for its apply, what either keeps stays.
func decide(entries []set.Entry, p retention.Policy, former *retention.Policy, now time.Time) []string {
	sets := retained(entries)
	keep := map[string]bool{}
	if former != nil {
		keep = keptBy(sets, *former, now)
	}
	var out []string
	for _, d := range retention.Decide(sets, p, now, time.Local) {
		if !d.Keep && !keep[d.Set] {
			out = append(out, d.Set)
		}
	}
	slices.Sort(out)
	return out
}

func (c *call) forget(ctx context.Context, name string, sets []method.Stored) error {
	other := *c
	other.Method = name
	how, err := other.method()
	if err != nil {
		return fmt.Errorf("sets of the method %s are to be removed: %w", name, err)
	}
	return how.Forget(ctx, sets)
}

func (pruner) Verify(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	entries, err := c.store.List()
	if err != nil {
		return err
	}
	if len(c.Sets) > 0 && c.newestGood(entries) == "" && len(entries) > 0 {
		return fmt.Errorf("no good set is left in %s", c.Destination)
	}
	if c.Former != nil {
		return nil
	}
	return c.remember(ctx, func(p *policyRecord) { p.Retention = c.Retention })
}

func (c *call) newestGood(entries []set.Entry) string {
	for _, e := range entries {
		if e.Broken == nil {
			return e.ID
		}
	}
	return ""
}

// Undo has nothing to put back.
func (pruner) Undo(context.Context, *providers.Call) error { return nil }
