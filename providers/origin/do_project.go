package origin

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// bringer performs origin.project: one project is exported from the source into
// a file, and imported from it.
type bringer struct {
	free func(dir string) (int64, error)
}

// bringReceipt is what it remembers.
type bringReceipt struct {
	// Begun: the project was not there, and DSS was asked to import it. What is
	// there of it from then on is this action's.
	Begun bool `json:"begun,omitempty"`
	// Imported: DSS said that it did.
	Imported bool `json:"imported,omitempty"`
}

// bringCall is a Call with what every method needs.
type bringCall struct {
	*providers.Call
	projectArgs
	api *dss.API // of the new instance
	r   bringReceipt
}

func openBring(pc *providers.Call) (*bringCall, error) {
	c := &bringCall{Call: pc}
	if err := pc.Args(&c.projectArgs); err != nil {
		return nil, fmt.Errorf("the arguments of %s: %w", pc.Action.Kind, err)
	}
	if c.Source == nil || c.Source.APIKey == nil || c.APIKey == nil || !keyForm.MatchString(c.Project) {
		return nil, fmt.Errorf("the arguments of %s name no source, no API key or no project", pc.Action.Kind)
	}
	key, err := c.APIKey.Reveal(pc.Secrets)
	if err != nil {
		return nil, err
	}
	c.api = pc.Instance.API(key)
	_, err = pc.Receipt.Load(&c.r)
	return c, err
}

// there reports whether the new instance lists the project.
func (c *bringCall) there(ctx context.Context) (bool, error) {
	all, err := c.api.Projects(ctx)
	if err != nil {
		return false, fmt.Errorf("list the projects of %s: %w", c.Address, err)
	}
	return slices.Contains(all, c.Project), nil
}

// file is where the archive is on its way.
func (c *bringCall) file() string {
	id := strings.NewReplacer("/", "-", "[", "-", "]", "-", `"`, "").Replace(c.Action.ID)
	return filepath.Join(c.Instance.Companion(), "projects", c.Run, id+".zip")
}

// Done is left to Do, which has state remember the project in any case.
func (bringer) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

// listed makes sure that the project is there.
func (c *bringCall) listed(ctx context.Context) error {
	there, err := c.there(ctx)
	if err == nil && !there {
		err = fmt.Errorf("DSS said that it imported the project %s, and does not list it", c.Project)
	}
	return err
}

func (b bringer) Do(ctx context.Context, pc *providers.Call) error {
	c, err := openBring(pc)
	if err != nil {
		return err
	}
	there, err := c.there(ctx)
	switch {
	case err != nil:
		return err
	case there && !c.r.Begun:
		return fmt.Errorf("%s has a project %s by now, which dssctl did not bring: nothing is overwritten; plan again", c.Address, c.Project)
	case there && !c.r.Imported:
		// The dssctl that asked for it did not live to hear the answer.
		c.Notice(fmt.Sprintf("the import of %s was cut off, and what is there of it may be a part: it is deleted, and imported anew", c.Project))
		if err := c.api.DeleteProject(ctx, c.Project); err != nil {
			return fmt.Errorf("delete the part of %s that is there: %w", c.Project, err)
		}
		there = false
	}
	if !there {
		if err := c.carry(ctx, b.free); err != nil {
			return err
		}
	}
	if err := c.listed(ctx); err != nil {
		return err
	}
	if err := c.quieten(ctx); err != nil {
		return err
	}
	return c.remember(ctx)
}

// carry exports the project and imports it.
func (c *bringCall) carry(ctx context.Context, free func(string) (int64, error)) (err error) {
	if _, err := c.Instance.EnsureCompanion("projects", c.Run); err != nil {
		return err
	}
	f, err := newSpool(c.file(), free, c.tell("exporting from "+c.Source.Address, nil))
	if err != nil {
		return fmt.Errorf("make a file for the archive: %w", err)
	}
	defer func() { err = errors.Join(err, f.discard()) }()
	if err := c.export(ctx, f); err != nil {
		return fmt.Errorf("export the project %s from %s: %w", c.Project, c.Source.Address, err)
	}
	// DSS keeps the archive and unpacks it.
	switch n, err := free(c.Instance.DataDir); {
	case err != nil:
		return err
	case n-2*f.n < keepFree:
		return fmt.Errorf("%s are free at %s, and the import of %s needs about %s besides the %s that are kept free: make room there",
			humanize.Bytes(n), c.Instance.DataDir, c.Project, humanize.Bytes(2*f.n), humanize.Bytes(keepFree))
	}
	id, err := c.api.Upload(ctx, f, f.n, c.tell("uploading to "+c.Address, &f.n))
	if err != nil {
		return fmt.Errorf("upload the archive of the project %s to %s: %w", c.Project, c.Address, err)
	}
	c.Progress(event.Progress{Done: f.n, Total: f.n, Unit: "bytes", Note: "DSS imports it"})
	return c.take(ctx, id)
}

// tell shows progress, not with each block.
func (c *bringCall) tell(note string, total *int64) func(int64) {
	const step = 1 << 20
	next := int64(0)
	return func(n int64) {
		if n < next {
			return
		}
		next = n + step
		p := event.Progress{Done: n, Unit: "bytes", Note: note}
		if total != nil {
			p.Total = *total
		}
		c.Progress(p)
	}
}

func (c *bringCall) export(ctx context.Context, f *spool) error {
	src, err := openSource(c.Instance, c.Source)
	if err != nil {
		return err
	}
	key, err := c.Source.APIKey.Reveal(c.Secrets)
	if err != nil {
		return err
	}
	length := int64(-1)
	announced := func(n int64) error {
		if length = n; n < 0 {
			return nil
		}
		f.tell = c.tell("exporting from "+c.Source.Address, &length)
		return f.room(n)
	}
	n, err := src.API(key).Export(ctx, c.Project, options(c.Include), announced, f)
	if err == nil && length >= 0 && n != length {
		err = fmt.Errorf("%s of %s came", humanize.Bytes(n), humanize.Bytes(length))
	}
	if err == nil {
		err = wholeZip(f, f.n)
	}
	return err
}

// take has DSS import what was uploaded. From the receipt on, an undo deletes
// the project.
func (c *bringCall) take(ctx context.Context, upload string) error {
	if there, err := c.there(ctx); err != nil {
		return err
	} else if there {
		return fmt.Errorf("%s got a project %s meanwhile, which dssctl did not bring: nothing is overwritten; plan again", c.Address, c.Project)
	}
	c.r = bringReceipt{Begun: true}
	if err := c.Receipt.Save(c.r); err != nil {
		return err
	}
	err := c.api.Import(ctx, upload, c.Project)
	switch {
	case dss.Unanswered(err):
		return fmt.Errorf("import the project %s: DSS was asked, and its answer did not come, so that it may go on with it: %w; look in %s whether the project shows up later, and delete it then, before the next plan", c.Project, err, c.Address)
	case err != nil:
		return fmt.Errorf("DSS did not import the project %s: %w; see to what it names in %s and plan again, or leave the project out for now: except = [%q]", c.Project, err, c.Address, c.Project)
	}
	c.r.Imported = true
	return c.Receipt.Save(c.r)
}

// quieten deactivates the project's scenarios, which run in the source.
func (c *bringCall) quieten(ctx context.Context) error {
	active, err := c.api.ActiveScenarios(ctx, c.Project)
	if err != nil {
		return fmt.Errorf("list the scenarios of the project %s: %w", c.Project, err)
	}
	for _, id := range active {
		if err := c.api.Deactivate(ctx, c.Project, id); err != nil {
			return fmt.Errorf("deactivate the scenario %s of the project %s: %w", id, c.Project, err)
		}
	}
	if len(active) > 0 {
		c.Notice(fmt.Sprintf("project %s: %s deactivated here, and run on in %s: %s", c.Project, humanize.Count(int64(len(active)), "scenario is", "scenarios are"), c.Source.Address, some(active)))
	}
	return nil
}

// remember has state know that the project has come.
func (c *bringCall) remember(ctx context.Context) error {
	raw, err := c.Recorded(ctx, Name)
	if err != nil {
		return err
	}
	record, err := readBrought(raw, c.Source.Address)
	if err != nil {
		return err
	}
	if record = record.with(c.Project); c.Last {
		record = record.whole(c.Except)
	}
	return c.Record(Name, record)
}

func (bringer) Verify(ctx context.Context, pc *providers.Call) error {
	c, err := openBring(pc)
	if err != nil {
		return err
	}
	if err := c.listed(ctx); err != nil {
		return err
	}
	active, err := c.api.ActiveScenarios(ctx, c.Project)
	if err == nil && len(active) > 0 {
		err = fmt.Errorf("scenarios of the project %s are active: %s", c.Project, some(active))
	}
	return err
}

// CheckUndo: DSS must answer, for it is DSS that deletes the project.
func (bringer) CheckUndo(ctx context.Context, pc *providers.Call) error {
	c, err := openBring(pc)
	if err != nil || !c.r.Begun || pc.Glance {
		return err
	}
	_, err = c.there(ctx)
	return err
}

// Undo deletes the project, where this action has brought it.
func (bringer) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := openBring(pc)
	if err != nil {
		return err
	}
	if err := removeSpool(c.file()); err != nil || !c.r.Begun {
		return err
	}
	there, err := c.there(ctx)
	if err != nil || !there {
		return err
	}
	if err := c.api.DeleteProject(ctx, c.Project); err != nil {
		return fmt.Errorf("delete the project %s of %s: %w", c.Project, c.Address, err)
	}
	if there, err = c.there(ctx); err == nil && there {
		err = fmt.Errorf("DSS said that it deleted the project %s, and lists it still", c.Project)
	}
	return err
}

// Loses tells what comes to an end with the project.
func (bringer) Loses(_ context.Context, pc *providers.Call) (string, error) {
	c, err := openBring(pc)
	if err != nil || !c.r.Begun {
		return "", err
	}
	return "the project " + c.Project + ", with all that was done in it there", nil
}
