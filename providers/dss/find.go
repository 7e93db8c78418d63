package dss

import (
	"context"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// UsualPlaces are folders in which data directories are kept, for Find.
func UsualPlaces(home string) []string {
	out := []string{"/data", "/data1", "/mnt", "/opt", "/srv", "/home", "/var/lib", "/usr/local"}
	if home != "" && !strings.HasPrefix(home, "/home/") {
		out = append(out, home)
	}
	return out
}

// The bounds of a search: how far below a place, and how many folders in all.
const (
	findDepth   = 4
	findFolders = 20_000
)

// Find looks for data directories in and below the places, and returns them in
// order. It does not look inside of one, nor into hidden folders and what may
// not be read, and follows no links. whole is false when there was more than
// it looks at.
func Find(ctx context.Context, places []string) (found []string, whole bool, err error) {
	return find(ctx, places, findFolders)
}

// find is Find within so many folders.
func find(ctx context.Context, places []string, folders int) (found []string, whole bool, err error) {
	whole = true
	looked := 0
	for _, place := range places {
		dir, err := filepath.EvalSymlinks(place)
		if err != nil {
			continue // not on this machine
		}
		err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case err != nil || !d.IsDir():
				return skipUnreadable(d, err)
			case IsDataDir(path):
				found = append(found, path)
				return fs.SkipDir
			case path != dir && d.Name()[0] == '.':
				return fs.SkipDir
			case depth(dir, path) >= findDepth:
				return fs.SkipDir
			}
			if looked++; looked > folders {
				whole = false
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			return nil, false, err
		}
	}
	slices.Sort(found)
	return slices.Compact(found), whole, nil
}

func skipUnreadable(d fs.DirEntry, err error) error {
	if err != nil && d != nil && d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// IsDataDir reports whether the folder has the files by which a data directory
// is known.
func IsDataDir(dir string) bool {
	for _, name := range marks {
		if found, err := hasMark(dir, name); err != nil || !found {
			return false
		}
	}
	return true
}

func depth(dir, path string) int {
	rel, err := filepath.Rel(dir, path)
	if err != nil || rel == "." {
		return 0
	}
	n := 1
	for _, c := range rel {
		if c == filepath.Separator {
			n++
		}
	}
	return n
}
