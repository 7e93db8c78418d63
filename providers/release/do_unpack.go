package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/dssctl/dssctl/internal/archive"
	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/fileid"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/volume"
	"github.com/dssctl/dssctl/providers"
)

// unpacker performs release.unpack: the archive is verified whole before any of
// it is written, unpacked beside, and gets its name by one rename.
type unpacker struct{}

// unpackReceipt remembers that this run made the kit.
type unpackReceipt struct {
	Made bool `json:"made"`
	// Kit is the folder that was made: one that somebody put there since is not
	// this run's.
	Kit fileid.ID `json:"kit,omitzero"`
}

// Done: a kit that is there is whole, for it came by a rename.
func (unpacker) Done(_ context.Context, pc *providers.Call) (bool, error) {
	c, err := open(pc)
	if err != nil {
		return false, err
	}
	version, problem := lookKit(c.Kit)
	switch {
	case problem != "":
		return false, fmt.Errorf("%s is there and is no unpacked kit: %s", c.Kit, problem)
	case version != "" && version != c.Version:
		return false, fmt.Errorf("the kit in %s is of DSS %s and not of %s", c.Kit, version, c.Version)
	}
	return version != "", nil
}

func (unpacker) Do(ctx context.Context, pc *providers.Call) (err error) {
	c, err := open(pc)
	if err != nil {
		return err
	}
	folder := filepath.Base(c.Kit)
	in, err := inspect(ctx, c.Archive, folder, c.SHA256, c.Progress)
	if err != nil {
		return err
	}
	if in.Version != c.Version {
		return fmt.Errorf("verify %s: its %s says version %s, and %s is declared", c.Archive, versionFile, in.Version, c.Version)
	}
	root := filepath.Dir(c.Kit)
	// Small files take whole blocks each.
	const block, reserve = 4 << 10, 64 << 20
	need := in.Bytes + in.Members*block + reserve
	if has, err := volume.Free(root); err == nil && has < need {
		return fmt.Errorf("the kit needs %s and %s has %s free: free some, or choose another install_root", humanize.Bytes(need), root, humanize.Bytes(has))
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return fmt.Errorf("make the folder for kits: %w", err)
	}
	part := partOf(c)
	if err := removeTree(part); err != nil {
		return fmt.Errorf("remove what a broken-off run has unpacked: %w", err)
	}
	defer func() { err = errors.Join(err, removeTree(part)) }()
	if _, err := archive.Extract(ctx, c.Archive, "", part, archive.ExtractOptions{
		// What was inspected and nothing more, should it change meanwhile.
		Limits: archive.Limits{Members: in.Members, Bytes: in.Bytes},
		Sync:   true,
		Progress: func(p archive.Progress) {
			c.Progress(event.Progress{Done: p.Bytes, Total: in.Bytes, Unit: "bytes", Files: p.Members, Note: "unpacking"})
		},
	}); err != nil {
		return err
	}
	unpacked := filepath.Join(part, folder)
	if version, problem := lookKit(unpacked); version != c.Version {
		return fmt.Errorf("what %s unpacked to is no kit of %s: %s", c.Archive, c.Version, or(problem, "it is of version "+version))
	}
	id, err := fileid.Of(unpacked)
	if err == nil {
		err = c.Receipt.Save(unpackReceipt{Made: true, Kit: id})
	}
	if err != nil {
		return err
	}
	if err := os.Rename(unpacked, c.Kit); err != nil {
		return fmt.Errorf("give the unpacked kit its name: %w", err)
	}
	if err := atomicfile.SyncDir(root); err != nil {
		return err
	}
	return c.remember(ctx, func(r *record) {
		r.Kits = slices.DeleteFunc(r.Kits, func(k kitRecord) bool { return k.Dir == c.Kit })
		r.Kits = append(r.Kits, kitRecord{Dir: c.Kit, Version: c.Version, SHA256: in.SHA256})
	})
}

// partOf is where a run unpacks.
func partOf(c *call) string {
	return filepath.Join(filepath.Dir(c.Kit), ".dssctl-"+c.Run+"-"+filepath.Base(c.Kit))
}

func (u unpacker) Verify(ctx context.Context, pc *providers.Call) error {
	done, err := u.Done(ctx, pc)
	if err == nil && !done {
		err = errors.New("the kit is not there")
	}
	return err
}

// Undo removes the kit that this run made, unless somebody else uses it.
func (unpacker) Undo(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if err := removeTree(partOf(c)); err != nil {
		return err
	}
	var r unpackReceipt
	if known, err := c.Receipt.Load(&r); err != nil || !known || !r.Made {
		return err
	}
	if !exists(c.Kit) {
		return c.forgetKit(ctx)
	}
	if id, err := fileid.Of(c.Kit); r.Kit.Known() && (err != nil || !id.Is(r.Kit)) {
		c.Notice(fmt.Sprintf("the kit %s stays: it is another folder than the one that this run made", c.Kit))
		return nil
	}
	if why := c.kitNeeded(ctx, c.Kit, true); why != "" {
		c.Notice(fmt.Sprintf("the kit %s stays: %s", c.Kit, why))
		// Whoever removes old kits later still knows that dssctl unpacked it.
		return c.remember(ctx, func(*record) {})
	}
	if err := removeKit(c.Kit); err != nil {
		return err
	}
	return c.forgetKit(ctx)
}

// forgetKit keeps what else the run's undoing has noted down.
func (c *call) forgetKit(ctx context.Context) error {
	return c.remember(ctx, func(r *record) {
		r.Kits = slices.DeleteFunc(r.Kits, func(k kitRecord) bool { return k.Dir == c.Kit })
	})
}

// removeKit takes the name away first: half a kit must not look like one.
func removeKit(dir string) error {
	gone := filepath.Join(filepath.Dir(dir), ".dssctl-gone-"+filepath.Base(dir))
	if err := removeTree(gone); err != nil {
		return err
	}
	err := os.Rename(dir, gone)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove the kit %s: %w", dir, err)
	}
	return removeTree(gone)
}

// removeTree removes a folder of our own, also where parts of it may not be
// written.
func removeTree(dir string) error {
	err := os.RemoveAll(dir)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	// A folder without the right to write in it: it is ours, so take it.
	werr := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(p, 0o700)
		}
		return nil
	})
	return errors.Join(werr, os.RemoveAll(dir))
}
