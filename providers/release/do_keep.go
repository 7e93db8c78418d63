package release

import (
	"context"
	"fmt"
	"slices"

	"github.com/dssctl/dssctl/providers"
)

// keeper performs release.keep_kits: it removes old kits that dssctl unpacked.
type keeper struct{}

func (keeper) Done(_ context.Context, pc *providers.Call) (bool, error) {
	c, err := open(pc)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(c.Kits, exists), nil
}

func (keeper) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	f, err := c.Instance.Identity()
	if err != nil {
		return err
	}
	var stay []string
	for _, dir := range c.Kits {
		why := ""
		switch {
		case resolve(f.InstallDir) == resolve(dir):
			return fmt.Errorf("the data directory is attached to the kit %s, which was to be removed", dir)
		case !exists(dir):
		case !owned(dir):
			why = "it belongs to another account"
		default:
			why = c.kitNeeded(ctx, dir, false)
		}
		if why != "" {
			stay = append(stay, dir)
			c.Notice(fmt.Sprintf("the kit %s stays: %s", dir, why))
			continue
		}
		if err := removeKit(dir); err != nil {
			return err
		}
	}
	return c.remember(ctx, func(r *record) {
		r.Kits = slices.DeleteFunc(r.Kits, func(k kitRecord) bool { return contains(c.Kits, k.Dir) && !contains(stay, k.Dir) })
	})
}

func (keeper) Verify(context.Context, *providers.Call) error { return nil }

// Undo: an archive is unpacked again by whoever needs that kit.
func (keeper) Undo(context.Context, *providers.Call) error { return nil }
