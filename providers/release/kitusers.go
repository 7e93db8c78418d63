package release

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers/dss"
)

// kitNeeded says why a kit must stay; "" when nobody needs it. In doubt it stays:
// a kit too many takes room, and one too few is an instance that does not start.
// undoing says that the call's own run is being undone.
func (c *call) kitNeeded(ctx context.Context, dir string, undoing bool) string {
	processes, err := running(dir)
	if err == nil && processes == 0 && resolve(dir) != dir {
		processes, err = running(resolve(dir))
	}
	switch {
	case err != nil:
		return "whether something runs from it could not be seen: " + err.Error()
	case processes > 0:
		return humanize.Count(int64(processes), "process", "processes") + " run from it"
	}
	known := []string{c.Instance.DataDir}
	if c.DataDirs != nil {
		if known, err = c.DataDirs(ctx); err != nil {
			return "who uses it could not be seen: " + err.Error()
		}
	}
	users, doubt, err := dss.KitUsers(ctx, dir, known)
	switch {
	case err != nil:
		return "who uses it could not be seen: " + err.Error()
	case len(users) > 0:
		return "it is used by " + some(users)
	case doubt != "":
		return "it may be used: " + doubt
	}
	return c.undoneWith(ctx, dir, undoing)
}

// undoneWith says which run's undo needs the kit. An upgrade that is done puts the
// one before it, of the same instance, out of reach.
func (c *call) undoneWith(ctx context.Context, dir string, undoing bool) string {
	if c.Standing == nil {
		return ""
	}
	all, err := c.Standing(ctx)
	if err != nil {
		return "whether a run is undone with it could not be seen: " + err.Error()
	}
	for _, r := range all {
		if r.Address == c.Address && !undoing && c.From != c.Version {
			continue
		}
		if slices.ContainsFunc(r.Actions, func(a plan.Action) bool { return upgradesFrom(a, dir) }) {
			return fmt.Sprintf("the upgrade of %s by run %s is undone with it", r.Address, r.Run)
		}
	}
	return ""
}

// upgradesFrom reports whether an action leaves this kit.
func upgradesFrom(a plan.Action, dir string) bool {
	if a.Kind != KindInstall {
		return false
	}
	var was args
	return json.Unmarshal(a.Args, &was) == nil && was.FromKit != "" && resolve(was.FromKit) == resolve(dir)
}
