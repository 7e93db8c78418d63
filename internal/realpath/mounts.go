package realpath

import (
	"path/filepath"
	"slices"
	"strconv"

	"github.com/moby/sys/mountinfo"
)

// Mounts are what is mounted where, at the moment of a Look. It is safe for use
// from several goroutines.
type Mounts struct{ all []*mountinfo.Info }

// Look reads what is mounted. Where the system does not tell, there is nothing
// but the paths to go by.
func Look() *Mounts {
	all, err := mountinfo.GetMounts(nil)
	if err != nil {
		return &Mounts{}
	}
	return &Mounts{all: all}
}

// spot is where a path is on its volume, whatever the mount by which it is reached.
type spot struct {
	volume, path string
	known        bool
}

func (m *Mounts) spot(path string) spot {
	var found *mountinfo.Info
	for _, i := range m.all {
		if below(path, i.Mountpoint) && (found == nil || len(i.Mountpoint) >= len(found.Mountpoint)) {
			found = i
		}
	}
	if found == nil {
		return spot{}
	}
	rel, err := filepath.Rel(found.Mountpoint, path)
	if err != nil {
		return spot{}
	}
	return spot{
		volume: strconv.Itoa(found.Major) + ":" + strconv.Itoa(found.Minor),
		path:   filepath.Join("/", found.Root, rel), known: true,
	}
}

// Below are the mount points in a folder, itself not counted.
func (m *Mounts) Below(dir string) []string {
	dir = Resolve(dir)
	return slices.DeleteFunc(m.In(dir), func(at string) bool { return at == dir })
}

// In are the mount points that are the folder, or in it. Its path has no links.
func (m *Mounts) In(dir string) []string {
	var out []string
	for _, i := range m.all {
		if below(i.Mountpoint, dir) {
			out = append(out, i.Mountpoint)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
