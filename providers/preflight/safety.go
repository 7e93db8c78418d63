package preflight

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/volume"
	"github.com/dssctl/dssctl/providers/dss"
)

// SafetyBackup finds what would make the safety backup of a window fail: files
// that cannot be read, and too little room for the copy.
func SafetyBackup(ctx context.Context, in *dss.Instance) ([]Finding, error) {
	var u unfit
	var bytes, files int64
	err := in.LookThroughProtected(ctx, func(rel string, info fs.FileInfo) error {
		if info == nil {
			return nil
		}
		files++
		switch {
		case info.IsDir():
			u.look(in, rel, unix.R_OK|unix.X_OK)
		case info.Mode().IsRegular():
			bytes += info.Size()
			u.look(in, rel, unix.R_OK)
		}
		return nil
	}, u.add)
	if err != nil {
		return nil, fmt.Errorf("look at what the safety backup has to hold: %w", err)
	}
	return append(u.findings(in), safetyRoom(in, bytes, files)...), nil
}

// unfit gathers the names of what is not as it must be.
type unfit struct {
	count int
	first []string
	seen  map[string]bool
}

// most is how many names are told.
const most = 5

func (u *unfit) look(in *dss.Instance, rel string, mode uint32) {
	u.add(rel, unix.Faccessat(unix.AT_FDCWD, in.Path(rel), mode, unix.AT_EACCESS))
}

func (u *unfit) add(rel string, err error) {
	// DSS runs, and files come and go.
	if err == nil || errors.Is(err, fs.ErrNotExist) || u.seen[rel] {
		return
	}
	if u.seen == nil {
		u.seen = map[string]bool{}
	}
	u.seen[rel] = true
	if u.count++; len(u.first) < most {
		u.first = append(u.first, rel)
	}
}

func (u *unfit) findings(in *dss.Instance) []Finding {
	if u.count == 0 {
		return nil
	}
	me := dss.AccountName(os.Geteuid())
	return []Finding{{
		Severity: Error, What: "The safety backup cannot be made", Where: in.DataDir,
		Found:    me + " may not read " + u.words(),
		Expected: "all of config, databases and timelines can be read",
		Remedy:   "Give them back to the account, as root (chown), and allow it to read them (chmod u+r; folders u+rx).",
	}}
}

// words are how many there are, and the first of them.
func (u *unfit) words() string {
	names := strings.Join(u.first, ", ")
	if left := u.count - len(u.first); left > 0 {
		names += fmt.Sprintf(" and %d more", left)
	}
	return humanize.Count(int64(u.count), "file or folder", "files or folders") + " (" + names + ")"
}

// safetyRoom refuses when the copy would not fit. Where the file system can share
// blocks it needs next to none, but each file an inode.
func safetyRoom(in *dss.Instance, bytes, files int64) []Finding {
	const what = "There is no room for the safety backup"
	const remedy = "Free some, or set the instance's attribute companion_dir to a folder on a larger volume."
	dir := in.Companion()
	var out []Finding
	// A few for what the run keeps besides.
	const reserveFiles = 100
	if free, bounded, err := volume.Inodes(dir); err == nil && bounded && free < files+reserveFiles {
		out = append(out, Finding{
			Severity: Error, What: what, Where: dir,
			Found:    humanize.Count(free, "free inode", "free inodes"),
			Expected: fmt.Sprintf("at least %s, one for each file", humanize.Number(files+reserveFiles)), Remedy: remedy,
		})
	}
	if volume.SharesBlocks(in.Path(dss.InstallINIFile), dir) {
		return out
	}
	// Many small files take whole blocks each.
	const reserve = 64 << 20
	need := bytes + bytes/20 + reserve
	if free, err := volume.Free(dir); err == nil && free < need {
		out = append(out, roomFinding(what, dir, need, free, remedy))
	}
	return out
}
