package origin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/still"
	"github.com/dssctl/dssctl/providers/dss"
)

// copyHeld copies a source that goes on running: its files from a snapshot, and
// right behind that its tables, which are read in one snapshot of the database.
// Held is only what cannot be had later: a copy that is broken off begins anew.
func (c *call) copyHeld(ctx context.Context, src *dss.Instance, r *copied) (err error) {
	if r.Whole && c.staging() != "" {
		return nil
	}
	if _, err := src.EnsureCompanion(); err != nil {
		return err
	}
	s, err := c.snapshotter(src)
	if err != nil {
		return err
	}
	if err := c.sweep(ctx, s); err != nil {
		return err
	}
	c.note("holding " + c.Source.Address + " still")
	view, err := s.Create(ctx, c.Run)
	if err != nil {
		return err
	}
	held := true
	defer func() {
		if held {
			err = errors.Join(err, s.Destroy(context.WithoutCancel(ctx), c.Run))
		}
	}()
	if err := c.tables(ctx, src, r); err != nil {
		return err
	}
	if err := c.files(ctx, view); err != nil {
		return err
	}
	if err := still.Healthy(ctx, s, c.Run); err != nil {
		return err
	}
	if err := c.forgetProcesses(); err != nil {
		return err
	}
	held = false
	if err := s.Destroy(ctx, c.Run); err != nil {
		return fmt.Errorf("the copy of %s is whole: %w", c.Source.Address, err)
	}
	r.Whole = true
	return c.Receipt.Save(*r)
}

// sweep takes away what killed runs have left of snapshots of the source; nobody
// else makes one while it is locked. One of this run is of another moment than
// the tables will be.
func (c *call) sweep(ctx context.Context, s still.Snapshotter) error {
	ids, err := s.List(ctx)
	for _, id := range ids {
		if id != c.Run {
			c.Notice(fmt.Sprintf("removed the snapshot %s of %s, which a broken-off run had left", id, c.Source.DataDir))
		}
		err = errors.Join(err, s.Destroy(ctx, id))
	}
	return err
}

// forgetProcesses empties the copy's folder run: logs, which DSS's documentation
// lets a backup do without, and what a running DSS notes there of processes that
// are its source's.
func (c *call) forgetProcesses() error {
	run := filepath.Join(c.staging(), "run")
	entries, err := os.ReadDir(run)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("empty the folder run of the copy: %w", err)
	}
	for _, e := range entries {
		err = errors.Join(err, atomicfile.RemoveAll(filepath.Join(run, e.Name())))
	}
	return err
}

// letGo takes the snapshot away, where there is one.
func (c *call) letGo(ctx context.Context) error {
	if c.Source.Held == "" {
		return nil
	}
	src, err := openSource(c.Instance, c.Source)
	if err == nil {
		var s still.Snapshotter
		if s, err = c.snapshotter(src); err == nil {
			err = s.Destroy(ctx, c.Run)
		}
	}
	if err != nil {
		return &providers.LeftoverError{What: fmt.Sprintf("the snapshot %s of %s (the next clone or backup from a snapshot removes it)", c.Run, c.Source.DataDir), Err: err}
	}
	return nil
}

func (c *call) snapshotter(src *dss.Instance) (still.Snapshotter, error) {
	o := holding(src, c.Source.Sudo)
	o.Clock, o.Redactor, o.Notice = c.Clock, c.Redactor, c.Notice
	o.Progress = func(p event.Progress) { c.Progress(p) }
	return still.New(c.Source.Held, o)
}

// holding is what a snapshot of an instance is made with.
func holding(src *dss.Instance, sudo bool) still.Options {
	o := still.Options{DataDir: src.DataDir, Companion: src.Companion(), Runner: src.Runner(), Clock: src.Clock(), Redactor: src.Redactor()}
	if sudo {
		o.Sudo = []string{"sudo", "-n"}
	}
	return o
}
