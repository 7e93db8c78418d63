package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/pg"
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
		if err != nil && !recheckable(err) {
			return cannotTell("verified", id, err)
		}
		err = c.verifySet(ctx, e)
		if state, why := outcome(err); state != set.Unknown {
			return errors.Join(err, c.store.Mark(id, state, why))
		}
		if err != nil {
			return cannotTell("verified", id, err)
		}
		if !c.Quick {
			if err := c.store.Unmark(id, set.Damaged, set.Incomplete); err != nil {
				return err
			}
		}
	}
	return nil
}

// recheckable reports whether a set that does not count may by now be found to be
// whole after all: an earlier check has marked it, and its manifest can be read.
func recheckable(broken error) bool {
	var e *set.StateError
	return errors.As(broken, &e) && e.State != set.Unknown
}

// outcome is the state of a set that a check's error proves, and why; Unknown for
// an error that says nothing of the set, and for none.
func outcome(err error) (set.State, string) {
	var damage *method.DamageError
	var incomplete *method.IncompleteError
	var failed *trialError
	switch {
	case errors.As(err, &damage):
		return set.Damaged, damage.What + ": " + damage.Found
	case errors.As(err, &incomplete):
		return set.Incomplete, incomplete.Why()
	case errors.As(err, &failed):
		return set.RestoreFailed, failed.Error()
	}
	return set.Unknown, ""
}

// cannotTell is an error that says nothing of the set: a program is missing or too
// old, or this account may not read it. What is known of the set stays what it is.
func cannotTell(done, id string, err error) error {
	if errors.Is(err, context.Canceled) || errors.As(err, new(*set.StateError)) {
		return err
	}
	return fmt.Errorf("the set %s could not be %s, which says nothing of the set itself: %w", id, done, err)
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
	// Of a dump by xfsdump, only reading all of it tells what it holds.
	if !c.Quick || e.Manifest.Part.Method != method.XFSDump {
		if err := complete(ctx, how, stored(e), &e.Manifest); err != nil {
			return err
		}
	}
	return c.verifyStoredDump(ctx, e)
}

// verifyStoredDump tells a dump that is not what was written from one that cannot
// be looked at here, where pg_restore is missing or older than the dump.
func (c *call) verifyStoredDump(ctx context.Context, e set.Entry) error {
	if e.Manifest.Database == nil {
		return nil
	}
	err := verifyDump(ctx, c, e.Folder, e.Manifest.Database)
	if pg.KindOf(err) == pg.Damaged || errors.Is(err, fs.ErrNotExist) {
		return &method.DamageError{Set: e.ID, What: set.DumpName, Found: err.Error()}
	}
	return err
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
