package still

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/proc"
)

// site is what every kind works with: the options, a folder of its own in the
// companion folder, and the machine's mounts.
type site struct {
	o      Options
	kind   string
	dir    string // Companion/still/KIND
	mounts func() (mounts, error)
}

func newSite(kind string, o Options) site {
	return site{o: o, kind: kind, dir: filepath.Join(o.Companion, "still", kind), mounts: readMounts}
}

// Name implements Snapshotter.
func (s *site) Name() string { return s.kind }

// path is the mount point, snapshot or copy of an id.
func (s *site) path(id string) string { return filepath.Join(s.dir, id) }

// prefix begins the name of every snapshot of this data directory where such
// names are not below a folder of its own.
func (s *site) prefix() string {
	sum := sha256.Sum256([]byte(s.o.DataDir))
	return "dssctl-" + hex.EncodeToString(sum[:4]) + "-"
}

// goodID begins with no dot: those names are the kinds' own.
var goodID = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

func checkID(id string) error {
	if !goodID.MatchString(id) {
		return fmt.Errorf("%q is no name of a snapshot: expected up to 64 letters, digits, '-', '_' and '.', the first a letter or digit", id)
	}
	return nil
}

// begin makes the kind's folder, for its owner alone, and waits for what a dead
// run left at work on this id.
func (s *site) begin(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make the folder for still views: %w", err)
	}
	return s.settle(ctx, id)
}

// undo takes back a Create that failed, also one that was cancelled.
func (s *site) undo(ctx context.Context, id string, err error, destroy func(context.Context, string) error) error {
	if left := destroy(context.WithoutCancel(ctx), id); left != nil {
		return errors.Join(err, fmt.Errorf("what was made of snapshot %s could not be removed and is left: %w", id, left))
	}
	return err
}

// listed returns the ids that have something in the kind's folder.
func (s *site) listed() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the still views: %w", err)
	}
	var ids []string
	for _, e := range entries {
		name := e.Name()
		for _, mark := range []string{runningMark, partMark} {
			name = strings.TrimPrefix(name, mark)
		}
		if goodID.MatchString(name) {
			ids = append(ids, name)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// step is a command on the way to a view or away from one.
type step struct {
	doing   string // "make the snapshot of /data/dss"
	argv    []string
	root    bool // needs root: Options.Sudo is put in front
	timeout time.Duration
	remedy  string // what to do when it fails; may be ""
}

// stepTimeout is for commands that take seconds; what is meant is that nothing
// hangs for ever.
const stepTimeout = 15 * time.Minute

// run runs a step for an id, and keeps on disk that it runs: a command
// outlives a killed dssctl.
func (s *site) run(ctx context.Context, id string, t step) (proc.Result, error) {
	argv := t.argv
	if t.root {
		argv = slices.Concat(s.o.Sudo, argv)
	}
	c := proc.Cmd{Path: argv[0], Args: argv[1:], Keep: []string{proc.Everything}, Timeout: t.timeout}
	if c.Timeout == 0 {
		c.Timeout = stepTimeout
	}
	if id != "" {
		if err := os.WriteFile(s.runningFile(id), nil, 0o600); err != nil {
			return proc.Result{}, fmt.Errorf("%s: note that it begins: %w", t.doing, err)
		}
		c.Started = func(p proc.Process) { s.note(id, p) }
	}
	result, err := s.o.Runner.Run(ctx, c)
	if id != "" {
		_ = os.Remove(s.runningFile(id)) // one that stays costs a look
	}
	if err == nil {
		return result, nil
	}
	if t.remedy != "" {
		return result, fmt.Errorf("%s: %w\n%s", t.doing, err, t.remedy)
	}
	return result, fmt.Errorf("%s: %w", t.doing, err)
}

const (
	runningMark = ".running-"
	partMark    = ".part-"
)

func (s *site) runningFile(id string) string { return filepath.Join(s.dir, runningMark+id) }

// note keeps which process works on an id.
func (s *site) note(id string, p proc.Process) {
	if raw, err := json.Marshal(p); err == nil {
		_ = os.WriteFile(s.runningFile(id), raw, 0o600) // that the file is there says most
	}
}

// settle waits until no command of an earlier run works on the id any more.
func (s *site) settle(ctx context.Context, id string) error {
	raw, err := os.ReadFile(s.runningFile(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for commands of an earlier run: %w", err)
	}
	var p proc.Process
	if json.Unmarshal(raw, &p) == nil && proc.Alive(p) {
		s.o.Notice(fmt.Sprintf("waiting for process %d, which an earlier run started for snapshot %s", p.PID, id))
		for proc.Alive(p) {
			if err := s.o.Clock.Sleep(ctx, 200*time.Millisecond); err != nil {
				return fmt.Errorf("wait for process %d, which an earlier run started for snapshot %s: %w", p.PID, id, err)
			}
		}
	}
	if err := os.Remove(s.runningFile(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sync writes out what the file system of the data directory holds in memory:
// what programs wrote before the snapshot is in it. The kernel cannot be told
// to stop: when ctx ends, it goes on by itself.
func (s *site) sync(ctx context.Context, path string) error {
	done := make(chan error, 1)
	go func() {
		dir, err := os.Open(path)
		if err == nil {
			err = errors.Join(unix.Syncfs(int(dir.Fd())), dir.Close())
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("write out the file system of %s: %w", path, err)
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// noMountsInside refuses what a snapshot of the data directory's volume would
// silently not hold.
func (s *site) noMountsInside() error {
	all, err := s.mounts()
	if err != nil {
		return err
	}
	// What ZFS mounts below .zfs are its own snapshots.
	found := slices.DeleteFunc(all.below(s.o.DataDir), func(at string) bool { return within(at, s.o.DataDir+"/.zfs") })
	if len(found) > 0 {
		return fmt.Errorf("other file systems are mounted in the data directory, and would be missing in a snapshot: %s; DSS wants a data directory to be one folder of one file system: move their content in, or choose another consistency", strings.Join(found, ", "))
	}
	return nil
}

// existing returns the deepest folder on the way to path that is there.
func existing(path string) string {
	for {
		if info, err := os.Stat(path); err == nil && info.IsDir() || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}
