package backup

import (
	"context"
	"errors"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/set"
)

// verifier performs backup.verify: it reads sets again, and changes nothing.
type verifier struct{}

func (verifier) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (verifier) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	for _, id := range c.wanted() {
		e, err := c.store.Get(id)
		if was := (*set.DamagedError)(nil); err != nil && !errors.As(err, &was) {
			return err
		}
		err = c.verifySet(ctx, e)
		if found := (*method.DamageError)(nil); errors.As(err, &found) {
			return errors.Join(err, c.store.MarkDamaged(id, found.What+": "+found.Found))
		}
		if err != nil {
			return err
		}
		if !c.Quick {
			if err := c.store.MarkGood(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// wanted are the sets that the action is about: those named, or the run's own.
func (c *call) wanted() []string {
	if len(c.Sets) == 0 {
		return []string{c.Run}
	}
	return c.Sets
}

// verifySet reads all of a set, or with Quick what tells without.
func (c *call) verifySet(ctx context.Context, e set.Entry) error {
	if e.Manifest.Part.Method != c.Method {
		other := *c
		other.Method = e.Manifest.Part.Method
		c = &other
	}
	how, err := c.method()
	if err != nil {
		return err
	}
	if !c.Quick {
		// The method reads its own file, and says where it is damaged.
		main := method.MainFile(e.Manifest.Part)
		err := set.VerifyFiles(ctx, e, func(name string) bool { return name == main },
			func(n int64) { c.Progress(event.Progress{Done: n, Unit: "bytes", Note: "checksums"}) })
		if err != nil {
			return err
		}
	}
	if err := how.Verify(ctx, stored(e), c.Quick); err != nil {
		return err
	}
	if e.Manifest.Database != nil {
		if err := verifyDump(ctx, c, e.Folder, e.Manifest.Database); err != nil {
			return &method.DamageError{Set: e.ID, What: set.DumpName, Found: err.Error()}
		}
	}
	return nil
}

func (verifier) Verify(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil || c.Quick {
		return err
	}
	now := c.Clock.Now().UTC()
	return c.remember(ctx, func(p *policyRecord) { p.Verified = now })
}

func (verifier) Undo(context.Context, *providers.Call) error { return nil }
