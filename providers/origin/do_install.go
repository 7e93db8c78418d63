package origin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/fileid"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/volume"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/still"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

func (c *call) note(text string) { c.Progress(event.Progress{Unit: "seconds", Note: text}) }

// checker performs origin.check: what would make a later step fail shall do it
// here, before anything is stopped or made.
type checker struct{}

func (checker) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (checker) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if v, err := dss.KitVersion(c.Kit); err != nil {
		return err
	} else if v != c.Version {
		return fmt.Errorf("the kit %s is of version %s, and the plan was made for %s", c.Kit, v, c.Version)
	}
	if err := c.portsFree(procNet); err != nil {
		return err
	}
	if c.Source == nil {
		return c.room(installBytes)
	}
	src, err := openSource(c.Instance, c.Source)
	if err != nil {
		return err
	}
	f, err := src.Identity()
	if err != nil {
		return err
	}
	if f.Version != c.Version || f.InstallID != c.Source.InstallID {
		return fmt.Errorf("%s has changed since the plan was made: it is of DSS %s with the installid %s", c.Source.Address, f.Version, f.InstallID)
	}
	if c.Source.Held != "" {
		s, err := c.snapshotter(src)
		if err != nil {
			return err
		}
		if err := s.Check(ctx); err != nil {
			return err
		}
	}
	if err := c.checkFiles(ctx, src); err != nil {
		return err
	}
	if c.Database == nil {
		return nil
	}
	from, to, err := c.sides(src)
	if err != nil {
		return err
	}
	if err := c.canBeCarried(ctx, from); err != nil {
		return err
	}
	sight, err := pg.Look(ctx, to.Login, to.Place)
	if err != nil {
		return err
	}
	if sight.SchemaExists || !sight.CreateSchema || sight.Standby {
		if err := sight.Usable(to.Login, to.Place); err != nil {
			return err
		}
	}
	if c.Database.Govern && sight.Version < governMinVersion {
		return fmt.Errorf("the server of the clone's database is PostgreSQL %s, and Govern needs 12.5 at least", pg.VersionText(sight.Version))
	}
	if names := sight.Names(); len(names) > 0 {
		return fmt.Errorf("the place of the clone's tables (%s) is not empty: it has %s. Choose another schema or table_prefix, or have them dropped by whoever owns them", c.Database.words(), pg.FirstNames(names))
	}
	return nil
}

// checkFiles makes sure that the source's links are those that the plan was made
// for, and that there is room for what is copied.
func (c *call) checkFiles(ctx context.Context, src *dss.Instance) error {
	shares := still.SharesBlocks(src.Path("install.ini"), c.place())
	top, err := still.MeasureTop(src.DataDir, c.links(src, nil))
	if err != nil {
		return err
	}
	if found := linksAtTop(top); !slices.Equal(found, c.Source.Links) {
		return fmt.Errorf("the links at the top of %s that lead out of it are not those that the plan was made for: plan again (found %v, expected %v)", src.DataDir, found, c.Source.Links)
	}
	if shares && len(top) == 0 {
		return nil // what is shared needs no room
	}
	m, err := still.Measure(ctx, src.DataDir, c.links(src, nil))
	if err != nil {
		return err
	}
	need := m.Bytes
	if shares {
		need = 0
		for _, f := range m.Followed {
			need += f.Bytes // perhaps of another volume
		}
	}
	return c.room(need + need/20)
}

// links are the rules for the links of the source.
func (c *call) links(src *dss.Instance, told func(rel, resolved string)) still.Links {
	return cloneLinks(src, c.Source.Kit, c.Source.Held != "", told)
}

// governMinVersion is the oldest PostgreSQL for a Govern node.
const governMinVersion = 120005

// canBeCarried makes sure, before the source stops, that all it has in
// PostgreSQL is what a transfer carries.
func (c *call) canBeCarried(ctx context.Context, from pg.Side) error {
	const otherwise = "restore a dump of it (pg_dump, pg_restore) for a node that is installed with origin \"install\""
	if c.Database.Govern {
		schemas, err := pg.Schemas(ctx, from.Login)
		if err != nil {
			return err
		}
		schemas = slices.DeleteFunc(schemas, func(s string) bool { return s == from.Place.Schema })
		if len(schemas) > 0 {
			return fmt.Errorf("%s is a Govern node, whose whole database is its own, and it has tables in the schema %s beside %s: a clone gets the tables of one schema; %s", c.Source.Address, strings.Join(schemas, ", "), from.Place.Schema, otherwise)
		}
	}
	obstacles, err := pg.Obstacles(ctx, from.Login, from.Place)
	if err != nil || len(obstacles) == 0 {
		return err
	}
	return fmt.Errorf("copy the tables of %s: these cannot be carried: %s; %s", c.Source.Address, strings.Join(obstacles, "; "), otherwise)
}

func (checker) Verify(context.Context, *providers.Call) error { return nil }
func (checker) Undo(context.Context, *providers.Call) error   { return nil }

// procNet is where the kernel lists sockets.
const procNet = "/proc/net"

// portsFree looks again at what was free when the plan was made: DSS would be
// made first, and not start then.
func (c *call) portsFree(procNet string) error {
	listening, err := dss.Listeners(procNet)
	if err != nil {
		c.Notice(fmt.Sprintf("whether the ports %d to %d are free could not be seen: %v", c.Port, c.Port+9, err))
		return nil
	}
	var busy []string
	for port := c.Port; port < c.Port+10; port++ {
		if listening[port] {
			busy = append(busy, strconv.Itoa(port))
		}
	}
	if len(busy) > 0 {
		return fmt.Errorf("%s is to have the ports %d to %d, and since the plan was made a process on this machine listens on %s: end that process (`ss -ltnp` shows it), or declare another port and plan again", c.Address, c.Port, c.Port+9, strings.Join(busy, ", "))
	}
	return nil
}

// installBytes is room for a fresh data directory with its Python environment.
const installBytes = 1 << 30

func (c *call) room(need int64) error {
	where := c.place()
	free, err := volume.Free(where)
	if err == nil && free < need {
		err = fmt.Errorf("the data directory of %s needs %s at %s, and %s are free: free some there, or declare a data_dir on a larger volume", c.Address, humanize.Bytes(need), where, humanize.Bytes(free))
	}
	return err
}

// place is the folder on whose file system the data directory will be.
func (c *call) place() string {
	if exists(c.Instance.DataDir) {
		return c.Instance.DataDir
	}
	return filepath.Dir(c.Instance.DataDir)
}

// made remembers whether the data directory's folder was there, empty, before.
type made struct {
	Existed bool `json:"existed"`
	// Dir is the folder itself, once it is there: its path may be another one's
	// later.
	Dir fileid.ID `json:"dir,omitzero"`
}

// claim makes sure that nothing but this action's own work is at the data
// directory's place, and remembers what was there.
func (c *call) claim() (made, error) {
	var r made
	known, err := c.Receipt.Load(&r)
	if err != nil || known {
		return r, err
	}
	entries, err := os.ReadDir(c.Instance.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return r, fmt.Errorf("look at the place of the data directory: %w", err)
	default:
		r.Existed = true
		for _, e := range entries {
			if e.Name() != filepath.Base(c.stagingInside()) {
				return r, fmt.Errorf("%s is there and has %s in it: an instance is made in a folder that is not there or empty, and nothing is overwritten", c.Instance.DataDir, e.Name())
			}
		}
		if r.Dir, err = fileid.Of(c.Instance.DataDir); err != nil {
			return r, err
		}
	}
	return r, c.Receipt.Save(r)
}

// madeHere remembers the folder that the action has made.
func (c *call) madeHere(r made, path string) error {
	if r.Existed {
		return nil // known since it was claimed
	}
	var err error
	if r.Dir, err = fileid.OfLink(path); err != nil {
		return err
	}
	return c.Receipt.Save(r)
}

// again clears what a killed dssctl has made. What will be made then is another
// folder, so the former one is forgotten first.
func (c *call) again(ctx context.Context, r *made) error {
	if err := errors.Join(c.checkMade(*r), c.mustBeStopped(ctx)); err != nil {
		return err
	}
	if !r.Existed {
		r.Dir = fileid.ID{}
		if err := c.Receipt.Save(*r); err != nil {
			return err
		}
	}
	return c.clear(*r)
}

// checkMade says why the data directory is not what the run made: nothing of
// another one is removed.
func (c *call) checkMade(r made) error {
	identify := fileid.OfLink
	if r.Existed {
		identify = fileid.Of // it may have been a link from the beginning
	}
	id, err := identify(c.Instance.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case r.Dir.Known() && !r.Dir.Is(id):
		return &providers.GoneError{What: fmt.Sprintf("%s is another folder than the one that the run made the instance in, and is left alone", c.Instance.DataDir)}
	}
	return nil
}

// checkUndoMade is the CheckUndo of whoever made the content.
func checkUndoMade(c *call) error {
	var r made
	known, err := c.Receipt.Load(&r)
	if err != nil || !known {
		return err
	}
	return c.checkMade(r)
}

// clear takes away what was made, and with it the folder, unless it was there.
func (c *call) clear(r made) error {
	if !r.Existed {
		return errors.Join(atomicfile.RemoveAll(c.Instance.DataDir), atomicfile.SyncDir(filepath.Dir(c.Instance.DataDir)))
	}
	entries, err := os.ReadDir(c.Instance.DataDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		err = errors.Join(err, atomicfile.RemoveAll(c.Instance.Path(e.Name())))
	}
	return errors.Join(err, atomicfile.SyncDir(c.Instance.DataDir))
}

// undoMade is the undo of whoever made the content.
func (c *call) undoMade(ctx context.Context) error {
	var r made
	known, err := c.Receipt.Load(&r)
	if err != nil || !known {
		return err
	}
	if !exists(c.Instance.DataDir) {
		return nil
	}
	if err := c.checkMade(r); err != nil {
		return err
	}
	if err := c.mustBeStopped(ctx); err != nil {
		return err
	}
	return c.clear(r)
}

func (c *call) mustBeStopped(ctx context.Context) error {
	if err := c.Instance.MustBeStopped(ctx); err != nil {
		return fmt.Errorf("%s is in use: %w", c.Instance.DataDir, err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// installer performs origin.install.
type installer struct{}

func (installer) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (installer) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	r, err := c.claim()
	if err != nil {
		return err
	}
	if exists(c.Instance.DataDir) {
		// Half of it, by a dssctl that was killed: the installer begins again.
		if err := c.again(ctx, &r); err != nil {
			return err
		}
	}
	arguments := []string{"-p", strconv.Itoa(c.Port), "-t", c.NodeType, "-y"}
	if c.License != "" {
		arguments = append(arguments, "-l", c.License)
	}
	if c.Python != "" {
		arguments = append(arguments, "-P", c.Python)
	}
	c.note("running the kit's installer")
	if _, err := c.Instance.InstallFresh(ctx, c.Kit, c.JavaHome, arguments...); err != nil {
		return err
	}
	return c.madeHere(r, c.Instance.DataDir)
}

// CheckUndo implements providers.UndoChecker.
func (installer) CheckUndo(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	return checkUndoMade(c)
}

func (installer) Verify(_ context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	return c.isAs("")
}

func (installer) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	return c.undoMade(ctx)
}

// Loses tells what comes to an end with the instance.
func (installer) Loses(_ context.Context, pc *providers.Call) (string, error) {
	return "the instance in " + pc.Instance.DataDir + ", with all that was done in it", nil
}

// isAs checks that the instance is what the plan says; of is the installid that
// it must not have.
func (c *call) isAs(of string) error {
	f, err := c.Instance.Identity()
	if err != nil {
		return err
	}
	switch {
	case c.Version != "" && f.Version != c.Version:
		err = fmt.Errorf("%s is of DSS %s and not of %s", c.Instance.DataDir, f.Version, c.Version)
	case c.NodeType != "" && f.NodeType != c.NodeType:
		err = fmt.Errorf("%s is a %s node and not a %s node", c.Instance.DataDir, f.NodeType, c.NodeType)
	case f.Port != c.Port:
		err = fmt.Errorf("%s has the base port %d and not %d", c.Instance.DataDir, f.Port, c.Port)
	case of != "" && f.InstallID == of:
		err = fmt.Errorf("%s still has the installid of %s", c.Instance.DataDir, c.Source.Address)
	}
	return err
}
