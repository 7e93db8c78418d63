package preflight

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/volume"
	"github.com/dssctl/dssctl/providers/dss"
)

// Folder finds what would keep files and folders from being made in dir, or in the
// nearest folder above it that is there.
func Folder(what, dir string) []Finding {
	return fileFindings(what, atomicfile.CheckFolder(volume.Existing(dir), growth))
}

// Files finds what would keep files of the account's, or in folders that are made
// for them, from being written.
func Files(what string, paths ...string) []Finding {
	var out []Finding
	for _, path := range paths {
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			out = append(out, Folder(what, filepath.Dir(path))...)
			continue
		}
		out = append(out, fileFindings(what, atomicfile.Check(path, growth))...)
	}
	return out
}

// Movable finds what would keep names at the top of the data directory, or below
// it, from being moved to another folder of its volume.
func Movable(in *dss.Instance, names []string) []Finding {
	const what = "The data directory's content cannot be moved aside"
	out := Folder(what, in.DataDir)
	me := dss.AccountName(os.Geteuid())
	for _, name := range names {
		path := in.Path(name)
		info, err := os.Lstat(path)
		if err != nil {
			continue // told by whoever needs it
		}
		if held := fileFindings(what, atomicfile.InTheWay(path)); len(held) > 0 {
			out = append(out, held...)
			continue
		}
		// A folder names the one above it, so that moving it writes in it.
		if info.IsDir() && unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK|unix.X_OK, unix.AT_EACCESS) != nil {
			out = append(out, Finding{
				Severity: Error, What: what, Where: path,
				Found: fmt.Sprintf("a folder with the mode %04o that %s may not write in", info.Mode().Perm(), me), Expected: "a folder that " + me + " may write in, as moving it does",
				Remedy: "Give it back, as root: chown " + me + ": " + path + "; or allow it: chmod u+wx " + path,
			})
		}
	}
	return out
}
