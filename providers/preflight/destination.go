package preflight

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/outlink"
	"github.com/dssctl/dssctl/internal/volume"
)

// Target is a folder that something is to be written to.
type Target struct {
	// Dir need not be there; then it is made in the folder above it, which must.
	Dir string
	// What the folder is for: "the backup destination".
	What string
	// Need is how much is to be written, 0 where that is not known.
	Need int64
	// Tab is the list of the file systems that belong to this machine; "" for
	// /etc/fstab.
	Tab string
}

// Writable finds what would keep a target from being written to: its volume is
// not mounted, it is not there, it is closed to this account or read-only, or
// there is no room.
func Writable(t Target) []Finding {
	if point := unmounted(t); point != "" {
		return []Finding{{
			Severity: Error, What: "The volume of " + t.What + " is not mounted", Where: t.Dir,
			Found: "nothing is mounted at " + point, Expected: "the file system that /etc/fstab names for it",
			Remedy: "Mount it: mount " + point + ".",
		}}
	}
	at := t.Dir
	info, err := os.Stat(at)
	if errors.Is(err, fs.ErrNotExist) {
		at = filepath.Dir(t.Dir)
		info, err = os.Stat(at)
	}
	refuse := func(found, expected, remedy string) []Finding {
		return []Finding{{Severity: Error, What: "Nothing can be written to " + t.What, Where: t.Dir, Found: found, Expected: expected, Remedy: remedy}}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return refuse(at+" is not there", "that folder, or the one above it", "Make the folder, or mount what holds it.")
	case err != nil:
		return refuse(err.Error(), "a folder that the account "+account()+" may enter", "Change its mode or owner, or choose another place.")
	case !info.IsDir():
		return refuse(at+" is not a folder", "a folder", "Choose another place.")
	}
	switch err := unix.Faccessat(unix.AT_FDCWD, at, unix.W_OK|unix.X_OK, unix.AT_EACCESS); {
	case errors.Is(err, unix.EROFS):
		return refuse(at+" is on a read-only file system", "one that can be written to", "Mount it read-write, or choose another place.")
	case err != nil:
		return refuse(at+": "+err.Error(), "that the account "+account()+" may write there", "Change its mode or owner, or choose another place.")
	}
	free, err := volume.Free(at)
	if err == nil && free < t.Need {
		return []Finding{{
			Severity: Error, What: "There is no room in " + t.What, Where: t.Dir,
			Found: humanize.Bytes(free) + " free", Expected: humanize.Bytes(t.Need),
			Remedy: "Free some space, or choose another place.",
		}}
	}
	return nil
}

// unmounted returns the mount point that the target belongs below and at which
// nothing is mounted; "" when there is none.
func unmounted(t Target) string {
	tab := t.Tab
	if tab == "" {
		tab = "/etc/fstab"
	}
	raw, err := os.ReadFile(tab)
	if err != nil {
		return "" // then nobody knows what belongs there
	}
	best := ""
	for line := range strings.Lines(string(raw)) {
		f := strings.Fields(line)
		if len(f) < 2 || strings.HasPrefix(f[0], "#") {
			continue
		}
		point := filepath.Clean(unescape.Replace(f[1]))
		if point != "/" && filepath.IsAbs(point) && outlink.Inside(filepath.Clean(t.Dir), point) && len(point) > len(best) {
			best = point
		}
	}
	if best == "" || isMountPoint(best) {
		return ""
	}
	return best
}

// unescape undoes what fstab(5) does to blanks.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`)

// isMountPoint asks the kernel, after having given an automounter the chance.
func isMountPoint(dir string) bool {
	_, _ = os.Stat(dir + "/.")
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return true // nobody knows
	}
	place, err := filepath.EvalSymlinks(dir)
	if err != nil {
		place = dir
	}
	for line := range strings.Lines(string(raw)) {
		if f := strings.Fields(line); len(f) > 4 && unescape.Replace(f[4]) == place {
			return true
		}
	}
	return false
}
