package backup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/set"
)

// adopter performs backup.adopt: it makes the destination this policy's, and
// has state remember the policy; or, with Gone, it gives the policy up.
type adopter struct{}

// adoptReceipt remembers what was there before.
type adoptReceipt struct {
	Folder  bool `json:"folder"`  // the destination
	Claimed bool `json:"claimed"` // its owner file
}

func (adopter) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (adopter) Do(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil || c.Gone {
		return err
	}
	var r adoptReceipt
	if known, err := c.Receipt.Load(&r); err != nil {
		return err
	} else if !known {
		_, err := os.Stat(c.Destination)
		owner, oerr := c.store.Owner()
		if oerr != nil {
			return oerr
		}
		if err := c.Receipt.Save(adoptReceipt{Folder: err == nil, Claimed: owner != nil}); err != nil {
			return err
		}
	}
	return c.store.Claim(c.owner())
}

func (adopter) Verify(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if !c.Gone {
		if err := c.store.CheckOwner(c.owner()); err != nil {
			return err
		}
	}
	return c.remember(ctx, func(p *policyRecord) {
		if p.Destination != c.Destination {
			*p = policyRecord{Schedule: p.Schedule}
		}
		p.Made, p.Retention = true, c.Retention
		if p.Adopted.IsZero() {
			p.Adopted = c.Clock.Now().UTC()
		}
	})
}

// Undo takes away the folder that was made, as long as nothing is in it. The
// record is put back by the executor.
func (adopter) Undo(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil || c.Gone {
		return err
	}
	var r adoptReceipt
	known, err := c.Receipt.Load(&r)
	if err != nil || !known {
		return err
	}
	if sets, err := c.store.List(); err != nil || len(sets) > 0 {
		return err
	}
	if owner, err := c.store.Owner(); err != nil || owner == nil || *owner != c.owner() {
		return err // it is somebody else's by now
	}
	if !r.Claimed {
		if err := os.Remove(filepath.Join(c.Destination, set.OwnerName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if !r.Folder {
		// With something in it that is not ours, it stays.
		_ = os.Remove(c.Destination)
	}
	return nil
}
