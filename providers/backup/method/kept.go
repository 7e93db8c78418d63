package method

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/providers/backup/exclude"
)

// indexKept writes the index of the files that a program wrote to
// Folder/datadir, and has them on disk. It returns the index's SHA-256, and the
// bytes of the files that were not there before.
func indexKept(ctx context.Context, j Job, before map[string]bool) (sum string, added int64, err error) {
	tree := filepath.Join(j.Folder, treeName)
	w, err := createIndex(filepath.Join(j.Folder, treeIndex))
	if err != nil {
		return "", 0, fmt.Errorf("make the index of set %s: %w", j.Set, err)
	}
	err = walk(ctx, tree, func(e *entry) error {
		if e.Kind == "file" {
			if !before[e.Path] {
				added += e.Size
			}
			var err error
			if e.SHA256, err = sumFile(filepath.Join(tree, e.Path)); err != nil {
				return err
			}
		}
		return w.add(*e)
	})
	sum, errClose := w.close()
	if err := errors.Join(err, errClose, syncBelow(j.Folder)); err != nil {
		return "", 0, fmt.Errorf("make the index of set %s: %w", j.Set, err)
	}
	return sum, added, nil
}

// syncBelow has the file system write all that programs wrote.
func syncBelow(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	return os.NewSyscallError("syncfs", unix.Syncfs(int(d.Fd())))
}

// verifyKept compares Folder/datadir with its index.
func verifyKept(ctx context.Context, s Stored, quick bool, progress func(int64)) error {
	index, err := keptIndex(s)
	if err != nil {
		return err
	}
	defer index.close()
	c := treeCheck{set: s.Set, root: filepath.Join(s.Folder, treeName), quick: quick, progress: progress}
	return c.run(ctx, index)
}

func keptIndex(s Stored) (*indexReader, error) {
	index, err := openIndex(filepath.Join(s.Folder, treeIndex), s.Part.SHA256)
	if err == nil {
		_, err = os.Lstat(filepath.Join(s.Folder, treeName))
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("read the index of set %s: %w", s.Set, err)
	}
	if err != nil {
		return nil, &DamageError{Set: s.Set, What: treeIndex, Found: err.Error()}
	}
	return index, nil
}

// survey counts what a program that does not tell has read, and, while DSS runs,
// adds the files that changed meanwhile.
func survey(ctx context.Context, j Job, began time.Time, p *Part) error {
	m, err := exclude.Compile(j.Rules)
	if err != nil {
		return err
	}
	c := changes{p.Changed, p.ChangedTotal}
	err = walkKept(ctx, mustReal(j.View), m, func(e *entry) error {
		if e.Kind == "folder" {
			p.Folders++
			return nil
		}
		p.Files++
		if e.Kind != "socket" {
			p.Names++
		}
		p.Bytes += e.Size
		if j.Live && e.Kind == "file" && e.CTime >= began.UnixNano() {
			c.add(e.Path)
		}
		return nil
	})
	p.Changed, p.ChangedTotal = c.names, c.total
	return err
}

func removeFile(name string) error {
	err := os.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
