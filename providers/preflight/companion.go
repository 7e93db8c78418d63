package preflight

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/volume"
	"github.com/dssctl/dssctl/providers/dss"
)

// journalRoom is what a run keeps beside an instance at the least: originals of
// the files that it edits.
const journalRoom = 1 << 20

// Companion finds what would keep a run from using dssctl's folder beside the data
// directory: originals and safety backups are kept there.
func Companion(in *dss.Instance) []Finding {
	const remedy = "Give it back, as root: chown -R %s: %s; or set the instance's attribute companion_dir to another folder."
	dir := in.Companion()
	what := "dssctl cannot keep anything beside the instance"
	me := os.Geteuid()
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fileFindings(what, atomicfile.CheckFolder(volume.Existing(dir), journalRoom))
	}
	switch {
	case err != nil:
		return []Finding{{Severity: Error, What: what, Where: dir, Found: err.Error(), Expected: "a folder", Remedy: fmt.Sprintf(remedy, dss.AccountName(me), dir)}}
	case !info.IsDir():
		return []Finding{{Severity: Error, What: what, Where: dir, Found: "it is no folder", Expected: "a folder of dssctl's own", Remedy: "Move it away, or set the instance's attribute companion_dir to another folder."}}
	}
	var out []Finding
	// A run makes folders of its own in those that runs before have made.
	for _, sub := range []string{".", "originals", "safety", "release"} {
		path := filepath.Join(dir, sub)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && me != 0 {
			if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != me {
				out = append(out, Finding{
					Severity: Error, What: what, Where: path,
					Found: "it belongs to " + dss.AccountName(int(st.Uid)), Expected: "it belongs to " + dss.AccountName(me) + ", which runs dssctl",
					Remedy: fmt.Sprintf(remedy, dss.AccountName(me), dir),
				})
				continue
			}
		}
		out = append(out, fileFindings(what, atomicfile.CheckFolder(path, journalRoom))...)
	}
	// What a dssctl that was killed under another account has left.
	if lock := filepath.Join(dir, "lock"); len(out) == 0 && exists(lock) {
		out = append(out, fileFindings(what, atomicfile.Check(lock, 0))...)
	}
	return out
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
