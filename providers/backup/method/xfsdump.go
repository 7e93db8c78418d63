package method

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/providers/backup/exclude"
)

// xfsdump keeps each set as one full dump of the part of an XFS that holds the
// data directory. It reads inode by inode, which needs root.
//
// It leaves out only what carries the no-dump attribute. That would have to be
// set in the data directory itself, and a backup changes nothing there: so
// exclusions are refused. Levels above 0 count for whole file systems only, and
// the inventory in /var/lib/xfsdump would have to be trusted: so a dump is full.
type xfsdump struct {
	tool
	reader tool // xfsrestore, which needs no root
}

const dumpName = "datadir.xfsdump"

func newXfsdump(o Options) *xfsdump {
	install := "apt-get install xfsdump"
	return &xfsdump{
		tool:   tool{o: o, name: "xfsdump", least: "3.1", install: install, front: o.Sudo},
		reader: tool{o: o, name: "xfsrestore", least: "3.1", install: install},
	}
}

// Name implements Method.
func (x *xfsdump) Name() string { return XFSDump }

// Check implements Method.
func (x *xfsdump) Check(context.Context) error {
	if x.o.Repository != "" {
		return fmt.Errorf("the method xfsdump keeps its dumps in the destination and knows no repository; remove %s, or use restic", x.o.Repository)
	}
	if err := checkDestination(x.o.Destination); err != nil {
		return err
	}
	for _, t := range []*tool{&x.tool, &x.reader} {
		if _, err := t.find(); err != nil {
			return err
		}
	}
	if os.Geteuid() != 0 && len(x.o.Sudo) == 0 {
		return errors.New("the method xfsdump needs root and may not use sudo; allow it, or use another method")
	}
	if err := x.refuse(x.o.Rules); err != nil || x.o.DataDir == "" {
		return err
	}
	_, _, err := xfsOf(x.o.DataDir)
	return err
}

func (x *xfsdump) refuse(r exclude.Rules) error {
	if len(r.Classes)+len(r.Globs) == 0 {
		return nil
	}
	return errors.New("the method xfsdump cannot leave anything out: it would need the no-dump attribute in the data directory itself, which a backup does not touch; remove the exclusions, or use another method")
}

// xfsOf returns the mount point of the XFS that holds a folder, and the folder
// from there.
func xfsOf(dir string) (mount, below string, err error) {
	doing := "look at the file system of " + dir
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", doing, err)
	}
	var volume unix.Statfs_t
	if err := unix.Statfs(dir, &volume); err != nil {
		return "", "", fmt.Errorf("%s: %w", doing, err)
	}
	if volume.Type != unix.XFS_SUPER_MAGIC {
		return "", "", fmt.Errorf("%s: it is no XFS, and the method xfsdump knows nothing else; use another method", doing)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", doing, err)
	}
	var root string
	for line := range strings.Lines(string(mounts)) {
		// 36 35 98:0 /root /mount/point …; the last one on a point is on top.
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		point := unescapeMount(f[4])
		if (dir == point || point == "/" || strings.HasPrefix(dir, point+"/")) && len(point) >= len(mount) {
			mount, root = point, unescapeMount(f[3])
		}
	}
	if root != "/" {
		return "", "", fmt.Errorf("%s: %s shows only the folder %s of it (a bind mount), and xfsdump needs the whole one", doing, mount, root)
	}
	below, err = filepath.Rel(mount, dir)
	return mount, below, err
}

// unescapeMount undoes the kernel's \040 for a space.
func unescapeMount(s string) string {
	return mountEscape.ReplaceAllStringFunc(s, func(e string) string {
		n, err := strconv.ParseUint(e[1:], 8, 8)
		if err != nil {
			return e
		}
		return string([]byte{byte(n)})
	})
}

var mountEscape = lazyregexp.New(`\\[0-7]{3}`)

// Prepare implements Method.
func (x *xfsdump) Prepare(context.Context) error { return nil }

// Warm implements Method: a dump is always written as a whole.
func (x *xfsdump) Warm(context.Context, Job) error { return nil }

// Save implements Method.
func (x *xfsdump) Save(ctx context.Context, j Job) (p Part, err error) {
	doing := "back up " + j.View
	if err := x.refuse(j.Rules); err != nil {
		return p, err
	}
	mount, below, err := xfsOf(j.View)
	if err != nil {
		return p, err
	}
	// Written through a descriptor of ours, the dump is ours and not root's.
	out, err := create(j.Folder, dumpName)
	if err != nil {
		return p, fmt.Errorf("%s: %w", doing, err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	args := []string{"-J", "-F", "-l", "0", "-L", j.Set, "-M", j.Set, "-p", "2"}
	if below != "." {
		args = append(args, "-s", below)
	}
	began := x.o.Clock.Now()
	r, err := x.run(ctx, proc.Cmd{Args: append(args, "-", mount), Stdout: out, Line: x.tell})
	said := string(r.Stderr)
	if err == nil && !strings.Contains(said, "Dump Status: SUCCESS") {
		err = fmt.Errorf("xfsdump ended well and did not say SUCCESS: %s", lastOf(said))
	}
	if complaint := xfsComplaint.FindString(said); err == nil && complaint != "" {
		if !j.Live {
			err = fmt.Errorf("xfsdump said %q", complaint)
		} else {
			x.o.Notice("xfsdump said, while DSS runs: " + complaint)
		}
	}
	if err != nil {
		return p, fmt.Errorf("%s: %w", doing, err)
	}
	p = Part{Method: x.Name(), Tool: "xfsdump", Ref: filepath.Clean(below)}
	if m := xfsVersion.FindStringSubmatch(said); m != nil {
		p.Tool += " " + m[1]
	}
	if err := survey(ctx, j, began, &p); err != nil {
		return p, fmt.Errorf("%s: %w", doing, err)
	}
	if err := out.Sync(); err != nil {
		return p, fmt.Errorf("%s: %w", doing, err)
	}
	if p.SHA256, err = sumFile(out.Name()); err != nil {
		return p, fmt.Errorf("%s: %w", doing, err)
	}
	info, err := out.Stat()
	if err != nil {
		return p, fmt.Errorf("%s: %w", doing, err)
	}
	p.Stored = info.Size()
	x.o.Progress(event.Progress{Done: p.Files, Total: p.Files, Unit: "files"})
	return p, nil
}

func create(dir, name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
}

var (
	xfsVersion = lazyregexp.New(`version (\d+\.\d+(?:\.\d+)?)`)
	// Both programs call it SUCCESS when single files failed.
	xfsComplaint = lazyregexp.New(`(?m)^.*(?:WARNING|ERROR| failed: |could not ).*$`)
	xfsStatus    = lazyregexp.New(`status at .*: (\d+)/(\d+) files (?:dumped|restored)`)
)

func (x *xfsdump) tell(line string) {
	m := xfsStatus.FindStringSubmatch(line)
	if m == nil {
		return
	}
	done, _ := strconv.ParseInt(m[1], 10, 64) // digits
	total, _ := strconv.ParseInt(m[2], 10, 64)
	x.o.Progress(event.Progress{Done: done, Total: total, Unit: "files"})
}

// lastOf are the last words of an output.
func lastOf(s string) string {
	const shown = 300
	s = strings.TrimSpace(s)
	return s[max(0, len(s)-shown):]
}

// Seal implements Method.
func (x *xfsdump) Seal(context.Context, Job, Part) error { return nil }

// Verify implements Method.
func (x *xfsdump) Verify(_ context.Context, s Stored, quick bool) error {
	name := filepath.Join(s.Folder, dumpName)
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return &DamageError{Set: s.Set, What: dumpName, Found: "it is gone"}
	}
	if err != nil {
		return fmt.Errorf("verify set %s: %w", s.Set, err)
	}
	if info.Size() != s.Part.Stored {
		return &DamageError{Set: s.Set, What: dumpName, Found: fmt.Sprintf("it has %d bytes, written were %d", info.Size(), s.Part.Stored)}
	}
	if quick {
		return nil
	}
	sum, err := sumFile(name)
	if err != nil {
		return fmt.Errorf("verify set %s: %w", s.Set, err)
	}
	if sum != s.Part.SHA256 {
		return &DamageError{Set: s.Set, What: dumpName, Found: fmt.Sprintf("its SHA-256 is %s, written was %s", sum, s.Part.SHA256)}
	}
	return nil
}

// Holds implements Method. xfsrestore lists what is no folder, so that an empty
// folder counts as missing. It reads the whole dump for that.
func (x *xfsdump) Holds(ctx context.Context, s Stored, names []string) ([]string, error) {
	w := newWanted(names)
	_, err := x.reader.run(ctx, proc.Cmd{
		Args: []string{"-J", "-F", "-v", "silent", "-t", "-f", filepath.Join(s.Folder, dumpName)},
		Line: func(line string) {
			rel, ok := strings.CutPrefix(line, filepath.Clean(s.Part.Ref)+"/")
			if filepath.Clean(s.Part.Ref) == "." {
				rel, ok = line, true
			}
			if !ok {
				return
			}
			w.saw(rel, "file")
			for dir := filepath.Dir(rel); dir != "."; dir = filepath.Dir(dir) {
				w.saw(dir, "folder")
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("look into set %s: %w", s.Set, err)
	}
	return w.missing(), nil
}

// Restore implements Method. The dump is compared with its hash first: a dump
// with a hole in it restores what it can, and says so in passing.
func (x *xfsdump) Restore(ctx context.Context, s Stored, into string, sel Selection) error {
	doing := "restore set " + s.Set + " into " + into
	paths, err := sel.clean()
	if err != nil {
		return err
	}
	if err := x.Verify(ctx, s, false); err != nil {
		return err
	}
	if err := beginRestore(into, s.Set); err != nil {
		return err
	}
	beside := filepath.Join(into, besideName)
	if err := os.Mkdir(beside, 0o700); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	args := []string{"-J", "-F", "-p", "2", "-f", filepath.Join(s.Folder, dumpName)}
	if os.Geteuid() == 0 {
		args = append(args, "-B") // of the mount point, when that is the data directory
	}
	for _, p := range paths {
		args = append(args, "-s", filepath.Join(s.Part.Ref, p))
	}
	r, err := x.reader.run(ctx, proc.Cmd{Args: append(args, beside), Line: x.tell})
	said := string(r.Stderr) + string(r.Stdout)
	switch {
	case strings.Contains(said, "subtree argument"):
		// It names the first part of the path that is not there.
		for _, p := range paths {
			for part := filepath.Join(s.Part.Ref, p); part != "."; part = filepath.Dir(part) {
				if strings.Contains(said, "subtree argument "+part+" invalid") {
					return fmt.Errorf("restore %q of set %s: the set does not hold it", p, s.Set)
				}
			}
		}
		return fmt.Errorf("%s: %w", doing, err)
	case err != nil:
		return fmt.Errorf("%s: %w", doing, err)
	case xfsComplaint.MatchString(said):
		return fmt.Errorf("%s: xfsrestore did not restore everything: it said %s", doing, firstOf(xfsComplaint.FindAllString(said, -1)))
	case !strings.Contains(said, "Restore Status: SUCCESS"):
		return fmt.Errorf("%s: xfsrestore ended well and did not say SUCCESS: %s", doing, lastOf(said))
	}
	if _, _, err := xfsOf(into); err != nil {
		// It says nothing itself.
		x.o.Notice("xfsrestore restores ACLs and extended attributes to an XFS only, and " + into + " is none: they are not restored")
	}
	// What was dumped of a file system has the data directory's way in it.
	if s.Part.Ref != "." {
		deep := filepath.Join(into, besideName+".deep")
		if err := moveInto(filepath.Join(beside, s.Part.Ref), deep); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		if err := removeAll(beside); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		beside = deep
	}
	return putInPlace(beside, into, s.Set, paths)
}

// Forget implements Method: the dump goes with the set's folder.
func (x *xfsdump) Forget(context.Context, []Stored) error { return nil }

// Rescan implements Method.
func (x *xfsdump) Rescan(context.Context, string) ([]string, error) { return nil, nil }
