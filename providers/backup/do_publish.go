package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/set"
)

// publisher performs backup.publish: from its rename on, the set counts.
type publisher struct{}

func (publisher) Done(_ context.Context, pc *providers.Call) (bool, error) {
	c, err := open(pc)
	if err != nil {
		return false, err
	}
	_, err = c.store.Get(c.Run)
	return err == nil, nil
}

func (publisher) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	mk, err := c.making()
	if err != nil {
		return err
	}
	manifest, err := c.manifest(mk)
	if err != nil {
		return err
	}
	how, err := c.method()
	if err != nil {
		return err
	}
	unfinished := method.Stored{Set: c.Run, Time: manifest.Time, Folder: c.part(), Part: manifest.Part}
	if err := complete(ctx, how, unfinished, &manifest); err != nil {
		return fmt.Errorf("the set is not published: %w", err)
	}
	// It has said what it had to say; in a set it would be an unknown file.
	if err := os.Remove(filepath.Join(c.part(), makingName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("finish the backup set: %w", err)
	}
	if err := c.seal(ctx, mk.DumpSHA256, manifest.Part); err != nil {
		return err
	}
	if err := how.Seal(ctx, c.job(c.Instance.DataDir), manifest.Part); err != nil {
		return err
	}
	return c.store.Publish(c.Run)
}

// complete refuses a set that lacks what every set must hold.
func complete(ctx context.Context, how method.Method, s method.Stored, m *set.Manifest) error {
	missing, err := how.Holds(ctx, s, m.Holds())
	if err == nil && len(missing) > 0 {
		err = &method.IncompleteError{Set: s.Set, Missing: missing}
	}
	return err
}

// manifest writes the manifest, or finds the one that a killed dssctl wrote.
func (c *call) manifest(mk making) (set.Manifest, error) {
	if mk.Part == nil {
		m, err := set.Read(c.part())
		if errors.Is(err, fs.ErrNotExist) {
			err = errors.New("the data directory's part is not there")
		}
		return m, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	m := set.Manifest{
		Format: set.Format, ID: c.Run, Time: mk.Time, Finished: c.Clock.Now().UTC(), Tool: c.Tool, Host: host,
		Instance: c.Address, Backup: c.Name, DataDir: c.Instance.DataDir, DSS: mk.DSS,
		Consistency: c.Consistency, View: mk.View, Excluded: c.Rules, Part: *mk.Part, Database: mk.Database,
		Required: mk.Required, Outside: mk.Outside,
	}
	return m, m.Write(c.part())
}

// seal writes the checksums; those taken while writing are not taken again.
func (c *call) seal(ctx context.Context, dump string, part method.Part) error {
	// What a kill left between the writing of a file and its name is in no set.
	if err := atomicfile.Sweep(c.part(), ""); err != nil {
		return err
	}
	known := set.Sums{}
	if dump != "" {
		known[set.DumpName] = dump
	}
	if name := method.MainFile(part); name != "" && part.SHA256 != "" {
		known[name] = part.SHA256
	}
	return set.Seal(ctx, c.part(), known, func(n int64) { c.Progress(event.Progress{Done: n, Unit: "bytes"}) })
}

func (publisher) Verify(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if _, err := c.store.Get(c.Run); err != nil {
		return err
	}
	return c.remember(ctx, func(p *policyRecord) { p.Made, p.LastSet = true, c.Run })
}

// CheckUndo: a published set is there to stay. Retention removes it, or a person.
func (publisher) CheckUndo(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil || !published(c) {
		return err
	}
	return fmt.Errorf("the set %s is published, and a rollback removes no backup set; it has changed nothing in the instance", c.Run)
}

func published(c *call) bool {
	_, err := c.store.Get(c.Run)
	return err == nil
}

// Undo takes the set away again that the rest of its run has failed to verify: it
// never counted. The only good one that there is stays, verified or not.
func (publisher) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	e, err := c.store.Get(c.Run)
	if err != nil {
		return nil // it was not published; Save's undo removes the rest
	}
	verified, err := c.wasVerified(ctx)
	if err != nil {
		return err
	}
	others, err := c.store.List()
	if err != nil {
		return err
	}
	others = slices.DeleteFunc(others, func(o set.Entry) bool { return o.ID == c.Run })
	switch {
	case verified:
		c.Notice(fmt.Sprintf("the set %s stays: it is published and verified", c.Run))
		return nil
	case c.newestGood(others) == "":
		c.Notice(fmt.Sprintf("the set %s stays, though it was not verified to its end: it is the only good one in %s; `dssctl backup verify --set %s` does that", c.Run, c.Destination, c.Run))
		return nil
	}
	how, err := c.method()
	if err != nil {
		return err
	}
	if err := how.Forget(ctx, []method.Stored{stored(e)}); err != nil {
		return err
	}
	return c.store.Remove(c.Run)
}

// wasVerified reports whether state remembers that the run's set was verified.
func (c *call) wasVerified(ctx context.Context) (bool, error) {
	raw, err := c.Recorded(ctx, Name)
	if err != nil {
		return false, err
	}
	rec, err := readRecord(raw)
	p := rec[c.Name]
	e, gerr := c.store.Get(c.Run)
	return gerr == nil && p.LastSet == c.Run && p.Verified.After(e.Manifest.Finished), err
}
