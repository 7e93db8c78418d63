// Package still holds a data directory still while its bytes are read: it makes
// a view of it as it was at one moment. Each kind of view is a Snapshotter:
// snapshots of Btrfs, ZFS and LVM, the administrator's own commands for the
// volume of a cloud, and, for a DSS that is stopped, a tree of reflinks. It
// knows nothing of DSS's service, of plans, or of what a backup does with the
// view. docs/explanation/consistency.md says what each kind promises.
package still

import (
	"context"
	"time"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/secret"
)

// Snapshotter makes views of one data directory. Each of its calls may be made
// again after a crash at any point of it. One id at a time: the caller holds
// the instance's lock.
type Snapshotter interface {
	// Name is the kind.
	Name() string
	// Check looks whether it can work here, and changes nothing. The error says
	// why not, and what to do.
	Check(ctx context.Context) error
	// Create makes the view of this id and returns the path at which the data
	// directory is read. What a broken-off Create of the same id left is taken
	// up where it is whole, and made anew where it is not. A Create that fails
	// leaves nothing, or says what it had to leave.
	Create(ctx context.Context, id string) (view string, err error)
	// Destroy takes the view away, also half of one. That nothing is there is
	// no error.
	Destroy(ctx context.Context, id string) error
	// List returns the ids of what this kind has left behind of this data
	// directory, for sweeping, in order.
	List(ctx context.Context) ([]string, error)
}

// Perishable is a Snapshotter whose views can go bad while they are read.
type Perishable interface {
	// Healthy says whether what was read of the view up to now is the data
	// directory as it was. The error says why not.
	Healthy(ctx context.Context, id string) error
}

// Healthy asks a Perishable one, after its view was read; views of other kinds
// cannot go bad.
func Healthy(ctx context.Context, s Snapshotter, id string) error {
	if p, ok := s.(Perishable); ok {
		return p.Healthy(ctx, id)
	}
	return nil
}

// The kinds. Auto is Btrfs, ZFS or LVM, whichever the data directory lies on.
const (
	Auto     = "auto"
	Btrfs    = "btrfs"
	ZFS      = "zfs"
	LVM      = "lvm"
	Custom   = "commands"
	Reflinks = "reflink" // DSS has to be stopped while Create runs
)

// Kinds are the names that New knows.
func Kinds() []string { return []string{Auto, Btrfs, ZFS, LVM, Custom, Reflinks} }

// Options are what a Snapshotter is made with.
type Options struct {
	// DataDir is absolute, clean, and without symlinks.
	DataDir string
	// Companion is the folder beside the data directory. Below its folder
	// "still" are the mount points, the Btrfs snapshots and the reflinks.
	Companion string
	// Commands are those of the kind "commands".
	Commands Commands
	// Size is the room that an LVM snapshot has for what is changed while it
	// lives: "20G", "15%ORIGIN", "50%FREE"; DefaultSize when "".
	Size string
	// Sudo is put in front of what needs root: "sudo", "-n". Empty where
	// nothing may be.
	Sudo []string

	// Runner is proc.New when nil.
	Runner proc.Runner
	// Clock is clock.System when nil.
	Clock clock.Clock
	// Redactor knows the secrets that commands may hold or print; may be nil.
	Redactor *secret.Redactor
	// Notice is told what is worth knowing and no error; may be nil.
	Notice func(string)
	// Progress is told how far a tree of reflinks is; may be nil.
	Progress func(event.Progress)
}

// DefaultSize is the room of an LVM snapshot when none is said.
const DefaultSize = "20%ORIGIN"

// Commands are the administrator's own, a program and its arguments each. In
// every word ${id} is the snapshot's name, the same for the four and unlike
// that of any other snapshot, ${data_dir} the data directory, and ${mount} the
// mount point, an empty folder that dssctl makes.
type Commands struct {
	// Create makes the snapshot. With no Mount it also makes it readable at
	// ${mount}.
	Create []string
	// Mount makes it readable, read-only, at ${mount}: the data directory
	// itself, or the file system that it is on. May be empty.
	Mount []string
	// Unmount undoes Mount; it is only run while something is mounted. May be
	// empty: then umount is run.
	Unmount []string
	// Destroy removes the snapshot, also half of one. It may be run when
	// there is nothing to remove, and should end well then.
	Destroy []string
	// Timeout of each; DefaultTimeout when 0.
	Timeout time.Duration
}

// DefaultTimeout of each of the administrator's commands.
const DefaultTimeout = time.Hour
