package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dssctl/dssctl/internal/humanize"
)

// goodTypes are what the documentation names; network are what it rules out.
var (
	goodTypes = []string{"xfs", "ext4"}
	network   = []string{"nfs", "nfs4", "cifs", "smb3", "fuse.glusterfs", "glusterfs", "ceph", "fuse.ceph", "lustre", "9p", "fuse.sshfs", "efs"}
)

func fileSystem(_ context.Context, s *Subject) result {
	all, err := s.Machine.mounts()
	if err != nil {
		return skipped(fmt.Sprintf("the mounts could not be read: %v", err))
	}
	m, found := mountOf(all, s.DataDir)
	switch {
	case !found:
		return skipped("no mount holds the data directory")
	case slices.Contains(network, m.fsType):
		return failed(fmt.Sprintf("the data directory lies on %s (%s): DSS needs a local file system, and NFS, EFS and GlusterFS are ruled out", m.fsType, m.point),
			"Move the data directory to a local XFS or ext4 file system: DSS stopped, copied with owners, links and ACLs, then the installer replayed.")
	case slices.Contains(m.options, "noacl"):
		return failed(fmt.Sprintf("%s is mounted noacl, and DSS needs POSIX ACLs", m.point), "Mount it without noacl.")
	case !slices.Contains(goodTypes, m.fsType):
		return warning(fmt.Sprintf("the data directory lies on %s (%s), and XFS or ext4 is asked for", m.fsType, m.point),
			"Move the data directory to an XFS or ext4 file system when there is a chance.")
	}
	return ok(m.fsType + " on " + m.point)
}

func mountsInside(_ context.Context, s *Subject) result {
	all, err := s.Machine.mounts()
	if err != nil {
		return skipped(fmt.Sprintf("the mounts could not be read: %v", err))
	}
	var inside []string
	for _, m := range all {
		if m.point != s.DataDir && within(m.point, s.DataDir) {
			inside = append(inside, m.point)
		}
	}
	if len(inside) > 0 {
		return failed(fmt.Sprintf("other file systems are mounted inside the data directory: %s", few(inside)),
			"Put their content into the data directory's own file system: renames and snapshots do not cross mounts, and a backup may miss them.")
	}
	return ok("one file system, as far as it goes")
}

// symbolicLinks looks at the top level: a folder that lies elsewhere is missed by
// backups and snapshots.
func symbolicLinks(_ context.Context, s *Subject) result {
	entries, err := os.ReadDir(s.DataDir)
	if err != nil {
		return skipped(fmt.Sprintf("the data directory could not be read: %v", reason(err)))
	}
	var away []string
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 {
			continue
		}
		to, err := filepath.EvalSymlinks(filepath.Join(s.DataDir, e.Name()))
		if err == nil && within(to, s.DataDir) {
			continue
		}
		if info, err := os.Stat(to); err != nil || info.IsDir() {
			away = append(away, e.Name())
		}
	}
	if len(away) > 0 {
		return failed(fmt.Sprintf("folders of the data directory are links to elsewhere: %s", few(away)),
			"Stop DSS and put the folders themselves in the place of the links; mount the data directory as a whole where room is short.")
	}
	return ok("no folder is a link to elsewhere")
}

func owner(_ context.Context, s *Subject) result {
	entries, err := os.ReadDir(s.DataDir)
	if err != nil {
		return skipped(fmt.Sprintf("the data directory could not be read: %v", reason(err)))
	}
	own, known := uidOf(s.DataDir)
	if !known {
		return skipped("this system does not tell owners")
	}
	if own == 0 {
		return failed("the data directory belongs to root, and DSS must not run as root",
			"Stop DSS, and give it to an account of its own: chown -R ACCOUNT: DATA_DIR")
	}
	var others []string
	for _, e := range entries {
		if uid, known := uidOf(filepath.Join(s.DataDir, e.Name())); known && uid != own {
			others = append(others, e.Name())
		}
	}
	if len(others) > 0 {
		return failed(fmt.Sprintf("parts of the data directory belong to another account: %s", few(others)),
			"That comes of a restore or a tool that ran as root. Stop DSS and run as root: chown -R ACCOUNT: DATA_DIR (not where user isolation gave files away on purpose).")
	}
	return ok(fmt.Sprintf("all of the top level belongs to account %d", own))
}

func uidOf(path string) (int, bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, false
	}
	st, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return int(st.Uid), true
}

// leastDisk is what the documentation recommends to reserve.
const leastDisk = 100_000_000_000

func diskSize(_ context.Context, s *Subject) result {
	total, _, err := s.Machine.Space(s.DataDir)
	if err != nil {
		return skipped(err.Error())
	}
	if total < leastDisk {
		return warning(fmt.Sprintf("the file system of the data directory has %s, and at least 100 GB is recommended", humanize.Bytes(total)),
			"Enlarge the file system before it is needed.")
	}
	return ok(humanize.Bytes(total))
}

// What may grow without bound: logs, exports, and what upgrades leave.
var (
	growing = []string{"jobs", "scenarios", "diagnosis", "run", "exports", "prepared_bundles", "apinode-packages", "tmp", "caches"}
	lowFree = int64(10) // per cent
)

func freeSpace(ctx context.Context, s *Subject) result {
	total, free, err := s.Machine.Space(s.DataDir)
	if err != nil {
		return skipped(err.Error())
	}
	left := fmt.Sprintf("%s of %s are free", humanize.Bytes(free), humanize.Bytes(total))
	old, _ := filepath.Glob(filepath.Join(s.DataDir, "_pre_migration_backup_*"))
	low := total > 0 && free*100/total < lowFree
	if !low && len(old) == 0 {
		return ok(left)
	}
	var parts []string
	names := growing
	for _, o := range old {
		names = append(names[:len(names):len(names)], filepath.Base(o))
	}
	for _, n := range names {
		bytes, whole := size(ctx, filepath.Join(s.DataDir, n))
		if bytes < 1<<20 {
			continue
		}
		text := n + " " + humanize.Bytes(bytes)
		if !whole {
			text = n + " at least " + humanize.Bytes(bytes)
		}
		parts = append(parts, text)
	}
	holds := ""
	if len(parts) > 0 {
		holds = "; " + strings.Join(parts, ", ")
	}
	if low {
		return failed(left+holds, "A full disk breaks the embedded databases. Remove old job and scenario logs (DSS has macros for it), exports, and what upgrades left; or enlarge the file system.")
	}
	return warning(fmt.Sprintf("%s left by upgrades are still there%s", humanize.Count(int64(len(old)), "backup", "backups"), holds),
		"Remove the folders _pre_migration_backup_* once the upgrade has proven itself.")
}

// mostEntries bounds a look at a folder.
const mostEntries = 100_000

// size sums up a folder; false when there is more than was looked at.
func size(ctx context.Context, dir string) (bytes int64, whole bool) {
	n := 0
	whole = true
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if n++; n > mostEntries || ctx.Err() != nil {
			whole = false
			return fs.SkipAll
		}
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // what cannot be read is not counted
		}
		if info, err := d.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return bytes, whole
}

// clocks looks for a clock that went back: files from the future.
func clocks(_ context.Context, s *Subject) result {
	now := s.Machine.Clock.Now()
	var worst time.Duration
	where := ""
	for _, name := range []string{"install.ini", "dss-version.json", "config/general-settings.json", "run", "databases", "config"} {
		info, err := os.Stat(filepath.Join(s.DataDir, name))
		if err != nil {
			continue
		}
		if ahead := info.ModTime().Sub(now); ahead > worst {
			worst, where = ahead, name
		}
	}
	if worst > time.Minute {
		return warning(fmt.Sprintf("%s was changed %s in the future", where, humanize.Duration(worst)),
			"Set the machine's clock by NTP: schedules, licences and the ages of backups go by it.")
	}
	return ok("nothing is from the future")
}

func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
