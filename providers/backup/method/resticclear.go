package method

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/proc"
)

// resticOpen is the file, in the destination, of sets that were begun and not
// finished. A run that fails, most of all on a full volume, leaves data in the
// repository that no snapshot needs, and restic does not look for it by itself.
//
// The file takes some room: on a volume that is full, giving it up makes place for
// the lock without which restic removes nothing.
const (
	resticOpen = ".restic-unfinished"
	resticRoom = 512 << 10
)

func (r *restic) openFile() string { return filepath.Join(r.o.Destination, resticOpen) }

// opened are the sets that were begun and not finished.
func (r *restic) opened() ([]string, error) {
	raw, err := os.ReadFile(r.openFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for what broken-off runs left in the restic repository: %w", err)
	}
	ids, _, _ := bytes.Cut(raw, []byte("\n\n"))
	return strings.Fields(string(ids)), nil
}

// begun notes that a set is on its way, with room to clear up after it.
func (r *restic) begun(set string) error {
	sets, err := r.opened()
	if err != nil || slices.Contains(sets, set) {
		return err
	}
	if err := r.note(append(sets, set), resticRoom); err != nil {
		return fmt.Errorf("note that the set %s is begun: %w", set, err)
	}
	return nil
}

// ended notes that it is whole.
func (r *restic) ended(set string) error {
	sets, err := r.opened()
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(sets, func(id string) bool { return id == set })
	if len(left) == 0 {
		return removeFile(r.openFile())
	}
	return r.note(left, resticRoom)
}

// note writes the file in place: on a full volume there is no room for a second.
func (r *restic) note(sets []string, room int) error {
	f, err := os.OpenFile(r.openFile(), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	text := append([]byte(strings.Join(sets, "\n")+"\n\n"), bytes.Repeat([]byte("room "), room/len("room "))...)
	_, err = f.WriteAt(text, 0)
	return errors.Join(err, f.Truncate(int64(len(text))), f.Sync(), f.Close())
}

var _ Clearer = (*restic)(nil)

// Unneeded implements Clearer.
func (r *restic) Unneeded() bool {
	_, err := os.Stat(r.openFile())
	return err == nil
}

// Clear implements Clearer: it forgets what unfinished sets have in the
// repository, and has restic remove all data that no snapshot needs.
func (r *restic) Clear(ctx context.Context) error {
	sets, err := r.opened()
	if err != nil || !r.Unneeded() {
		return err
	}
	if err := r.note(sets, 0); err != nil {
		return fmt.Errorf("make room to clear the restic repository: %w", err)
	}
	all, err := r.snapshots(ctx)
	if err != nil {
		return err
	}
	sealed := map[string]bool{}
	for _, s := range all {
		if slices.Contains(s.Tags, kindFolder) {
			sealed[s.set()] = true
		}
	}
	all = slices.DeleteFunc(all, func(s resticSnapshot) bool {
		return !slices.Contains(sets, s.set()) || sealed[s.set()] || r.published(s.set())
	})
	if len(all) > 0 {
		if _, err := r.restic(ctx, "forget what broken-off runs left", proc.Cmd{Args: append([]string{"forget"}, ids(all)...)}); err != nil {
			return err
		}
	}
	if _, err := r.restic(ctx, "remove the data that no snapshot needs", proc.Cmd{Args: []string{"prune"}, Line: func(string) {}}); err != nil {
		return err
	}
	r.o.Notice("removed what broken-off runs had left in the restic repository " + r.shown())
	return removeFile(r.openFile())
}

// published reports whether the destination holds the set.
func (r *restic) published(set string) bool {
	_, err := os.Stat(filepath.Join(r.o.Destination, set))
	return err == nil
}
