package backup

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dssctl/dssctl/internal/fileid"
)

// taken is a file, folder or link that was taken out of a set, one line of a list.
type taken struct {
	// Path is relative, as bytes: it need not be UTF-8.
	Path []byte    `json:"path"`
	ID   fileid.ID `json:"id"`
	Dir  bool      `json:"dir,omitempty"`
	// Size and time of a file tell whether somebody has changed it.
	Size    int64 `json:"size,omitempty"`
	ModTime int64 `json:"mtime,omitempty"`
}

func takenOf(path, rel string, info fs.FileInfo) (taken, error) {
	id, err := fileid.OfLink(path)
	t := taken{Path: []byte(rel), ID: id, Dir: info.IsDir()}
	if info.Mode().IsRegular() {
		t.Size, t.ModTime = info.Size(), info.ModTime().UnixNano()
	}
	return t, err
}

// is reports whether what is at a path is what was taken out, as it was.
func (t taken) is(other taken) bool {
	return t.ID.Is(other.ID) && t.Dir == other.Dir && t.Size == other.Size && t.ModTime == other.ModTime
}

// writeTaken lists what is below a folder. The list gets its name when it is whole.
func writeTaken(ctx context.Context, dir, list string) (err error) {
	part := list + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(part))
		}
	}()
	z := gzip.NewWriter(f)
	enc := json.NewEncoder(z)
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, fs.ErrPermission) {
			return nil // what cannot be looked into is not listed, and stays
		}
		if err != nil || p == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		t, err := takenOf(p, strings.TrimPrefix(p, dir+"/"), info)
		if err != nil {
			return err
		}
		return enc.Encode(t)
	})
	if err = errors.Join(err, z.Close(), f.Sync()); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(part, list)
}

func readTaken(list string) (map[string]taken, error) {
	f, err := os.Open(list)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", list, err)
	}
	out := map[string]taken{}
	for dec := json.NewDecoder(z); ; {
		var t taken
		switch err := dec.Decode(&t); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", list, err)
		}
		out[string(t.Path)] = t
	}
}

// removeTaken removes from a folder what the list names and is still so, and
// returns what stays. It goes through no link.
func removeTaken(ctx context.Context, list, dir string) (stays []string, err error) {
	known, err := readTaken(list)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var folders []string
	base, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(base, func(p string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil || p == base {
			return err
		}
		rel := strings.TrimPrefix(p, base+"/")
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		now, err := takenOf(p, rel, info)
		if err != nil {
			return err
		}
		switch ours := known[rel].is(now); {
		case !ours && info.IsDir():
			stays = append(stays, rel+"/")
			return fs.SkipDir
		case !ours:
			stays = append(stays, rel)
		case info.IsDir():
			folders = append(folders, rel)
			if info.Mode().Perm()&0o700 != 0o700 {
				return root.Chmod(rel, 0o700) // a set keeps the modes of the original
			}
		default:
			return root.Remove(rel)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := len(folders) - 1; i >= 0; i-- { // the deepest first
		if err := root.Remove(folders[i]); err != nil && !full(dir, folders[i]) {
			return nil, err
		}
	}
	return stays, nil
}

// full reports whether something is left in a folder.
func full(dir, rel string) bool {
	entries, err := os.ReadDir(filepath.Join(dir, rel))
	return err == nil && len(entries) > 0
}
