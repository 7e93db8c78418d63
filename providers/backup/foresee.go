package backup

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/pg"
	"github.com/dssctl/dssctl/providers/preflight"
)

var (
	_ providers.Preflighter = adopter{}
	_ providers.Preflighter = dumper{}
	_ providers.Preflighter = preparer{}
	_ providers.Preflighter = saver{}
)

// Preflight looks whose the destination is.
func (adopter) Preflight(_ context.Context, pc *providers.Call) ([]preflight.Finding, error) {
	c, err := open(pc)
	if err != nil || c.Gone {
		return nil, err
	}
	return c.foreseeOwner(), nil
}

// Preflight looks at the destination.
func (preparer) Preflight(_ context.Context, pc *providers.Call) ([]preflight.Finding, error) {
	c, err := open(pc)
	if err != nil {
		return nil, err
	}
	return c.foreseeDestination(), nil
}

// Preflight looks whether the runtime databases can be dumped.
func (dumper) Preflight(ctx context.Context, pc *providers.Call) ([]preflight.Finding, error) {
	c, err := open(pc)
	if err != nil {
		return nil, err
	}
	db, err := c.Instance.RuntimeDatabase()
	if err != nil || !db.External {
		return nil, err // they are moved before it
	}
	login, place, err := c.target(db)
	if err != nil {
		return nil, err
	}
	return preflight.Dumpable(ctx, c.tools(), pg.Dump{Login: login, Place: place, Whole: db.Govern})
}

// Preflight looks at the data directory, and again at the destination.
func (saver) Preflight(ctx context.Context, pc *providers.Call) ([]preflight.Finding, error) {
	c, err := open(pc)
	if err != nil {
		return nil, err
	}
	s, err := c.survey(ctx)
	if err != nil {
		return nil, err
	}
	out := append(c.foreseeDestination(), c.foreseeLinks(s)...)
	if c.Method != method.XFSDump { // which reads as root
		out = append(out, preflight.Readable(s.tree, "the backup")...)
	}
	return out, nil
}

// foreseeOwner refuses a destination that is somebody else's.
func (c *call) foreseeOwner() []preflight.Finding {
	other := (*set.OwnerError)(nil)
	if !errors.As(c.store.CheckOwner(c.owner()), &other) {
		return nil
	}
	said := func(o set.Owner) string {
		return fmt.Sprintf("the sets of %s.backup.%s (%s on %s)", o.Instance, o.Backup, o.DataDir, o.Host)
	}
	return []preflight.Finding{{
		Severity: preflight.Error, What: "The backup destination is another policy's", Where: c.Destination,
		Found: said(other.Owner), Expected: said(other.Wanted) + ", or none",
		Remedy: "Give each policy a destination of its own; or, when the other one is gone for good, remove " + filepath.Join(c.Destination, set.OwnerName) + ".",
	}}
}

func (c *call) foreseeDestination() []preflight.Finding {
	if bad := c.foreseeOwner(); len(bad) > 0 {
		return bad
	}
	if c.Known {
		if held, err := c.store.Holds(c.owner()); err == nil && !held {
			return []preflight.Finding{{
				Severity: preflight.Error, What: "The backup destination is gone", Where: c.Destination,
				Found: "there are none, or the folder is not there", Expected: "the sets of this policy", Remedy: goneRemedy,
			}}
		}
	}
	out := preflight.Writable(preflight.Target{Dir: c.Destination, What: "the backup destination", Need: c.need()})
	if folder, ok := strings.CutPrefix(c.Repository, "local:"); ok || filepath.IsAbs(folder) {
		out = append(out, preflight.Writable(preflight.Target{Dir: folder, What: "the repository of the backup"})...)
	}
	return out
}

// goneRemedy is what to do about a destination that lost its sets.
const goneRemedy = "Mount the volume that holds it. When its sets are gone for good, begin it again: dssctl backup run --new-destination."

// foreseeLinks refuses a set that would lack what every set must hold, and tells
// what else of the data directory leads out of it.
func (c *call) foreseeLinks(s surveyed) (out []preflight.Finding) {
	for _, l := range s.lost {
		f := preflight.Finding{
			Severity: preflight.Error, What: l.Path + " would be missing in the backup set", Where: filepath.Join(s.tree.Root, l.Path),
			Found: "a link to " + l.Target + ": " + l.why, Expected: "a folder or file of the data directory itself",
			Remedy: "Put what it leads to in its place; or use method = \"archive\" with consistency = \"stop\" and without start_early, which keeps what such links lead to.",
		}
		if l.Target == "" {
			f.Found = "another file system is mounted there: " + l.why
			f.Expected = "that it is on the file system of the data directory"
			f.Remedy = "Use method = \"archive\" or \"rsync\" with consistency = \"stop\" and without start_early, which keep it; or move it to the data directory's file system."
		}
		out = append(out, f)
	}
	if len(s.outside.Followed) > 0 {
		out = append(out, preflight.Finding{
			Severity: preflight.Warning, What: "The set keeps what links lead to", Where: s.tree.Root,
			Found:  leadWords(s.outside.Followed, int64(len(s.outside.Followed))),
			Remedy: "A restore puts a folder or file in the place of each link.",
		})
	}
	if s.outside.LeftTotal > 0 {
		out = append(out, preflight.Finding{
			Severity: preflight.Warning, What: humanize.Count(s.outside.LeftTotal, "link or mount leads", "links or mounts lead") + " out of the data directory", Where: s.tree.Root,
			Found:  leadWords(s.outside.Left, s.outside.LeftTotal),
			Remedy: "The set keeps the link or the empty folder, and not what is there: back that up by other means if it is needed.",
		})
	}
	return out
}

// tell says in the run what foreseeLinks says in the plan.
func (s *surveyed) tell(notice func(string)) {
	if n := len(s.outside.Followed); n > 0 {
		notice("kept as what they lead to: " + leadWords(s.outside.Followed, int64(n)))
	}
	if n := s.outside.LeftTotal; n > 0 {
		notice(humanize.Count(n, "link or mount leads", "links or mounts lead") + " out of the data directory, and what is there is not in the set: " + leadWords(s.outside.Left, n))
	}
}
