package set

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dssctl/dssctl/internal/atomicfile"
)

// OwnerName is the file that says whose sets a destination holds.
const OwnerName = "dssctl-backup.json"

// Owner is whose sets a destination holds: one block of one instance, for
// retention counts sets.
type Owner struct {
	Instance string `json:"instance"`
	Backup   string `json:"backup"`
	DataDir  string `json:"data_dir"`
	Host     string `json:"host"`
}

// OwnerError says that a destination is somebody else's.
type OwnerError struct {
	Dir    string
	Owner  Owner
	Wanted Owner
}

func (e *OwnerError) Error() string {
	return fmt.Sprintf("the destination %s holds the backups of %s.backup.%s (%s on %s), and this is %s.backup.%s (%s on %s): give each its own destination; or, when the other one is gone for good, remove %s",
		e.Dir, e.Owner.Instance, e.Owner.Backup, e.Owner.DataDir, e.Owner.Host,
		e.Wanted.Instance, e.Wanted.Backup, e.Wanted.DataDir, e.Wanted.Host, filepath.Join(e.Dir, OwnerName))
}

// Owner returns whose the destination is; nil when nobody has claimed it.
func (s Store) Owner() (*Owner, error) {
	path := filepath.Join(s.Dir, OwnerName)
	raw, err := readBounded(path, 1<<16)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read whose the destination is: %w", err)
	}
	var o Owner
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, fmt.Errorf("%s does not say whose the destination is: %w", path, err)
	}
	return &o, nil
}

// same reports whether two are one block of one instance: a data directory is of
// one instance, whatever its address is by now.
func (o Owner) same(other Owner) bool {
	o.Instance = other.Instance
	return o == other
}

// CheckOwner refuses a destination that is somebody else's. It changes nothing.
func (s Store) CheckOwner(want Owner) error {
	found, err := s.Owner()
	if err != nil || found == nil || found.same(want) {
		return err
	}
	return &OwnerError{Dir: s.Dir, Owner: *found, Wanted: want}
}

// Claim makes the destination, for its owner alone, and writes whose it is. The
// folder above it must be there: a volume that is not mounted is not made up
// for by a folder on the root file system.
func (s Store) Claim(want Owner) error {
	if err := os.Mkdir(s.Dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("make the destination %s: the folder above it is not there (is its volume mounted?)", s.Dir)
		}
		return fmt.Errorf("make the destination %s: %w", s.Dir, err)
	}
	if err := s.CheckOwner(want); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		return fmt.Errorf("claim the destination %s: %w", s.Dir, err)
	}
	if found, _ := s.Owner(); found != nil && *found == want {
		return nil
	}
	if err := atomicfile.Write(filepath.Join(s.Dir, OwnerName), append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("claim the destination %s: %w", s.Dir, err)
	}
	return nil
}

// Holds reports whether the destination is this block's, or holds a set of it
// without saying whose it is: as where sets were copied by hand.
func (s Store) Holds(want Owner) (bool, error) {
	found, err := s.Owner()
	if err != nil || found != nil {
		return found != nil, err
	}
	all, err := s.List()
	if err != nil {
		return false, err
	}
	for _, e := range all {
		if m := e.Manifest; (Owner{Backup: m.Backup, DataDir: m.DataDir, Host: m.Host}).same(want) {
			return true, nil
		}
	}
	return false, nil
}
