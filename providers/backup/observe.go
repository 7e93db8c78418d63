package backup

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/retention"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/backup/still"
	"github.com/dssctl/dssctl/providers/dss"
)

// Observation is what was seen of an instance's backups.
type Observation struct {
	Now      time.Time
	Policies map[string]*observed // by name, those that are declared
	// Database says where the runtime databases are; nil when that could not
	// be read, for the reason in DatabaseProblem.
	Database        *dss.RuntimeDatabase
	DatabaseProblem string
	// Others are other instances' prefixes that begin with this one's.
	Others []string
	// Bytes is the data directory's size; 0 when it was not counted.
	Bytes int64
	// Version is the highest that a set must not be below. Gone are policies
	// that state remembers and no file declares, with their entries as found.
	Gone map[string]*observed
}

// observed is what was seen of one policy.
type observed struct {
	Sets []set.Entry
	// Place is equal for policies with one destination, whatever its words.
	// Misplaced says why no sets may be kept there.
	Place, Misplaced string
	// Unclaimed: nothing says whose the destination is, as where it is empty or
	// not there.
	Unclaimed bool
	// Unneeded: failed runs may have left in a repository what no set needs.
	Unneeded bool
	// Problem says why the sets could not be listed.
	Problem string
	// Method says why the method cannot work here; "" when it can.
	Method string
	// Snapshot says why no snapshot can be made; "" when one can.
	Snapshot string
	// Held is the kind of view that can be made while DSS is stopped, so that it
	// starts again before the bytes are read; "" for none.
	Held string
	// Entry is the schedule's entry as found; Drift how it differs in form.
	Entry         *entry
	Drift         string
	ScheduleError string
}

// newest is the newest set that counts. One that is dated in the future does not:
// nobody knows how old it is.
func (o *observed) newest(now time.Time) *set.Entry {
	for i := range o.Sets {
		if o.Sets[i].Broken == nil && !o.Sets[i].Manifest.Time.After(now) {
			return &o.Sets[i]
		}
	}
	return nil
}

// ahead are the good sets that are dated in the future.
func (o *observed) ahead(now time.Time) (out []*set.Entry) {
	for i := range o.Sets {
		if o.Sets[i].Broken == nil && o.Sets[i].Manifest.Time.After(now) {
			out = append(out, &o.Sets[i])
		}
	}
	return out
}

// Headline tells the age and size of the newest set.
func (o *Observation) Headline() string {
	var newest *set.Entry
	for _, p := range o.Policies {
		if n := p.newest(o.Now); n != nil && (newest == nil || n.Manifest.Time.After(newest.Manifest.Time)) {
			newest = n
		}
	}
	switch {
	case len(o.Policies) == 0:
		return ""
	case newest == nil:
		return "no backup"
	}
	m := &newest.Manifest
	return fmt.Sprintf("newest backup %s old (%s)", age(o.Now.Sub(m.Time)), humanize.Bytes(m.Part.Bytes))
}

// age is a span of time in the unit that people would say it in.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "under 1 min"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}

// checkTimeout bounds what a program may take to say which version it is.
const checkTimeout = 10 * time.Second

// Observe implements providers.Provider.
func (p *Provider) Observe(ctx context.Context, req providers.ObserveRequest) (providers.Observation, error) {
	o := &Observation{Now: req.Instance.Clock().Now(), Policies: map[string]*observed{}, Gone: map[string]*observed{}}
	var blocks []*config.Block
	if req.Desired != nil && req.Desired.Block != nil {
		blocks = req.Desired.Children(Name)
	}
	rec, err := readRecord(req.Recorded)
	if err != nil {
		return nil, err
	}
	for _, b := range blocks {
		o.Policies[b.Labels[0]] = p.look(ctx, req, b)
	}
	for name, r := range rec {
		if o.Policies[name] == nil && r.Schedule != nil {
			gone := &observed{}
			lookAtEntry(ctx, req.Instance, *r.Schedule, gone)
			o.Gone[name] = gone
		}
	}
	if len(blocks) > 0 {
		db, err := req.Instance.RuntimeDatabase()
		if err != nil {
			o.DatabaseProblem = err.Error()
		} else {
			o.Database = &db
			if login, place, err := db.Target(); err == nil && db.External {
				o.Others = p.near.Others(req.Desired, login, place)
			}
		}
	}
	return o, context.Cause(ctx)
}

// look looks at one policy.
func (p *Provider) look(ctx context.Context, req providers.ObserveRequest, b *config.Block) *observed {
	pol, o := policyOf(req.Desired, b), &observed{}
	o.Place = placeOf(pol.Destination)
	o.Misplaced = p.misplaced(req.Desired, req.Instance.DataDir, pol.Destination)
	var err error
	store := set.Store{Dir: pol.Destination}
	if o.Sets, err = store.List(); err != nil {
		o.Problem = err.Error()
	}
	held, err := store.Holds(ownerOf(req.Address, b.Labels[0], req.Instance.DataDir))
	o.Unclaimed = !held && err == nil
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := p.checkMethod(ctx, req, &pol, o); err != nil {
		o.Method = err.Error()
	}
	switch {
	case pol.Consistency == bySnapshot:
		if err := checkSnapshot(ctx, req.Instance, pol.Snapshot, &pol); err != nil {
			o.Snapshot = err.Error()
		}
	case pol.Consistency == byStop && b.Bool("start_early"):
		for _, kind := range earlyKinds(pol.Method) {
			if checkSnapshot(ctx, req.Instance, kind, &pol) == nil {
				o.Held = kind
				break
			}
		}
	}
	want := p.entryOf(b)
	if want != nil {
		lookAtEntry(ctx, req.Instance, *want, o)
	}
	return o
}

// earlyKinds are the views that are made in a moment of a stopped DSS. A copy by
// reference has new files, which an incremental method would read all again.
func earlyKinds(name string) []string {
	kinds := []string{still.Btrfs, still.ZFS}
	if !method.Warms(name) {
		kinds = append(kinds, still.Reflinks)
	}
	return kinds
}

func (p *Provider) checkMethod(ctx context.Context, req providers.ObserveRequest, pol *policy, seen *observed) error {
	o := method.Options{
		DataDir: req.Instance.DataDir, Rules: pol.Rules,
		Destination: pol.Destination, Repository: pol.Repository, Compression: pol.Compression, Sudo: pol.sudo(),
		Runner: req.Instance.Runner(), Clock: req.Instance.Clock(), Redactor: req.Instance.Redactor(),
		Progress: func(event.Progress) {}, Notice: func(string) {},
	}
	if err := pol.reveal(&o, req.Secrets); err != nil {
		return err
	}
	m, err := method.New(pol.Method, o)
	if err != nil {
		return err
	}
	if c, ok := m.(method.Clearer); ok {
		seen.Unneeded = c.Unneeded()
	}
	return m.Check(ctx)
}

func checkSnapshot(ctx context.Context, inst *dss.Instance, kind string, pol *policy) error {
	s, err := still.New(kind, still.Options{
		DataDir: inst.DataDir, Companion: inst.Companion(), Commands: pol.Commands.still(), Size: pol.Size, Sudo: pol.sudo(),
		Runner: inst.Runner(), Clock: inst.Clock(), Redactor: inst.Redactor(), Notice: func(string) {},
	})
	if err != nil {
		return err
	}
	return s.Check(ctx)
}

// retained are the sets as retention sees them.
func retained(entries []set.Entry) []retention.Set {
	out := make([]retention.Set, 0, len(entries))
	for _, e := range entries {
		out = append(out, retention.Set{ID: e.ID, Time: e.Manifest.Time, State: states[e.State()], Needs: slices.Clone(e.Manifest.Part.Needs)})
	}
	return out
}

// states are those of sets in retention's words.
var states = map[set.State]retention.State{
	set.Good: retention.Good, set.Damaged: retention.Damaged, set.Incomplete: retention.Incomplete,
	set.RestoreFailed: retention.RestoreFailed, set.Unknown: retention.Unreadable,
}
