package backup

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/still"
)

// heldByStop is the view of a DSS that is stopped: the data directory itself.
const heldByStop = "stopped"

// saver performs backup.save: it keeps the bytes.
type saver struct{}

// Done: a part that is written down was kept to its end.
func (saver) Done(_ context.Context, pc *providers.Call) (bool, error) {
	c, err := open(pc)
	if err != nil {
		return false, err
	}
	m, err := c.making()
	return m.Part != nil, err
}

func (saver) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if err := c.still(c.heldAs()); err != nil {
		return err
	}
	view, err := c.view(ctx)
	if err != nil {
		return err
	}
	if err := c.stillStopped(ctx); err != nil {
		return err
	}
	m, err := c.method()
	if err != nil {
		return err
	}
	part, err := m.Save(ctx, c.job(view))
	if err != nil {
		return err
	}
	if err := c.healthy(ctx); err != nil {
		return err
	}
	for _, name := range part.LeftOut {
		c.Notice("not kept: " + name)
	}
	if part.ChangedTotal > 0 {
		c.Notice(fmt.Sprintf("%d files changed while they were read: %s", part.ChangedTotal, strings.Join(part.Changed, ", ")))
	}
	if err := c.update(func(mk *making) { mk.Part = &part }); err != nil {
		return err
	}
	return c.release(ctx)
}

// heldAs names the view where no action has made one.
func (c *call) heldAs() string {
	if c.Consistency == byStop {
		return heldByStop
	}
	return c.Consistency
}

// stillStopped makes sure that what is read now does not change: only a view,
// or a DSS that is down, stands still.
func (c *call) stillStopped(ctx context.Context) error {
	m, err := c.making()
	if err != nil || m.View != heldByStop {
		return err
	}
	return c.mustBeStopped(ctx)
}

// healthy asks a view that can go bad whether it is still good.
func (c *call) healthy(ctx context.Context) error {
	if c.Held == "" {
		return nil
	}
	s, err := c.snapshotter(c.Held)
	if err != nil {
		return err
	}
	return still.Healthy(ctx, s, c.viewID())
}

// job describes the run's set for the method.
func (c *call) job(view string) method.Job {
	m, _ := c.making() // without it the moment is now
	at := m.Time
	if at.IsZero() {
		at = c.Clock.Now().UTC()
	}
	return method.Job{
		Set: c.Run, Time: at, Folder: c.part(), View: view, DataDir: c.Instance.DataDir, Rules: c.Rules,
		Live: c.Consistency == byLive, Previous: c.previous(),
	}
}

func (saver) Verify(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	m, err := c.making()
	if err == nil && (m.Part == nil || m.Part.Files == 0) {
		err = errors.New("nothing was kept")
	}
	return err
}

// Undo gives up the whole set: without its data directory it is none.
func (saver) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	// The method first: its folder says what it has kept elsewhere.
	return errors.Join(c.release(ctx), c.forgetUnfinished(ctx), c.abandon())
}

// forgetUnfinished removes what the method keeps outside of the folder.
func (c *call) forgetUnfinished(ctx context.Context) error {
	m, err := c.making()
	if err != nil || m.Part == nil || !hasRepository(c.Method) {
		return nil // the next set's Prepare clears what has no manifest
	}
	how, err := c.method()
	if err != nil {
		return err
	}
	if err := how.Forget(ctx, []method.Stored{{Set: c.Run, Time: m.Time, Folder: c.part(), Part: *m.Part}}); err != nil {
		return &providers.LeftoverError{What: "what " + c.Method + " has kept of the set " + c.Run, Err: err}
	}
	return nil
}
