package method

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/proc"
)

// rsync keeps each set as a plain folder, datadir, whose unchanged files are
// hard links to those of the set before: every set is whole, and each can go.
//
// rsync by itself misses a change that keeps size and time, and says nothing of
// bytes that rot. So each set has an index with the SHA-256 of each file and
// the original's ctime: what has another ctime than last time is compared by
// content. Two rules keep older sets as they are: a set is filled from empty, or
// from an index that tells for sure what in it is as it should be; and what
// could differ is unlinked before it is written.
type rsync struct{ tool }

const (
	treeName  = "datadir"
	treeIndex = "datadir.index.gz"
)

func newRsync(o Options) *rsync {
	return &rsync{tool{o: o, name: "rsync", least: "3.1.3", ask: []string{"--version"}, install: "apt-get install rsync"}}
}

// Name implements Method.
func (r *rsync) Name() string { return Rsync }

// Check implements Method.
func (r *rsync) Check(ctx context.Context) error {
	if r.o.Repository != "" {
		return fmt.Errorf("the method rsync keeps sets as folders of the destination and knows no repository; remove %s, or use restic", r.o.Repository)
	}
	if err := checkDestination(r.o.Destination); err != nil {
		return err
	}
	_, err := r.version(ctx)
	return err
}

// Prepare implements Method.
func (r *rsync) Prepare(context.Context) error { return nil }

// Warm implements Method: it fills the folder as Save does, which then brings
// over what has changed.
func (r *rsync) Warm(ctx context.Context, j Job) error {
	j.Live = true
	_, err := r.fill(ctx, j)
	return err
}

// Save implements Method.
func (r *rsync) Save(ctx context.Context, j Job) (Part, error) {
	v, err := r.version(ctx)
	if err != nil {
		return Part{}, err
	}
	p, err := r.fill(ctx, j)
	p.Method, p.Tool = r.Name(), r.named(v)
	return p, err
}

// Seal implements Method.
func (r *rsync) Seal(context.Context, Job, Part) error { return nil }

// Verify implements Method.
func (r *rsync) Verify(ctx context.Context, s Stored, quick bool) error {
	return verifyKept(ctx, s, quick, r.told(s.Part.Bytes))
}

// Holds implements Method.
func (r *rsync) Holds(_ context.Context, s Stored, names []string) ([]string, error) {
	w := newWanted(names)
	for _, name := range names {
		rel := strings.TrimSuffix(name, "/")
		tree := filepath.Join(s.Folder, treeName)
		e, err := lookAt(tree, rel)
		above, errAbove := lookAt(tree, filepath.Dir(rel))
		switch {
		case errAbove == nil && above.Kind != "folder":
			// What is found there is found through a link.
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("look into set %s: %w", s.Set, err)
		default:
			w.saw(rel, e.Kind)
		}
	}
	return w.missing(), nil
}

func (r *rsync) told(total int64) func(int64) {
	return func(done int64) { r.o.Progress(event.Progress{Done: done, Total: total, Unit: "bytes"}) }
}

// Restore implements Method. What was restored is compared with the index: a
// copy of a rotten file is no restore.
func (r *rsync) Restore(ctx context.Context, s Stored, into string, sel Selection) error {
	doing := "restore set " + s.Set + " into " + into
	paths, err := sel.clean()
	if err != nil {
		return err
	}
	index, err := keptIndex(s)
	if err != nil {
		return err
	}
	defer index.close()
	if err := beginRestore(into, s.Set); err != nil {
		return err
	}
	var list *os.File
	var args []string
	if len(paths) > 0 {
		if list, err = tempList(s.Folder, paths); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		defer os.Remove(list.Name())
		defer list.Close()
		args = append(args, "-r", "--ignore-missing-args", "--from0", "--files-from", list.Name())
	}
	if err := r.transfer(ctx, doing, s.Part.Bytes, filepath.Join(s.Folder, treeName), into, args...); err != nil {
		return err
	}
	if err := (treeCheck{set: s.Set, root: into, paths: paths, moved: true}).run(ctx, index); err != nil {
		return err
	}
	if err := endRestore(into, s.Set, paths); err != nil || len(paths) > 0 {
		return err
	}
	top, err := os.Lstat(filepath.Join(s.Folder, treeName))
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return os.Chtimes(into, top.ModTime(), top.ModTime())
}

// Forget implements Method: the bytes go with the set's folder.
func (r *rsync) Forget(context.Context, []Stored) error { return nil }

// Rescan implements Method.
func (r *rsync) Rescan(context.Context, string) ([]string, error) { return nil, nil }

// transfer runs rsync with what every transfer has: all attributes, and a line
// for each file that is copied.
func (r *rsync) transfer(ctx context.Context, doing string, total int64, from, to string, args ...string) error {
	var done int64
	// Without the window of -1, rsync takes times as equal that differ by parts
	// of a second.
	all := append([]string{"-aHAXS", "--numeric-ids", "--modify-window=-1", "--out-format=%i %l"}, args...)
	_, err := r.run(ctx, proc.Cmd{
		Args: append(all, "--", mustReal(from)+"/", mustReal(to)+"/"),
		Line: func(line string) {
			what, size, _ := strings.Cut(line, " ")
			if n, err := strconv.ParseInt(size, 10, 64); err == nil && strings.HasPrefix(what, ">f") {
				done += n
				r.o.Progress(event.Progress{Done: done, Total: total, Unit: "bytes"})
			}
		},
	})
	var exit *proc.ExitError
	if errors.As(err, &exit) && exit.ExitCode == 24 {
		return nil // files vanished: the index, which comes after, tells which
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// tempList writes paths to a file that --files-from reads.
func tempList(dir string, paths []string) (*os.File, error) {
	f, err := os.CreateTemp("", "dssctl-rsync-")
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.CreateTemp(dir, "dssctl-rsync-")
	}
	if err != nil {
		return nil, err
	}
	for _, p := range paths {
		if _, err := f.WriteString(listed(p)); err != nil {
			return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}
	return f, nil
}

// listed is a line of --files-from. The dot keeps "#" and ";" from beginning a
// comment.
func listed(rel string) string { return "./" + rel + "\x00" }
