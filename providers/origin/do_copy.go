package origin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/still"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
	"github.com/dssctl/dssctl/providers/preflight"
)

// A copy is made beside the data directory's place, on its volume, and comes
// there by a rename. Where the folder is there already, which may be a volume
// of its own, it is made inside.

func (c *call) stagingBeside() string {
	return filepath.Join(filepath.Dir(c.Instance.DataDir), "."+filepath.Base(c.Instance.DataDir)+".dssctl-making-"+c.Run)
}

const insidePrefix = ".dssctl-" // begins dssctl's own folders in a data directory

func (c *call) stagingInside() string { return c.Instance.Path(insidePrefix + "making-" + c.Run) }

// staging is the copy where there is one, and "" otherwise.
func (c *call) staging() string {
	for _, path := range []string{c.stagingInside(), c.stagingBeside()} {
		if exists(path) {
			return path
		}
	}
	return ""
}

// copier performs origin.copy: in one stop of the source, its data directory and
// its tables, so that both are of one moment; or without a stop, see copyHeld.
type copier struct{}

// copied is what it remembers, without a secret.
type copied struct {
	// Ran says that the source ran and was stopped for the copy, Down that it
	// has not been started again yet.
	Ran  bool `json:"ran,omitempty"`
	Down bool `json:"down,omitempty"`
	// By is how it was stopped; nil before that, and once it runs again.
	By *dss.Way `json:"by,omitempty"`
	// Objects are those that the transfer of tables makes.
	Objects []pg.Object `json:"objects,omitempty"`
	Whole   bool        `json:"whole,omitempty"`
}

func (copier) Done(_ context.Context, pc *providers.Call) (bool, error) {
	c, err := openClone(pc)
	if err != nil {
		return false, err
	}
	var r copied
	_, err = c.Receipt.Load(&r)
	return r.Whole && !r.Down && c.staging() != "", err
}

func (copier) Do(ctx context.Context, pc *providers.Call) (err error) {
	c, err := openClone(pc)
	if err != nil {
		return err
	}
	src, err := openSource(c.Instance, c.Source)
	if err != nil {
		return err
	}
	release, err := c.lock(src)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	var r copied
	if _, err := c.Receipt.Load(&r); err != nil {
		return err
	}
	if c.Source.Held != "" {
		return c.copyHeld(ctx, src, &r)
	}
	state, _, err := src.State(ctx)
	if err != nil {
		return fmt.Errorf("is %s stopped? %w", c.Source.Address, err)
	}
	whole := r.Whole && c.staging() != "" // and killed while the source was started
	if runs := state != dss.ServiceStopped; runs && !whole {
		r.Ran, r.Down = true, true
		if err := c.Receipt.Save(r); err != nil {
			return err
		}
	}
	if r.Down {
		defer func() { err = errors.Join(err, c.up(ctx, src, &r)) }()
	}
	if whole {
		return nil
	}
	if state != dss.ServiceStopped {
		err := c.halt(ctx, src, func(by dss.Way) error {
			if r.By == nil || by.Unit != "" {
				r.By = &by
			}
			return c.Receipt.Save(r)
		})
		if err != nil {
			return err
		}
	}
	if err := c.tables(ctx, src, &r); err != nil {
		return err
	}
	if err := src.MustBeStopped(ctx); err != nil {
		return fmt.Errorf("the data directory of %s is not still: %w", c.Source.Address, err)
	}
	if err := c.files(ctx, src.DataDir); err != nil {
		return err
	}
	r.Whole = true
	return c.Receipt.Save(r)
}

// up starts the source again, and remembers that: from then on its stop is
// somebody else's.
func (c *call) up(ctx context.Context, src *dss.Instance, r *copied) error {
	if err := c.restart(ctx, src, r.By); err != nil {
		return err
	}
	r.Down, r.By = false, nil
	return c.Receipt.Save(*r)
}

// files copies the data directory, anew after one that was broken off. It is
// read where nobody changes it.
func (c *call) files(ctx context.Context, from string) error {
	to := c.stagingBeside()
	if exists(c.Instance.DataDir) {
		to = c.stagingInside()
	}
	if err := atomicfile.RemoveAll(to); err != nil {
		return err
	}
	c.note("copying " + c.Source.DataDir)
	src, err := openSource(c.Instance, c.Source)
	if err != nil {
		return err
	}
	below := map[string]bool{}
	told, err := still.CopyTree(ctx, from, to, c.links(src, func(rel, resolved string) {
		if strings.Contains(rel, "/") {
			below[rel+" → "+resolved] = true
		}
	}), c.Progress)
	if err != nil {
		return fmt.Errorf("copy %s: %w", c.Source.DataDir, err)
	}
	if len(below) > 0 {
		told = append(told, fmt.Sprintf("%s of %s lead out of it, and the copy has what they lead to: %s",
			humanize.Count(int64(len(below)), "link", "links"), c.Source.DataDir, firstOf(slices.Sorted(maps.Keys(below)))))
	}
	for _, t := range told {
		c.Notice(t)
	}
	// What dssctl itself keeps in a data directory is the source's.
	entries, err := os.ReadDir(to)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), insidePrefix) {
			err = errors.Join(err, atomicfile.RemoveAll(filepath.Join(to, e.Name())))
		}
	}
	return errors.Join(err, atomicfile.SyncDir(filepath.Dir(to)))
}

// tables copies the runtime databases that are in PostgreSQL.
func (c *call) tables(ctx context.Context, src *dss.Instance, r *copied) error {
	if c.Database == nil {
		return nil
	}
	from, to, err := c.sides(src)
	if err != nil {
		return err
	}
	// What a dssctl that was killed behind the commit has left is of another
	// moment.
	if err := pg.Drop(ctx, to.Login, to.Place.Schema, r.Objects); err != nil {
		return err
	}
	if err := c.ours(ctx, to); err != nil {
		return err
	}
	there, err := pg.SchemaExists(ctx, to.Login, to.Place.Schema)
	if err == nil && !there {
		err = pg.CreateSchema(ctx, to.Login, to.Place.Schema, c.Run)
	}
	if err != nil {
		return err
	}
	t := pg.Transfer{
		From: from, To: to,
		Planned: func(objects []pg.Object) error { r.Objects = objects; return c.Receipt.Save(*r) },
		Progress: func(done, total int64, table string) {
			c.Progress(event.Progress{Done: done, Total: total, Unit: "bytes", Note: table})
		},
	}
	_, err = t.Run(ctx)
	return err
}

func (copier) Verify(ctx context.Context, pc *providers.Call) error {
	c, err := openClone(pc)
	if err != nil {
		return err
	}
	dir := c.staging()
	for _, name := range []string{"install.ini", "dss-version.json", "bin/dss"} {
		if dir == "" || !exists(filepath.Join(dir, name)) {
			return fmt.Errorf("the copy of %s has no %s", c.Source.DataDir, name)
		}
	}
	var r copied
	if _, err := c.Receipt.Load(&r); err != nil || !r.Ran {
		return err
	}
	src, err := openSource(c.Instance, c.Source)
	if err != nil {
		return err
	}
	ready, err := src.Ready(ctx)
	if err == nil && !ready {
		err = fmt.Errorf("%s, which was stopped for the copy, does not answer", c.Source.Address)
	}
	return err
}

// Undo starts the source where it is still stopped, and takes the copy away.
func (copier) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := openClone(pc)
	if err != nil {
		return err
	}
	var r copied
	if _, err := c.Receipt.Load(&r); err != nil {
		return err
	}
	var errs []error
	if r.Down {
		src, err := openSource(c.Instance, c.Source)
		if err == nil {
			err = c.up(ctx, src, &r)
		}
		errs = append(errs, err)
	}
	for _, path := range []string{c.stagingInside(), c.stagingBeside()} {
		errs = append(errs, atomicfile.RemoveAll(path))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return errors.Join(c.letGo(ctx), c.dropTables(ctx, r))
}

func (c *call) dropTables(ctx context.Context, r copied) error {
	if c.Database == nil {
		return nil
	}
	to, err := c.target()
	if err != nil {
		return err
	}
	err = pg.Drop(ctx, to.Login, to.Place.Schema, r.Objects)
	if err == nil {
		_, err = pg.DropSchema(ctx, to.Login, to.Place.Schema, c.Run)
	}
	if err != nil {
		return &providers.LeftoverError{What: fmt.Sprintf("the clone's tables in %s", c.Database.words()), Err: err}
	}
	return nil
}

// Preflight looks at who may start the source again, where it is stopped for the
// copy, and whose the place is that the tables come to.
func (copier) Preflight(ctx context.Context, pc *providers.Call) ([]preflight.Finding, error) {
	c, err := openClone(pc)
	if err != nil {
		return nil, err
	}
	start, err := c.restartable(ctx)
	if err != nil {
		return nil, err
	}
	place, err := c.foreseePlace(ctx)
	return append(start, place...), err
}

// restartable looks at who may start a source that is stopped for the copy.
func (c *call) restartable(ctx context.Context) ([]preflight.Finding, error) {
	if c.Source.Held != "" {
		return nil, nil
	}
	src, err := openSource(c.Instance, c.Source)
	if err != nil {
		return nil, nil //nolint:nilerr // the same plan may make it; what else is wrong with it was observed
	}
	if state, _, err := src.State(ctx); err == nil && state == dss.ServiceStopped {
		return nil, nil
	}
	return preflight.Start(ctx, src)
}
