package preflight

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/providers/dss"
)

// growth is how much larger a file may become by an edit, and more.
const growth = 64 << 10

// Replaceable finds what would keep files of the instance, named by their paths
// below the data directory, from being replaced, and from being put back.
func Replaceable(in *dss.Instance, rels ...string) []Finding {
	var out []Finding
	for _, rel := range rels {
		out = append(out, replaceable(in, rel)...)
	}
	return out
}

// Edited are the files that dssctl may edit and that the instance has.
func Edited(in *dss.Instance) []string {
	var out []string
	for _, rel := range []string{dss.InstallINIFile, dss.SettingsFile, dss.PropertiesFile, dss.EnvDefaultFile} {
		if _, err := os.Lstat(in.Path(rel)); err == nil {
			out = append(out, rel)
		}
	}
	return out
}

func replaceable(in *dss.Instance, rel string) []Finding {
	path := in.Path(rel)
	what := rel + " cannot be replaced"
	size := int64(growth)
	if info, err := os.Stat(path); err == nil {
		size += info.Size()
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		resolved = path // told by the check
	}
	if folder, projected := projectedBy(resolved); projected {
		return []Finding{{
			Severity: Error, What: what, Where: path,
			Found:    "it is a link into " + folder + ", which Kubernetes fills from a ConfigMap, Secret or similar and overwrites again",
			Expected: "a file of the data directory",
			Remedy:   "Change the value in its source, or copy the file into the data directory at the start of the container instead of mounting it.",
		}}
	}
	out := fileFindings(what, atomicfile.Check(path, size))
	if err == nil && resolved != path && !inside(resolved, in.DataDir) && len(Errors(out)) == 0 {
		out = append(out, Finding{
			Severity: Warning, What: rel + " is a link to a file outside the data directory", Where: path,
			Found:  "it leads to " + resolved + ": that file is replaced, and whatever else uses it gets the change, too",
			Remedy: "Put the file itself into the data directory where that is not meant.",
		})
	}
	return out
}

// projectedBy finds the hidden folder of a volume that Kubernetes keeps up to date:
// "..data", which leads to one named for a time.
func projectedBy(path string) (folder string, found bool) {
	elements := strings.Split(path, "/")
	for i, e := range elements {
		if strings.HasPrefix(e, "..") && e != ".." && i > 0 {
			return strings.Join(elements[:i], "/"), true
		}
	}
	return "", false
}

func inside(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// fileFindings puts obstacles into words.
func fileFindings(what string, all []atomicfile.Obstacle) []Finding {
	var out []Finding
	me := dss.AccountName(os.Geteuid())
	for _, o := range all {
		f := Finding{Severity: Error, What: what, Where: o.Path}
		owner := dss.AccountName(o.UID)
		switch o.Reason {
		case atomicfile.OtherOwner:
			f.Found, f.Expected = "it belongs to "+owner, "it belongs to "+me+", which runs dssctl: nobody else can keep the owner"
			f.Remedy = fmt.Sprintf("Give it back, as root: chown %s: %s", me, o.Path)
		case atomicfile.LostGroup:
			f.Severity, f.What = Warning, strings.TrimSuffix(what, " cannot be replaced")+" loses its group"
			f.Found = fmt.Sprintf("its group %s is none that %s is in, so that the new file has one of %s's own, which may do no more than everybody else", dss.GroupName(o.GID), me, me)
			f.Remedy = fmt.Sprintf("Add %s to that group, or give the file one of the account's: chgrp GROUP %s", me, o.Path)
		case atomicfile.NoAccess:
			f.Found, f.Expected = fmt.Sprintf("a folder of %s with the mode %04o, in which %s may not make files", owner, o.Mode.Perm(), me), "a folder that "+me+" may write in"
			f.Remedy = fmt.Sprintf("Give it back, as root: chown %s: %s", me, o.Path)
			if o.UID == os.Geteuid() {
				f.Remedy = "Allow it again: chmod u+wx " + o.Path
			}
		case atomicfile.NoFolder:
			f.Found, f.Expected = "no such folder", "a folder"
			f.Remedy = "Put the folder, or what a link on the way leads to, back."
		case atomicfile.ReadOnly:
			f.Found, f.Expected = "a file system that is mounted read-only", "one that can be written"
			f.Remedy = "Mount it read-write; where the system itself made it read-only, its log (dmesg) tells why."
		case atomicfile.MountPoint:
			f.Found, f.Expected = "it is a mount of its own, such as a bind mount or a subPath of a container", "a file in its folder: only that can be replaced in one step"
			f.Remedy = "Unmount it, put the file itself there, and have its source changed where it is kept."
		case atomicfile.Immutable:
			f.Found, f.Expected = "the flag immutable (lsattr shows i)", "no such flag"
			f.Remedy = "Take it away, as root: chattr -i " + o.Path
		case atomicfile.AppendOnly:
			f.Found, f.Expected = "the flag append-only (lsattr shows a)", "no such flag"
			f.Remedy = "Take it away, as root: chattr -a " + o.Path
		case atomicfile.Sticky:
			f.Found, f.Expected = fmt.Sprintf("a folder of %s with the sticky bit, in which only the owner of a file may replace it", owner), "a folder of "+me
			f.Remedy = fmt.Sprintf("Give it back, as root: chown %s: %s", me, o.Path)
		case atomicfile.Full:
			f.Found, f.Expected = "no room, or no inode left, on its file system", "room for the new file beside the old one"
			f.Remedy = "Free some: job logs, exports and what upgrades left are the usual suspects."
		case atomicfile.OverQuota:
			f.Found, f.Expected = "the disk quota of "+me+" is used up", "room for the new file beside the old one"
			f.Remedy = "Free some, or have the quota raised."
		default:
			f.Found, f.Expected = string(o.Reason), "a file that can be replaced with its owner, mode and ACL"
			if o.Err != nil {
				f.Found = o.Err.Error()
			}
			f.Remedy = "Put it right before DSS is stopped for it."
		}
		out = append(out, f)
	}
	return out
}

// room says in words how much is needed and there.
func roomFinding(what, where string, need, free int64, remedy string) Finding {
	return Finding{
		Severity: Error, What: what, Where: where,
		Found: humanize.Bytes(free) + " free", Expected: "at least " + humanize.Bytes(need), Remedy: remedy,
	}
}
