package backup

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/dssctl/dssctl/internal/iniedit"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/dss"
)

// rewirer performs backup.rewire: a data directory that came to another place
// gets its own port and its own place for the runtime databases.
type rewirer struct{}

func (rewirer) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (rewirer) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	w := c.Restore.Elsewhere
	if w.Port != 0 {
		if err := c.Instance.EditInstallINI(ctx, func(f *iniedit.File) error {
			f.Set("server", "port", strconv.Itoa(w.Port))
			return nil
		}); err != nil {
			return err
		}
	}
	if w.relocation().Empty() || !c.Restore.Load {
		return nil
	}
	return c.Instance.Relocate(ctx, w.relocation())
}

func (rewirer) Verify(_ context.Context, pc *providers.Call) error {
	c, e, err := openRestore(pc)
	if err != nil {
		return err
	}
	w := c.Restore.Elsewhere
	f, err := c.Instance.Identity()
	if err != nil {
		return err
	}
	if w.Port != 0 && f.Port != w.Port {
		return fmt.Errorf("the base port is %d and not %d", f.Port, w.Port)
	}
	return c.leadsThere(e)
}

// leadsThere checks that DSS will use the databases where the dump comes to.
func (c *call) leadsThere(e set.Entry) error {
	if !c.Restore.Load || c.Restore.Elsewhere == nil {
		return nil
	}
	at := c.Restore.Elsewhere.site(e.Manifest.Database, e.Manifest.DSS.NodeType)
	return c.Instance.LeadsTo(at.Login, at.Place)
}

// Undo: what was edited goes with the content.
func (rewirer) Undo(context.Context, *providers.Call) error { return nil }

// attacher performs backup.attach: a data directory that came to another path,
// machine or version is attached to the kit, as DSS's documentation says: pyenv,
// which is bound to its path, is moved away so that it is built anew.
type attacher struct{}

func (attacher) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (attacher) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if err := c.mustBeStopped(ctx); err != nil {
		return err
	}
	return c.Instance.Attach(ctx, c.Restore.Kit, "", c.note, c.Notice)
}

func (attacher) Verify(_ context.Context, pc *providers.Call) error {
	c, e, err := openRestore(pc)
	if err != nil {
		return err
	}
	// An installer that writes there would undo the edits.
	return errors.Join(c.Instance.AttachedTo(c.Restore.Kit), c.leadsThere(e))
}

// Undo: what the installer did goes with the content.
func (attacher) Undo(context.Context, *providers.Call) error { return nil }

// restoreProver performs backup.prove: DSS answers from the restored content.
type restoreProver struct{}

func (restoreProver) Done(context.Context, *providers.Call) (bool, error) { return false, nil }
func (restoreProver) Do(context.Context, *providers.Call) error           { return nil }

func (restoreProver) Verify(ctx context.Context, pc *providers.Call) error {
	c, e, err := openRestore(pc)
	if err != nil {
		return err
	}
	ready, err := c.Instance.Ready(ctx)
	if err != nil {
		return err
	}
	if !ready {
		return errors.New("DSS does not answer")
	}
	f, err := c.Instance.Identity()
	if err != nil {
		return err
	}
	if order, err := dss.CompareVersions(f.Version, e.Manifest.DSS.Version); err != nil || order < 0 {
		return errors.Join(err, fmt.Errorf("DSS is of version %s, and the set of %s", f.Version, e.Manifest.DSS.Version))
	}
	return nil
}

func (restoreProver) Undo(context.Context, *providers.Call) error { return nil }
